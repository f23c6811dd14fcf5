// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

#include "orchestrator/pipeline/catalog.hpp"
#include "orchestrator/pipeline/estimate.hpp"
#include "orchestrator/pipeline/parameters.hpp"
#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

using ::testing::HasSubstr;

Description described(const json::Value& document) {
  auto d = parse_description(document);
  EXPECT_TRUE(d) << (d ? "" : d.error().front().pointer + d.error().front().detail);
  return d ? *d : Description{};
}

const Node& node(const Fragment& f, const std::string& id) {
  static const Node none{};
  const auto it = std::find_if(f.nodes.begin(), f.nodes.end(), [&](const auto& n) { return n.id == id; });
  if (it != f.nodes.end()) return *it;
  ADD_FAILURE() << f.name << " has no node " << id;
  return none;
}

std::string factories(const Fragment& f) {
  std::string out;
  for (const auto& n : f.nodes) out += (out.empty() ? "" : " ") + n.factory;
  return out;
}

/// Every node is linked or a port, every link and port names a node, and every id is used once.
void expect_sound(const Fragment& f) {
  std::vector<std::string> ids;
  for (const auto& n : f.nodes) ids.push_back(n.id);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << f.name;
  const auto known = [&](const std::string& id) { return std::binary_search(ids.begin(), ids.end(), id); };
  for (const auto& l : f.links)
    EXPECT_TRUE(known(l.from) && known(l.to)) << f.name << ": " << l.from << " " << l.to;
  for (const auto* ports : {&f.inputs, &f.outputs})
    for (const auto& p : *ports) EXPECT_TRUE(known(p.node)) << f.name << ": " << p.node;
  for (const auto& id : ids)
    EXPECT_TRUE(std::any_of(f.links.begin(), f.links.end(),
                            [&](const auto& l) { return l.from == id || l.to == id; }) ||
                f.nodes.size() == 1)
        << f.name << ": " << id;
}

void expect_sound(const Plan& plan) {
  for (const auto& p : plan.participants) expect_sound(p.fragment);
  for (const auto& [media, f] : plan.mixers) expect_sound(f);
  for (const auto& [name, f] : plan.encodes) expect_sound(f);
  for (const auto& [name, f] : plan.branches) expect_sound(f);
}

TEST(Plan, JoinsFilesOfAParticipantAndKeepsTheirTime) {
  const auto plan = make_plan(described(sample()), {{"record", "/r/a.mp4"}});
  expect_sound(plan);
  const auto& bob = plan.participants.at(1);
  EXPECT_EQ(bob.fragment.name, "participant-bob");
  EXPECT_EQ(std::get<std::string>(node(bob.fragment, "file-1").properties.at("location")), "bob.ogg");
  EXPECT_EQ(std::count_if(bob.fragment.links.begin(), bob.fragment.links.end(),
                          [](const auto& l) { return l.delayed; }),
            4);
  EXPECT_EQ(bob.fragment.outputs.size(), 2U);
  EXPECT_FALSE(bob.live);
}

TEST(Plan, GivesEveryCodecLiveSettings) {
  auto document = sample();
  document["mix"]["video"] = {{"fps", 25}, {"width", 1920}, {"height", 1080}};
  document["encode"] = *json::parse(R"({"x":{"of":"video","codec":"h264","bitrate":2000000},
      "o":{"of":"video","codec":"openh264"},"8":{"of":"video","codec":"vp8","width":640,"height":360},
      "9":{"of":"video","codec":"vp9","keyframe":"1s"},"a":{"of":"audio","codec":"aac"},"p":{"of":"audio","codec":"opus"}})");
  document.erase("branches");
  const auto plan = make_plan(described(document), {});
  expect_sound(plan);
  const auto& x = node(plan.encodes.at("x"), "encoder").properties;
  EXPECT_EQ(std::get<std::int64_t>(x.at("bitrate")), 2000) << "x264enc counts kbit/s";
  EXPECT_EQ(std::get<std::int64_t>(x.at("key-int-max")), 50);
  EXPECT_EQ(std::get<std::string>(x.at("tune")), "zerolatency");
  EXPECT_EQ(std::get<std::int64_t>(node(plan.encodes.at("9"), "encoder").properties.at("keyframe-max-dist")),
            25);
  EXPECT_EQ(std::get<std::int64_t>(node(plan.encodes.at("9"), "encoder").properties.at("tile-columns")), 2);
  EXPECT_THAT(factories(plan.encodes.at("8")), HasSubstr("videoscale capsfilter videoconvert vp8enc"));
  EXPECT_THAT(factories(plan.encodes.at("o")), HasSubstr("openh264enc capsfilter tee"));
  EXPECT_THAT(factories(plan.encodes.at("a")), HasSubstr("avenc_aac"));
  EXPECT_THAT(factories(plan.encodes.at("p")), HasSubstr("opusenc"));
}

