// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/description.hpp"

#include <gmock/gmock.h>

#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Description parsed(const json::Value& document) {
  auto d = parse_description(document);
  if (d) return *d;
  ADD_FAILURE() << d.error().front().pointer << ": " << d.error().front().detail;
  return {};
}

json::Violation refused(const json::Value& document) {
  const auto d = parse_description(document);
  return d ? json::Violation{"accepted", ""} : d.error().front();
}

RtpParticipant from_sdp(const std::string& sdp) {
  auto document = sample();
  document["source"] = {{"kind", "rtp"}, {"participants", {{{"name", "a"}, {"sdp", sdp}}}}};
  return std::get<RtpSource>(parsed(document).source).participants.at(0);
}

TEST(Description, ReadsFileParticipants) {
  const auto source = std::get<FileSource>(parsed(sample()).source);
  ASSERT_EQ(source.participants.size(), 2U);
  EXPECT_EQ(source.participants[1].name, "bob");
  EXPECT_THAT(source.participants[1].files, ElementsAre("bob.webm", "bob.ogg"));
  EXPECT_EQ(source.participants[1].join, 2s);
  EXPECT_EQ(source.participants[1].leave, Nanos{9s});
  EXPECT_FALSE(source.participants[0].leave);
  EXPECT_FALSE(source.participants[0].loop);
}

TEST(Description, FillsTheMixFromPresetsAndLetsExplicitValuesWin) {
  auto document = sample();
  document["mix"]["video"] = {{"preset", "1080p"}, {"fps", 25}, {"layout", "speaker"}, {"latency", "300ms"}};
  const auto video = parsed(document).video;
  EXPECT_EQ(video.width, 1920U);
  EXPECT_EQ(video.height, 1080U);
  EXPECT_EQ(video.fps, 25U);
  EXPECT_EQ(video.layout, Layout::speaker);
  EXPECT_EQ(video.latency, 300ms);
}

TEST(Description, KnowsThePresetsByName) {
  const std::map<std::string, unsigned> bitrates{
      {"480p", 1'500'000}, {"720p", 3'000'000}, {"1080p", 6'000'000}, {"4k", 15'000'000}};
  for (const auto& [name, bitrate] : bitrates) {
    auto document = sample();
    document["encode"]["h264"]["preset"] = name;
    const auto e = parsed(document).encode.at("h264");
    EXPECT_EQ(e.bitrate, bitrate) << name;
    EXPECT_EQ(e.keyframe, 2s);
    EXPECT_FALSE(e.width);
  }
}

