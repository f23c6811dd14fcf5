// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/context_table.hpp"

#include <gtest/gtest.h>

#include "tests/gst/aic/model/random.hpp"

namespace auralink::aic::model {
namespace {

bool fresh(const Line& line) {
  for (std::size_t i = 0; i < 4; ++i)
    if (line.probability[i] != 0x8000 || line.state[i] != 0) return false;
  return true;
}

void touch(ContextTable& table, std::uint32_t hash) { static_cast<void>(table.find(hash, 0)); }

TEST(ContextTable, FindsWhatItWasGiven) {
  ContextTable table{12};
  Random random{1};
  std::vector<std::uint32_t> hashes(500);  // of 8192 lines: nothing is displaced
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    hashes[i] = random();
    Line* line = table.find(hashes[i], i % 16);
    ASSERT_TRUE(fresh(*line));
    line->probability[i % 4] = static_cast<std::uint16_t>(i);
    line->state[0] = 1;
  }
  for (std::size_t i = 0; i < hashes.size(); ++i)
    EXPECT_EQ(table.find(hashes[i], i % 16)->probability[i % 4], i);
}

TEST(ContextTable, GroupsOfAContextAreApart) {
  ContextTable table{8};
  Line* first = table.find(12345, 0);
  first->state[0] = 9;
  EXPECT_TRUE(fresh(*table.find(12345, 1)));
  EXPECT_EQ(table.find(12345, 0), first);
}

TEST(ContextTable, WhatIsUsedOftenStaysWhileOthersPass) {
  ContextTable table{ContextTable::kMinBits};  // 16 buckets
  Line* kept = table.find(77, 0);
  kept->state[0] = 200;
  for (int i = 0; i < 50; ++i) touch(table, 77);
  Random random{2};
  for (int i = 0; i < 400; ++i) {
    // About 25 strangers a bucket, and it is asked for in between.
    touch(table, random());
    if (i % 20 == 0) {
      EXPECT_EQ(table.find(77, 0)->state[0], 200);
    }
  }
  EXPECT_EQ(table.find(77, 0)->state[0], 200);
}

TEST(ContextTable, WhatIsNotUsedAnyMoreGoes) {
  ContextTable table{ContextTable::kMinBits};
  table.find(77, 0)->state[0] = 200;
  for (int i = 0; i < 1000; ++i) touch(table, 77);
  Random random{3};
  for (int i = 0; i < 4000; ++i) {
    const std::uint32_t other = random();
    for (int times = 0; times < 3; ++times) touch(table, other);
  }
  EXPECT_TRUE(fresh(*table.find(77, 0)));
}

TEST(ContextTable, HasTheSizeThatWasAskedForAndCopiesAreIndependent) {
  ContextTable table{16};
  EXPECT_EQ(table.memory(), std::size_t{2} << 20U);
  ContextTable copy = table;
  EXPECT_TRUE(copy == table);
  copy.find(1, 0)->state[0] = 1;
  EXPECT_FALSE(copy == table);
  copy.reset();
  EXPECT_TRUE(copy == table);
}

}  // namespace
}  // namespace auralink::aic::model
