// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/counter.hpp"

#include <gtest/gtest.h>

#include <array>

namespace auralink::aic::model {
namespace {

TEST(Counter, FourBitsAreRememberedExactly) {
  for (std::size_t history = 16; history < 32; ++history) {
    std::size_t state = 0;
    for (int bit = 3; bit >= 0; --bit)
      state = Counter::kNext[0][(history >> static_cast<unsigned>(bit)) & 1U][state];
    EXPECT_EQ(state, history);
  }
}

TEST(Counter, TheLastThreeBitsAreAlwaysKnown) {
  for (std::size_t chance = 0; chance < Counter::kChances; ++chance)
    for (std::size_t state = 4; state < Counter::kStates; ++state)
      for (std::size_t bit = 0; bit < 2; ++bit)
        EXPECT_EQ(Counter::kNext[chance][bit][state] & 7U, ((state & 3U) << 1U) | bit) << state;
}

TEST(Counter, SlowsDownWithWhatItSawButNeverStops) {
  std::size_t state = 0;
  std::uint16_t rate = Counter::kRate[0];
  EXPECT_GT(rate, 65536 / 2);
  for (std::uint32_t decision = 0; decision < 20000; ++decision) {
    state = Counter::kNext[Counter::chance_of(decision)][decision % 2][state];
    EXPECT_LE(Counter::kRate[state], rate);
    rate = Counter::kRate[state];
  }
  EXPECT_EQ(rate, 655360 / (2550 + 18));
}

TEST(Counter, StepsAreTakenAsOftenAsLevelsStandFor) {
  // The level of 100 bits is reached after about 100 bits.
  double sum = 0;
  for (std::uint32_t from = 0; from < 200; ++from) {
    std::size_t state = 0;
    std::uint32_t bits = 0;
    for (; Counter::kRate[state] > 655360 / (960 + 18); ++bits)
      state = Counter::kNext[Counter::chance_of(from * 977 + bits)][bits % 2][state];
    sum += bits;
  }
  EXPECT_NEAR(sum / 200, 96, 12);
}

TEST(Counter, ChancesHalve) {
  std::array<int, Counter::kChances> seen{};
  for (std::uint32_t decision = 0; decision < 65536; ++decision) ++seen.at(Counter::chance_of(decision));
  for (std::size_t i = 0; i + 1 < Counter::kChances; ++i)
    EXPECT_NEAR(seen.at(i), 65536 >> (i + 1), 65536 >> (i + 5)) << i;
}

TEST(Counter, PriorsLeanToTheLastBitAndAreSymmetric) {
  EXPECT_EQ(Counter::kPrior[0], 32767);
  EXPECT_EQ(Counter::kPrior[1], 32767);
  EXPECT_GT(Counter::kPrior[3], 32767);
  for (std::size_t state = 1; state < Counter::kStates; ++state) {
    std::size_t mirror = state ^ 7U;
    if (state < 32)
      for (std::size_t top = 16; top != 0; top >>= 1U)
        if ((state & top) != 0) {
          mirror = state ^ (top - 1);
          break;
        }
    EXPECT_NEAR(Counter::kPrior[state] + Counter::kPrior[mirror], 65535, 1) << state;
  }
}

}  // namespace
}  // namespace auralink::aic::model
