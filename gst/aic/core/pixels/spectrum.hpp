// SPDX-License-Identifier: LGPL-2.1-or-later
// Transforms of 4x4 blocks as contexts: coefficients in eighths of a quantiser step. Pure; integers only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/pixels/eight.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::pixels {

/// 16 coefficients, in eighths of a quantiser step, in the order that needs no shuffling after a transform:
/// four of one horizontal frequency (0, 2, 1, 3) after the other, each by vertical frequency.
using Spectrum = std::array<std::int16_t, 16>;
inline constexpr std::array<std::uint8_t, 4> kSpectrumColumn{0, 8, 4, 12};
/// Where a coefficient is in a Spectrum, by scan position.
inline constexpr auto kInSpectrum = [] {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t k = 0; k < 16; ++k)
    out[k] = static_cast<std::uint8_t>(kSpectrumColumn[h264::kZigzag[k] % 4U] + h264::kZigzag[k] / 4U);
  return out;
}();

/// |coefficient|s; wraps beyond 8 * 32767.
[[nodiscard]] inline int absolute_sum(const Spectrum& spectrum) noexcept {
  return sum_of(magnitude(load(spectrum.data()))) + sum_of(magnitude(load(spectrum.data() + 8)));
}

/// 16 values in raster order: two rows of four each.
struct Square {
  Eight upper{}, lower{};
};
[[nodiscard]] inline Square samples4x4(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  return {two_rows(at, stride), two_rows(at + 2 * stride, stride)};
}
[[nodiscard]] inline Square samples4x4(const std::int16_t* at, std::ptrdiff_t stride) noexcept {
  return {two_rows(at, stride), two_rows(at + 2 * stride, stride)};
}
[[nodiscard]] inline Square operator-(const Square& a, const Square& b) noexcept {
  return {a.upper - b.upper, a.lower - b.lower};
}

/// The one-dimensional core transform of four values.
[[nodiscard]] constexpr std::array<int, 4> transform4(const std::array<int, 4>& x) noexcept {
  const int a = x[0] + x[3];
  const int b = x[1] + x[2];
  const int c = x[1] - x[2];
  const int d = x[0] - x[3];
  return {a + b, 2 * d + c, a - b, d - 2 * c};
}

/// Turns transform coefficients into eighths of the quantiser's steps at one qp.
class Steps final {
 public:
  explicit Steps(int qp) noexcept
      : multiplier_{kQuantiser[static_cast<std::size_t>(qp % 6)]},
        level_{(8 << (12 + qp / 6)) / multiplier_[0], (8 << (12 + qp / 6)) / multiplier_[1],
               (8 << (12 + qp / 6)) / multiplier_[2]},
        shift_{12 + qp / 6},
        even_{alternating(multiplier_[0], multiplier_[2])},
        odd_{alternating(multiplier_[2], multiplier_[1])} {}
  /// The forward core transform of samples, |sample| <= 900; saturated.
  [[nodiscard]] Spectrum spectrum(const Square& samples) const noexcept {
    const Square down = forward(samples);
    // Rows of vertical frequency 0, 2 and 1, 3 become columns.
    const Eight low = __builtin_shufflevector(down.upper, down.lower, 0, 8, 1, 9, 2, 10, 3, 11);
    const Eight high = __builtin_shufflevector(down.upper, down.lower, 4, 12, 5, 13, 6, 14, 7, 15);
    const Square across = forward({__builtin_shufflevector(low, high, 0, 1, 8, 9, 2, 3, 10, 11),
                                   __builtin_shufflevector(low, high, 4, 5, 12, 13, 6, 7, 14, 15)});
    return stored(across.upper, across.lower);
  }
  /// A one-dimensional transform coefficient seen as the coefficient at scan position k.
  [[nodiscard]] int of(int coefficient, std::size_t k) const noexcept {
    return (coefficient * 4 * multiplier_[kPositionClass[h264::kZigzag[k]]] + (1 << (shift_ - 1))) >> shift_;
  }
  /// The transform coefficient that one level at scan position k stands for.
  [[nodiscard]] int level(std::size_t k) const noexcept { return level_[kPositionClass[h264::kZigzag[k]]]; }

  /// A column's (or row's) transform, |coefficients| <= 8191, as seen by each coefficient at its vertical (or
  /// horizontal) frequency.
  [[nodiscard]] Spectrum spread(const std::array<int, 4>& transform, bool vertical) const noexcept {
    const auto [a, b, c, d] = std::array{short_of(4 * transform[0]), short_of(4 * transform[1]),
                                         short_of(4 * transform[2]), short_of(4 * transform[3])};
    if (!vertical) return stored(Eight{a, a, a, a, c, c, c, c}, Eight{b, b, b, b, d, d, d, d});
    const Eight both{a, b, c, d, a, b, c, d};
    return stored(both, both);
  }
  /// The spectrum that a single coefficient would have at each place.
  [[nodiscard]] Spectrum everywhere(int coefficient) const noexcept {
    const Eight all = Eight{} + short_of(coefficient);
    return stored(all, all);
  }

 private:
  static std::int16_t short_of(int v) noexcept { return static_cast<std::int16_t>(v); }
  static Eight alternating(int a, int b) noexcept {
    const std::int16_t x = short_of(a);
    const std::int16_t y = short_of(b);
    return Eight{x, y, x, y, x, y, x, y};
  }
  /// One dimension: of rows 0..3 make frequencies 0, 2 and 1, 3.
  static Square forward(const Square& s) noexcept {
    const auto swapped = [](Eight v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3); };
    const Eight back = swapped(s.lower);
    const Eight sums = s.upper + back;
    const Eight differences = s.upper - back;
    return {sums * Eight{1, 1, 1, 1, -1, -1, -1, -1} + swapped(sums),
            differences * Eight{2, 2, 2, 2, -2, -2, -2, -2} + swapped(differences)};
  }
  /// Rounded: times a multiplier, over 2^shift_.
  [[nodiscard]] Eight scaled(Eight v, Eight multiplier) const noexcept {
    constexpr std::int16_t kPart = 32;
    EightSums sums;
    sums.add(v, multiplier, Eight{} + kPart, Eight{} + short_of((1 << (shift_ - 1)) / kPart));
    return greatest(sums.shifted(shift_), Eight{} - std::int16_t{INT16_MAX});
  }
  [[nodiscard]] Spectrum stored(Eight even, Eight odd) const noexcept {
    Spectrum out;  // NOLINT(*-member-init)
    store(out.data(), scaled(even, even_));
    store(out.data() + 8, scaled(odd, odd_));
    return out;
  }

  std::array<std::int32_t, 3> multiplier_;
  std::array<std::int32_t, 3> level_;
  int shift_;
  Eight even_, odd_;  // multipliers of the halves of a Spectrum
};

}  // namespace auralink::aic::pixels