TEST(Description, DerivesTheBitrateFromTheSize) {
  auto document = sample();
  document["mix"]["video"] = {{"width", 640}, {"height", 360}};
  document["encode"]["vp8"] = {{"of", "video"}, {"codec", "vp8"}, {"width", 7680}, {"height", 4320}};
  document["encode"]["opus"]["bitrate"] = 24000;
  const auto d = parsed(document);
  EXPECT_EQ(d.encode.at("h264").bitrate, 1'500'000U);
  EXPECT_EQ(d.encode.at("vp8").bitrate, 15'000'000U);
  EXPECT_EQ(d.encode.at("aac").bitrate, 128'000U);
  EXPECT_EQ(d.encode.at("opus").bitrate, 24'000U);
}

TEST(Description, ReadsPolicies) {
  auto document = sample();
  document["policies"] = {{"restart", {{"mode", "on-failure"}, {"max", 7}, {"window", "1m"}}},
                          {"startTimeout", "10s"},
                          {"stallTimeout", "20s"},
                          {"eosTimeout", "5s"},
                          {"idleTimeout", "2m"},
                          {"maxDuration", "1h"}};
  const auto p = parsed(document).policies;
  EXPECT_TRUE(p.restart.on_failure);
  EXPECT_EQ(p.restart.max, 7U);
  EXPECT_EQ(p.restart.window, 60s);
  EXPECT_EQ(p.start_timeout, 10s);
  EXPECT_EQ(p.stall_timeout, 20s);
  EXPECT_EQ(p.eos_timeout, 5s);
  EXPECT_EQ(p.idle_timeout, 2min);
  EXPECT_EQ(p.max_duration, 1h);
  EXPECT_FALSE(parsed(sample()).policies.restart.on_failure);
}

TEST(Description, ChoosesInputsThatFitTheContainer) {
  const std::map<std::string, std::vector<std::string>> expected{{"mp4", {"h264", "aac"}},
                                                                 {"webm", {"vp8", "opus"}},
                                                                 {"mkv", {"h264", "aac"}},
                                                                 {"segments", {"h264", "aac"}}};
  for (const auto& [container, inputs] : expected) {
    auto document = sample();
    document["branches"]["record"]["container"] = container;
    const auto d = parsed(document);
    EXPECT_EQ(std::get<FileBranch>(d.branches.at("record")).inputs, inputs) << container;
  }
  auto document = sample();
  document["encode"] = {{"h264", {{"of", "video"}, {"codec", "h264"}}}};
  document["branches"]["record"]["container"] = "webm";
  EXPECT_EQ(refused(document).pointer, "/branches/record/container");
}

TEST(Description, AcceptsNumbersOrListsOfTestParticipants) {
  auto document = sample();
  document["source"] = {{"kind", "test"}, {"participants", 9}};
  const auto many = std::get<TestSource>(parsed(document).source).participants;
  ASSERT_EQ(many.size(), 9U);
  EXPECT_EQ(many[8].name, "test-9");
  EXPECT_NE(many[0].frequency, many[1].frequency);
  document["source"] = *json::parse(R"({"kind":"test","participants":[
      {"name":"eve","pattern":"ball","frequency":1000,"video":true,"audio":false,"width":320,"height":180,"fps":15,
       "join":"1s","leave":"3s"}]})");
  const auto one = std::get<TestSource>(parsed(document).source).participants.at(0);
  EXPECT_EQ(one.pattern, TestPattern::ball);
  EXPECT_EQ(one.frequency, 1000);
  EXPECT_FALSE(one.audio);
  EXPECT_EQ(one.fps, 15U);
  EXPECT_EQ(one.leave, Nanos{3s});
}

TEST(Description, ReadsExplicitRtpStreams) {
  auto document = sample();
  document["source"] =
      *json::parse(R"({"kind":"rtp","address":"::1","jitter":"50ms","timeout":"5s","participants":[
      {"name":"a","video":{"codec":"h264","port":5004,"payload":102,"fmtp":"packetization-mode=1; sprop-parameter-sets=Z0I=,aM4="},
       "audio":{"codec":"pcma","port":5006}},
      {"name":"b","audio":{"codec":"opus","port":5008,"channels":1}}]})");
  const auto source = std::get<RtpSource>(parsed(document).source);
  EXPECT_EQ(source.address, "::1");
  EXPECT_EQ(source.jitter, 50ms);
  EXPECT_EQ(source.timeout, 5s);
  EXPECT_EQ(source.participants[0].video->payload, 102);
  EXPECT_EQ(source.participants[0].audio->payload, 8);
  EXPECT_EQ(source.participants[0].audio->clock_rate, 8000U);
  EXPECT_EQ(source.participants[1].audio->channels, 1);
  EXPECT_EQ(source.participants[1].audio->clock_rate, 48000U);
}

TEST(Description, TakesAddressesAndNoNames) {
  for (const auto* good : {"0.0.0.0", "192.168.1.255", "::", "fe80::1", "1:2:3:4:5:6:7:8"}) {
    auto document = sample();
    document["source"] = {
        {"kind", "rtp"},
        {"address", good},
        {"participants", {{{"name", "a"}, {"audio", {{"codec", "opus"}, {"port", 5004}}}}}}};
    EXPECT_TRUE(parse_description(document)) << good;
  }
  for (const auto* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.4.", "1.2.3.x", "1::2::3",
                          ":::", "12345::", ":1", "1:", "g::1", "1:2:3:4:5:6:7"}) {
    auto document = sample();
    document["source"] = {
        {"kind", "rtp"},
        {"address", bad},
        {"participants", {{{"name", "a"}, {"audio", {{"codec", "opus"}, {"port", 5004}}}}}}};
    EXPECT_EQ(refused(document).pointer, "/source/address") << bad;
  }
}

