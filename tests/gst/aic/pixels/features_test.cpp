// SPDX-License-Identifier: LGPL-2.1-or-later
// What is measured on samples, against the same in plain loops; both ends must agree on every value.
#include "gst/aic/core/pixels/features.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/gst/aic/pixels/random_samples.hpp"

namespace auralink::aic::pixels {
namespace {

constexpr int kStride = 40;

TEST(Features, SumsAreThoseOfPlainLoops) {
  Random random{5};
  for (const Kind kind : kKinds) {
    for (int round = 0; round < 50; ++round) {
      const auto samples = samples_of(kind, kStride, 24, random);
      const auto others = samples_of(kKinds[random(0, 2)], kStride, 24, random);
      const std::ptrdiff_t x0 = random(1, 16);
      const std::uint8_t* a = samples.data() + 2 * kStride + x0;
      const std::uint8_t* b = others.data() + kStride + x0 + 3;
      int sad = 0;
      int texture = 0;
      for (int y = 0; y < 8; ++y) {
        for (int x = 0; x < 8; ++x) {
          const std::uint8_t* p = a + y * kStride + x;
          sad += std::abs(*p - b[y * kStride + x]);
          if (x < 7) texture += std::abs(*p - p[1]);
          if (y < 7) texture += std::abs(*p - p[kStride]);
        }
      }
      EXPECT_EQ(sad8x8(a, kStride, b, kStride), sad);
      EXPECT_EQ(texture8x8(a, kStride), texture);

      const auto energy = [a](int size) {
        std::int64_t sum = 0;
        std::int64_t squares = 0;
        for (int y = 0; y < size; ++y) {
          for (int x = 0; x < size; ++x) {
            const std::int64_t v = a[y * kStride + x];
            sum += v;
            squares += v * v;
          }
        }
        return static_cast<std::uint32_t>(squares - sum * sum / (size * size));
      };
      EXPECT_EQ(energy16x16(a, kStride), energy(16));
      EXPECT_EQ(energy8x8(a, kStride), energy(8));

      for (const int width : {4, 8, 16}) {
        const int height = width == 16 ? 8 : width;
        Gradients sum;
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            const std::uint8_t* p = a + y * kStride + x;
            const int dx = p[1] - *p;
            const int dy = p[kStride] - *p;
            sum.dx += std::abs(dx), sum.dy += std::abs(dy);
            sum.xx += dx * dx, sum.xy += dx * dy, sum.yy += dy * dy;
          }
        }
        const Gradients got = gradients(a, kStride, width, height);
        EXPECT_EQ(got.dx, sum.dx);
        EXPECT_EQ(got.dy, sum.dy);
        EXPECT_EQ(got.xx, sum.xx);
        EXPECT_EQ(got.xy, sum.xy);
        EXPECT_EQ(got.yy, sum.yy);
      }
    }
  }
}

TEST(Features, AbsoluteSumsOfTheWholeRange) {
  Random random{6};
  for (const int reach : {1, 1023}) {
    std::vector<std::int16_t> values;
    for (int i = 0; i < 8 * kStride; ++i) values.push_back(static_cast<std::int16_t>(random(-reach, reach)));
    int sum = 0;
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) sum += std::abs(values[static_cast<std::size_t>(y * kStride + x)]);
    EXPECT_EQ(absolute_sum8x8(values.data(), kStride), sum);
  }
  const std::vector<std::int16_t> least(8 * 8, -1023);
  EXPECT_EQ(absolute_sum8x8(least.data(), 8), 64 * 1023);
}

/// A picture of stripes; `dx`, `dy` point along the gradient.
std::vector<std::uint8_t> stripes(int dx, int dy) {
  std::vector<std::uint8_t> samples;
  for (int y = 0; y < kStride; ++y)
    for (int x = 0; x < kStride; ++x) samples.push_back(static_cast<std::uint8_t>(128 + dx * x + dy * y));
  return samples;
}

TEST(Features, OrientationSeesWhichWayAnEdgeRuns) {
  const auto direction = [](int dx, int dy) {
    return orientation(stripes(dx, dy).data(), kStride, kStride, kStride, 8, 8, 4, true, true).direction;
  };
  EXPECT_EQ(direction(3, 0), 0);
  EXPECT_EQ(direction(0, 3), 4);
  EXPECT_EQ(direction(2, 1), 1);
  EXPECT_EQ(direction(2, 2), 2);
  EXPECT_EQ(direction(2, -1), 7);
  EXPECT_EQ(direction(2, -2), 6);
  EXPECT_EQ(direction(0, 0), 8) << "flat";
}

TEST(Features, OrientationLooksOnlyWhereItIsTold) {
  const auto samples = stripes(3, 0);
  const Orientation nothing = orientation(samples.data(), kStride, kStride, kStride, 8, 8, 4, false, false);
  EXPECT_EQ(nothing.direction, 9);
  EXPECT_EQ(nothing.above, 0);
  EXPECT_EQ(nothing.left, 0);
  const Orientation above = orientation(samples.data(), kStride, kStride, kStride, 8, 8, 4, true, false);
  EXPECT_EQ(above.above, 3 * 3) << "three steps of three";
  EXPECT_EQ(above.left, 0);
  const Orientation corner = orientation(samples.data(), kStride, kStride, kStride, 0, 0, 4, true, true);
  EXPECT_EQ(corner.direction, 9) << "nothing outside the picture";
}

}  // namespace
}  // namespace auralink::aic::pixels
