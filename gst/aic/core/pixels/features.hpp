// SPDX-License-Identifier: LGPL-2.1-or-later
// Measurements on samples that serve as contexts. Pure functions; integers only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::pixels {

/// 16 values in scan order, in eighths of a quantiser step.
using Spectrum = std::array<std::int16_t, 16>;
/// 16 values in raster order.
using Square = std::array<std::int16_t, 16>;

/// Turns transform coefficients into eighths of the quantiser's steps at one qp.
class Steps final {
 public:
  explicit Steps(int qp) noexcept;
  /// The forward core transform of `samples`, |sample| <= 1023; saturated.
  [[nodiscard]] Spectrum spectrum(const Square& samples) const noexcept;
  /// A one-dimensional transform coefficient seen as the coefficient at scan position k.
  [[nodiscard]] int of(int coefficient, std::size_t k) const noexcept;
  /// The transform coefficient that one level at scan position k stands for.
  [[nodiscard]] int level(std::size_t k) const noexcept;

  /// A column's (or row's) transform as seen by each coefficient at its vertical (or horizontal) frequency.
  /// Nothing changes `out` if there is nothing.
  void spread(const std::array<int, 4>& samples, bool vertical, Spectrum& out) const noexcept;

 private:
  std::array<std::int32_t, 3> multiplier_;
  std::array<std::int32_t, 3> level_;

  int shift_;
};

/// The one-dimensional core transform of four values.
[[nodiscard]] constexpr std::array<int, 4> transform4(const std::array<int, 4>& x) noexcept {
  const int a = x[0] + x[3];
  const int b = x[1] + x[2];
  const int c = x[1] - x[2];
  const int d = x[0] - x[3];
  return {a + b, 2 * d + c, a - b, d - 2 * c};
}

[[nodiscard]] Square samples4x4(const std::uint8_t* at, std::ptrdiff_t stride) noexcept;
[[nodiscard]] Square difference4x4(const std::uint8_t* a, std::ptrdiff_t a_stride, const std::uint8_t* b,
                                   std::ptrdiff_t b_stride) noexcept;

[[nodiscard]] int sad8x8(const std::uint8_t* a, std::ptrdiff_t a_stride, const std::uint8_t* b,
                         std::ptrdiff_t b_stride) noexcept;
/// Sum of absolute differences between neighbours inside an 8x8 block, across and down.
[[nodiscard]] int texture8x8(const std::uint8_t* at, std::ptrdiff_t stride) noexcept;
/// Sum of squared deviations from the mean, of a 16x16 and of an 8x8 block.
[[nodiscard]] std::uint32_t energy16x16(const std::uint8_t* at, std::ptrdiff_t stride) noexcept;
[[nodiscard]] std::uint32_t energy8x8(const std::uint8_t* at, std::ptrdiff_t stride) noexcept;
/// Of values within 1023 of 0.
[[nodiscard]] int absolute_sum8x8(const std::int16_t* at, std::ptrdiff_t stride) noexcept;

/// Sums over forward differences to the right and down: |dx|, |dy|, dx*dx, dx*dy, dy*dy. Reads one sample
/// beyond the block on both sides.
struct Gradients {
  int dx = 0, dy = 0, xx = 0, xy = 0, yy = 0;
};
[[nodiscard]] Gradients gradients(const std::uint8_t* at, std::ptrdiff_t stride, int width,
                                  int height) noexcept;

/// Where the edges around a block point, from Sobel gradients two samples outside of it.
struct Orientation {
  int direction = 9;  ///< of eight, 8: flat, 9: nothing to look at
  int strength = 0;   ///< per sample
  int above = 0;      ///< absolute differences along the row above
  int left = 0;       ///< and along the column to the left
};
/// Block of `size` at (x, y) of a plane of width x height; `above` and `left` say which side to look at, and
/// samples from row `known_rows` on are not looked at.
[[nodiscard]] Orientation orientation(const std::uint8_t* plane, std::ptrdiff_t stride, int width,
                                      int known_rows, int x, int y, int size, bool above, bool left) noexcept;

}  // namespace auralink::aic::pixels
