// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

constexpr std::uint8_t kKeyHeader = 0x50;    // P bit 0
constexpr std::uint8_t kDeltaHeader = 0x51;  // P bit 1

Fragment read(const Wire& payload) { return read_vp8(payload).value(); }

TEST(Vp8, TellsAKeyframeFromTheFirstPartition) {
  const auto key = read({0x10, kKeyHeader});
  EXPECT_TRUE(key.key && key.may_start);
  EXPECT_EQ(key.end, FrameEnd::kWithMarker);
  EXPECT_FALSE(read({0x10, kDeltaHeader}).key);
}

TEST(Vp8, ReadsNoFrameHeaderElsewhere) {
  for (const std::uint8_t descriptor : Wire{0x00, 0x11, 0x17}) {  // no S; S of later partitions
    EXPECT_FALSE(read({descriptor, kKeyHeader}).key);
    EXPECT_FALSE(read({descriptor, kKeyHeader}).may_start);
  }
}

TEST(Vp8, CallsNonReferenceFramesDiscardable) {
  EXPECT_TRUE(read({0x30, kDeltaHeader}).discardable);
  EXPECT_FALSE(read({0x10, kDeltaHeader}).discardable);
}

TEST(Vp8, SkipsEveryOptionalField) {
  EXPECT_TRUE(read({0x90, 0x00, kKeyHeader}).key);
  EXPECT_TRUE(read({0x90, 0x80, 0x7F, kKeyHeader}).key) << "7-bit picture id";
  EXPECT_TRUE(read({0x90, 0x80, 0x81, 0x01, kKeyHeader}).key) << "15-bit picture id";
  EXPECT_TRUE(read({0x90, 0xF0, 0x81, 0x01, 0x09, 0x41, kKeyHeader}).key) << "all fields";
  EXPECT_FALSE(read({0x90, 0xF0, 0x80, 0x00, 0x00, 0x00, kDeltaHeader}).key);
}

TEST(Vp8, TakesTheTemporalLayerWhenItIsThere) {
  EXPECT_EQ(read({0x90, 0xF0, 0x81, 0x01, 0x09, 0x81, kKeyHeader}).temporal_layer, 2);
  EXPECT_EQ(read({0x90, 0x20, 0x40, kKeyHeader}).temporal_layer, 1);
  EXPECT_EQ(read({0x90, 0x10, 0x40, kKeyHeader}).temporal_layer, std::nullopt) << "KEYIDX alone";
}

TEST(Vp8, RefusesWhatBreaksOff) {
  for (const Wire& wire :
       {Wire{}, Wire{0x10}, Wire{0x90}, Wire{0x90, 0x80}, Wire{0x90, 0x80, 0x01}, Wire{0x90, 0x80, 0x81},
        Wire{0x90, 0x40}, Wire{0x90, 0x20}, Wire{0x90, 0xF0, 1, 2}})
    EXPECT_FALSE(read_vp8(wire)) << testing::PrintToString(wire);
}

}  // namespace
}  // namespace auralink::rtphdrext
