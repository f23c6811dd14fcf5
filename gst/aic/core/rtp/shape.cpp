// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/shape.hpp"

#include <algorithm>

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

// Operations of an explicit description: two bits of kind, six of count.
constexpr unsigned kOpSingles = 0x00;    // `count` NAL units, each alone
constexpr unsigned kOpAggregate = 0x40;  // STAP-A of `count`; its header byte follows
constexpr unsigned kOpFragments =
    0x80;  // FU-A: count of fragments and all sizes but the last follow as varints
constexpr unsigned kOpMask = 0xC0;
constexpr unsigned kMaxOpCount = 0x3F;
constexpr std::uint32_t kFuHeaders = 2;
constexpr std::size_t kMaxFragment = 0xFFFF;

/// The only rule that could have made this shape: its first fragment is full; without fragments, the current
/// one.
Rule guess(const Shape& shape, const Rule& current) noexcept {
  return shape.sizes.empty() ? current : Rule{shape.sizes.front() + kFuHeaders};
}

}  // namespace

std::size_t Shape::packets() const noexcept {
  std::size_t count = sizes.size();
  for (const Piece& piece : pieces) count += piece.kind == Piece::Kind::kFragments ? 0U : 1U;
  return count;
}

Shape shape_of(const AccessUnit& unit, const Rule& rule) {
  Shape shape;
  const std::size_t full = std::max(rule.payload, kMinPayload) - kFuHeaders;
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const std::size_t size = unit.nal(i).size();
    if (size <= full + kFuHeaders) {
      shape.pieces.push_back({});
      continue;
    }
    std::uint16_t count = 0;
    for (std::size_t rest = size - 1; rest > 0; ++count) {
      const std::size_t part = std::min({rest, full, kMaxFragment});
      shape.sizes.push_back(static_cast<std::uint16_t>(part));
      rest -= part;
    }
    shape.pieces.push_back({.kind = Piece::Kind::kFragments, .count = count});
  }
  return shape;
}

bool covers(const Shape& shape, const AccessUnit& unit) noexcept {
  std::size_t nal = 0;
  std::size_t size = 0;
  for (const Piece& piece : shape.pieces) {
    const bool aggregate = piece.kind == Piece::Kind::kAggregate;
    if (piece.count == 0 || (aggregate ? piece.count : 1U) > unit.count() - nal) return false;
    if (piece.kind == Piece::Kind::kFragments) {
      if (piece.count < 2 || piece.count > shape.sizes.size() - size) return false;
      std::size_t sum = 0;
      for (std::size_t i = 0; i < piece.count; ++i) sum += shape.sizes[size++];
      if (unit.nal(nal).empty() || sum != unit.nal(nal).size() - 1) return false;
    }
    if (aggregate)
      for (std::size_t i = nal; i < nal + piece.count; ++i)
        if (unit.nal(i).size() > kMaxFragment) return false;
    nal += aggregate ? piece.count : 1U;
  }
  return nal == unit.count() && size == shape.sizes.size();
}

void describe(const Shape& shape, const AccessUnit& unit, Rule& rule, std::vector<std::uint8_t>& out) {
  if (shape_of(unit, rule) == shape) return;
  const Rule other = guess(shape, rule);
  if (other.payload >= kMinPayload && shape_of(unit, other) == shape) {
    rule = other;
    put_varint(out, other.payload);
    return;
  }
  put_varint(out, 0);
  std::size_t size = 0;
  for (std::size_t i = 0; i < shape.pieces.size(); ++i) {
    const Piece& piece = shape.pieces[i];
    switch (piece.kind) {
      case Piece::Kind::kSingle: {
        unsigned run = 1;
        while (run < kMaxOpCount && i + 1 < shape.pieces.size() &&
               shape.pieces[i + 1].kind == Piece::Kind::kSingle)
          ++run, ++i;
        put_u8(out, kOpSingles | run);
        break;
      }
      case Piece::Kind::kAggregate:
        put_u8(out, kOpAggregate);
        put_varint(out, piece.count);
        put_u8(out, piece.header);
        break;
      case Piece::Kind::kFragments:
        put_u8(out, kOpFragments);
        put_varint(out, piece.count);
        for (unsigned k = 0; k + 1 < piece.count; ++k) put_varint(out, shape.sizes[size + k]);
        size += piece.count;
        break;
    }
  }
}

