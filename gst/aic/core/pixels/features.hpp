// SPDX-License-Identifier: LGPL-2.1-or-later
// Measurements on samples that serve as contexts. Pure functions; integers only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::pixels {

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
/// beyond the block on both sides, and a multiple of eight samples of each row.
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
