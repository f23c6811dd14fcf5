// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "orchestrator/awake_clock.hpp"

namespace auralink {
namespace {

using session::Millis;

TEST(AwakeClock, CountsOnlyTheTimeThisProcessRan) {
  Millis wall{1'700'000'000'000};
  Millis boot{50'000};
  const AwakeClock clock{[&] { return wall; }, [&] { return boot; }};
  EXPECT_EQ(clock.monotonic(), Millis{50'000});
  boot += Millis{100};
  EXPECT_EQ(clock.monotonic(), Millis{50'100});
  boot += Millis{10'000};  // SIGSTOP, or the lid was closed
  EXPECT_EQ(clock.monotonic(), Millis{50'100});
  EXPECT_EQ(clock.missed(), Millis{10'000});
  boot += Millis{2'000};
  EXPECT_EQ(clock.monotonic(), Millis{52'100}) << "a slow turn is time that passed";
  boot += Millis{2'001};
  EXPECT_EQ(clock.monotonic(), Millis{52'100});
  EXPECT_EQ(clock.missed(), Millis{12'001});
}

TEST(AwakeClock, WallTimeMayJumpWithoutAnyDeadlineMoving) {
  Millis wall{1'700'000'000'000};
  Millis boot{1'000};
  const AwakeClock clock{[&] { return wall; }, [&] { return boot; }};
  EXPECT_EQ(clock.monotonic(), Millis{1'000});
  wall -= Millis{86'400'000};
  EXPECT_EQ(clock.wall(), Millis{1'700'000'000'000 - 86'400'000});
  EXPECT_EQ(clock.monotonic(), Millis{1'000});
  EXPECT_EQ(clock.missed(), Millis{0});
}

TEST(AwakeClock, OfTheSystemGoesForward) {
  const AwakeClock clock;
  const auto before = clock.monotonic();
  EXPECT_GE(clock.monotonic(), before);
  EXPECT_GT(clock.wall(), Millis{1'600'000'000'000});
}

}  // namespace
}  // namespace auralink
