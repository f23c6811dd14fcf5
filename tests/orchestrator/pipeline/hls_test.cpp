// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/hls.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

namespace auralink::pipeline {
namespace {

using ::testing::HasSubstr;
using Box = std::vector<std::uint8_t>;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::uint32_t kVideo = 1, kAudio = 2, kSync = 0x40, kDelta = 0x100C0;

void put32(Box& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(v >> static_cast<unsigned>(shift)));
}
Box words(std::initializer_list<std::uint32_t> values) {
  Box out;
  for (const auto v : values) put32(out, v);
  return out;
}
Box joined(const std::vector<Box>& parts) {
  Box out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
Box box(std::string_view type, const std::vector<Box>& parts) {
  Box body = joined(parts), out;
  put32(out, static_cast<std::uint32_t>(body.size() + 8));
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}
Box text(std::string_view s) { return {s.begin(), s.end()}; }

Box trak(std::uint32_t id, std::uint32_t timescale, std::string_view handler) {
  return box("trak", {box("tkhd", {words({0, 0, 0, id, 0, 0})}),
                      box("mdia", {box("mdhd", {words({0, 0, 0, timescale, 0, 0})}),
                                   box("hdlr", {words({0, 0}), text(handler), words({0, 0, 0})})})});
}
Box trex(std::uint32_t id) { return box("trex", {words({0, id, 1, 0, 0, 0})}); }
Box head(bool video = true, bool audio = true) {
  std::vector<Box> tracks{box("mvhd", {words({0})})}, defaults;
  if (video) tracks.push_back(trak(kVideo, 3000, "vide")), defaults.push_back(trex(kVideo));
  if (audio) tracks.push_back(trak(kAudio, 48000, "soun")), defaults.push_back(trex(kAudio));
  tracks.push_back(box("mvex", defaults));
  return joined({box("ftyp", {text("iso5")}), box("moov", tracks)});
}
/// One moof and mdat as mp4mux 1.22 writes them: `count` samples of `duration`, the first with `flags`.
Box fragment(std::uint32_t track, std::uint32_t start, std::uint32_t count, std::uint32_t duration,
             std::uint32_t flags) {
  Box run = words({0x701, count, 100});
  for (std::uint32_t i = 0; i < count; ++i)
    for (const auto v : {duration, 10U, i == 0 ? flags : kDelta}) put32(run, v);
  return joined({box("moof", {box("mfhd", {words({0, 1})}),
                              box("traf", {box("tfhd", {words({0, track})}), box("tfdt", {words({0, start})}),
                                           box("trun", {run})})}),
                 box("mdat", {Box(count * 10, static_cast<std::uint8_t>(track))})});
}
/// Half a second of picture or sound.
Box picture(std::uint32_t half_seconds, bool key) {
  return fragment(kVideo, half_seconds * 1500, 15, 100, key ? kSync : kDelta);
}
Box sound(std::uint32_t half_seconds) { return fragment(kAudio, half_seconds * 24000, 25, 960, kSync); }

struct Cut {
  Box init;
  std::vector<Box> segments;
  std::vector<std::int64_t> durations;
  std::vector<bool> independent;
  std::string refused;
};
Cut cut(const Box& stream, std::int64_t target, std::size_t piece = 1000,
        HlsCutter::Straddling straddling = HlsCutter::Straddling::once) {
  Cut out;
  HlsCutter cutter{
      target,
      {.init = [&](auto bytes) { out.init.assign(bytes.begin(), bytes.end()); },
       .begin = [&](std::int64_t) { out.segments.emplace_back(); },
       .data = [&](auto b) { out.segments.back().insert(out.segments.back().end(), b.begin(), b.end()); },
       .end =
           [&](std::int64_t duration, bool independent) {
             out.durations.push_back(duration);
             out.independent.push_back(independent);
           }},
      straddling};
  for (std::size_t at = 0; at < stream.size() && out.refused.empty(); at += piece)
    if (const auto fed = cutter.feed({stream.data() + at, std::min(piece, stream.size() - at)}); !fed)
      out.refused = fed.error();
  cutter.finish();
  return out;
}
std::uint32_t first_track(const Box& segment) { return segment.at(8 + 16 + 8 + 15); }

TEST(Hls, EverySegmentBeginsWithAKeyframeAndLastsWhatItsBoxesSay) {
  std::vector<Box> stream{head()};
  for (std::uint32_t i = 0; i < 20; ++i) stream.insert(stream.end(), {sound(i), picture(i, i % 4 == 0)});
  const auto out = cut(joined(stream), 3000 * kMs);
  EXPECT_EQ(out.refused, "");
  EXPECT_EQ(out.init, head());
  // Keyframes every two seconds: the first one three seconds or more after the last cut.
  EXPECT_EQ(out.durations, (std::vector<std::int64_t>{4000 * kMs, 4000 * kMs, 2000 * kMs}));
  ASSERT_EQ(out.segments.size(), 3U);
  for (const auto& segment : out.segments) EXPECT_EQ(first_track(segment), kVideo);
  EXPECT_EQ(out.independent, (std::vector<bool>{true, true, true}));
  EXPECT_EQ(out.segments[0].size(), 8 * (picture(0, true).size() + sound(0).size()));
}

TEST(Hls, SoundGoesWhereMostOfItIsHeard) {
  // The sound that arrives before the cut is of the time after it.
  const auto out =
      cut(joined({head(), picture(0, true), sound(0), sound(1), picture(1, true), sound(2)}), 500 * kMs);
  ASSERT_EQ(out.segments.size(), 2U);
  EXPECT_EQ(out.segments[0], cut(joined({head(), picture(0, true), sound(0)}), 500 * kMs).segments[0]);
}

TEST(Hls, SoundThatReachesOverACutGoesToBothWhenAskedFor) {
  // Sound of half a second that begins a quarter of a second after the pictures do.
  const auto late = [](std::uint32_t n) { return fragment(kAudio, n * 24000 + 12000, 25, 960, kSync); };
  const auto stream =
      joined({head(), picture(0, true), late(0), picture(1, true), late(1), picture(2, false)});
  const auto both = cut(stream, 500 * kMs, 1000, HlsCutter::Straddling::both).segments;
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0], cut(joined({head(), picture(0, true), late(0)}), 500 * kMs).segments[0]);
  EXPECT_EQ(both[1].size(), 2 * picture(0, true).size() + 2 * late(0).size());
  // The same, when that sound arrives behind the pictures that it reaches into.
  const auto behind =
      joined({head(), picture(0, true), picture(1, true), late(0), picture(2, false), late(1)});
  EXPECT_EQ(cut(behind, 500 * kMs, 1000, HlsCutter::Straddling::both).segments[0], both[0]);
  const auto once = cut(stream, 500 * kMs).segments;
  EXPECT_EQ(once[0].size() + once[1].size(), 3 * picture(0, true).size() + 2 * late(0).size());
}

