// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets by hand: no payloader for AV1 is in the base platform.
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

constexpr std::uint8_t kSequenceHeader = 1U << 3U;
constexpr std::uint8_t kTileGroup = 4U << 3U;
constexpr std::uint8_t kFrame = 6U << 3U;
constexpr std::uint8_t kKeyFrame = 0x10;    // show_existing_frame 0, frame_type 00, show_frame 1
constexpr std::uint8_t kInterFrame = 0x30;  // frame_type 01
constexpr std::uint8_t kShowExisting = 0x80;

Fragment read(const Wire& payload) { return read_av1(payload).value(); }

TEST(Av1, TellsANewSequence) {
  const auto first = read({0x28, 3, kSequenceHeader, 0, 0, kFrame, kKeyFrame});  // W=2, N
  EXPECT_TRUE(first.key && first.config && first.may_start);
  EXPECT_EQ(first.end, FrameEnd::kWithMarker);
}

TEST(Av1, TellsAKeyframeFromTheFrameHeader) {
  EXPECT_TRUE(read({0x10, kFrame, kKeyFrame}).key);
  EXPECT_FALSE(read({0x10, kFrame, kInterFrame}).key);
  EXPECT_FALSE(read({0x10, kFrame, kShowExisting}).key);
  EXPECT_FALSE(read({0x10, kTileGroup, 0x00}).key) << "not a frame header";
}

TEST(Av1, DoesNotReadAHeaderOutOfAContinuation) {
  const auto middle = read({0x90, kFrame, kKeyFrame});  // Z, W=1
  EXPECT_FALSE(middle.key);
  EXPECT_FALSE(middle.may_start);
}

TEST(Av1, ReadsWhatBeginsBehindAContinuation) {
  const auto mixed = read({0xA0, 2, 0xAA, 0xBB, kFrame, kKeyFrame});  // Z, W=2
  EXPECT_TRUE(mixed.key);
  EXPECT_FALSE(mixed.may_start) << "the packet begins in the middle of a unit";
}

TEST(Av1, EndsOnlyWhenItsLastElementIsWhole) {
  EXPECT_EQ(read({0x50, kFrame, kInterFrame}).end, FrameEnd::kNo);  // Y
  EXPECT_EQ(read({0x10, kFrame, kInterFrame}).end, FrameEnd::kWithMarker);
}

TEST(Av1, StartsWithWhatATemporalUnitMayBeginWith) {
  for (unsigned type = 0; type < 16; ++type) {
    const bool may = type == 1 || type == 2 || type == 3 || type == 5 || type == 6;
    EXPECT_EQ(read({0x10, static_cast<std::uint8_t>(type << 3U), 0xFF}).may_start, may) << type;
  }
}

TEST(Av1, WalksElementsThatAllHaveALength) {
  // W=0: sequence header of two bytes, then a frame of two.
  const auto all = read({0x00, 2, kSequenceHeader, 0, 2, kFrame, kKeyFrame});
  EXPECT_TRUE(all.config && all.key);
  EXPECT_TRUE(read({0x00, 0x82, 0x00, kFrame, kKeyFrame}).key) << "a length of two bytes";
}

TEST(Av1, ReadsExtensionAndSizeOfAnObu) {
  const auto layered = read({0x10, kFrame | 0x04, 0x48, kInterFrame});
  EXPECT_EQ(layered.temporal_layer, 2);
  EXPECT_FALSE(layered.key);
  EXPECT_TRUE(read({0x10, kFrame | 0x06, 0x20, 1, kKeyFrame}).key);
  EXPECT_EQ(read({0x10, kFrame, kInterFrame}).temporal_layer, std::nullopt);
}

TEST(Av1, RefusesWhatCannotBe) {
  for (const Wire& wire :
       {Wire{}, Wire{0x10}, Wire{0x88, 1}, Wire{0x00, 3, kFrame}, Wire{0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1},
        Wire{0x00, 0x80}, Wire{0x20, 9, kFrame}, Wire{0x10, kFrame | 0x04}, Wire{0x10, kFrame | 0x02, 0x80}})
    EXPECT_FALSE(read_av1(wire)) << testing::PrintToString(wire);
}

}  // namespace
}  // namespace auralink::rtphdrext
