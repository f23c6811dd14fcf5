// SPDX-License-Identifier: LGPL-2.1-or-later
// Measurements on samples that serve as contexts. Pure functions; fast paths equal the plain ones bit for
// bit.
#pragma once

#include <array>
#include <cstdint>

namespace auralink::aic::pixels {

/// 16 values in scan order, in eighths of a quantiser step.
using Spectrum = std::array<std::int16_t, 16>;

/// Forward 4x4 core transform of `samples` (raster) times the quantiser's multiplier at `qp`, rounded, in
/// eighths of a step: value = sign * ((|t| * mf + (1 << (11 + qp/6))) >> (12 + qp/6)); saturated to int16.
[[nodiscard]] Spectrum spectrum(const std::array<std::int16_t, 16>& samples, int qp) noexcept;
/// The same of a 4x4 block of bytes, and of the difference of two such blocks.
[[nodiscard]] Spectrum spectrum(const std::uint8_t* block, int stride, int qp) noexcept;
[[nodiscard]] Spectrum spectrum_of_difference(const std::uint8_t* a, int a_stride, const std::uint8_t* b,
                                              int b_stride, int qp) noexcept;
/// The one-dimensional core transform of four values.
[[nodiscard]] std::array<int, 4> transform4(const std::array<int, 4>& x) noexcept;
/// One value in eighths of a step for scan position k: a one-dimensional transform coefficient is `times` = 4
/// of its row.
[[nodiscard]] int in_steps(int value, int k, int qp) noexcept;

[[nodiscard]] int sad8x8(const std::uint8_t* a, int a_stride, const std::uint8_t* b, int b_stride) noexcept;
/// Sum of absolute differences of horizontal and vertical neighbours inside an 8x8 block.
[[nodiscard]] int texture8x8(const std::uint8_t* at, int stride) noexcept;
/// 256 * variance of a 16x16 block: sum of squares - (sum^2 >> 8).
[[nodiscard]] std::uint32_t energy16x16(const std::uint8_t* at, int stride) noexcept;
[[nodiscard]] std::uint32_t energy8x8(const std::uint8_t* at, int stride) noexcept;
/// Absolute sum of an 8x8 block of 16-bit values.
[[nodiscard]] int absolute_sum8x8(const std::int16_t* at, int stride) noexcept;
/// Gradient sums over width x height samples (both multiples of 4): |dx|, |dy|, dx*dx, dx*dy, dy*dy by
/// forward differences.
struct Gradients {
  int dx = 0, dy = 0, xx = 0, xy = 0, yy = 0;
};
[[nodiscard]] Gradients gradients(const std::uint8_t* at, int stride, int width, int height) noexcept;

}  // namespace auralink::aic::pixels
