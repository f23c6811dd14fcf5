// SPDX-License-Identifier: LGPL-2.1-or-later
// Big-endian numbers of the formats in this room. A reader that ran past the end stays failed and gives
// zeros, so that callers check once. Thread-compatible.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auralink::aic::rtp {

class Reader final {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) noexcept : rest_{bytes} {}

  [[nodiscard]] std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  [[nodiscard]] std::uint32_t u32() noexcept { return number(4); }
  /// Seven bits a byte, most significant first, the top bit says that more follow; at most four bytes.
  [[nodiscard]] std::uint32_t varint() noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t byte = number(1);
      value = (value << 7U) | (byte & 0x7FU);
      if ((byte & 0x80U) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  [[nodiscard]] std::span<const std::uint8_t> take(std::size_t count) noexcept {
    if (count > rest_.size()) failed_ = true;
    if (failed_) return {};
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  [[nodiscard]] std::span<const std::uint8_t> rest() const noexcept { return rest_; }
  [[nodiscard]] bool ok() const noexcept { return !failed_; }

 private:
  std::uint32_t number(std::size_t bytes) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(bytes)) value = (value << 8U) | byte;
    return value;
  }
  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

inline void put_u8(std::vector<std::uint8_t>& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value & 0xFFU));
}
inline void put_u16(std::vector<std::uint8_t>& out, std::uint32_t value) {
  put_u8(out, value >> 8U);
  put_u8(out, value);
}
inline void put_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  put_u16(out, value >> 16U);
  put_u16(out, value);
}
/// `value` below 2^28; see Reader::varint.
inline void put_varint(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (const std::uint32_t shift : {21U, 14U, 7U})
    if ((value >> shift) != 0) put_u8(out, 0x80U | ((value >> shift) & 0x7FU));
  put_u8(out, value & 0x7FU);
}
inline void put(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace auralink::aic::rtp
