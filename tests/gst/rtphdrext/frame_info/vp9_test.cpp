// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

// frame_marker 10, profile 0, show_existing_frame 0, frame_type.
constexpr std::uint8_t kKeyHeader = 0x80;
constexpr std::uint8_t kDeltaHeader = 0x84;
constexpr std::uint8_t kShowExisting = 0x88;

Fragment read(const Wire& payload) { return read_vp9(payload).value(); }

TEST(Vp9, TellsAKeyframeFromItsFirstPacket) {
  const auto key = read({0x0C, kKeyHeader});  // B, E
  EXPECT_TRUE(key.key && key.may_start);
  EXPECT_FALSE(read({0x4C, kDeltaHeader}).key);
  EXPECT_FALSE(read({0x04, kKeyHeader}).key) << "no frame header without B";
}

TEST(Vp9, DoesNotTakeAnIntraOnlyFrameForAKeyframe) {
  EXPECT_FALSE(read({0x0C, kDeltaHeader}).key);
  EXPECT_FALSE(read({0x0C, kShowExisting}).key);
}

TEST(Vp9, ReadsTheFrameHeaderOfEveryProfile) {
  EXPECT_TRUE(read({0x0C, 0x90}).key);   // profile 2 has its low bit first: 10 01 0 0
  EXPECT_TRUE(read({0x0C, 0xB0}).key);   // profile 3 and a reserved bit
  EXPECT_FALSE(read({0x0C, 0xB2}).key);  // frame_type behind the reserved bit
  EXPECT_FALSE(read({0x0C, 0x40}).key) << "no frame_marker";
}

TEST(Vp9, EndsAPictureWithoutLayersByItself) {
  EXPECT_EQ(read({0x4C, kDeltaHeader}).end, FrameEnd::kYes);
  EXPECT_EQ(read({0x48, kDeltaHeader}).end, FrameEnd::kNo);
}

TEST(Vp9, EndsAPictureOfSeveralLayersWithTheMarker) {
  const auto base = read({0x2C, 0x41, 9, kKeyHeader});  // L: TID 2, U 0, SID 0, D 1; TL0PICIDX
  EXPECT_EQ(base.end, FrameEnd::kWithMarker);
  EXPECT_EQ(base.temporal_layer, 2);
  EXPECT_TRUE(base.key && base.may_start);
  const auto enhancement = read({0x2C, 0x43, 9, kKeyHeader});  // SID 1
  EXPECT_FALSE(enhancement.may_start) << "a picture begins with its lowest layer";
  EXPECT_FALSE(enhancement.key);
}

TEST(Vp9, SkipsPictureIdsAndReferences) {
  EXPECT_TRUE(read({0x8C, 0x7F, kKeyHeader}).key);
  EXPECT_TRUE(read({0x8C, 0x80, 0x01, kKeyHeader}).key);
  EXPECT_FALSE(read({0xDC, 0x80, 0x01, 0x03, 0x05, 0x06, kKeyHeader}).key) << "F and P: three references";
  EXPECT_TRUE(read({0x3C, 0x00, kKeyHeader}).key) << "flexible mode has no TL0PICIDX";
}

TEST(Vp9, SkipsTheScalabilityStructure) {
  EXPECT_TRUE(read({0x0E, 0x00, kKeyHeader}).key);
  EXPECT_TRUE(read({0x0E, 0x30, 1, 2, 3, 4, 5, 6, 7, 8, kKeyHeader}).key) << "two layers with sizes";
  EXPECT_TRUE(read({0x0E, 0x08, 2, 0x04, 1, 0x28, 1, 2, kKeyHeader}).key) << "two pictures with references";
}

TEST(Vp9, RefusesWhatBreaksOff) {
  for (const Wire& wire :
       {Wire{}, Wire{0x0C}, Wire{0x8C}, Wire{0x8C, 0x80}, Wire{0x8C, 0x80, 1}, Wire{0x2C, 0},
        Wire{0x2C, 0, 0}, Wire{0x5C, 1, 1, 1}, Wire{0x5C, 1}, Wire{0x0E}, Wire{0x0E, 0x10, 1},
        Wire{0x0E, 0x08}, Wire{0x0E, 0x08, 9, 0}, Wire{0x0E, 0x08, 1, 0x0C, 1, 2}})
    EXPECT_FALSE(read_vp9(wire)) << testing::PrintToString(wire);
}

}  // namespace
}  // namespace auralink::rtphdrext