TEST(Sdp, TakesTheFirstCodecWeKnow) {
  const auto p = from_sdp(
      "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
      "m=video 5004 RTP/AVP 99 96 97\r\na=rtpmap:99 rtx/90000\r\na=rtpmap:96 H264/90000\r\n"
      "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 VP8/90000\r\na=sendonly\r\n"
      "m=audio 5006 RTP/AVPF 111\r\na=rtpmap:111 opus/48000/2\r\nm=application 9 UDP/DTLS/SCTP webrtc\r\n");
  ASSERT_TRUE(p.video);
  EXPECT_EQ(p.video->codec, RtpCodec::h264);
  EXPECT_EQ(p.video->port, 5004);
  EXPECT_EQ(p.video->payload, 96);
  EXPECT_EQ(p.video->fmtp, "packetization-mode=1;profile-level-id=42e01f");
  ASSERT_TRUE(p.audio);
  EXPECT_EQ(p.audio->codec, RtpCodec::opus);
  EXPECT_EQ(p.audio->channels, 2);
}

TEST(Sdp, KnowsStaticPayloadsAndRejectedStreams) {
  const auto p = from_sdp("v=0\nm=video 0 RTP/AVP 96\nm=audio 5006 RTP/AVP 0\n");
  EXPECT_FALSE(p.video);
  ASSERT_TRUE(p.audio);
  EXPECT_EQ(p.audio->codec, RtpCodec::pcmu);
  EXPECT_EQ(p.audio->clock_rate, 8000U);
}

TEST(Sdp, NamesTheLineThatIsWrong) {
  const auto wrong = [](const std::string& sdp) {
    auto document = sample();
    document["source"] = {{"kind", "rtp"}, {"participants", {{{"name", "a"}, {"sdp", sdp}}}}};
    return refused(document).detail;
  };
  EXPECT_THAT(wrong("v=1\n"), HasSubstr("line 1"));
  EXPECT_THAT(wrong("v=0\nnonsense\n"), HasSubstr("line 2"));
  EXPECT_THAT(wrong("v=0\nm=audio 5 RTP/AVP x\n"), HasSubstr("line 2"));
  EXPECT_THAT(wrong("v=0\nm=audio 5 RTP/AVP 96\na=rtpmap:200 opus/48000/2\n"), HasSubstr("line 3"));
  EXPECT_THAT(wrong("v=0\nm=audio 5 RTP/AVP 96\na=rtpmap:96 opus/8000\n"), HasSubstr("48000"));
  EXPECT_THAT(wrong("v=0\nm=audio 5 RTP/AVP 96\na=rtpmap:96 opus/48000/9\n"), HasSubstr("line 3"));
  EXPECT_THAT(wrong("v=0\nm=audio 5 RTP/AVP 96\n"), HasSubstr("no codec"));
}

TEST(Passthrough, NamesItsMediaAsInputs) {
  auto document = sample();
  document["source"]["participants"].erase(1);
  document["mix"] = {{"video", {{"mode", "passthrough"}}}, {"audio", {{"mode", "passthrough"}}}};
  document.erase("encode");
  const auto d = parsed(document);
  EXPECT_THAT(std::get<FileBranch>(d.branches.at("record")).inputs, ElementsAre("video", "audio"));
}

TEST(Passthrough, ChecksCodecsThatAreKnownBeforehand) {
  auto document = sample();
  document["source"] = *json::parse(
      R"({"kind":"rtp","participants":[{"name":"a","video":{"codec":"h264","port":5004},"audio":{"codec":"pcmu","port":5006}}]})");
  document["mix"] = {{"video", {{"mode", "passthrough"}}}, {"audio", {{"mode", "passthrough"}}}};
  document.erase("encode");
  document["branches"] = {{"a", {{"kind", "file"}, {"container", "mkv"}, {"inputs", {"video", "audio"}}}}};
  EXPECT_TRUE(parse_description(document));
  document["branches"]["a"]["container"] = "webm";
  EXPECT_EQ(refused(document).pointer, "/branches/a/inputs/0");
}

TEST(Branch, IsCheckedAgainstTheRunningConference) {
  const auto conference = parsed(sample());
  const auto good = parse_branch(
      *json::parse(R"({"kind":"file","container":"webm","onError":"fail-pipeline"})"), conference);
  ASSERT_TRUE(good);
  EXPECT_THAT(std::get<FileBranch>(*good).inputs, ElementsAre("vp8", "opus"));
  EXPECT_EQ(std::get<FileBranch>(*good).on_error, session::OnError::fail_pipeline);
  const auto bad =
      parse_branch(*json::parse(R"({"kind":"file","container":"webm","inputs":["acc"]})"), conference);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().front().pointer, "/inputs/0");
  EXPECT_THAT(bad.error().front().detail, HasSubstr("did you mean \"aac\""));
}

