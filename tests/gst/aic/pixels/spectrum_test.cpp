// SPDX-License-Identifier: LGPL-2.1-or-later
// Transforms against matrices in plain loops; both ends must agree on every value.
#include "gst/aic/core/pixels/spectrum.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/gst/aic/pixels/random_samples.hpp"

namespace auralink::aic::pixels {
namespace {

using Samples = std::array<std::int16_t, 16>;

/// Forward core transform as a product of matrices, then the quantiser with eight times finer steps.
Spectrum plain_spectrum(const Samples& s, int qp) {
  constexpr int kCore[4][4]{{1, 1, 1, 1}, {2, 1, -1, -2}, {1, -1, -1, 1}, {1, -2, 2, -1}};
  Spectrum out{};
  for (std::size_t k = 0; k < 16; ++k) {
    const std::size_t at = h264::kZigzag[k];
    std::int64_t sum = 0;
    for (std::size_t y = 0; y < 4; ++y)
      for (std::size_t x = 0; x < 4; ++x) sum += kCore[at / 4][y] * kCore[at % 4][x] * s[y * 4 + x];
    const std::int64_t scaled = (sum * kQuantiser[static_cast<std::size_t>(qp % 6)][kPositionClass[at]] +
                                 (std::int64_t{1} << (11 + qp / 6))) >>
                                (12 + qp / 6);
    out[kInSpectrum[k]] = static_cast<std::int16_t>(std::clamp<std::int64_t>(scaled, -32767, 32767));
  }
  return out;
}
Spectrum spectrum(const Steps& steps, const Samples& samples) {
  return steps.spectrum(samples4x4(samples.data(), 4));
}

TEST(Spectrum, IsTheQuantisedTransformAtEveryQp) {
  Random random{3};
  for (int qp = 0; qp <= 51; ++qp) {
    const Steps steps{qp};
    for (const int reach : {3, 255, 900}) {
      for (int round = 0; round < 40; ++round) {
        Samples s{};
        for (auto& v : s)
          v = static_cast<std::int16_t>(round % 2 != 0 ? random(-reach, reach) : reach * random(-1, 1));
        ASSERT_EQ(spectrum(steps, s), plain_spectrum(s, qp)) << "qp " << qp;
      }
    }
  }
}

TEST(Spectrum, SaturatesWhereStepsAreSmallest) {
  Samples brightest{};
  brightest.fill(900);
  EXPECT_EQ(spectrum(Steps{0}, brightest)[0], 32767);
  brightest.fill(-900);
  EXPECT_EQ(spectrum(Steps{0}, brightest)[0], -32767);
  EXPECT_EQ(spectrum(Steps{0}, brightest)[15], 0);
}

TEST(Spectrum, SpreadIsThatOfARepeatedColumnOrRow) {
  Random random{4};
  for (int qp = 0; qp <= 51; ++qp) {
    const Steps steps{qp};
    std::array<int, 4> v{};
    for (auto& one : v) one = random(-255, 255);
    for (const bool vertical : {true, false}) {
      Samples s{};
      for (std::size_t i = 0; i < 16; ++i) s[i] = static_cast<std::int16_t>(v[vertical ? i / 4 : i % 4]);
      const Spectrum repeated = plain_spectrum(s, qp);
      const std::array<int, 4> transform = transform4(v);
      const Spectrum out = steps.spread(transform, vertical);
      for (std::size_t k = 0; k < 16; ++k) {
        const std::size_t at = h264::kZigzag[k];
        EXPECT_EQ(out[kInSpectrum[k]], steps.of(transform[vertical ? at / 4 : at % 4], k));
        // A repeated column has no other horizontal frequency; there, spread() says what might be.
        if ((vertical ? at % 4 : at / 4) != 0) continue;
        EXPECT_EQ(out[kInSpectrum[k]], repeated[kInSpectrum[k]]) << "qp " << qp << " k " << k;
      }
    }
  }
}

TEST(Spectrum, BlocksOfSamplesAreReadRowByRow) {
  Random random{5};
  constexpr int kStride = 40;
  const auto a = samples_of(kKinds[0], kStride, 8, random);
  const auto b = samples_of(kKinds[1], kStride, 8, random);
  const Square plain = samples4x4(a.data() + 3, kStride);
  const Square difference = plain - samples4x4(b.data() + 5, kStride);
  for (int i = 0; i < 16; ++i) {
    const std::ptrdiff_t at = i / 4 * kStride + i % 4;
    const Eight half = i < 8 ? plain.upper : plain.lower;
    const Eight changed = i < 8 ? difference.upper : difference.lower;
    EXPECT_EQ(half[i % 8], a[static_cast<std::size_t>(at + 3)]);
    EXPECT_EQ(changed[i % 8], a[static_cast<std::size_t>(at + 3)] - b[static_cast<std::size_t>(at + 5)]);
  }
}

TEST(Spectrum, SumsOfEight) {
  Random random{6};
  for (int round = 0; round < 1000; ++round) {
    std::array<std::array<std::int16_t, 8>, 4> v{};
    for (auto& one : v)
      for (auto& value : one) value = static_cast<std::int16_t>(random(-32767, 32767));
    const int shift = random(0, 20);
    EightSums sums;
    sums.add(load(v[0].data()), load(v[1].data()), load(v[2].data()), load(v[3].data()));
    const Eight got = sums.shifted(shift);
    int total = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const int expected = (v[0][i] * v[1][i] + v[2][i] * v[3][i]) >> shift;
      ASSERT_EQ(got[static_cast<int>(i)], std::clamp(expected, -32768, 32767));
      total += v[0][i];
    }
    EXPECT_EQ(sum_of(load(v[0].data())), total);
  }
}

}  // namespace
}  // namespace auralink::aic::pixels
