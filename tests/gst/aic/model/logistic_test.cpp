// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/logistic.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace auralink::aic::model {
namespace {

TEST(Logistic, StretchIsTheLogarithmOfTheOdds) {
  for (std::uint32_t i = 0; i < 4096; ++i) {
    const double p = (i + 0.5) / 4096;
    const double exact = std::fmax(-2047, std::fmin(2047, 256 * std::log(p / (1 - p))));
    EXPECT_NEAR(stretch(i * 16), exact, 0.51) << i;
  }
  EXPECT_EQ(stretch(65535), stretch(4095 * 16));
}

TEST(Logistic, SquashIsTheLogisticFunction) {
  for (int x = -2047; x <= 2047; ++x) {
    const double exact = 65536 / (1 + std::exp(-x / 256.0));
    EXPECT_NEAR(squash(x), std::fmax(24, std::fmin(65512, exact)), 0.51) << x;
    EXPECT_EQ(squash(x) + squash(-x), 65536) << x;
  }
  EXPECT_EQ(squash(100000), squash(2047));
  EXPECT_EQ(squash(-100000), squash(-2047));
}

}  // namespace
}  // namespace auralink::aic::model
