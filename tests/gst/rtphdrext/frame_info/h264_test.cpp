// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

Fragment read(const Wire& payload) { return read_h264(payload).value(); }

TEST(H264, TellsAKeyframeFromASingleNalUnit) {
  const auto idr = read({0x65, 0x88, 0x84});
  EXPECT_TRUE(idr.key);
  EXPECT_TRUE(idr.may_start);
  EXPECT_FALSE(idr.discardable);
  EXPECT_EQ(idr.end, FrameEnd::kWithMarker);
  EXPECT_FALSE(read({0x41, 0x9A, 0x00}).key);
}

TEST(H264, StartsAPictureAtItsFirstMacroblockOnly) {
  EXPECT_TRUE(read({0x41, 0x9A}).may_start);   // first_mb_in_slice 0: the bit 1
  EXPECT_FALSE(read({0x41, 0x40}).may_start);  // 010: 1
  EXPECT_FALSE(read({0x65, 0x05}).may_start) << "a later slice of a keyframe";
  EXPECT_TRUE(read({0x65, 0x05}).key);
}

TEST(H264, StartsAnAccessUnitAtWhatMayPrecedeASlice) {
  for (const unsigned type : {6U, 7U, 8U, 9U, 14U, 15U}) {
    const auto nal = read({static_cast<std::uint8_t>(0x60U | type), 0x42});
    EXPECT_TRUE(nal.may_start) << type;
    EXPECT_FALSE(nal.key) << "no picture, no keyframe";
    EXPECT_EQ(nal.config, type == 7 || type == 8 || type == 15) << type;
  }
  for (const unsigned type : {3U, 4U, 10U, 11U, 12U, 13U, 19U, 21U})
    EXPECT_FALSE(read({static_cast<std::uint8_t>(0x60U | type), 0x80}).may_start) << type;
}

TEST(H264, CallsSlicesWithoutReferenceDiscardable) {
  EXPECT_TRUE(read({0x01, 0x9A}).discardable);
  EXPECT_FALSE(read({0x21, 0x9A}).discardable);
  EXPECT_FALSE(read({0x06, 0x05}).discardable) << "SEI says nothing about a picture";
}

TEST(H264, WalksAnAggregate) {
  const auto keyframe = read({24, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE, 0, 3, 0x65, 0x88, 0x84});
  EXPECT_TRUE(keyframe.key && keyframe.config && keyframe.may_start);
  EXPECT_EQ(keyframe.end, FrameEnd::kWithMarker);
  const auto sets = read({0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE});
  EXPECT_TRUE(sets.config);
  EXPECT_FALSE(sets.key);
}

TEST(H264, CallsAnAggregateDiscardableOnlyWhenAllItsSlicesAre) {
  EXPECT_TRUE(read({24, 0, 2, 0x06, 0x05, 0, 2, 0x01, 0x9A, 0, 2, 0x01, 0x40}).discardable);
  EXPECT_FALSE(read({24, 0, 2, 0x01, 0x9A, 0, 2, 0x41, 0x40}).discardable);
}

TEST(H264, ReadsFragmentationUnits) {
  const auto first = read({0x7C, 0x85, 0x88});
  EXPECT_TRUE(first.key && first.may_start);
  EXPECT_EQ(first.end, FrameEnd::kNo);
  const auto middle = read({0x7C, 0x05, 0x80});
  EXPECT_TRUE(middle.key);
  EXPECT_FALSE(middle.may_start) << "only the S bit begins a unit";
  EXPECT_EQ(middle.end, FrameEnd::kNo) << "whatever the marker bit says";
  const auto last = read({0x1C, 0x41, 0x80});
  EXPECT_EQ(last.end, FrameEnd::kWithMarker);
  EXPECT_TRUE(last.discardable);
  EXPECT_FALSE(last.key);
}

TEST(H264, TakesTheTemporalLayerFromAPrefix) {
  // svc_extension_flag, ..., temporal_id 2 in the upper bits of the third byte.
  EXPECT_EQ(read({0x6E, 0x80, 0x00, 0x47}).temporal_layer, 2);
  EXPECT_EQ(read({24, 0, 4, 0x6E, 0x80, 0x00, 0x27, 0, 2, 0x41, 0x9A}).temporal_layer, 1);
  EXPECT_EQ(read({0x6E, 0x00, 0x00, 0x47}).temporal_layer, std::nullopt) << "an MVC extension";
  EXPECT_EQ(read({0x41, 0x9A}).temporal_layer, std::nullopt);
}

TEST(H264, RefusesWhatItCannotRead) {
  for (const Wire& wire :
       {Wire{}, Wire{0x65}, Wire{24}, Wire{24, 0}, Wire{24, 0, 0}, Wire{24, 0, 3, 0x65, 1},
        Wire{24, 0, 1, 0x65, 0}, Wire{24, 0xFF, 0xFF, 0x65}, Wire{28, 0x85}, Wire{0, 1, 2},
        Wire{25, 0, 0, 0, 1, 0x65}, Wire{29, 0x85, 0, 0, 1}, Wire{30, 1, 2}, Wire{31, 1, 2}})
    EXPECT_FALSE(read_h264(wire)) << testing::PrintToString(wire);
}

TEST(Codec, IsKnownByItsEncodingName) {
  EXPECT_EQ(codec_from_encoding_name("H264"), Codec::kH264);
  EXPECT_EQ(codec_from_encoding_name("h265"), Codec::kH265);
  EXPECT_EQ(codec_from_encoding_name("VP8"), Codec::kVp8);
  EXPECT_EQ(codec_from_encoding_name("VP9-DRAFT-IETF-01"), Codec::kVp9);
  EXPECT_EQ(codec_from_encoding_name("av1"), Codec::kAv1);
  for (const char* other : {"", "H26", "H2644", "OPUS", "VP"})
    EXPECT_EQ(codec_from_encoding_name(other), std::nullopt);
}

TEST(Codec, ChoosesTheReader) {
  const Wire h264{0x65, 0x88};
  const Wire vp8{0x10, 0x00};
  EXPECT_TRUE(read_fragment(Codec::kH264, h264).value().key);
  EXPECT_TRUE(read_fragment(Codec::kVp8, vp8).value().key);
}

}  // namespace
}  // namespace auralink::rtphdrext