TEST(Plan, BuildsEveryContainer) {
  const auto d = described(sample());
  const std::map<std::string, std::string> muxers{{"mp4", "mp4mux"},      {"webm", "webmmux"},
                                                  {"mkv", "matroskamux"}, {"ogg", "oggmux"},
                                                  {"segments", "mp4mux"}, {"hls", "mp4mux"}};
  for (const auto& [container, muxer] : muxers) {
    const auto branch = parse_branch({{"kind", "file"}, {"container", container}}, d);
    ASSERT_TRUE(branch) << container;
    const auto f = plan_branch(d, "b", *branch, streams_of(d, *branch), "/r/x");
    expect_sound(f);
    EXPECT_EQ(node(f, "mux").factory, muxer);
    EXPECT_EQ(f.inputs.size(), container == "ogg" ? 1U : 2U);
    const bool folder = container == "hls" || container == "segments";
    EXPECT_THAT(factories(f), HasSubstr(folder ? "fmp4foldersink" : "filesink"));
  }
}

TEST(Plan, APresetIsARenditionOfItsOwn) {
  auto document = sample();
  document["branches"] = {{"a", {{"kind", "file"}, {"container", "mp4"}, {"preset", "480p"}}},
                          {"b", {{"kind", "file"}, {"container", "mkv"}, {"preset", "480p"}}},
                          {"c", {{"kind", "file"}, {"container", "mp4"}}}};
  const auto plan = make_plan(described(document), {{"a", "/r/a"}, {"b", "/r/b"}, {"c", "/r/c"}});
  expect_sound(plan);
  EXPECT_EQ(plan.branches.at("a").inputs.at(0).name, "h264@480p");
  EXPECT_EQ(plan.branches.at("b").inputs.at(0).name, "h264@480p") << "shared";
  EXPECT_EQ(plan.branches.at("c").inputs.at(0).name, "h264");
  const auto& small = plan.encodes.at("h264@480p");
  EXPECT_THAT(std::get<std::string>(node(small, "size").properties.at("caps")),
              HasSubstr("width=854,height=480"));
  EXPECT_EQ(std::get<std::int64_t>(node(small, "encoder").properties.at("bitrate")), 1500);
  document["mix"]["video"] = {{"width", 720}, {"height", 1280}};
  const auto portrait = make_plan(described(document), {{"a", "/r/a"}});
  EXPECT_THAT(std::get<std::string>(node(portrait.encodes.at("h264@480p"), "size").properties.at("caps")),
              HasSubstr("width=480,height=854"));
}

TEST(Plan, OneParticipantAloneIsTakenBeforeTheMix) {
  auto document = sample();
  document["branches"] = {{"a", {{"kind", "file"}, {"container", "mp4"}, {"participant", "bob"}}}};
  const auto plan = make_plan(described(document), {{"a", "/r/a"}});
  expect_sound(plan);
  EXPECT_EQ(plan.branches.at("a").inputs.at(0).name, "bob/h264");
  EXPECT_TRUE(plan.encodes.contains("bob/h264") && plan.encodes.contains("bob/aac"));
  EXPECT_EQ(plan.participants.at(1).taps.at(Media::video), "video-tap");
}