bool read_description(Bytes bytes, const AccessUnit& unit, Rule& rule, Shape& out) {
  out.clear();
  if (bytes.empty()) {
    out = shape_of(unit, rule);
    return covers(out, unit);
  }
  Reader reader{bytes};
  const std::uint32_t payload = reader.varint();
  if (!reader.ok()) return false;
  if (payload != 0) {
    if (payload < kMinPayload || !reader.rest().empty()) return false;
    rule.payload = payload;
    out = shape_of(unit, rule);
    return covers(out, unit);
  }
  std::size_t nal = 0;
  while (reader.ok() && !reader.rest().empty()) {
    const unsigned op = reader.u8();
    if (nal >= unit.count()) return false;
    switch (op & kOpMask) {
      case kOpSingles:
        out.pieces.insert(out.pieces.end(), op & kMaxOpCount, Piece{});
        nal += op & kMaxOpCount;
        break;
      case kOpAggregate: {
        const std::uint32_t count = reader.varint();
        const std::uint8_t header = reader.u8();
        if (count > unit.count() - nal) return false;
        out.pieces.push_back(
            {.kind = Piece::Kind::kAggregate, .header = header, .count = static_cast<std::uint16_t>(count)});
        nal += count;
        break;
      }
      case kOpFragments: {
        const std::uint32_t count = reader.varint();
        std::size_t rest = unit.nal(nal).size();
        if (count < 2 || count > rest || count > kMaxFragment) return false;
        --rest;
        for (std::uint32_t k = 0; k < count; ++k) {
          const std::size_t size = k + 1 < count ? reader.varint() : rest;
          if (!reader.ok() || size > rest || size > kMaxFragment) return false;
          out.sizes.push_back(static_cast<std::uint16_t>(size));
          rest -= size;
        }
        out.pieces.push_back({.kind = Piece::Kind::kFragments, .count = static_cast<std::uint16_t>(count)});
        ++nal;
        break;
      }
      default:
        return false;
    }
  }
  return reader.ok() && covers(out, unit);
}

void Packetiser::next(std::vector<std::uint8_t>& payload) {
  payload.clear();
  const Piece& piece = shape_.pieces[piece_];
  switch (piece.kind) {
    case Piece::Kind::kSingle:
      put(payload, unit_.nal(nal_++));
      ++piece_;
      break;
    case Piece::Kind::kAggregate:
      put_u8(payload, piece.header);
      for (unsigned i = 0; i < piece.count; ++i) {
        const Bytes nal = unit_.nal(nal_++);
        put_u16(payload, static_cast<std::uint32_t>(nal.size()));
        put(payload, nal);
      }
      ++piece_;
      break;
    case Piece::Kind::kFragments:
      next_fragment(piece, payload);
      break;
  }
}

// RFC 6184 section 5.8: the indicator has F and NRI of the NAL unit, the FU header its type and the start and
// end bits.
void Packetiser::next_fragment(const Piece& piece, std::vector<std::uint8_t>& payload) {
  const Bytes nal = unit_.nal(nal_);
  const std::size_t size = shape_.sizes[size_++];
  const bool last = fragment_ + 1 == piece.count;
  put_u8(payload, (nal.front() & 0xE0U) | kFuA);
  put_u8(payload, (fragment_ == 0 ? 0x80U : 0U) | (last ? 0x40U : 0U) | nal_type(nal.front()));
  put(payload, nal.subspan(offset_, size));
  offset_ += size;
  ++fragment_;
  if (!last) return;
  fragment_ = 0;
  offset_ = 1;
  ++nal_, ++piece_;
}

}  // namespace auralink::aic::rtp
