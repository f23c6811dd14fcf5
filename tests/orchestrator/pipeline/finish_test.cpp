// SPDX-License-Identifier: LGPL-2.1-or-later
// What is made of files that were cut anywhere, and how pieces follow each other. The clips were written by
// GStreamer's muxers in processes that were killed.
#include "orchestrator/pipeline/finish.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <random>

#include "orchestrator/pipeline/finish_mkv.hpp"
#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/finish_ogg.hpp"
#include "orchestrator/pipeline/finish_playlist.hpp"
#include "tests/fuzz/finish_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace auralink::pipeline::finish {
namespace {

Bytes clip(const std::string& name) {
  std::ifstream in{std::string{CLIPS} + "/" + name, std::ios::binary};
  Bytes out{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_FALSE(out.empty()) << name;
  return out;
}
Memory first_of(const Bytes& bytes, std::size_t count) {
  return Memory{Bytes{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)}};
}

std::vector<std::int64_t> shown(const Mp4Track& track) {
  std::vector<std::int64_t> out;
  std::int64_t dts = track.first_dts;
  for (const auto& sample : track.samples) {
    out.push_back(rescale(dts + sample.shift, kSecond, track.timescale));
    dts += sample.duration;
  }
  return out;
}

template <class Read>
void cut_everywhere(const std::string& name, Read read, std::int64_t longest_hole_ns) {
  const auto bytes = clip(name);
  std::int64_t before = 0;
  unsigned readable = 0;
  for (std::size_t size = 0; size < bytes.size(); size += 331) {
    const auto part = first_of(bytes, size);
    LLVMFuzzerTestOneInput(part.bytes.data(), part.bytes.size());  // aborts when what is made is not whole
    const auto file = read(part);
    if (!file) {
      EXPECT_EQ(readable, 0U) << name << " was readable with fewer bytes than " << size;
      continue;
    }
    ++readable;
    const auto duration = file->facts().duration_ns;
    EXPECT_GE(duration, before) << "more bytes never give less, at " << size;
    EXPECT_LE(duration - before, longest_hole_ns) << "at " << size;
    before = duration;
  }
  EXPECT_GE(readable, 5U);
}

TEST(TornFile, Mp4CutAnywhereGivesWhatArrived) { cut_everywhere("torn.mp4", read_mp4, 800'000'000); }
TEST(TornFile, WebmCutAnywhereGivesWhatArrived) { cut_everywhere("torn.webm", read_mkv, 500'000'000); }
TEST(TornFile, MatroskaCutAnywhereGivesWhatArrived) { cut_everywhere("torn.mkv", read_mkv, 500'000'000); }
TEST(TornFile, OggCutAnywhereGivesWhatArrived) { cut_everywhere("torn.ogg", read_ogg, 2'000'000'000); }

TEST(TornFile, DamagedBytesAreAnAnswerToo) {
  std::minstd_rand random{4};
  for (const auto* name : {"torn.mp4", "torn.webm", "torn.mkv", "torn.ogg"}) {
    const auto bytes = clip(name);
    for (int round = 0; round < 60; ++round) {
      auto damaged = bytes;
      for (int i = 0; i < 12; ++i) damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
      // The front is where structure is.
      for (int i = 0; i < 4; ++i)
        damaged[random() % std::min<std::size_t>(2000, damaged.size())] = static_cast<std::uint8_t>(random());
      LLVMFuzzerTestOneInput(damaged.data(), damaged.size());
    }
  }
}

TEST(Mp4Join, EverySampleAtItsOwnTimeBehindThePieceBefore) {
  const auto bytes = clip("torn.mp4");
  const Memory one = first_of(bytes, bytes.size() / 2), two{bytes};
  const auto first = read_mp4(one), second = read_mp4(two);
  ASSERT_TRUE(first && second);
  const std::array<Mp4Piece, 2> pieces{Mp4Piece{&one, &*first}, Mp4Piece{&two, &*second}};
  ASSERT_TRUE(joinable(pieces));
  Memory out;
  const auto facts = write_mp4(pieces, out);
  ASSERT_TRUE(facts);
  const auto joined = read_mp4(out);
  ASSERT_TRUE(joined);
  EXPECT_NEAR(static_cast<double>(facts->duration_ns),
              static_cast<double>(first->duration_ns() + second->duration_ns()), 100'000);
  EXPECT_EQ(joined->facts().duration_ns, facts->duration_ns);
  ASSERT_EQ(joined->tracks.size(), 2U);
  for (std::size_t t = 0; t < 2; ++t) {
    auto expected = shown(first->tracks[t]);
    for (const auto at : shown(second->tracks[t])) expected.push_back(at + first->duration_ns());
    const auto got = shown(joined->tracks[t]);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(static_cast<double>(got[i]), static_cast<double>(expected[i]), 1'000'000) << t << " " << i;
  }
}

TEST(Mp4Join, OtherCodecParametersAreRefused) {
  const auto bytes = clip("torn.mp4");
  const Memory source{bytes};
  const auto first = read_mp4(source);
  auto second = read_mp4(source);
  ASSERT_TRUE(first && second);
  second->tracks[0].stream.width = 640;
  const std::array<Mp4Piece, 2> pieces{Mp4Piece{&source, &*first}, Mp4Piece{&source, &*second}};
  EXPECT_FALSE(joinable(pieces));
}

TEST(Mp4Segment, TablesBehindTheSamplesSayWhatTheFragmentsSaid) {
  Memory source{clip("torn.mp4")};
  auto file = read_mp4(source);
  ASSERT_TRUE(file);
  settle_segment(*file, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  Memory closed;
  ASSERT_TRUE(closed.write(View{source.bytes}.first(big<4>(source.bytes))));  // ftyp
  const auto data_at = closed.size();
  ASSERT_TRUE(closed.write(View{source.bytes}.subspan(data_at)));
  const auto data = closed.size() - data_at;
  ASSERT_TRUE(closed.write(tables_of(*file)));
  Bytes header;
  put<4>(header, data), put(header, std::string_view{"mdat"});
  std::copy(header.begin(), header.end(), closed.bytes.begin() + static_cast<std::ptrdiff_t>(data_at));
  const auto again = read_mp4(closed);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->fragmented || again->torn);
  ASSERT_EQ(again->tracks.size(), file->tracks.size());
  for (std::size_t t = 0; t < file->tracks.size(); ++t) {
    EXPECT_EQ(shown(again->tracks[t]), shown(file->tracks[t])) << t;
    EXPECT_EQ(again->tracks[t].chunks.front().offset, file->tracks[t].chunks.front().offset);
  }
}

TEST(Mp4Segment, OfTheSoundItHasWhatBeginsInItsTime) {
  const Memory source{clip("torn.mp4")};
  const auto whole = read_mp4(source);
  ASSERT_TRUE(whole);
  const auto sound = [](const Mp4File& file) {
    return *std::find_if(file.tracks.begin(), file.tracks.end(),
                         [](const auto& t) { return !t.stream.video; });
  };
  const auto bytes = [&sound](const Mp4File& file) {
    std::vector<std::uint64_t> out;
    const auto track = sound(file);
    for (const auto& chunk : track.chunks) {
      auto at = chunk.offset;
      for (std::uint32_t i = 0; i < chunk.count; ++i)
        out.push_back(at), at += track.samples[chunk.first + i].size;
    }
    return out;
  };
  const auto all = bytes(*whole);
  using Ns = std::numeric_limits<std::int64_t>;
  for (const std::int64_t cut :
       {-1'000'000'000LL, 0LL, 1LL, 400'000'000LL, 433'333'333LL, 99'000'000'000LL}) {
    auto before = *whole, after = *whole;
    settle_segment(before, Ns::min(), cut);
    settle_segment(after, cut, Ns::max());
    auto got = before.tracks.size() < 2 ? std::vector<std::uint64_t>{} : bytes(before);
    if (after.tracks.size() == 2)
      for (const auto at : bytes(after)) got.push_back(at);
    EXPECT_EQ(got, all) << cut;
    for (const auto* half : {&before, &after})
      for (const auto& track : half->tracks) EXPECT_GE(shown(track).front(), 0) << cut;
  }
}

TEST(Mp4Join, AFinishedFileReadsTheSameAgain) {
  const Memory source{clip("torn.mp4")};
  const auto file = read_mp4(source);
  ASSERT_TRUE(file);
  const Mp4Piece piece{&source, &*file};
  Memory once, twice;
  ASSERT_TRUE(write_mp4({&piece, 1}, once));
  const auto again = read_mp4(once);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->fragmented);
  const Mp4Piece finished{&once, &*again};
  ASSERT_TRUE(write_mp4({&finished, 1}, twice));
  EXPECT_EQ(once.bytes, twice.bytes);
}

TEST(Playlist, SaysWherePiecesMeet) {
  const auto text = render_playlist(
      {{.uri = "segment 1.m4s", .duration_ns = 4'000'000'000, .wall_ms = 1'000, .map = "init.mp4"},
       {.uri = "../b/segment-1.m4s",
        .duration_ns = 1'500'000'000,
        .wall_ms = 9'000,
        .map = "../b/init.mp4",
        .discontinuity = true}});
  EXPECT_EQ(text,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n"
            "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01.000Z\n"
            "#EXTINF:4.000000,\nsegment%201.m4s\n"
            "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"../b/init.mp4\"\n"
            "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:09.000Z\n#EXTINF:1.500000,\n../b/segment-1.m4s\n"
            "#EXT-X-ENDLIST\n");
}

TEST(Playlist, ReadsTheSegmentsOfItsOwnFolder) {
  const auto read = parse_playlist(
      "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01.500Z\n#EXTINF:4.000000,\na.m4s\n#EXTINF:zero,"
      "\nb.m4s\n"
      "#EXTINF:2,\n../other/c.m4s\n#EXTINF:2,\n");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read.at("a.m4s").duration_ns, 4'000'000'000);
  EXPECT_EQ(read.at("a.m4s").wall_ms, 1'500);
}

TEST(Gaps, LieBetweenPiecesAndAreTold) {
  using session::Millis;
  std::vector<Found> pieces(3);
  pieces[0].piece.started_at = Millis{10'000};
  pieces[0].piece.duration_ns = 5'000'000'000;
  pieces[1].problem = "it is empty";
  pieces[2].piece.started_at = Millis{18'250};
  pieces[2].piece.duration_ns = 1'000'000'000;
  const auto gaps = gaps_between(pieces);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].at_ns, 5'000'000'000);
  EXPECT_EQ(gaps[0].missing_ns, 3'250'000'000);
}

}  // namespace
}  // namespace auralink::pipeline::finish