TEST(Branch, SaysWhoWhatAndHow) {
  auto document = sample();
  document["branches"]["record"] = *json::parse(R"({"kind":"file","container":"hls","participant":"bob",
      "tracks":"audio","auto":{"minParticipants":3},"previews":false})");
  document["policies"] = *json::parse(R"({"orphans":"continue","resources":{"cpu":1.5,"memory":"1Gi"}})");
  const auto d = parsed(document);
  const auto& branch = std::get<FileBranch>(d.branches.at("record"));
  EXPECT_EQ(branch.participant, "bob");
  EXPECT_EQ(branch.tracks, Tracks::audio);
  EXPECT_THAT(branch.inputs, ElementsAre("aac"));
  EXPECT_EQ(branch.segment, std::chrono::seconds{6}) << "the usual length of HLS";
  ASSERT_TRUE(branch.automatic);
  EXPECT_EQ(branch.automatic->min_participants, 3U);
  EXPECT_EQ(branch.automatic->empty_for, session::Millis{10'000});
  EXPECT_EQ(branch.preview_interval, session::Millis{0});
  EXPECT_EQ(d.policies.orphans, session::Orphans::go_on);
  EXPECT_EQ(d.policies.cpus, 1.5);
  EXPECT_EQ(d.policies.memory_bytes, 1ULL << 30U);
  EXPECT_EQ(parsed(sample()).policies.orphans, session::Orphans::stop);
}

TEST(Branch, ARecordingWithoutSoundOrPictureIsNeverMadeInSilence) {
  auto document = sample();
  document["encode"] = {{"h264", {{"of", "video"}, {"codec", "h264"}}},
                        {"aac", {{"of", "audio"}, {"codec", "aac"}}}};
  document["branches"]["record"]["container"] = "ogg";
  EXPECT_THAT(refused(document).detail,
              HasSubstr("ogg cannot hold what the conference encodes of audio: aac"));
  document["encode"]["opus"] = {{"of", "audio"}, {"codec", "opus"}};
  EXPECT_THAT(std::get<FileBranch>(parsed(document).branches.at("record")).inputs, ElementsAre("opus"));
  document["branches"]["record"]["container"] = "webm";
  EXPECT_THAT(refused(document).detail, HasSubstr("video: h264"));
  document["branches"]["record"]["tracks"] = "audio";
  EXPECT_THAT(std::get<FileBranch>(parsed(document).branches.at("record")).inputs, ElementsAre("opus"));
}

TEST(Containers, TakeWhatPlayersPlay) {
  EXPECT_TRUE(fits(Container::mp4, Codec::openh264));
  EXPECT_FALSE(fits(Container::mp4, Codec::vp8));
  EXPECT_FALSE(fits(Container::webm, Codec::aac));
  EXPECT_TRUE(fits(Container::webm, Codec::vp9));
  EXPECT_TRUE(fits(Container::mkv, Codec::vp8));
  EXPECT_FALSE(fits(Container::segments, Codec::vp9));
  EXPECT_EQ(suffix_of(Container::mp4), ".mp4");
  EXPECT_EQ(suffix_of(Container::webm), ".webm");
  EXPECT_EQ(suffix_of(Container::mkv), ".mkv");
  EXPECT_EQ(suffix_of(Container::ogg), ".ogg");
  EXPECT_EQ(suffix_of(Container::segments), "");
  EXPECT_EQ(suffix_of(Container::hls), "");
  EXPECT_TRUE(is_folder(Container::hls) && !is_folder(Container::ogg));
  EXPECT_FALSE(fits(Container::ogg, Codec::aac));
  EXPECT_FALSE(fits(Container::hls, Codec::vp8));
  EXPECT_EQ(to_string(RtpCodec::pcmu), "pcmu");
}

TEST(Custom, ReadsElementsAndLinks) {
  const auto d = parsed(*json::parse(R"({"apiVersion":"auralink/v1","kind":"Custom","name":"c","why":"x",
    "elements":[{"id":"a","factory":"videotestsrc","properties":{"is-live":true,"num-buffers":5,"pattern":"ball"}},
                {"id":"v","factory":"volume","properties":{"volume":0.5}},{"id":"b","factory":"fakesink"}],
    "links":[{"from":"a","fromPad":"src","to":"b","toPad":"sink","caps":"video/x-raw"}]})"));
  ASSERT_TRUE(d.custom);
  EXPECT_EQ(d.custom->elements.size(), 3U);
  EXPECT_EQ(std::get<std::int64_t>(d.custom->elements[0].properties.at("num-buffers")), 5);
  EXPECT_EQ(std::get<double>(d.custom->elements[1].properties.at("volume")), 0.5);
  EXPECT_EQ(d.custom->links[0].caps, "video/x-raw");
  EXPECT_FALSE(parse_branch(json::Value::object(), d));
}

json::Value linked() {
  auto document = sample();
  document["encode"]["open"] = {{"of", "video"}, {"codec", "openh264"}};
  document["branches"] =
      *json::parse(R"({"trunk":{"kind":"aic-trunk","inputs":["open","opus"],"host":"far.example",
      "videoPort":5004,"audioPort":5006,"address":"::1","feedbackPort":5008,"profile":"lite","onError":"fail-pipeline"}})");
  return document;
}

