// SPDX-License-Identifier: LGPL-2.1-or-later
// Percentiles of durations in constant memory: buckets an eighth of an octave wide, so within 9 % of the
// truth. Pure; thread-compatible.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::rtp {

class Times final {
 public:
  void add(std::uint32_t micros) noexcept {
    ++buckets_.at(bucket(micros));
    ++count_;
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The upper edge of the bucket that holds the `percent`-th percentile; 0 when nothing was added.
  [[nodiscard]] std::uint64_t percentile(unsigned percent) const noexcept {
    if (count_ == 0) return 0;
    const std::uint64_t wanted = (count_ * percent + 99) / 100;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      if ((sum += buckets_.at(i)) >= wanted) return upper(i);
    return upper(buckets_.size() - 1);
  }

 private:
  static constexpr std::size_t kPerOctave = 8;
  static constexpr std::size_t bucket(std::uint32_t value) noexcept {
    if (value < 2 * kPerOctave) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 4U;
    return (shift + 1) * kPerOctave + ((value >> shift) & (kPerOctave - 1));
  }
  static constexpr std::uint64_t upper(std::size_t index) noexcept {
    if (index < 2 * kPerOctave) return index;
    const std::size_t shift = index / kPerOctave - 1;
    return ((kPerOctave + index % kPerOctave + 1) << shift) - 1;
  }
  std::array<std::uint64_t, 30 * kPerOctave> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace auralink::aic::rtp
