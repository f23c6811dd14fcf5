// SPDX-License-Identifier: LGPL-2.1-or-later
// Bits of a raw byte sequence payload (H.264 7.2, 9.1). A reader never looks past its end: what lies there
// reads as zeros and sets `failed()`, which callers ask once in a while. Thread-compatible.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auralink::aic::h264 {

class BitReader final {
 public:
  explicit BitReader(std::span<const std::uint8_t> payload) noexcept
      : data_{payload.data()}, size_{payload.size()}, end_{payload.size() * 8}, last_{last_one(payload)} {}

  /// The next `count` (0..32) bits, not taken; zeros beyond the end.
  [[nodiscard]] std::uint32_t show(unsigned count) const noexcept {
    if (count == 0) return 0;
    return static_cast<std::uint32_t>(window() >> (64U - count));
  }
  void skip(std::size_t count) noexcept { position_ += count; }
  [[nodiscard]] std::uint32_t take(unsigned count) noexcept {
    const std::uint32_t value = show(count);
    skip(count);
    return value;
  }
  [[nodiscard]] bool flag() noexcept { return take(1) != 0; }
  /// How many zeros come next, at most 32.
  [[nodiscard]] unsigned zeros() const noexcept { return static_cast<unsigned>(std::countl_zero(show(32))); }
  /// ue(v) (9.1); values from 2^32-1 on fail.
  [[nodiscard]] std::uint32_t ue() noexcept {
    const unsigned leading = zeros();
    if (leading > 31) {
      failed_ = true;
      return 0;
    }
    if (leading <= 15) return take(2 * leading + 1) - 1;
    skip(leading);
    return take(leading + 1) - 1;
  }
  /// se(v) (9.1.1)
  [[nodiscard]] std::int32_t se() noexcept {
    const std::uint32_t code = ue();
    const auto magnitude = static_cast<std::int32_t>((code >> 1) + (code & 1));
    return (code & 1) != 0 ? magnitude : -magnitude;
  }
  /// more_rbsp_data() (7.2)
  [[nodiscard]] bool more() const noexcept { return position_ < last_; }
  [[nodiscard]] bool aligned() const noexcept { return (position_ & 7U) == 0; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] bool failed() const noexcept { return failed_ || position_ > end_; }
  void fail() noexcept { failed_ = true; }

 private:
  /// At least 57 valid bits, the next one on top.
  [[nodiscard]] std::uint64_t window() const noexcept {
    const std::size_t byte = position_ >> 3U;
    std::uint64_t bits = 0;
    if (byte + 8 <= size_) {
      for (std::size_t i = 0; i < 8; ++i) bits = bits << 8U | data_[byte + i];  // one load and a swap
    } else {
      for (std::size_t i = 0; i < 8; ++i) bits = bits << 8U | (byte + i < size_ ? data_[byte + i] : 0U);
    }
    return bits << (position_ & 7U);
  }
  /// Position of the last bit that is one: rbsp_stop_one_bit.
  static std::size_t last_one(std::span<const std::uint8_t> payload) noexcept {
    for (std::size_t i = payload.size(); i > 0; --i)
      if (const unsigned byte = payload[i - 1]; byte != 0)
        return i * 8 - 1 - static_cast<std::size_t>(std::countr_zero(byte));
    return 0;
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t end_;   // in bits
  std::size_t last_;  // in bits
  std::size_t position_ = 0;
  bool failed_ = false;
};

/// Appends to a vector of bytes.
class BitWriter final {
 public:
  explicit BitWriter(std::vector<std::uint8_t>& out) noexcept : out_{out} {}

  /// The lowest `count` (0..32) bits of `value`; those above must be zero.
  void put(unsigned count, std::uint32_t value) {
    pending_ = pending_ << count | value;
    held_ += count;
    while (held_ >= 8) {
      held_ -= 8;
      out_.push_back(static_cast<std::uint8_t>(pending_ >> held_));
    }
  }
  void flag(bool value) { put(1, value ? 1U : 0U); }
  void ue(std::uint32_t value) {
    const std::uint32_t code = value + 1;
    const auto length = static_cast<unsigned>(std::bit_width(code));
    put(length - 1, 0);
    put(length, code);
  }
  void se(std::int32_t value) {
    const auto twice = static_cast<std::uint32_t>(value) * 2U;
    ue(value > 0 ? twice - 1U : 0U - twice);
  }
  void align_with_zeros() {
    if (held_ != 0) put(8 - held_, 0);
  }
  /// rbsp_trailing_bits() (7.3.2.11)
  void finish() {
    put(1, 1);
    align_with_zeros();
  }

 private:
  std::vector<std::uint8_t>& out_;
  std::uint64_t pending_ = 0;
  unsigned held_ = 0;  // 0..7 between calls
};

}  // namespace auralink::aic::h264
