// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include "orchestrator/pipeline/plan.hpp"
#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Plan one(PropertyValue value) {
  Plan plan;
  plan.name = "p";
  plan.custom = Fragment{
      "c", {{"a", "filesrc", {{"location", std::move(value)}}}, {"b", "fakesink", {}}}, {{"a", "b"}}, {}, {}};
  return plan;
}

TEST(RenderLaunch, LeavesPlainValuesPlain) {
  EXPECT_EQ(render_launch(one(std::string{"/a/b.mp4"})),
            "gst-launch-1.0 -e filesrc name=c-a location=/a/b.mp4 ! fakesink name=c-b");
  EXPECT_THAT(render_launch(one(true)), HasSubstr("location=true"));
  EXPECT_THAT(render_launch(one(0.25)), HasSubstr("location=0.25"));
  EXPECT_THAT(render_launch(one(std::uint64_t{7})), HasSubstr("location=7"));
}

TEST(RenderLaunch, QuotesForTheShellAndForTheParser) {
  EXPECT_THAT(render_launch(one(std::string{"a b"})), HasSubstr(R"('location="a b"')"));
  EXPECT_THAT(render_launch(one(std::string{"it's"})), HasSubstr(R"('location="it'\''s"')"));
  EXPECT_THAT(render_launch(one(std::string{"a\"b"})), HasSubstr(R"('location="a\"b"')"));
  EXPECT_THAT(render_launch(one(std::string{"x ! filesink location=/tmp/owned"})),
              HasSubstr(R"('location="x ! filesink location=/tmp/owned"')"));
  EXPECT_THAT(render_launch(one(std::string{"$(reboot)`id`"})), HasSubstr(R"('location="$(reboot)`id`"')"));
}

TEST(RenderLaunch, SpellsOutWhatQuotesCannotHold) {
  EXPECT_THAT(render_launch(one(std::string{"a\\"})), HasSubstr(R"('location=\"a\\134\"')"));
  EXPECT_THAT(render_launch(one(std::string{"\"a"})), HasSubstr(R"('location=\"\\042a\"')"));
  EXPECT_THAT(render_launch(one(std::string{"a\nb"})), HasSubstr(R"('location=\"a\\012b\"')"));
  EXPECT_THAT(render_launch(one(std::string{})), HasSubstr(R"('location=\"\"')"));
}

TEST(RenderLaunch, NamesEveryElementOnce) {
  auto document = sample();
  document["source"]["participants"][0]["name"] = "a.b";
  document["source"]["participants"][1]["name"] = "a_b";
  const auto line = render_launch(make_plan(*parse_description(document), {{"record", "/r.mp4"}}));
  EXPECT_THAT(line, HasSubstr("name=participant-a_b-file-0 "));
  EXPECT_THAT(line, HasSubstr("name=participant-a_b-file-0_2 "));
  EXPECT_THAT(line, HasSubstr("sink_1::xpos=640"));
}

TEST(RenderLaunch, LeavesOutEncodesNobodyReads) {
  const auto line = render_launch(make_plan(*parse_description(sample()), {{"record", "/r.mp4"}}));
  EXPECT_THAT(line, HasSubstr("x264enc"));
  EXPECT_THAT(line, Not(HasSubstr("vp8enc")));
}

TEST(RenderLaunch, HidesAllButOneInTheSingleLayout) {
  auto document = sample();
  document["mix"]["video"]["layout"] = "single";
  EXPECT_THAT(render_launch(make_plan(*parse_description(document), {{"record", "/r.mp4"}})),
              HasSubstr("sink_1::alpha=0"));
}

TEST(RenderLaunch, EndsWithItsParticipants) {
  const auto plan = make_plan(*parse_description(sample()), {});
  EXPECT_TRUE(std::get<bool>(plan.mixers.at(Media::video).nodes.front().properties.at("force-live")));
  EXPECT_THAT(render_launch(plan), Not(HasSubstr("force-live")));
}

TEST(RenderLaunch, SpellsOutCodedFormatsOfFiles) {
  auto document = sample();
  document["source"]["participants"].erase(1);
  document["mix"] = {{"video", {{"mode", "passthrough"}}}, {"audio", {{"mode", "passthrough"}}}};
  document.erase("encode");
  const auto line = render_launch(make_plan(*parse_description(document), {{"record", "/r.mp4"}}));
  EXPECT_THAT(line, HasSubstr("! 'video/x-h264;"));
  EXPECT_THAT(line, HasSubstr("! 'audio/mpeg;"));
}

TEST(RenderDot, DrawsClustersAndHidesValues) {
  auto plan = make_plan(*parse_description(sample()), {{"record", "/secret/\"x\".mp4"}});
  plan.name = "a\"b";
  const auto dot = render_dot(plan);
  EXPECT_THAT(dot, HasSubstr("digraph \"a\\\"b\" {"));
  EXPECT_THAT(dot, HasSubstr("label=\"branch-record\""));
  EXPECT_THAT(dot, HasSubstr("\"mix-video-raw\" -> \"encode-h264-queue\""));
  EXPECT_THAT(dot, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace auralink::pipeline