TEST(Plan, WhatComesCodedIsNotEncodedAgain) {
  auto document = sample();
  document["source"] = *json::parse(R"({"kind":"rtp","participants":[
      {"name":"ann","video":{"codec":"h264","port":5000},"audio":{"codec":"opus","port":5002}},
      {"name":"bob","audio":{"codec":"pcmu","port":5006}}]})");
  document["branches"] = {
      {"ann", {{"kind", "file"}, {"container", "mp4"}, {"participant", "ann"}}},
      {"bob", {{"kind", "file"}, {"container", "mkv"}, {"participant", "bob"}}},
      {"voice", {{"kind", "file"}, {"container", "ogg"}, {"participant", "ann"}, {"tracks", "audio"}}}};
  const auto plan = make_plan(described(document), {{"ann", "/r/a"}, {"bob", "/r/b"}, {"voice", "/r/v"}});
  expect_sound(plan);
  EXPECT_EQ(plan.branches.at("ann").inputs.at(0).name, "ann/video");
  EXPECT_EQ(plan.branches.at("ann").inputs.at(1).name, "ann/audio");
  ASSERT_EQ(plan.branches.at("bob").inputs.size(), 1U) << "bob sends no picture";
  EXPECT_THAT(factories(plan.branches.at("voice")), HasSubstr("opusparse"));
  for (const auto& [name, encode] : plan.encodes) EXPECT_EQ(name.find('/'), std::string::npos) << name;
}

TEST(Plan, AdaptsWhatAContainerCannotTake) {
  EXPECT_EQ(factories(plan_adapter(Container::mp4, Media::video, "video/x-h264", 30)), "h264parse");
  EXPECT_THAT(factories(plan_adapter(Container::mp4, Media::video, "video/x-vp8", 30)), HasSubstr("x264enc"));
  EXPECT_THAT(factories(plan_adapter(Container::ogg, Media::audio, "audio/x-mulaw", 30)),
              HasSubstr("opusenc"));
  const Encode small{Codec::openh264, 500'000, std::chrono::seconds{2}, 854, 480};
  const auto f = plan_adapter(Container::mp4, Media::video, "video/x-h264", 30, small, true);
  EXPECT_THAT(factories(f), HasSubstr("videoscale capsfilter openh264enc"));
}

TEST(Estimate, GrowsWithWhatIsAskedFor) {
  auto document = sample();
  const auto one = estimated_cpus(described(document));
  EXPECT_GT(one, 0.2) << "a mix of two at 720p, x264";
  EXPECT_LT(one, 1.0);
  document["branches"]["again"] = {{"kind", "file"}, {"container", "mkv"}};
  EXPECT_DOUBLE_EQ(estimated_cpus(described(document)), one) << "branches share encoders";
  document["branches"]["again"]["preset"] = "1080p";
  EXPECT_GT(estimated_cpus(described(document)), one + 0.4);
  document["mix"]["video"] = {{"preset", "4k"}};
  EXPECT_GT(estimated_cpus(described(document)), 2.5);
}

TEST(Plan, DecodesEveryRtpCodec) {
  auto document = sample();
  document["source"] = *json::parse(R"({"kind":"rtp","participants":[
      {"name":"a","video":{"codec":"h264","port":5000,"fmtp":"sprop-parameter-sets=Z0I=,aM4; packetization-mode=1"},"audio":{"codec":"opus","port":5002}},
      {"name":"b","video":{"codec":"vp8","port":5004},"audio":{"codec":"pcmu","port":5006}},
      {"name":"c","audio":{"codec":"pcma","port":5008}}]})");
  const auto plan = make_plan(described(document), {});
  expect_sound(plan);
  EXPECT_THAT(factories(plan.participants[0].fragment), HasSubstr("rtph264depay h264parse tee avdec_h264"));
  EXPECT_THAT(factories(plan.participants[0].fragment), HasSubstr("rtpopusdepay tee opusdec"));
  EXPECT_THAT(factories(plan.participants[1].fragment), HasSubstr("rtpvp8depay tee vp8dec"));
  EXPECT_THAT(factories(plan.participants[1].fragment), HasSubstr("rtppcmudepay tee mulawdec"));
  EXPECT_THAT(factories(plan.participants[2].fragment), HasSubstr("rtppcmadepay tee alawdec"));
  EXPECT_THAT(std::get<std::string>(node(plan.participants[0].fragment, "video-udp").properties.at("caps")),
              HasSubstr(R"x(sprop-parameter-sets=(string)"Z0I=,aM4",packetization-mode=(string)"1")x"));
  EXPECT_TRUE(plan.participants[2].live);
  EXPECT_EQ(plan.participants[2].timeout, std::chrono::seconds{2});
}

