// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/format.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace auralink::ctl {
namespace {

TEST(Format, ShowsBytesWithThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(123456), "123 kB");
  EXPECT_EQ(format_bytes(999'999), "1.0 MB");
  EXPECT_EQ(format_bytes(3'400'000), "3.4 MB");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "18447 PB");
}

TEST(Format, ShowsDurations) {
  EXPECT_EQ(format_duration(0), "0.0 s");
  EXPECT_EQ(format_duration(59.9), "59.9 s");
  EXPECT_EQ(format_duration(59.99), "1:00");
  EXPECT_EQ(format_duration(3599.4), "59:59");
  EXPECT_EQ(format_duration(3600), "1:00:00");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(NAN), "?");
}

TEST(Format, LeavesNothingThatSteersATerminal) {
  EXPECT_EQ(printable("a\033[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "?31m");  // C1 CSI
  EXPECT_EQ(printable("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(printable("\xC3"), "?");
  EXPECT_EQ(printable("\xFF"
                      "x\x80"),
            "?x?");
}

TEST(Format, AlignsColumnsByCodePoints) {
  EXPECT_EQ(format_table({{"A"}, {"N", Align::right}, {"B"}}, {{"ü", "1", "x"}, {"long", "22", ""}}),
            "A      N  B\n"
            "ü      1  x\n"
            "long  22\n");
  EXPECT_EQ(format_table({{"A"}, {"B"}}, {}), "A  B\n");
}

TEST(Format, ShowsAProblemWithItsPointers) {
  EXPECT_EQ(format_problem(422, R"({"title":"Invalid","detail":"the parameters do not fit","status":422,
    "errors":[{"pointer":"/parameters/width","detail":"expected a multiple of 2"},{"pointer":"","detail":"x"}]})"),
            "Invalid: the parameters do not fit\n"
            "  /parameters/width: expected a multiple of 2\n"
            "  (whole document): x\n");
  EXPECT_EQ(format_problem(503, R"({"title":"Unavailable","reason":"draining"})"),
            "Unavailable (draining)\n");
}

TEST(Format, SurvivesAnswersThatAreNoProblem) {
  EXPECT_EQ(format_problem(502, "<html>"), "the daemon answered 502\n");
  EXPECT_EQ(format_problem(500, "[]"), "the daemon answered 500\n");
  EXPECT_EQ(format_problem(500, R"({"title":7,"errors":"x"})"), "7\n  (whole document): \n");
}

const json::Value kConference =
    json::parse(R"({"id":"demo","pipeline":"composite-recording","pipelineVersion":1,
  "parameters":{"width":640},"state":"running","epoch":1,"exit":null,"createdAt":"2026-11-23T22:49:34.018Z",
  "startedAt":"2026-11-23T22:49:34.437Z","endedAt":null,"worker":{"pid":4711,"memoryBytes":52428800,"cpuSeconds":3.2},
  "participants":[{"name":"ann","audio":true,"video":true},{"name":"bob","audio":true,"video":false}],
  "branches":{"record":{"name":"record","kind":"file","container":"mp4","state":"active","error":null,
  "recording":"demo-record-1","bytes":123456,"dropped":0,"mediaSeconds":4.2,"stalled":true}}})")
        .value();

TEST(Format, ShowsAConference) {
  const std::string text = format_conference(kConference);
  for (const auto* part :
       {"demo", "composite-recording version 1", R"({"width":640})", "running", "pid 4711, 52.4 MB",
        "ann, bob (audio)", "active, stalled", "123 kB", "4.2 s", "demo-record-1"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  EXPECT_EQ(text.find("ended"), std::string::npos);
}

TEST(Format, SaysWhatATrunkSaves) {
  auto linked = kConference;
  linked["branches"]["record"]["trunk"] = {{"savedPercent", 24.5}, {"bytesIn", 2000}};
  EXPECT_NE(format_conference(linked).find("active, stalled, saves 24.5 %"), std::string::npos);
}

TEST(Format, ListsConferences) {
  EXPECT_EQ(format_conferences({{"items", {kConference}}}),
            "CONFERENCE  PIPELINE             STATE    EPOCH  PEOPLE  BRANCHES   MEMORY  STARTED\n"
            "demo        composite-recording  running      1       2         1  52.4 MB  22:49:34.437\n");
}

TEST(Format, ShowsWhyAConferenceEnded) {
  auto ended = kConference;
  ended["state"] = "ended", ended["exit"] = "crashed", ended["worker"] = nullptr;
  EXPECT_NE(format_conferences({{"items", {ended}}}).find("ended (crashed)"), std::string::npos);
}

TEST(Format, ShowsParametersOfAPipeline) {
  const auto pipeline =
      json::parse(R"({"name":"p","version":2,"why":"because","parameters":{"required":["who"],
    "properties":{"who":{"type":"string","description":"Who"},"layout":{"enum":["grid","single"],"default":"grid"}}}})");
  EXPECT_EQ(format_pipeline(*pipeline),
            "p version 2: because\n\n"
            "PARAMETER  TYPE         DEFAULT   MEANING\n"
            "layout     grid|single  \"grid\"\n"
            "who        string       required  Who\n");
}

TEST(Format, ShowsEventsOnOneLine) {
  EXPECT_EQ(format_event(*json::parse(R"({"seq":17,"at":"2026-11-23T12:00:01.250Z","type":"recording.failed",
    "conference":"demo","data":{"recording":{"id":"r","bytes":3400000,"durationSeconds":10,"error":"disk\nfull"}}})")),
            "17 12:00:01.250 demo recording.failed r 3.4 MB 10.0 s: disk?full");
  EXPECT_EQ(format_event(*json::parse(R"({"seq":1,"at":"x","type":"participant.joined","conference":"c",
    "data":{"participant":{"name":"ann"}}})")),
            "1 x c participant.joined ann");
}

TEST(Format, NeverTrustsTheShapeOfAnAnswer) {
  for (const auto* text :
       {"null", "7", "[]", "{}", R"({"items":7})", R"({"items":[7,null,{"id":{}}]})",
        R"({"branches":"x","participants":{"a":1},"worker":[]})", R"({"bytes":-1,"durationSeconds":"x"})"}) {
    const auto value = *json::parse(text);
    for (const auto format :
         {format_status, format_pipelines, format_pipeline, format_conferences, format_conference,
          format_branches, format_recordings, format_recording, format_event})
      EXPECT_NO_THROW((void)format(value)) << text;
  }
}

}  // namespace
}  // namespace auralink::ctl
