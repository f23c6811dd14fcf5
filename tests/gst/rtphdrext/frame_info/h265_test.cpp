// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

constexpr unsigned kIdr = 19;
constexpr unsigned kTrailR = 1;
constexpr unsigned kTrailN = 0;

/// A NAL unit of one byte of content behind its two bytes of header.
Wire nal(unsigned type, std::uint8_t content, unsigned layer = 0) {
  return {static_cast<std::uint8_t>(type << 1U), static_cast<std::uint8_t>(layer + 1), content};
}
Fragment read(const Wire& payload) { return read_h265(payload).value(); }

Wire aggregate(std::initializer_list<Wire> nals) {
  Wire out{48U << 1U, 1};
  for (const auto& unit : nals) {
    out.push_back(0);
    out.push_back(static_cast<std::uint8_t>(unit.size()));
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}

TEST(H265, TellsRandomAccessPictures) {
  for (unsigned type = 0; type < 32; ++type)
    EXPECT_EQ(read(nal(type, 0x80)).key, type >= 16 && type <= 23) << type;
  EXPECT_FALSE(read(nal(33, 0x80)).key);
}

TEST(H265, StartsAPictureAtItsFirstSliceSegmentOnly) {
  EXPECT_TRUE(read(nal(kTrailR, 0x80)).may_start);
  EXPECT_FALSE(read(nal(kTrailR, 0x7F)).may_start);
}

TEST(H265, StartsAnAccessUnitAtWhatMayPrecedeASlice) {
  for (unsigned type = 32; type < 48; ++type) {
    const bool precedes = type <= 35 || type == 39 || (type >= 41 && type <= 44);
    EXPECT_EQ(read(nal(type, 0x80)).may_start, precedes) << type;
    EXPECT_EQ(read(nal(type, 0x80)).config, type <= 34) << type;
  }
}

TEST(H265, CallsSubLayerNonReferencePicturesDiscardable) {
  for (unsigned type = 0; type < 32; ++type)
    EXPECT_EQ(read(nal(type, 0x80)).discardable, type < 16 && type % 2 == 0) << type;
  EXPECT_FALSE(read(nal(40, 0x80)).discardable);
}

TEST(H265, ReadsTheTemporalLayerFromThePayloadHeader) {
  EXPECT_EQ(read(nal(kTrailN, 0x80, 2)).temporal_layer, 2);
  EXPECT_EQ(read({49U << 1U, 4, 0x80 | kTrailN, 0x80}).temporal_layer, 3);
}

TEST(H265, WalksAnAggregate) {
  const auto keyframe = read(aggregate({nal(32, 1), nal(33, 1), nal(34, 1), nal(kIdr, 0x80)}));
  EXPECT_TRUE(keyframe.key && keyframe.config && keyframe.may_start);
  EXPECT_TRUE(read(aggregate({nal(39, 1), nal(kTrailN, 0x80)})).discardable);
  EXPECT_FALSE(read(aggregate({nal(kTrailN, 0x80), nal(kTrailR, 0x00)})).discardable);
}

TEST(H265, ReadsFragmentationUnits) {
  const auto first = read({49U << 1U, 1, 0x80 | kIdr, 0x80});
  EXPECT_TRUE(first.key && first.may_start);
  EXPECT_EQ(first.end, FrameEnd::kNo);
  const auto middle = read({49U << 1U, 1, kIdr, 0x80});
  EXPECT_TRUE(middle.key);
  EXPECT_FALSE(middle.may_start);
  EXPECT_EQ(middle.end, FrameEnd::kNo);
  EXPECT_EQ(read({49U << 1U, 1, 0x40 | kTrailR, 0x80}).end, FrameEnd::kWithMarker);
}

TEST(H265, RefusesWhatItCannotRead) {
  for (const Wire& wire : {Wire{}, Wire{2}, Wire{2, 1}, Wire{2, 0, 0x80}, Wire{98, 1, 0x93}, Wire{96, 1, 0},
                           Wire{96, 1, 0, 1, 2}, Wire{96, 1, 0, 4, 2, 1, 0}, Wire{96, 1, 0xFF, 0xFF, 2, 1},
                           Wire{100, 1, 0, 0}, Wire{126, 1, 0, 0}})
    EXPECT_FALSE(read_h265(wire)) << testing::PrintToString(wire);
}

}  // namespace
}  // namespace auralink::rtphdrext
