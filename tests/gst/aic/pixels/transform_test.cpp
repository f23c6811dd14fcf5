// SPDX-License-Identifier: LGPL-2.1-or-later
// Scaling and inverse transforms against the standard's matrices, and what hostile levels may do.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "gst/aic/core/pixels/predict.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"
#include "gst/aic/core/pixels/spectrum.hpp"
#include "tests/gst/aic/pixels/random_samples.hpp"

namespace auralink::aic::pixels {
namespace {

TEST(Transform, ScaleFollowsTheZigzagAndThePositionsFactor) {
  h264::Block levels{};
  levels[0] = 3;                               // DC
  levels[1] = -2;                              // row 0, column 1
  levels[4] = 7;                               // row 1, column 1
  const Scaled scaled = scale(levels, 28, 0);  // 28 = 4 * 6 + 4
  EXPECT_EQ(scaled[0], 3 * 16 * 16);
  EXPECT_EQ(scaled[1], -2 * 20 * 16);
  EXPECT_EQ(scaled[5], 7 * 25 * 16);
  EXPECT_EQ(scale(levels, 28, 1)[0], 0) << "DC comes from elsewhere";
}

TEST(Transform, ResidualIsTheInverseOfTheForwardTransformWithinRounding) {
  Random random{7};
  for (const int qp : {0, 5, 10, 16}) {
    for (int round = 0; round < 200; ++round) {
      // Levels of a smooth block at a fine step give the block back, to within what quantising took.
      std::array<std::int16_t, 16> wanted{};
      for (auto& v : wanted) v = static_cast<std::int16_t>(random(-60, 60));
      const Spectrum eighths = Steps{qp}.spectrum(samples4x4(wanted.data(), 4));
      h264::Block levels{};
      for (std::size_t k = 0; k < 16; ++k)
        levels[k] = static_cast<std::int16_t>(std::lround(eighths[kInSpectrum[k]] / 8.0));
      std::array<std::uint8_t, 16> samples{};
      samples.fill(128);
      add_residual(scale(levels, qp, 0), samples.data(), 4);
      const int tolerance = 2 + step_of(qp) / 16 * 2;
      for (std::size_t i = 0; i < 16; ++i) EXPECT_NEAR(samples[i] - 128, wanted[i], tolerance) << "qp " << qp;
    }
  }
}

TEST(Transform, DcAloneMovesAllSamplesAlikeAndClips) {
  for (const int dc : {64, -64, 1 << 14, -(1 << 14)}) {
    Scaled scaled{};
    scaled[0] = dc;
    std::array<std::uint8_t, 16> samples{};
    samples.fill(100);
    add_residual(scaled, samples.data(), 4);
    for (const std::uint8_t s : samples) EXPECT_EQ(s, std::clamp(100 + dc / 64, 0, 255));
  }
}

TEST(Transform, DcLevelsOfOneKindSpreadEvenly) {
  h264::Block levels{};
  levels[0] = 4;
  for (const std::int32_t v : scale_luma_dc(levels, 40))  // 4 * 16 * 16 * 2^(6 - 6)
    EXPECT_EQ(v, 4 * 16 * 16);
  for (const std::int32_t v : scale_luma_dc(levels, 20)) EXPECT_EQ(v, (4 * 13 * 16 + 4) >> 3);
  for (const std::int32_t v : scale_chroma_dc({4, 0, 0, 0}, 20)) EXPECT_EQ(v, (4 * 13 << 3) >> 1);
  const auto alternating = scale_chroma_dc({0, 2, 0, 0}, 24);
  EXPECT_EQ(alternating, (std::array<std::int32_t, 4>{160, -160, 160, -160}));
}

TEST(Transform, HostileLevelsGiveSamplesAndNoUndefinedBehaviour) {
  Random random{8};
  for (int qp = 0; qp <= 51; ++qp) {
    h264::Block levels{};
    for (auto& v : levels) v = random(0, 1) != 0 ? INT16_MAX : INT16_MIN;
    std::array<std::uint8_t, 16> once{};
    std::array<std::uint8_t, 16> again{};
    Scaled scaled = scale(levels, qp, 1);
    scaled[0] = scale_luma_dc(levels, qp)[0];
    add_residual(scaled, once.data(), 4);
    add_residual(scaled, again.data(), 4);
    EXPECT_EQ(once, again);
    scaled[0] = scale_chroma_dc({INT16_MIN, INT16_MIN, INT16_MIN, INT16_MIN}, qp)[0];
    add_residual(scaled, once.data(), 4);
  }
}

TEST(Transform, ChromaQpIsTable8_15) {
  EXPECT_EQ(chroma_qp(29, 0), 29);
  EXPECT_EQ(chroma_qp(30, 0), 29);
  EXPECT_EQ(chroma_qp(39, 0), 35);
  EXPECT_EQ(chroma_qp(51, 0), 39);
  EXPECT_EQ(chroma_qp(51, 12), 39);
  EXPECT_EQ(chroma_qp(0, -12), 0);
  EXPECT_EQ(chroma_qp(40, -12), 28);
}

}  // namespace
}  // namespace auralink::aic::pixels
