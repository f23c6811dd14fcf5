// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/payload.hpp"

#include <algorithm>
#include <array>

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

// First byte: version (2 bits), start, end, profile (2), control byte follows, description follows.
constexpr unsigned kVersion = 0x40;
constexpr unsigned kVersionMask = 0xC0;
constexpr unsigned kProfileShift = 2;
constexpr unsigned kProfileMask = 0x03;
constexpr unsigned kControlBit = 0x02;
constexpr unsigned kDescriptionBit = 0x01;
// Control byte.
constexpr unsigned kChainBit = 0x80;
constexpr unsigned kMarkBit = 0x40;
constexpr unsigned kUnmarkedBit = 0x20;
constexpr unsigned kReserved = 0x1F;

constexpr std::array<std::uint32_t, 256> make_crc_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    table.at(i) = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

class Crc32 final {
 public:
  void byte(std::uint32_t value) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-bounds-constant-array-index): the index has eight bits
    crc_ = (crc_ >> 8U) ^ kCrcTable[(crc_ ^ value) & 0xFFU];
  }
  void number(std::uint32_t value) noexcept {
    for (const std::uint32_t shift : {24U, 16U, 8U, 0U}) byte(value >> shift);
  }
  [[nodiscard]] std::uint32_t value() const noexcept { return ~crc_; }

 private:
  std::uint32_t crc_ = 0xFFFFFFFFU;
};

}  // namespace

bool UnitHeader::operator==(const UnitHeader& o) const noexcept {
  return profile == o.profile && chain == o.chain && number == o.number && checksum == o.checksum &&
         start == o.start && mark == o.mark && unmarked == o.unmarked &&
         std::equal(description.begin(), description.end(), o.description.begin(), o.description.end());
}

void write(const UnitHeader& header, std::vector<std::uint8_t>& out) {
  const bool control = header.start || header.mark || header.unmarked;
  put_u8(out, kVersion | kStartBit | (static_cast<unsigned>(header.profile) << kProfileShift) |
                  (control ? kControlBit : 0U) | (header.description.empty() ? 0U : kDescriptionBit));
  put_u8(out, header.chain);
  put_u16(out, header.number);
  put_u32(out, header.checksum);
  if (control)
    put_u8(out, (header.start ? kChainBit : 0U) | (header.mark ? kMarkBit : 0U) |
                    (header.unmarked ? kUnmarkedBit : 0U));
  if (header.start) {
    put_u8(out, header.start->from);
    put_u16(out, header.start->offset);
  }
  if (header.mark) put_u8(out, *header.mark);
  if (header.description.empty()) return;
  put_varint(out, static_cast<std::uint32_t>(header.description.size()));
  put(out, header.description);
}

std::uint8_t continuation(bool last) noexcept {
  return static_cast<std::uint8_t>(kVersion | (last ? kEndBit : 0U));
}

std::optional<Fragment> read(Bytes payload) noexcept {
  Reader reader{payload};
  const unsigned first = reader.u8();
  if (!reader.ok() || (first & kVersionMask) != kVersion) return std::nullopt;
  Fragment out;
  out.first = (first & kStartBit) != 0;
  out.last = (first & kEndBit) != 0;
  const unsigned profile = (first >> kProfileShift) & kProfileMask;
  if (!out.first) {
    if (profile != 0 || (first & (kControlBit | kDescriptionBit)) != 0) return std::nullopt;
    out.coded = reader.rest();
    return out;
  }
  if (profile > static_cast<unsigned>(Profile::kFast)) return std::nullopt;
  UnitHeader& header = out.header;
  header.profile = static_cast<Profile>(profile);
  header.chain = reader.u8();
  header.number = reader.u16();
  header.checksum = reader.u32();
  const unsigned control = (first & kControlBit) != 0 ? reader.u8() : 0U;
  if ((control & kReserved) != 0) return std::nullopt;
  header.unmarked = (control & kUnmarkedBit) != 0;
  if ((control & kChainBit) != 0) {
    header.start.emplace();
    header.start->from = reader.u8();
    header.start->offset = reader.u16();
  }
  if ((control & kMarkBit) != 0) header.mark = reader.u8();
  if (header.mark == kInitial) return std::nullopt;
  if ((first & kDescriptionBit) != 0) {
    const std::uint32_t size = reader.varint();
    if (size == 0 || size > kMaxDescription) return std::nullopt;
    header.description = reader.take(size);
  }
  if (!reader.ok()) return std::nullopt;
  out.coded = reader.rest();
  return out;
}

std::uint32_t checksum(std::uint32_t state, const AccessUnit& unit, Bytes description) noexcept {
  Crc32 crc;
  crc.number(state);
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const Bytes nal = unit.nal(i);
    crc.number(static_cast<std::uint32_t>(nal.size()));
    for (const std::uint8_t byte : nal) crc.byte(byte);
  }
  for (const std::uint8_t byte : description) crc.byte(byte);
  return crc.value();
}

}  // namespace auralink::aic::rtp
