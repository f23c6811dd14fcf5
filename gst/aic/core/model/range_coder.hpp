// SPDX-License-Identifier: LGPL-2.1-or-later
// A binary arithmetic coder: an interval of 32 bits without carries, probabilities in 1/65536. Bytes leave it
// as soon as both ends of the interval agree on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auralink::aic::model {

/// Where the interval [low, high] is cut: its lower part is the ones'. Both parts hold at least one value.
[[nodiscard]] inline std::uint32_t split(std::uint32_t low, std::uint32_t high, std::uint32_t one) noexcept {
  return low + static_cast<std::uint32_t>((std::uint64_t{high - low} * one) >> 16U);
}

class RangeEncoder final {
 public:
  /// Appends to `out`, which must outlive the coding.
  void start(std::vector<std::uint8_t>& out) noexcept { *this = RangeEncoder{}, out_ = &out; }
  /// `one`: the probability that `bit` is set, 1..65535 in 1/65536.
  void code(bool bit, std::uint32_t one) {
    const std::uint32_t middle = split(low_, high_, one);
    (bit ? high_ : low_) = bit ? middle : middle + 1;
    while (((low_ ^ high_) >> 24U) == 0) {
      out_->push_back(static_cast<std::uint8_t>(high_ >> 24U));
      low_ <<= 8U;
      high_ = high_ << 8U | 0xFFU;
    }
  }
  /// The fewest bytes after which, followed by zeros, the decoder finds itself within the interval.
  void finish() {
    for (unsigned bytes = 0; bytes <= 4; ++bytes) {
      const std::uint64_t below = (std::uint64_t{1} << (32 - 8 * bytes)) - 1;  // bits that stay zero
      const std::uint64_t value = (low_ + below) & ~below;
      if (value > high_) continue;
      for (unsigned i = 0; i < bytes; ++i) out_->push_back(static_cast<std::uint8_t>(value >> (24 - 8 * i)));
      break;
    }
    *this = RangeEncoder{};
  }

 private:
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xFFFFFFFF;
  std::vector<std::uint8_t>* out_ = nullptr;
};

class RangeDecoder final {
 public:
  /// `in` must outlive the decoding.
  void start(std::span<const std::uint8_t> in) noexcept {
    *this = RangeDecoder{};
    in_ = in;
    for (int i = 0; i < 4; ++i) shift();
  }
  [[nodiscard]] bool code(std::uint32_t one) noexcept {
    const std::uint32_t middle = split(low_, high_, one);
    const bool bit = value_ <= middle;
    (bit ? high_ : low_) = bit ? middle : middle + 1;
    while (((low_ ^ high_) >> 24U) == 0) {
      low_ <<= 8U;
      high_ = high_ << 8U | 0xFFU;
      shift();
    }
    return bit;
  }
  /// More was read than RangeEncoder ever leaves unwritten: the bytes are not its.
  [[nodiscard]] bool exhausted() const noexcept { return consumed_ > in_.size() + 4; }

 private:
  void shift() noexcept {
    value_ = value_ << 8U | (consumed_ < in_.size() ? in_[consumed_] : 0U);
    ++consumed_;
  }
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xFFFFFFFF;
  std::uint32_t value_ = 0;
  std::size_t consumed_ = 0;
  std::span<const std::uint8_t> in_;
};

}  // namespace auralink::aic::model
