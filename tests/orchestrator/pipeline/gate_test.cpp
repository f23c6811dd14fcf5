// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/gate.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

namespace auralink::pipeline {
namespace {

using Action = Gate::Action;
constexpr std::int64_t kMs = 1'000'000;
constexpr bool kKey = true, kDelta = false, kRoom = true, kFull = false;

TEST(Gate, OpensWithTheFirstVideoKeyframeAfterItsStart) {
  Gate gate{true, 1000 * kMs};
  EXPECT_EQ(gate.on_buffer(Media::video, 900 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::video, 1000 * kMs, kDelta, kRoom), Action::drop);
  EXPECT_FALSE(gate.open());
  EXPECT_EQ(gate.on_buffer(Media::video, 1033 * kMs, kKey, kRoom), Action::pass);
  EXPECT_TRUE(gate.open());
  EXPECT_EQ(gate.origin(1033 * kMs), 1033 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::video, 1066 * kMs, kDelta, kRoom), Action::pass);
}

TEST(Gate, HoldsAudioUntilVideoSaysWhereTheFileBegins) {
  Gate gate{true, 0};
  EXPECT_EQ(gate.on_buffer(Media::audio, 10 * kMs, kKey, kRoom), Action::hold);
  EXPECT_EQ(gate.on_buffer(Media::video, 20 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.on_buffer(Media::audio, 10 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::audio, 20 * kMs, kKey, kRoom), Action::pass);
}

TEST(Gate, WithoutVideoTheFirstAudioOpens) {
  Gate gate{false, 50 * kMs};
  EXPECT_EQ(gate.on_buffer(Media::audio, 40 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::audio, 60 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.origin(60 * kMs), 60 * kMs);
}

TEST(Gate, BothStreamsEndAtTheSameMoment) {
  Gate gate{true, 0};
  EXPECT_EQ(gate.on_buffer(Media::video, 0, kKey, kRoom), Action::pass);
  gate.end_at(100 * kMs);
  gate.end_at(200 * kMs);  // the earliest request wins
  EXPECT_EQ(gate.on_buffer(Media::audio, 99 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.on_buffer(Media::audio, 100 * kMs, kKey, kRoom), Action::end);
  EXPECT_EQ(gate.on_buffer(Media::video, 133 * kMs, kDelta, kRoom), Action::end);
}

TEST(Gate, WithoutRoomWholeGroupsOfPicturesAreLost) {
  Gate gate{true, 0};
  EXPECT_EQ(gate.on_buffer(Media::video, 0, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.on_buffer(Media::video, 33 * kMs, kDelta, kFull), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::video, 66 * kMs, kDelta, kRoom), Action::drop);
  EXPECT_TRUE(gate.take_keyframe_request());
  EXPECT_FALSE(gate.take_keyframe_request());
  EXPECT_EQ(gate.on_buffer(Media::video, 100 * kMs, kKey, kFull), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::video, 133 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.on_buffer(Media::video, 166 * kMs, kDelta, kRoom), Action::pass);
  EXPECT_EQ(gate.dropped(), 3U);
}

TEST(Gate, WithoutRoomAudioLosesOnlyWhatDoesNotFit) {
  Gate gate{false, 0};
  EXPECT_EQ(gate.on_buffer(Media::audio, 0, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.on_buffer(Media::audio, 20 * kMs, kKey, kFull), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::audio, 40 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.dropped(), 1U);
}

TEST(Gate, AsksForAKeyframeAtMostTwiceASecond) {
  Gate gate{true, 0};
  unsigned asked = 0;
  for (int frame = 0; frame < 30; ++frame) {
    EXPECT_EQ(gate.on_buffer(Media::video, frame * 33 * kMs, kDelta, kRoom), Action::drop);
    asked += gate.take_keyframe_request() ? 1 : 0;
  }
  EXPECT_EQ(asked, 2U);
}

/// What the file gets of a conference with a picture every 40 ms, a keyframe every second (and when one is
/// asked for) and sound every 20 ms that arrives `late` after the picture.
struct Written {
  std::vector<std::int64_t> video, audio;  // file times in ms
};
Written record(Gate& gate, std::int64_t late, std::int64_t until,
               const std::vector<std::pair<std::int64_t, bool>>& pauses) {
  Written out;
  std::deque<std::int64_t> held;
  bool key = true;
  std::size_t next = 0;
  for (std::int64_t now = 0; now < until; now += 20) {
    for (; next < pauses.size() && pauses[next].first <= now; ++next) {
      if (pauses[next].second)
        gate.pause(pauses[next].first * kMs);
      else
        gate.resume(pauses[next].first * kMs);
    }
    if (now % 40 == 0) {
      const bool is_key = key || now % 1000 == 0;
      key = false;
      if (gate.on_buffer(Media::video, now * kMs, is_key, kRoom) == Action::pass)
        out.video.push_back(now - gate.origin(now * kMs) / kMs);
      key = gate.take_keyframe_request();
    }
    if (now >= late) held.push_back(now - late);
    while (!held.empty()) {
      const auto action = gate.on_buffer(Media::audio, held.front() * kMs, kKey, kRoom);
      if (action == Action::hold) break;
      if (action == Action::pass) out.audio.push_back(held.front() - gate.origin(held.front() * kMs) / kMs);
      held.pop_front();
    }
  }
  return out;
}
void expect_even(const std::vector<std::int64_t>& times, std::int64_t step) {
  for (std::size_t i = 0; i < times.size(); ++i)
    ASSERT_EQ(times[i], static_cast<std::int64_t>(i) * step) << "buffer " << i;
}

TEST(Gate, APauseLeavesNoHoleAndBothStreamsInStep) {
  for (const std::int64_t late : {0, 20, 140, 500}) {
    Gate gate{true, 0};
    const auto written = record(gate, late, 6000, {{1010, true}, {2030, false}, {3000, true}, {4010, false}});
    expect_even(written.video, 40);
    expect_even(written.audio, 20);
    // 1040 to 2080 is left out (a keyframe was asked for at 2040), and 3000 to 4080.
    EXPECT_EQ(written.video.size(), (6000 - 1040 - 1080) / 40) << late;
    EXPECT_EQ(written.audio.size(), (6000 - late - 1040 - 1080) / 20) << late;
  }
}

TEST(Gate, PausesInQuickSuccessionAndTwiceTheSame) {
  Gate gate{true, 0};
  EXPECT_FALSE(gate.paused());
  const auto written = record(gate, 60, 5000,
                              {{500, true},
                               {510, true},
                               {520, false},
                               {521, true},
                               {1500, false},
                               {1501, false},
                               {2500, true},
                               {2501, false}});
  expect_even(written.video, 40);
  expect_even(written.audio, 20);
  EXPECT_FALSE(gate.paused());
}

TEST(Gate, PausedBeforeItOpenedItWaits) {
  Gate gate{true, 0};
  gate.pause(0);
  EXPECT_TRUE(gate.paused());
  EXPECT_EQ(gate.on_buffer(Media::video, 10 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::audio, 10 * kMs, kKey, kRoom), Action::drop);
  gate.resume(50 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::video, 40 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::video, 80 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(gate.origin(80 * kMs), 80 * kMs);
}

TEST(Gate, SoundAlonePausesToo) {
  Gate gate{false, 0};
  EXPECT_EQ(gate.on_buffer(Media::audio, 0, kKey, kRoom), Action::pass);
  gate.pause(10 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::audio, 20 * kMs, kKey, kRoom), Action::drop);
  gate.resume(50 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::audio, 40 * kMs, kKey, kRoom), Action::drop);
  EXPECT_EQ(gate.on_buffer(Media::audio, 60 * kMs, kKey, kRoom), Action::pass);
  EXPECT_EQ(60 * kMs - gate.origin(60 * kMs), 20 * kMs);
}

TEST(Gate, AManyTimesPausedFileIsStillInStep) {
  std::vector<std::pair<std::int64_t, bool>> pauses;
  for (std::int64_t at = 300; at < 100'000; at += 700)
    pauses.insert(pauses.end(), {{at, true}, {at + 200, false}});
  Gate gate{true, 0};
  const auto written = record(gate, 100, 100'000, pauses);
  expect_even(written.video, 40);
  expect_even(written.audio, 20);
}

TEST(Gate, APausedBranchEnds) {
  Gate gate{true, 0};
  EXPECT_EQ(gate.on_buffer(Media::video, 0, kKey, kRoom), Action::pass);
  gate.pause(40 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::audio, 60 * kMs, kKey, kRoom), Action::hold);
  gate.end_at(100 * kMs);
  EXPECT_EQ(gate.on_buffer(Media::video, 120 * kMs, kDelta, kRoom), Action::end);
  EXPECT_EQ(gate.on_buffer(Media::audio, 60 * kMs, kKey, kRoom), Action::drop) << "no picture will come";
  EXPECT_EQ(gate.on_buffer(Media::audio, 100 * kMs, kKey, kRoom), Action::end);
}

TEST(Gate, ClosedTakesNothing) {
  Gate gate{true, 0};
  gate.close();
  EXPECT_EQ(gate.on_buffer(Media::video, 0, kKey, kRoom), Action::drop);
}

}  // namespace
}  // namespace auralink::pipeline