TEST(Plan, ATrunkSendsWhatIsEncodedAndListensForFeedback) {
  auto document = sample();
  document["encode"]["open"] = {{"of", "video"}, {"codec", "openh264"}};
  document["branches"] = *json::parse(R"({"trunk":{"kind":"aic-trunk","inputs":["open","opus"],"host":"far",
      "videoPort":5004,"audioPort":5006,"feedbackPort":5008}})");
  const auto plan = make_plan(described(document), {});
  expect_sound(plan);
  const auto& trunk = plan.branches.at("trunk");
  EXPECT_EQ(factories(trunk),
            "queue h264parse rtph264pay rtpaiccompress udpsink udpsrc queue opusparse rtpopuspay udpsink");
  EXPECT_NE(std::get<std::int64_t>(node(trunk, "video-pay").properties.at("pt")),
            std::get<std::int64_t>(node(trunk, "compress").properties.at("pt")))
      << "native and coded packets are told apart by it";
  EXPECT_EQ(std::get<std::string>(node(trunk, "feedback").properties.at("address")), "127.0.0.1");
  for (const auto* sink : {"video-sink", "audio-sink"})
    EXPECT_EQ(std::get<bool>(node(trunk, sink).properties.at("sync")), false) << sink;
  document["branches"]["trunk"].erase("feedbackPort");
  EXPECT_THAT(factories(make_plan(described(document), {}).branches.at("trunk")),
              testing::Not(HasSubstr("udpsrc")));
}

TEST(Plan, TheReceivingEndRestoresBehindTheJitterBuffer) {
  auto document = sample();
  document["source"] = *json::parse(R"({"kind":"aic-trunk","name":"far","videoPort":5004,"audioPort":5006,
      "feedback":{"host":"near","port":5008}})");
  document.erase("branches");
  const auto plan = make_plan(described(document), {});
  expect_sound(plan);
  const auto& far = plan.participants.at(0).fragment;
  EXPECT_THAT(factories(far), HasSubstr("udpsrc rtpjitterbuffer rtpaicdecompress udpsink rtph264depay"));
  EXPECT_THAT(std::get<std::string>(node(far, "video-udp").properties.at("caps")),
              testing::Not(HasSubstr("payload=")))
      << "the jitter buffer would drop the other type";
  EXPECT_THAT(std::get<std::string>(node(far, "audio-udp").properties.at("caps")), HasSubstr("payload=98"));
  document["source"].erase("feedback");
  EXPECT_THAT(factories(make_plan(described(document), {}).participants.at(0).fragment),
              testing::Not(HasSubstr("udpsink")));
}

TEST(Plan, PassesThroughWithoutDecoding) {
  auto document = sample();
  document["source"]["participants"].erase(1);
  document["mix"] = {{"video", {{"mode", "passthrough"}}}, {"audio", {{"mode", "passthrough"}}}};
  document.erase("encode");
  const auto d = described(document);
  const auto plan = make_plan(d, {{"record", "/r/a.mp4"}});
  expect_sound(plan);
  EXPECT_THAT(factories(plan.participants[0].fragment), HasSubstr("parsebin"));
  EXPECT_THAT(factories(plan.participants[0].fragment), testing::Not(HasSubstr("decodebin")));
  EXPECT_EQ(plan.mixers.at(Media::video).outputs.front().name, "video");
  const auto tested = make_plan(with_test_source(d, 5), {{"record", "/r/a.mp4"}});
  expect_sound(tested);
  ASSERT_EQ(tested.participants.size(), 1U) << "one passes through";
  EXPECT_THAT(factories(tested.participants[0].fragment), HasSubstr("x264enc"));
}

TEST(Plan, MixesOneMediumWhileTheOtherPasses) {
  auto document = sample();
  document["source"]["participants"].erase(1);
  document["mix"] = {{"video", {{"mode", "passthrough"}}}, {"audio", {{"mode", "mixer"}}}};
  document["encode"] = {{"aac", {{"of", "audio"}, {"codec", "aac"}}}};
  const auto plan = make_plan(described(document), {{"record", "/r/a.mp4"}});
  expect_sound(plan);
  EXPECT_EQ(plan.branches.at("record").inputs.at(0).name, "video");
  EXPECT_EQ(plan.branches.at("record").inputs.at(1).name, "aac");
}

