// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/frame_info.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

Header at(std::uint32_t timestamp, bool marker = false, std::uint32_t ssrc = 1) {
  return {.timestamp = timestamp, .ssrc = ssrc, .marker = marker};
}

TEST(FrameTracker, StartsAFrameOnce) {
  FrameTracker tracker;
  const Fragment sets{.may_start = true, .end = FrameEnd::kWithMarker, .config = true};
  const Fragment slice{.may_start = true, .end = FrameEnd::kWithMarker, .key = true};
  EXPECT_EQ(tracker.next(at(5), sets), (FrameInfo{.start = true, .config = true}));
  EXPECT_EQ(tracker.next(at(5, true), slice), (FrameInfo{.key = true, .end = true}));
  EXPECT_TRUE(tracker.next(at(6), slice).start);
  EXPECT_TRUE(tracker.next(at(6, false, 2), slice).start) << "another source";
}

TEST(FrameTracker, DoesNotStartAFrameWhoseBeginningIsLost) {
  FrameTracker tracker;
  EXPECT_FALSE(tracker.next(at(5), {.may_start = false}).start);
}

TEST(FrameTracker, RemembersThatTheFrameIsAKeyframe) {
  FrameTracker tracker;
  EXPECT_TRUE(tracker.next(at(5), {.may_start = true, .key = true}).key);
  EXPECT_TRUE(tracker.next(at(5), {.discardable = true}).key);
  EXPECT_FALSE(tracker.next(at(5), {.discardable = true}).discardable) << "no keyframe is discardable";
  EXPECT_FALSE(tracker.next(at(6), {}).key);
}

TEST(FrameTracker, NeverEndsAFrameByTheMarkerAlone) {
  FrameTracker tracker;
  EXPECT_FALSE(tracker.next(at(5, true), {.end = FrameEnd::kNo}).end);
  EXPECT_FALSE(tracker.next(at(5, false), {.end = FrameEnd::kWithMarker}).end);
  EXPECT_TRUE(tracker.next(at(5, true), {.end = FrameEnd::kWithMarker}).end);
  EXPECT_TRUE(tracker.next(at(6, false), {.end = FrameEnd::kYes}).end);
}

TEST(FrameTracker, RemembersTheTemporalLayer) {
  FrameTracker tracker;
  EXPECT_EQ(tracker.next(at(5), {.temporal_layer = 1}).temporal_layer, 1);
  EXPECT_EQ(tracker.next(at(5), {}).temporal_layer, 1);
  EXPECT_EQ(tracker.next(at(6), {}).temporal_layer, std::nullopt);
}

Wire bytes(const FrameInfo& info) {
  const auto wire = encode(info);
  return {wire.bytes.begin(), wire.bytes.begin() + static_cast<std::ptrdiff_t>(wire.size)};
}

TEST(FrameInfo, IsWrittenAsDocumented) {
  EXPECT_EQ(bytes({}), (Wire{0x00}));
  EXPECT_EQ(bytes({.key = true}), (Wire{0x80}));
  EXPECT_EQ(bytes({.start = true}), (Wire{0x40}));
  EXPECT_EQ(bytes({.end = true}), (Wire{0x20}));
  EXPECT_EQ(bytes({.discardable = true}), (Wire{0x10}));
  EXPECT_EQ(bytes({.config = true}), (Wire{0x08}));
  EXPECT_EQ(bytes({.temporal_layer = 5}), (Wire{0x04, 0xA0}));
}

TEST(FrameInfo, ReadsWhatItWrote) {
  for (unsigned bits = 0; bits < 32; ++bits)
    for (int layer = -1; layer < 8; ++layer) {
      FrameInfo info{.key = (bits & 1U) != 0,
                     .start = (bits & 2U) != 0,
                     .end = (bits & 4U) != 0,
                     .discardable = (bits & 8U) != 0,
                     .config = (bits & 16U) != 0};
      if (layer >= 0) info.temporal_layer = static_cast<std::uint8_t>(layer);
      EXPECT_EQ(decode_frame_info(bytes(info)), info);
    }
}

TEST(FrameInfo, IgnoresReservedBitsAndRefusesWhatBreaksOff) {
  EXPECT_EQ(decode_frame_info(Wire{0x83}), (FrameInfo{.key = true}));
  EXPECT_EQ(decode_frame_info(Wire{0x04, 0x3F, 9}), (FrameInfo{.temporal_layer = 1}));
  EXPECT_EQ(decode_frame_info(Wire{}), std::nullopt);
  EXPECT_EQ(decode_frame_info(Wire{0x04}), std::nullopt);
}

}  // namespace
}  // namespace auralink::rtphdrext
