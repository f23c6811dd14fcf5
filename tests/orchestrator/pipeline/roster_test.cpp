// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/roster.hpp"

#include <gtest/gtest.h>

namespace auralink::pipeline {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(Roster, AMemberAppearsWithTheOutputThatHasItsFirstPicture) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 0);
  EXPECT_FALSE(roster.update(0));
  roster.on_data(ann, 100 * kMs);  // early: it is due later
  EXPECT_FALSE(roster.update(99 * kMs));
  EXPECT_TRUE(roster.update(100 * kMs));
  EXPECT_TRUE(roster.members()[0].present);
  EXPECT_FALSE(roster.update(133 * kMs));
}

TEST(Roster, LaterDataDoesNotPutOffTheFirstPicture) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 500 * kMs);
  for (int t = 100; t < 400; t += 33) roster.on_data(ann, t * kMs);
  EXPECT_TRUE(roster.update(110 * kMs));
}

TEST(Roster, SilenceBeyondTheTimeoutIsAbsence) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 500 * kMs);
  roster.on_data(ann, 0);
  EXPECT_TRUE(roster.update(0));
  EXPECT_FALSE(roster.update(500 * kMs));
  EXPECT_TRUE(roster.update(501 * kMs));
  EXPECT_FALSE(roster.members()[0].present);
  roster.on_data(ann, 2000 * kMs);  // back: but not before its new picture is due
  EXPECT_FALSE(roster.update(1900 * kMs));
  EXPECT_TRUE(roster.update(2000 * kMs));
}

TEST(Roster, WithoutTimeoutTheLastPictureStays) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 0);
  roster.on_data(ann, 0);
  EXPECT_TRUE(roster.update(0));
  EXPECT_FALSE(roster.update(3'600'000 * kMs));
}

TEST(Roster, LeavingIsAChangeOnlyForThoseWhoWereSeen) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 0);
  const auto bob = roster.join("bob", 0, 0);
  roster.on_data(ann, 0);
  EXPECT_TRUE(roster.update(0));
  roster.leave(bob);
  EXPECT_FALSE(roster.update(1 * kMs));
  roster.leave(ann);
  EXPECT_TRUE(roster.update(2 * kMs));
  EXPECT_TRUE(roster.members().empty());
  roster.leave(ann);  // unknown by now
  EXPECT_FALSE(roster.update(3 * kMs));
}

TEST(Roster, OrdersByRankNotByWhoWasReadyFirst) {
  Roster roster;
  roster.join("cid", 2, 0);
  roster.join("ann", 0, 0);
  roster.join("bob", 1, 0);
  ASSERT_EQ(roster.members().size(), 3U);
  EXPECT_EQ(roster.members()[0].name, "ann");
  EXPECT_EQ(roster.members()[1].name, "bob");
  EXPECT_EQ(roster.members()[2].name, "cid");
}

TEST(Roster, EqualRanksKeepJoinOrder) {
  Roster roster;
  const auto ann = roster.join("ann", 0, 0);
  roster.join("bob", 0, 0);
  roster.join("cid", 0, 0);
  roster.leave(ann);
  roster.join("ann", 0, 0);
  ASSERT_EQ(roster.members().size(), 3U);
  EXPECT_EQ(roster.members()[0].name, "bob");
  EXPECT_EQ(roster.members()[2].name, "ann");
}

}  // namespace
}  // namespace auralink::pipeline