TEST(Plan, KeepsCustomGraphsAsWritten) {
  const auto plan =
      make_plan(described(*json::parse(R"({"apiVersion":"auralink/v1","kind":"Custom","name":"c",
      "elements":[{"id":"a","factory":"filesrc"},{"id":"d","factory":"decodebin"},{"id":"s","factory":"fakesink"}],
      "links":[{"from":"a","to":"d"},{"from":"d","to":"s"}]})")),
                {});
  ASSERT_TRUE(plan.custom);
  EXPECT_FALSE(plan.custom->links[0].delayed);
  EXPECT_TRUE(plan.custom->links[1].delayed);
  EXPECT_EQ(render_json(plan)["custom"]["nodes"].size(), 3U);
}

bool overlap(const Tile& a, const Tile& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

TEST(Layout, NeverOverlapsNorLeavesTheCanvas) {
  for (const auto layout : {Layout::grid, Layout::speaker})
    for (const auto& [w, h] :
         {std::pair{1280U, 720U}, {854U, 480U}, {720U, 1280U}, {640U, 640U}, {3840U, 2160U}})
      for (std::size_t n = 0; n <= 30; ++n) {
        const auto tiles = arrange(layout, w, h, n);
        ASSERT_EQ(tiles.size(), n);
        for (std::size_t i = 0; i < n; ++i) {
          const auto& t = tiles[i];
          EXPECT_TRUE(t.width > 0 && t.height > 0 && t.x >= 0 && t.y >= 0);
          EXPECT_LE(t.x + t.width, static_cast<int>(w));
          EXPECT_LE(t.y + t.height, static_cast<int>(h));
          EXPECT_EQ((t.x | t.y | t.width | t.height) & 1, 0);
          for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(overlap(t, tiles[j])) << n;
        }
      }
}

TEST(Layout, FillsTheCanvasAndCentresTheRest) {
  EXPECT_EQ(arrange(Layout::grid, 1280, 720, 1), (std::vector<Tile>{{0, 0, 1280, 720}}));
  EXPECT_EQ(arrange(Layout::grid, 1280, 720, 2), (std::vector<Tile>{{0, 0, 640, 720}, {640, 0, 640, 720}}));
  EXPECT_EQ(arrange(Layout::grid, 720, 1280, 2), (std::vector<Tile>{{0, 0, 720, 640}, {0, 640, 720, 640}}));
  EXPECT_EQ(arrange(Layout::grid, 1280, 720, 3),
            (std::vector<Tile>{{0, 0, 640, 360}, {640, 0, 640, 360}, {320, 360, 640, 360}}));
  EXPECT_EQ(arrange(Layout::speaker, 1280, 720, 3),
            (std::vector<Tile>{{0, 0, 960, 720}, {960, 0, 320, 360}, {960, 360, 320, 360}}));
  EXPECT_EQ(arrange(Layout::speaker, 720, 1280, 2),
            (std::vector<Tile>{{0, 0, 720, 960}, {0, 960, 720, 320}}));
  EXPECT_EQ(arrange(Layout::single, 1280, 720, 3), (std::vector<Tile>{{0, 0, 1280, 720}, {}, {}}));
}

class Shipped : public testing::TestWithParam<const char*> {};

TEST_P(Shipped, PlansWhatItPlannedBefore) {
  const auto t = load_template(shipped_folder() / (std::string{GetParam()} + ".json"));
  ASSERT_TRUE(t);
  const auto resolved = resolve(*t, *example_parameters(*t), {});
  ASSERT_TRUE(resolved);
  const auto plan = make_plan(described(*resolved), {{"record", "/recordings/out"}});
  expect_sound(plan);
  const auto text = render_json(plan).dump(1) + "\n";
  const auto golden = data_file(std::string{"golden/"} + GetParam() + ".json");
  if (std::getenv("AURALINK_UPDATE_GOLDEN") != nullptr) std::ofstream{golden} << text;
  EXPECT_EQ(text, read_file(golden))
      << "intended? run again with AURALINK_UPDATE_GOLDEN=1 and look at the difference";
}

INSTANTIATE_TEST_SUITE_P(Descriptions, Shipped,
                         testing::Values("active-speaker", "aic-trunk", "aic-trunk-receive",
                                         "audio-recording", "automatic-recording", "composite-recording",
                                         "hls-recording", "passthrough-recording", "rtp-composite",
                                         "segment-recording", "test-conference", "track-recording"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace auralink::pipeline
