// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/gate.hpp"

#include <gtest/gtest.h>

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
  EXPECT_EQ(gate.origin(), 1033 * kMs);
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
  EXPECT_EQ(gate.origin(), 60 * kMs);
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

TEST(Gate, ClosedTakesNothing) {
  Gate gate{true, 0};
  gate.close();
  EXPECT_EQ(gate.on_buffer(Media::video, 0, kKey, kRoom), Action::drop);
}

}  // namespace
}  // namespace auralink::pipeline
