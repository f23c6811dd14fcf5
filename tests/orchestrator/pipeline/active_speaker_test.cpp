// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/active_speaker.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

namespace auralink::pipeline {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;
using Id = ActiveSpeaker::Id;
using Time = ActiveSpeaker::Time;

constexpr Time kMs = 1'000'000;
constexpr std::uint8_t kLoud = 20, kQuiet = 30, kSilent = 127;

/// A room in which everybody shows a picture at 25 per second and sends sound at 50 packets per second with
/// the level that was last said; chosen twenty times a second.
class Room {
 public:
  Room(ActiveSpeaker::Options options, std::size_t people)
      : speaker{options, people}, level(people, kSilent), picture(people, true), sound(people, true) {}

  void run(Time duration) {
    for (const Time end = now + duration; now < end; now += 10 * kMs) {
      for (Id i = 0; i < level.size(); ++i) {
        if (sound[i] && now % (20 * kMs) == 0) speaker.on_level(i, level[i], now);
        if (picture[i] && now % (40 * kMs) == 0) speaker.on_picture(i, now);
      }
      if (now % (50 * kMs) == 0) speaker.choose(now);
    }
  }
  [[nodiscard]] const ActiveSpeaker::Choice& choice() const { return speaker.choice(); }

  ActiveSpeaker speaker;
  std::vector<std::uint8_t> level;
  std::vector<bool> picture, sound;
  Time now = 0;
};

ActiveSpeaker::Options few(std::size_t visible = 3, std::size_t audible = 2) {
  return {visible, audible, 2000 * kMs, 2000 * kMs};
}

TEST(ActiveSpeaker, ShowsTheFirstOnesWhileNobodySpeaks) {
  Room room{few(), 6};
  room.run(1000 * kMs);
  EXPECT_THAT(room.choice().visible, ElementsAre(0, 1, 2));
  EXPECT_EQ(room.choice().speaker, std::nullopt);
}

TEST(ActiveSpeaker, WhoSpeaksIsSeenAndHeardWithinHalfASecond) {
  Room room{few(), 6};
  room.run(3000 * kMs);
  room.level[5] = kLoud;
  room.run(500 * kMs);
  EXPECT_THAT(room.choice().visible, Contains(5));
  EXPECT_THAT(room.choice().audible, Contains(5));
  EXPECT_THAT(room.choice().speaker, Optional(5));
}

TEST(ActiveSpeaker, WhoStaysKeepsThePlaceAndANewcomerTakesThatOfWhoLeaves) {
  Room room{few(), 6};
  room.level[0] = kLoud;
  room.level[2] = kLoud;
  room.run(3000 * kMs);
  ASSERT_THAT(room.choice().visible, ElementsAre(0, 1, 2));
  room.level[5] = kLoud;
  room.run(500 * kMs);
  EXPECT_THAT(room.choice().visible, ElementsAre(0, 5, 2));
}

TEST(ActiveSpeaker, ACoughIsNoSpeech) {
  Room room{few(), 6};
  room.run(1000 * kMs);
  room.level[4] = 5;
  room.run(40 * kMs);
  room.level[4] = kSilent;
  room.run(2000 * kMs);
  EXPECT_EQ(room.choice().speaker, std::nullopt);
  EXPECT_THAT(room.choice().visible, Not(Contains(4)));
}

TEST(ActiveSpeaker, DoesNotFlapBetweenTwoEquallyLoud) {
  Room room{few(), 2};
  std::mt19937 random{1};
  std::optional<Id> last;
  int changes = 0;
  for (int i = 0; i < 600; ++i) {
    for (auto& level : room.level) level = static_cast<std::uint8_t>(25 + random() % 5);
    room.run(50 * kMs);
    changes += static_cast<int>(room.choice().speaker != last);
    last = room.choice().speaker;
  }
  EXPECT_EQ(changes, 1);
}

TEST(ActiveSpeaker, ASpeakerIsHeldAndThenFollowed) {
  Room room{few(), 3};
  room.level[0] = kLoud;
  room.run(1000 * kMs);
  ASSERT_THAT(room.choice().speaker, Optional(0));
  room.level[0] = kSilent, room.level[1] = kLoud;
  room.run(500 * kMs);
  EXPECT_THAT(room.choice().speaker, Optional(0));
  room.run(2000 * kMs);
  EXPECT_THAT(room.choice().speaker, Optional(1));
}

TEST(ActiveSpeaker, APauseBetweenWordsTakesNoPlaceAway) {
  Room room{few(2, 2), 5};
  room.level[3] = kLoud;
  room.run(1000 * kMs);
  ASSERT_THAT(room.choice().visible, Contains(3));
  room.level[3] = kSilent;
  room.level[1] = room.level[2] = kLoud;
  room.run(900 * kMs);
  EXPECT_THAT(room.choice().visible, Contains(3));
  EXPECT_THAT(room.choice().audible.size(), 2U);
}

TEST(ActiveSpeaker, HearsTheLoudest) {
  Room room{few(3, 2), 5};
  room.level = {40, 10, 35, 12, 38};
  room.run(2000 * kMs);
  EXPECT_THAT(room.choice().audible, ElementsAre(1, 3));
}

TEST(ActiveSpeaker, AMutedPictureGivesItsPlaceToAnother) {
  Room room{few(), 5};
  room.run(1000 * kMs);
  room.picture[1] = false;
  room.run(2200 * kMs);
  EXPECT_THAT(room.choice().visible, ElementsAre(0, 3, 2));
}

TEST(ActiveSpeaker, WhoHasNoPictureIsHeardButNotTheLargeOne) {
  Room room{few(), 4};
  room.picture[3] = false;
  room.level[3] = kLoud;
  room.level[1] = kQuiet;
  room.run(2000 * kMs);
  EXPECT_THAT(room.choice().audible, Contains(3));
  EXPECT_THAT(room.choice().speaker, Optional(1));
}

TEST(ActiveSpeaker, WhereNobodyHasAPictureTheVoiceCounts) {
  Room room{few(), 4};
  room.picture.assign(4, false);
  room.level[3] = kLoud;
  room.run(1000 * kMs);
  EXPECT_THAT(room.choice().speaker, Optional(3));
  EXPECT_THAT(room.choice().visible, IsEmpty());
}

TEST(ActiveSpeaker, WhoLeavesIsForgotten) {
  Room room{few(), 3};
  room.level[2] = kLoud;
  room.run(1000 * kMs);
  room.sound[2] = room.picture[2] = false;
  room.run(2500 * kMs);
  EXPECT_THAT(room.choice().visible, ElementsAre(0, 1));
  EXPECT_THAT(room.choice().audible, Not(Contains(2)));
  EXPECT_EQ(room.choice().speaker, std::nullopt);
}

TEST(ActiveSpeaker, WithoutLevelsWhoSendsSteadilySpeaks) {
  ActiveSpeaker speaker{few(1, 1), 3};
  for (Time now = 0; now < 3000 * kMs; now += 20 * kMs) {
    for (Id i = 0; i < 3; ++i) speaker.on_picture(i, now);
    speaker.on_sound(2, now);
    if (now % (400 * kMs) == 0) speaker.on_sound(0, now), speaker.on_sound(1, now);
    speaker.choose(now);
  }
  EXPECT_THAT(speaker.choice().visible, ElementsAre(2));
  EXPECT_THAT(speaker.choice().audible, ElementsAre(2));
}

TEST(ActiveSpeaker, WithoutLimitsEverybodyIsThere) {
  Room room{{}, 40};
  room.run(200 * kMs);
  EXPECT_EQ(room.choice().visible.size(), 40U);
  EXPECT_EQ(room.choice().audible.size(), 40U);
}

TEST(ActiveSpeaker, NonsenseIsIgnored) {
  ActiveSpeaker speaker{few(), 2};
  speaker.on_level(7, 3, 0);
  speaker.on_sound(2, 0);
  speaker.on_picture(99, 0);
  speaker.on_level(0, 255, 5000 * kMs);
  speaker.on_level(0, 0, 100 * kMs);  // a clock that goes backwards
  EXPECT_LE(speaker.loudness(0, 5000 * kMs), 127);
  EXPECT_GE(speaker.loudness(0, 5000 * kMs), 0);
  EXPECT_FALSE(speaker.has_sound(7, 0));
}

/// Whatever happens, in any order.
TEST(ActiveSpeaker, KeepsItsPromisesInRandomRooms) {
  std::mt19937 random{20261124};
  for (int round = 0; round < 40; ++round) {
    const std::size_t people = 1 + random() % 30, visible = 1 + random() % 9, audible = 1 + random() % 6;
    Room room{few(visible, audible), people};
    std::vector<Id> before;
    for (int step = 0; step < 200; ++step) {
      const Id who = random() % people;
      switch (random() % 4) {
        case 0:
          room.picture[who] = !room.picture[who];
          break;
        case 1:
          room.sound[who] = !room.sound[who];
          break;
        default:
          room.level[who] = random() % 3 == 0 ? static_cast<std::uint8_t>(random() % 128) : kSilent;
      }
      room.run(50 * kMs);
      const Time last = room.now;
      const auto& choice = room.speaker.choose(last);
      const std::set<Id> seen{choice.visible.begin(), choice.visible.end()};
      ASSERT_EQ(seen.size(), choice.visible.size()) << "somebody sits twice";
      ASSERT_LE(choice.visible.size(), visible);
      ASSERT_LE(choice.audible.size(), audible);
      ASSERT_TRUE(std::ranges::is_sorted(choice.audible));
      ASSERT_TRUE(std::ranges::adjacent_find(choice.audible) == choice.audible.end());
      std::size_t pictures = 0;
      for (Id i = 0; i < people; ++i) pictures += room.speaker.has_picture(i, last) ? 1U : 0U;
      ASSERT_EQ(choice.visible.size(), std::min(visible, pictures))
          << "a place is free though somebody waits";
      if (choice.speaker && room.speaker.has_picture(*choice.speaker, last)) {
        ASSERT_TRUE(seen.contains(*choice.speaker));
      }
      // Whoever stays, stays where he is.
      if (before.size() == choice.visible.size())
        for (std::size_t i = 0; i < before.size(); ++i)
          if (seen.contains(before[i])) {
            ASSERT_EQ(choice.visible[i], before[i]);
          }
      before = choice.visible;
    }
  }
}

}  // namespace
}  // namespace auralink::pipeline
