// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/composer.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

Header at(std::uint32_t timestamp, bool marker = false, std::uint32_t ssrc = 1) {
  return {.timestamp = timestamp, .ssrc = ssrc, .marker = marker};
}

Assignment assigned(const Configuration& c, std::optional<Codec> codec = {}) {
  return std::get<Assignment>(assign(c, {.extmap = {}, .codec = codec}));
}

/// Bytes by id that the next packet gets.
std::map<unsigned, Wire> next(Composer& composer, const Assignment& assignment, const Header& header,
                              const PacketFacts& facts = {}) {
  composer.arrives(header);
  std::map<unsigned, Wire> out;
  const Edits edits = composer.compose(assignment, header, facts);
  for (const auto& element : edits.set) out[element.id] = {element.data.begin(), element.data.end()};
  EXPECT_EQ(out.size(), edits.set.size());
  EXPECT_EQ(edits.remove, assignment.remove);
  return out;
}

constexpr NtpTime kSomeTime{(5ULL << 32U) | 0x80000000U};

TEST(Composer, WritesBytesAndMidOnEveryPacket) {
  Composer composer;
  const auto a = assigned({.id = 3, .data = "01a2", .mid_id = 4, .mid = "ab"});
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(next(composer, a, at(0)), (std::map<unsigned, Wire>{{3, {0x01, 0xA2}}, {4, {'a', 'b'}}}));
  EXPECT_EQ(composer.written(), 1U << index_of(Kind::kMid));
}

TEST(Composer, WritesTheTimeOfSendingOnEveryPacket) {
  Composer composer;
  const auto a = assigned({.abs_send_time_id = 3});
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(next(composer, a, at(0), {.now = kSomeTime}), (std::map<unsigned, Wire>{{3, {0x16, 0, 0}}}));
}

TEST(Composer, WritesTheTimeOfCaptureOncePerTimestamp) {
  Composer composer;
  const auto a = assigned({.abs_capture_time_id = 3});
  const PacketFacts facts{.captured = kSomeTime};
  EXPECT_EQ(next(composer, a, at(0), facts), (std::map<unsigned, Wire>{{3, {0, 0, 0, 5, 0x80, 0, 0, 0}}}));
  EXPECT_TRUE(next(composer, a, at(0), facts).empty());
  EXPECT_EQ(next(composer, a, at(1), facts).size(), 1U);
  EXPECT_EQ(next(composer, a, at(1, false, 2), facts).size(), 1U) << "another source, another frame";
  EXPECT_TRUE(next(composer, a, at(2)).empty()) << "an unknown time is not written";
}

TEST(Composer, PrefersTheLevelOfThePacket) {
  Composer composer;
  const auto fixed = assigned({.audio_level_id = 1, .audio_level = 40});
  EXPECT_EQ(next(composer, fixed, at(0)), (std::map<unsigned, Wire>{{1, {40}}}));
  EXPECT_EQ(next(composer, fixed, at(0), {.level = AudioLevel{.voice = true, .dbov = 2}}),
            (std::map<unsigned, Wire>{{1, {0x82}}}));
  EXPECT_TRUE(next(composer, assigned({.audio_level_id = 1}), at(0)).empty());
}

TEST(Composer, CountsAccessUnitsInAicMetadata) {
  Composer composer;
  const auto a = assigned({.aic_id = 5, .aic_mode = AicMode::kConservative, .aic_saved = 24});
  for (std::uint16_t unit = 0; unit < 3; ++unit) {
    const auto first = next(composer, a, at(unit));
    ASSERT_TRUE(first.contains(5));
    EXPECT_EQ(decode_aic(first.at(5)),
              (AicMetadata{.mode = AicMode::kConservative, .saved = 24, .au_seq = unit}));
    EXPECT_TRUE(next(composer, a, at(unit)).empty()) << "only on the first packet of an access unit";
  }
}

TEST(Composer, PrefersTheAicMetadataOfThePacket) {
  Composer composer;
  const AicMetadata known{.mode = AicMode::kAdaptive, .saved = 50, .epoch = 3, .au_seq = 900};
  EXPECT_EQ(decode_aic(next(composer, assigned({.aic_id = 5}), at(0), {.aic = known}).at(5)), known);
}

TEST(Composer, WritesFrameInfo) {
  Composer composer;
  const auto a = assigned({.frame_info_id = 6}, Codec::kH264);
  const Wire idr{0x65, 0x88, 1, 2};
  const auto info = decode_frame_info(next(composer, a, at(0, true), {.fragment = read_h264(idr)}).at(6));
  EXPECT_EQ(info, (FrameInfo{.key = true, .start = true, .end = true}));
  EXPECT_TRUE(next(composer, a, at(1)).empty()) << "what cannot be read is not described";
}

}  // namespace
}  // namespace auralink::rtphdrext