TEST(Hls, FragmentsCountFromTheirOwnBox) {
  const auto out = cut(joined({head(), picture(0, true)}), 1000 * kMs);
  EXPECT_EQ(out.segments.at(0).at(8 + 16 + 8 + 9), 0x02) << "default-base-is-moof";
}

TEST(Hls, TheSameBytesInAnyPiecesAreTheSameSegments) {
  std::vector<Box> stream{head()};
  for (std::uint32_t i = 0; i < 6; ++i) stream.insert(stream.end(), {sound(i), picture(i, i % 2 == 0)});
  const auto whole = cut(joined(stream), 1000 * kMs, 1U << 20U);
  for (const std::size_t piece : {1U, 7U, 100U}) {
    const auto pieces = cut(joined(stream), 1000 * kMs, piece);
    EXPECT_EQ(pieces.segments, whole.segments) << piece;
    EXPECT_EQ(pieces.durations, whole.durations) << piece;
  }
}

TEST(Hls, SoundAloneIsCutAnywhere) {
  std::vector<Box> stream{head(false, true)};
  for (std::uint32_t i = 0; i < 5; ++i) stream.push_back(sound(i));
  const auto out = cut(joined(stream), 1000 * kMs);
  EXPECT_EQ(out.durations, (std::vector<std::int64_t>{1000 * kMs, 1000 * kMs, 500 * kMs}));
}

TEST(Hls, WhatIsIncompleteIsLeftOut) {
  auto stream = joined({head(), picture(0, true), picture(1, false)});
  stream.erase(stream.end() - 5, stream.end());
  const auto out = cut(stream, 1000 * kMs);
  EXPECT_EQ(out.refused, "");
  EXPECT_EQ(out.durations, (std::vector<std::int64_t>{500 * kMs}));
}

TEST(Hls, BytesThatAreNoSuchStreamAreRefusedWithAReason) {
  EXPECT_THAT(cut(text("GIF89a---------"), kMs).refused, HasSubstr("size"));
  EXPECT_THAT(cut(picture(0, true), kMs).refused, HasSubstr("before the moov"));
  EXPECT_THAT(cut(joined({head(), box("mdat", {})}), kMs).refused, HasSubstr("without moof"));
  EXPECT_THAT(cut(joined({head(), head()}), kMs).refused, HasSubstr("second moov"));
  EXPECT_THAT(cut(box("moov", {words({0, 0})}), kMs).refused, HasSubstr("no track"));
  EXPECT_THAT(cut(joined({head(), fragment(9, 0, 1, 1, 0)}), kMs).refused, HasSubstr("does not have"));
  const auto file = box("moof", {box("traf", {box("tfhd", {words({1, kVideo, 0, 0})})})});
  EXPECT_THAT(cut(joined({head(), file}), kMs).refused, HasSubstr("start of a file"));
}

TEST(Hls, EveryByteAtItsWorstNeverBreaksTheCutter) {
  const auto good = joined({head(), sound(0), picture(0, true), sound(1), picture(1, true)});
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const std::uint8_t worst : std::initializer_list<std::uint8_t>{0x00, 0x01, 0x7F, 0xFF}) {
      auto stream = good;
      stream[at] = worst;
      const auto out = cut(stream, 500 * kMs, 64);
      for (const auto duration : out.durations) ASSERT_GE(duration, 0) << at;
    }
}

TEST(HlsPlaylist, SaysWhatPlayersNeed) {
  const std::vector<HlsSegment> segments{{"segment-00001.m4s", 6'000'000'000, 1'767'225'600'250},
                                         {"segment-00002.m4s", 6'533'333'333, 1'767'225'606'250}};
  EXPECT_EQ(hls_playlist(segments, 6'000'000'000, "init.mp4", true, true),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:1\n"
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n"
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.250Z\n#EXTINF:6.000000,\nsegment-00001.m4s\n"
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:06.250Z\n#EXTINF:6.533333,\nsegment-00002.m4s\n"
            "#EXT-X-ENDLIST\n");
  EXPECT_THAT(hls_playlist(segments, 6'000'000'000, "init.mp4", false, true),
              testing::Not(HasSubstr("ENDLIST")));
  EXPECT_THAT(hls_playlist(segments, 6'000'000'000, "init.mp4", true, false),
              testing::Not(HasSubstr("INDEPENDENT")));
  EXPECT_EQ(hls_segment_name(123), "segment-00123.m4s");
}

}  // namespace
}  // namespace auralink::pipeline
