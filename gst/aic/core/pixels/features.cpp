// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/pixels/features.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/pixels/eight.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::pixels {
namespace {

// Four lanes that the compiler maps on whatever vector unit there is.
using Row = std::int32_t __attribute__((vector_size(16)));

struct Rows {
  Row a, b, c, d;
};
Rows forward(const Rows& r) noexcept {
  const Row a = r.a + r.d;
  const Row b = r.b + r.c;
  const Row c = r.b - r.c;
  const Row d = r.a - r.d;
  return {a + b, 2 * d + c, a - b, d - 2 * c};
}
Rows transposed(const Rows& r) noexcept {
  const Row ab_low = __builtin_shufflevector(r.a, r.b, 0, 4, 1, 5);
  const Row ab_high = __builtin_shufflevector(r.a, r.b, 2, 6, 3, 7);
  const Row cd_low = __builtin_shufflevector(r.c, r.d, 0, 4, 1, 5);
  const Row cd_high = __builtin_shufflevector(r.c, r.d, 2, 6, 3, 7);
  return {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
          __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
          __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
          __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
}

/// Scan position in a block whose rows and columns have changed places.
constexpr auto kTransposedScan = [] {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t k = 0; k < 16; ++k) {
    const unsigned at = h264::kZigzag[k];
    out[k] = static_cast<std::uint8_t>((at & 3U) * 4 + at / 4);
  }
  return out;
}();

using Unsigned8 [[gnu::vector_size(16)]] = std::uint16_t;
using Words [[gnu::vector_size(16)]] = std::uint32_t;

/// All of eight small numbers that are not negative.
int sum_of(Eight v) noexcept {
  const auto pairs = std::bit_cast<Words>(v);
  const Words sums = (pairs & 0xFFFFU) + (pairs >> 16);
  return static_cast<int>(sums[0] + sums[1] + sums[2] + sums[3]);
}
Eight distance(Eight a, Eight b) noexcept { return greatest(a, b) - least(a, b); }

std::uint32_t energy(const std::uint8_t* at, std::ptrdiff_t stride, int size, unsigned log2_count) noexcept {
  Eight sums{};
  Words squares{};
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; x += 8) {
      const Eight v = load(at + y * stride + x);
      sums += v;
      const auto wide = std::bit_cast<Unsigned8>(v);
      const auto square = std::bit_cast<Words>(wide * wide);  // two of 16 bits each
      squares += (square & 0xFFFFU) + (square >> 16);
    }
  }
  const auto sum = static_cast<std::uint64_t>(sum_of(sums));
  return squares[0] + squares[1] + squares[2] + squares[3] -
         static_cast<std::uint32_t>((sum * sum) >> log2_count);
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

Steps::Steps(int qp) noexcept
    : multiplier_{kQuantiser[static_cast<std::size_t>(qp % 6)]},
      level_{(8 << (12 + qp / 6)) / multiplier_[0], (8 << (12 + qp / 6)) / multiplier_[1],
             (8 << (12 + qp / 6)) / multiplier_[2]},
      shift_{12 + qp / 6} {}

int Steps::level(std::size_t k) const noexcept { return level_[kPositionClass[h264::kZigzag[k]]]; }

Spectrum Steps::spectrum(const Square& s) const noexcept {
  Rows rows{{s[0], s[1], s[2], s[3]},
            {s[4], s[5], s[6], s[7]},
            {s[8], s[9], s[10], s[11]},
            {s[12], s[13], s[14], s[15]}};
  rows = forward(transposed(forward(rows)));
  const auto [even, odd, other] = std::array{multiplier_[0], multiplier_[1], multiplier_[2]};
  const Row outer{even, other, even, other};
  const Row inner{other, odd, other, odd};
  const std::int32_t half = 1 << (shift_ - 1);
  const auto quantise = [this, half](Row t, Row multiplier) {
    const Row sign = t >> 31;
    const Row magnitude = ((((t ^ sign) - sign) * multiplier) + half) >> shift_;
    return (magnitude ^ sign) - sign;
  };
  alignas(16) std::array<std::array<std::int32_t, 4>, 4> out;  // NOLINT(*-member-init)
  const auto store = [&out](std::size_t i, Row row) {
    for (std::size_t j = 0; j < 4; ++j) out[i][j] = row[static_cast<int>(j)];
  };
  store(0, quantise(rows.a, outer)), store(1, quantise(rows.b, inner));
  store(2, quantise(rows.c, outer)), store(3, quantise(rows.d, inner));
  Spectrum spectrum;  // NOLINT(*-member-init)
  for (std::size_t k = 0; k < 16; ++k) {
    const std::int32_t value = out[kTransposedScan[k] / 4U][kTransposedScan[k] % 4U];
    spectrum[k] = static_cast<std::int16_t>(std::clamp(value, INT16_MIN + 1, INT16_MAX));
  }
  return spectrum;
}

int Steps::of(int coefficient, std::size_t k) const noexcept {
  const std::int32_t scaled = coefficient * 4 * multiplier_[kPositionClass[h264::kZigzag[k]]];
  const int magnitude = (std::abs(scaled) + (1 << (shift_ - 1))) >> shift_;
  return scaled < 0 ? -magnitude : magnitude;
}

void Steps::spread(const std::array<int, 4>& samples, bool vertical, Spectrum& out) const noexcept {
  if ((samples[0] | samples[1] | samples[2] | samples[3]) == 0) return;
  const std::array<int, 4> t = transform4(samples);
  for (std::size_t k = 0; k < 16; ++k) {
    const std::size_t at = h264::kZigzag[k];
    out[k] = static_cast<std::int16_t>(
        std::clamp(of(t[vertical ? at / 4 : at % 4], k), INT16_MIN + 1, int{INT16_MAX}));
  }
}

Square samples4x4(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  Square out;  // NOLINT(*-member-init)
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x) out[static_cast<std::size_t>(y * 4 + x)] = at[y * stride + x];
  return out;
}

Square difference4x4(const std::uint8_t* a, std::ptrdiff_t a_stride, const std::uint8_t* b,
                     std::ptrdiff_t b_stride) noexcept {
  Square out;  // NOLINT(*-member-init)
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x)
      out[static_cast<std::size_t>(y * 4 + x)] =
          static_cast<std::int16_t>(a[y * a_stride + x] - b[y * b_stride + x]);
  return out;
}

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
  Gradients sum;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = at + y * stride;
    for (int x = 0; x < width; ++x) {
      const int dx = row[x + 1] - row[x];
      const int dy = row[x + stride] - row[x];
      sum.dx += std::abs(dx);
      sum.dy += std::abs(dy);
      sum.xx += dx * dx;
      sum.xy += dx * dy;
      sum.yy += dy * dy;
    }
  }
  return sum;
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
