// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/seating.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace auralink::pipeline {
namespace {

using ::testing::ElementsAre;
using Names = std::vector<std::string>;

TEST(Seating, WithoutALimitTheWantedComeFirst) {
  EXPECT_THAT(assign_tiles({{"c"}, 0, false}, {"a", "b", "c"}, {}), ElementsAre("c", "a", "b"));
  EXPECT_THAT(assign_tiles({}, {"a", "b"}, {}), ElementsAre("a", "b"));
  EXPECT_THAT(assign_tiles({{"z"}, 0, false}, {"a", "b"}, {}), ElementsAre("a", "b"));
}

TEST(Seating, WhoHasNoPictureYetIsStoodInForByWhoWasThere) {
  const Names before{"a", "b", "c"};
  EXPECT_THAT(assign_tiles({{"a", "n", "c"}, 3, true}, {"a", "b", "c"}, before), ElementsAre("a", "b", "c"));
  EXPECT_THAT(assign_tiles({{"a", "n", "c"}, 3, true}, {"a", "b", "c", "n"}, before),
              ElementsAre("a", "n", "c"));
}

TEST(Seating, TheLargeTileIsNotGivenToSomebodyWhoStandsIn) {
  const Names before{"s", "a", "b"};
  EXPECT_THAT(assign_tiles({{"n", "s", "a"}, 3, false}, {"a", "b", "s"}, before), ElementsAre("s", "a", "b"));
  EXPECT_THAT(assign_tiles({{"n", "s", "a"}, 3, false}, {"a", "b", "n", "s"}, before),
              ElementsAre("n", "s", "a"));
}

TEST(Seating, WhoIsNotWantedLeavesWhenNobodyIsMissing) {
  EXPECT_THAT(assign_tiles({{"a"}, 1, true}, {"a", "b"}, {"a", "b"}), ElementsAre("a"));
}

TEST(Seating, APlaceWithoutAnybodyStaysEmpty) {
  EXPECT_THAT(assign_tiles({{"a", "n", "c"}, 3, true}, {"a", "c"}, {"a", "b", "c"}),
              ElementsAre("a", "", "c"));
}

TEST(Seating, KeepsItsPromisesForRandomOrders) {
  std::mt19937 random{7};
  const Names everybody{"a", "b", "c", "d", "e", "f", "g", "h"};
  for (int round = 0; round < 2000; ++round) {
    const auto some = [&] {
      Names names = everybody;
      std::ranges::shuffle(names, random);
      names.resize(random() % (names.size() + 1));
      return names;
    };
    const bool in_place = random() % 2 == 0;
    const Names wanted = some(), present = some(), previous = some();
    const auto has = [](const Names& names, const std::string& name) {
      return std::ranges::find(names, name) != names.end();
    };
    const auto tiles =
        assign_tiles({wanted, std::max<std::size_t>(1, wanted.size()), in_place}, present, previous);
    ASSERT_LE(tiles.size(), std::max<std::size_t>(1, wanted.size()));
    for (const auto& name : tiles) {
      if (name.empty()) continue;
      ASSERT_TRUE(has(present, name)) << "somebody without a picture is drawn";
      ASSERT_EQ(std::ranges::count(tiles, name), 1);
      ASSERT_TRUE(has(wanted, name) || has(previous, name));
    }
    for (const auto& name : wanted)
      if (has(present, name)) {
        ASSERT_TRUE(has(tiles, name)) << "somebody chosen with a picture is not drawn";
      }
  }
}

}  // namespace
}  // namespace auralink::pipeline
