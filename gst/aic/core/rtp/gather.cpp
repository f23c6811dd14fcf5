// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/gather.hpp"

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

constexpr std::size_t kMaxPieceCount = 0x3FFF;
constexpr std::size_t kMaxPayload = 0xFFFF;

}  // namespace

bool Gatherer::add(const Packet& packet) {
  timestamp_ = packet.timestamp;
  ++packets_;
  ended_ = packet.marker;
  if (packet.csrcs || packet.padding) refuse();
  const Bytes payload = packet.payload;
  if (payload.empty()) {
    refuse();
    return ended_;
  }
  if (payload.size() > kMaxPayload || unit_.bytes.size() + payload.size() > max_bytes_ ||
      packets_ > kMaxPieceCount) {
    blame(Fault::kTooLarge);
    return ended_;
  }
  const unsigned type = nal_type(payload.front());
  if (fragmented_ && type != kFuA) {
    abandon_fragments();
    blame(Fault::kIncomplete);
  }
  if (type >= 1 && type < kStapA) {
    unit_.add(payload);
    shape_.pieces.push_back({});
  } else if (type == kStapA) {
    add_aggregate(payload);
  } else if (type == kFuA) {
    add_fragment(payload);
  } else {
    refuse();
  }
  return ended_;
}

void Gatherer::add_aggregate(Bytes payload) {
  Reader reader{payload};
  Piece piece{.kind = Piece::Kind::kAggregate, .header = reader.u8(), .count = 0};
  while (!reader.rest().empty()) {
    const Bytes nal = reader.take(reader.u16());
    if (nal.empty()) {
      refuse();
      return;
    }
    unit_.add(nal);
    ++piece.count;
  }
  if (piece.count == 0) refuse();
  shape_.pieces.push_back(piece);
}

void Gatherer::add_fragment(Bytes payload) {
  if (payload.size() < 2) {
    refuse();
    return;
  }
  const unsigned indicator = payload[0];
  const unsigned header = payload[1];
  const bool start = (header & 0x80U) != 0;
  const bool end = (header & 0x40U) != 0;
  const bool reserved = (header & 0x20U) != 0;
  const auto nal = static_cast<std::uint8_t>((indicator & 0xE0U) | (header & 0x1FU));
  if (reserved || (start && end)) refuse();
  if (start) {
    if (fragmented_) {
      abandon_fragments();
      blame(Fault::kIncomplete);
    }
    fragmented_ = true;
    put_u8(unit_.bytes, nal);
    shape_.pieces.push_back({.kind = Piece::Kind::kFragments, .count = 0});
  } else if (!fragmented_) {
    blame(Fault::kIncomplete);
    return;
  } else if (const std::size_t begin = unit_.ends.empty() ? 0 : unit_.ends.back();
             unit_.bytes[begin] != nal) {
    refuse();  // fragments that disagree about their NAL unit's header cannot be told apart from it later
  }
  put(unit_.bytes, payload.subspan(2));
  shape_.sizes.push_back(static_cast<std::uint16_t>(payload.size() - 2));
  ++shape_.pieces.back().count;
  if (!end) return;
  unit_.ends.push_back(unit_.bytes.size());
  fragmented_ = false;
}

void Gatherer::abandon_fragments() noexcept {
  fragmented_ = false;
  unit_.bytes.resize(unit_.ends.empty() ? 0 : unit_.ends.back());
}

void Gatherer::clear() noexcept {
  unit_.clear();
  shape_.clear();
  packets_ = 0;
  fault_ = Fault::kNone;
  ended_ = false;
  fragmented_ = false;
}

}  // namespace auralink::aic::rtp
