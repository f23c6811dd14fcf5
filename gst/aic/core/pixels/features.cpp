// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/pixels/features.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/pixels/eight.hpp"

namespace auralink::aic::pixels {
namespace {

Eight distance(Eight a, Eight b) noexcept { return greatest(a, b) - least(a, b); }

std::uint32_t energy(const std::uint8_t* at, std::ptrdiff_t stride, int size, unsigned log2_count) noexcept {
  Eight sums{};
  Four squares{};
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; x += 8) {
      const Eight v = load(at + y * stride + x);
      sums += v;
      squares += pair_products(v, v);
    }
  }
  const auto sum = static_cast<std::uint64_t>(sum_of(sums));
  return static_cast<std::uint32_t>(sum_of(squares)) - static_cast<std::uint32_t>((sum * sum) >> log2_count);
}

/// Adds one Sobel gradient to a histogram of eight directions.
void vote(const std::uint8_t* at, std::ptrdiff_t stride, std::array<int, 9>& histogram) noexcept {
  const std::uint8_t* up = at - stride;
  const std::uint8_t* down = at + stride;
  const int gx = up[1] + 2 * at[1] + down[1] - up[-1] - 2 * at[-1] - down[-1];
  const int gy = down[-1] + 2 * down[0] + down[1] - up[-1] - 2 * up[0] - up[1];
  const int ax = std::abs(gx);
  const int ay = std::abs(gy);
  if (ax + ay < 8) return;
  std::size_t direction = 0;
  if (ay * 5 < ax * 2) {
    direction = 0;
  } else if (ax * 5 < ay * 2) {
    direction = 4;
  } else {
    const std::size_t steep = ay * 3 <= ax * 2 ? 1 : ax * 3 > ay * 2 ? 2 : 3;
    direction = (gx ^ gy) >= 0 ? steep : 8 - steep;
  }
  histogram[direction] += ax + ay;
}

}  // namespace

int sad8x8(const std::uint8_t* a, std::ptrdiff_t a_stride, const std::uint8_t* b,
           std::ptrdiff_t b_stride) noexcept {
  int sum = 0;  // compilers know an instruction for just this
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) sum += std::abs(a[y * a_stride + x] - b[y * b_stride + x]);
  return sum;
}

int texture8x8(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  Eight sums{};
  Eight above = load(at);
  for (int y = 0; y < 8; ++y) {
    std::array<std::uint8_t, 8> row;   // NOLINT(*-member-init)
    std::array<std::uint8_t, 8> next;  // NOLINT(*-member-init): the last one is its own neighbour
    std::memcpy(row.data(), at + y * stride, 8);
    const auto bytes = std::bit_cast<std::uint64_t>(row);
    next = std::bit_cast<std::array<std::uint8_t, 8>>(bytes >> 8U | (bytes & 0xFF00'0000'0000'0000U));
    const Eight here = load(row.data());
    sums += distance(here, load(next.data())) + distance(here, above);
    above = here;
  }
  return sum_of(sums);
}

std::uint32_t energy16x16(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  return energy(at, stride, 16, 8);
}
std::uint32_t energy8x8(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  return energy(at, stride, 8, 6);
}

int absolute_sum8x8(const std::int16_t* at, std::ptrdiff_t stride) noexcept {
  Eight sums{};
  for (int y = 0; y < 8; ++y) {
    const Eight v = load(at + y * stride);
    sums += greatest(v, -v);
  }
  return sum_of(sums);
}

Gradients gradients(const std::uint8_t* at, std::ptrdiff_t stride, int width, int height) noexcept {
  const Eight inside = width == 4 ? Eight{-1, -1, -1, -1} : ~Eight{};
  Eight dx_sums{};
  Eight dy_sums{};
  Four xx{};
  Four xy{};
  Four yy{};
  for (int x = 0; x < width; x += 8) {
    Eight row = load(at + x);
    for (int y = 0; y < height; ++y) {
      const Eight below = load(at + (y + 1) * stride + x);
      const Eight dx = (load(at + y * stride + x + 1) - row) & inside;
      const Eight dy = (below - row) & inside;
      dx_sums += magnitude(dx);
      dy_sums += magnitude(dy);
      xx += pair_products(dx, dx);
      xy += pair_products(dx, dy);
      yy += pair_products(dy, dy);
      row = below;
    }
  }
  return {sum_of(dx_sums), sum_of(dy_sums), sum_of(xx), sum_of(xy), sum_of(yy)};
}

Orientation orientation(const std::uint8_t* plane, std::ptrdiff_t stride, int width, int known_rows, int x,
                        int y, int size, bool above, bool left) noexcept {
  Orientation out;
  const bool look_above = above && y >= 3;
  const bool look_left = left && x >= 3;
  const auto sample = [&](int sx, int sy) -> int { return plane[sy * stride + sx]; };
  if (above && y >= 1)
    for (int i = 0; i + 1 < size; ++i) out.above += std::abs(sample(x + i + 1, y - 1) - sample(x + i, y - 1));
  if (left && x >= 1)
    for (int i = 0; i + 1 < size; ++i) out.left += std::abs(sample(x - 1, y + i + 1) - sample(x - 1, y + i));
  if (!look_above && !look_left) return out;
  std::array<int, 9> histogram{};
  if (look_above)
    for (int i = std::max(1, x - 1); i < x + size && i + 1 < width; ++i)
      vote(plane + (y - 2) * stride + i, stride, histogram);
  if (look_left)
    for (int i = std::max(1, y - 1); i < y + size - 1 && i + 1 < known_rows; ++i)
      vote(plane + i * stride + x - 2, stride, histogram);
  const auto* const strongest = std::max_element(histogram.begin(), histogram.begin() + 8);
  out.strength = *strongest / size;
  out.direction = *strongest > 0 ? static_cast<int>(strongest - histogram.begin()) : 8;
  return out;
}

}  // namespace auralink::aic::pixels