TEST(Description, ReadsTheSendingEndOfATrunk) {
  const auto d = parsed(linked());
  const auto& trunk = std::get<TrunkBranch>(d.branches.at("trunk"));
  EXPECT_THAT(trunk.inputs, ElementsAre("open", "opus"));
  EXPECT_EQ(trunk.host, "far.example");
  EXPECT_EQ(trunk.video_port, 5004);
  EXPECT_EQ(trunk.audio_port, 5006);
  EXPECT_EQ(trunk.address, "::1");
  EXPECT_EQ(trunk.feedback_port, 5008);
  EXPECT_EQ(trunk.profile, TrunkProfile::lite);
  EXPECT_EQ(trunk.on_error, session::OnError::fail_pipeline);
  EXPECT_EQ(as_file(d.branches.at("trunk")), nullptr);
}

TEST(Description, ATrunkOfOneMediumListensOnlyOnTheLoopback) {
  auto document = linked();
  document["branches"]["trunk"] = {
      {"kind", "aic-trunk"}, {"inputs", {"opus"}}, {"host", "10.0.0.7"}, {"audioPort", 5006}};
  const auto d = parsed(document);
  const auto& trunk = std::get<TrunkBranch>(d.branches.at("trunk"));
  EXPECT_EQ(trunk.video_port, 0);
  EXPECT_EQ(trunk.feedback_port, 0);
  EXPECT_EQ(trunk.address, "127.0.0.1");
  EXPECT_EQ(trunk.profile, TrunkProfile::automatic);
  EXPECT_EQ(trunk.on_error, session::OnError::detach);
}

TEST(Description, TheReceivingEndOfATrunkIsAParticipantOverRtp) {
  auto document = sample();
  document["source"] = *json::parse(R"({"kind":"aic-trunk","name":"far","videoPort":5004,"audioPort":5006,
      "jitter":"80ms","timeout":"3s","feedback":{"host":"10.0.0.7","port":5008}})");
  const auto source = std::get<RtpSource>(parsed(document).source);
  EXPECT_EQ(source.address, "127.0.0.1");
  EXPECT_EQ(source.jitter, 80ms);
  EXPECT_EQ(source.timeout, 3s);
  ASSERT_EQ(source.participants.size(), 1U);
  const auto& far = source.participants.front();
  EXPECT_EQ(far.name, "far");
  ASSERT_TRUE(far.video && far.video->tunnel && far.audio);
  EXPECT_EQ(far.video->codec, RtpCodec::h264);
  EXPECT_EQ(far.video->port, 5004);
  EXPECT_EQ(far.video->tunnel->host, "10.0.0.7");
  EXPECT_EQ(far.video->tunnel->port, 5008);
  EXPECT_NE(far.video->tunnel->payload, far.video->payload);
  EXPECT_EQ(far.audio->codec, RtpCodec::opus);
  EXPECT_EQ(far.audio->port, 5006);
}

}  // namespace
}  // namespace auralink::pipeline
