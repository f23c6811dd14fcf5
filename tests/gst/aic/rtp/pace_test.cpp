// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/pace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "gst/aic/core/rtp/times.hpp"

namespace auralink::aic::rtp {
namespace {

constexpr std::uint32_t kFrame = 40'000;

/// A machine on which coding takes `per_byte` microseconds in the best profile.
struct Machine {
  Pace pace{};
  PaceSettings settings{};
  double per_byte = 1;
  std::vector<std::optional<Profile>> history{};

  std::optional<Profile> frame(std::size_t bytes) {
    constexpr std::array<double, 3> kCost{1.0, 0.7, 0.4};
    pace.advance(settings, kFrame);
    const auto choice = pace.choose(settings, bytes);
    if (choice.profile)
      pace.took(*choice.profile, bytes,
                static_cast<std::uint32_t>(per_byte * static_cast<double>(bytes) *
                                           kCost.at(static_cast<std::size_t>(*choice.profile))));
    history.push_back(choice.profile);
    return choice.profile;
  }
  std::optional<Profile> seconds(int count, std::size_t bytes) {
    for (int i = 0; i < 25 * count; ++i) frame(bytes);
    return history.back();
  }
};

TEST(Pace, SpendsTheMostWhenThereIsRoom) {
  Machine m;
  EXPECT_EQ(m.seconds(3, 3000), Profile::kMax);
  EXPECT_NEAR(m.pace.load(), 25 * 3000 / 1e6, 0.01);
}

TEST(Pace, TakesACheaperProfileForALargeAccessUnitAlone) {
  Machine m{.settings = {.deadline_us = 20'000}};
  m.seconds(2, 3000);
  EXPECT_EQ(m.frame(25'000), Profile::kLite);
  EXPECT_EQ(m.frame(3000), Profile::kMax) << "the next small one is as before";
  EXPECT_EQ(m.frame(200'000), std::nullopt);
}

TEST(Pace, KeepsTheDeadlineOnceItHasSeenThisSize) {
  Machine m{.settings = {.deadline_us = 10'000}, .per_byte = 20};
  m.seconds(1, 2000);
  // 40 ms in the best profile, 16 in the cheapest: never.
  EXPECT_EQ(m.history.back(), std::nullopt);
  m.per_byte = 1;  // what slowed it down is over
  bool again = false;
  for (int i = 0; i < 500 && !again; ++i) again = m.frame(2000) == Profile::kMax;
  EXPECT_TRUE(again) << "a refusal is forgotten in time";
}

TEST(Pace, DoesNotChangeAProfileThatWasAskedFor) {
  Machine m{.settings = {.adaptive = false, .deadline_us = 20'000}};
  EXPECT_EQ(m.frame(3000), Profile::kMax);
  EXPECT_EQ(m.frame(30'000), std::nullopt);
  Machine fast{.settings = {.best = Profile::kFast, .adaptive = false}};
  EXPECT_EQ(fast.frame(3000), Profile::kFast);
}

TEST(Pace, StepsDownUnderPressureAndUpAgainWithPatience) {
  Machine m{.settings = {.deadline_us = 1'000'000},
            .per_byte = 12};  // 3000 bytes a frame: 0.9 cores in max, 0.63 in lite, 0.36 in fast
  EXPECT_EQ(m.seconds(3, 3000), Profile::kLite);
  EXPECT_EQ(m.seconds(20, 3000), Profile::kLite) << "max would be too much, lite is not: no swinging";
  m.per_byte = 2;
  EXPECT_EQ(m.seconds(3, 3000), Profile::kLite) << "not at once";
  EXPECT_EQ(m.seconds(10, 3000), Profile::kMax);
}

TEST(Pace, GoesNativeWhenNothingFitsAndTriesAgain) {
  Machine m{.settings = {.deadline_us = 200'000}, .per_byte = 40};  // 1.2 cores even in fast
  EXPECT_EQ(m.seconds(10, 3000), std::nullopt);
  const auto tries = [&] {
    return std::count_if(m.history.begin(), m.history.end(), [](const auto& p) { return p.has_value(); });
  };
  const auto before = tries();
  m.seconds(120, 3000);
  const auto spent = tries() - before;
  EXPECT_LT(spent, 25 * 24) << "seconds of trying in two minutes";
  m.per_byte = 2;
  m.seconds(120, 3000);
  EXPECT_EQ(m.history.back(), Profile::kMax);
}

TEST(Pace, DoesNotSwingBetweenProfiles) {
  Machine m;
  std::mt19937 random{3};
  for (int second = 0; second < 300; ++second) {
    m.per_byte = 10 + static_cast<double>(random() % 3);  // around the border
    m.seconds(1, 3000);
  }
  int changes = 0;
  for (std::size_t i = 1; i < m.history.size(); ++i) changes += m.history[i] != m.history[i - 1] ? 1 : 0;
  EXPECT_LE(changes, 20) << "in five minutes";
}

TEST(Times, KnowPercentilesWithinNinePercent) {
  Times times;
  EXPECT_EQ(times.percentile(99), 0U);
  std::vector<std::uint32_t> all;
  std::mt19937 random{5};
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::uint32_t>(random() % 1000U * (random() % 100U));
    all.push_back(value);
    times.add(value);
  }
  std::sort(all.begin(), all.end());
  for (const unsigned percent : {1U, 50U, 95U, 99U, 100U}) {
    const double truth = all[(all.size() * percent + 99) / 100 - 1];
    EXPECT_GE(static_cast<double>(times.percentile(percent)), truth);
    EXPECT_LE(static_cast<double>(times.percentile(percent)), truth * 1.13 + 1) << percent;
  }
  EXPECT_EQ(times.count(), 20'000U);
}

TEST(Times, HoldEveryDuration) {
  Times times;
  for (const std::uint32_t value : {0U, 1U, 15U, 16U, 17U, 0x7FFFFFFFU, 0xFFFFFFFFU}) times.add(value);
  EXPECT_EQ(times.percentile(100), 0xFFFFFFFFU);
  EXPECT_EQ(times.percentile(1), 0U);
}

}  // namespace
}  // namespace auralink::aic::rtp
