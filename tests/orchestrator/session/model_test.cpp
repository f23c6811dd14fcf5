// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "orchestrator/session/serial.hpp"

namespace auralink::session {
namespace {

template <class Enum>
void expect_round_trip(int count) {
  std::set<std::string_view> names;
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    names.insert(to_string(value));
    EXPECT_EQ(from_string<Enum>(to_string(value)), value);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(static_cast<Enum>(count)), "unknown") << "the test does not know every value";
  EXPECT_EQ(from_string<Enum>("nonsense"), std::nullopt);
  EXPECT_EQ(from_string<Enum>(""), std::nullopt);
}

TEST(Names, GoBothWays) {
  expect_round_trip<Desired>(2);
  expect_round_trip<ConferenceState>(5);
  expect_round_trip<BranchState>(5);
  expect_round_trip<RecordingState>(6);
  expect_round_trip<ExitClass>(9);
  expect_round_trip<ProcessingState>(5);
}

constexpr std::array kAddedLater{"lateFrames", "presence", "restartedAt", "awaitsWorker"};

Conference sample_conference() {
  Conference c;
  c.id = "demo";
  c.pipeline = "composite-recording";
  c.pipeline_version = 2;
  c.parameters = {{"width", 1280}};
  c.compiled.name = c.pipeline;
  c.compiled.version = 2;
  c.compiled.resolved = {{"name", c.pipeline}};
  c.compiled.policies.restart = {.on_failure = true, .max = 7, .window = Millis{1234}};
  c.compiled.policies.idle_timeout = Millis{60'000};
  c.compiled.policies.max_duration = Millis{14'400'000};
  c.compiled.policies.orphans = Orphans::go_on;
  c.compiled.policies.cpus = 1.5;
  c.compiled.policies.memory_bytes = 1'000'000;
  c.compiled.estimated_cpus = 0.75;
  c.presence = {{.name = "ann", .joined = true, .epoch = 1, .at = Millis{5}, .at_mono = Millis{6}}};
  c.restarted_at = {Millis{7}, Millis{8}};
  c.awaits_worker = true;
  c.compiled.branches.push_back({.name = "record",
                                 .kind = "file",
                                 .container = "mp4",
                                 .on_error = OnError::fail_pipeline,
                                 .automatic = AutoRule{.min_participants = 2, .empty_for = Millis{9}},
                                 .preview_interval = Millis{4000},
                                 .resolved = {{"kind", "file"}}});
  c.state = ConferenceState::running;
  c.epoch = 1;
  c.generation = 3;
  c.created_at = Millis{1'767'225'600'000};
  c.started_at = Millis{1'767'225'601'042};
  c.worker_pid = 4711;
  c.worker_memory_bytes = 52'428'800;
  c.worker_cpu_seconds = 3.2;
  c.participants = {{"ann", true, true}};
  c.branches["record"] = Branch{.name = "record",
                                .spec = c.compiled.branches[0],
                                .state = BranchState::active,
                                .recording = "demo-record-1",
                                .bytes = 123456,
                                .dropped = 2,
                                .media_ns = 4'200'400'000,
                                .trunk = std::nullopt,
                                .progressed_at = Millis{1'767'225'605'000}};
  return c;
}

Recording sample_recording() {
  return {.id = "demo-record-1",
          .conference = "demo",
          .branch = "record",
          .container = "mp4",
          .participant = "ann",
          .tracks = "audio",
          .metadata = {{"title", "Monday"}},
          .automatic = true,
          .paused = true,
          .pieces = {{.epoch = 1,
                      .path = "/rec/demo/demo-record-1.mp4",
                      .started_at = Millis{1'767'225'601'000},
                      .ended_at = Millis{1'767'225'603'000},
                      .bytes = 23456,
                      .duration_ns = 2'000'000'000,
                      .clean = true,
                      .error = "why",
                      .started_mono = Millis{7},
                      .ended_mono = Millis{2007}}},
          .gaps = {{.at_ns = 2'000'000'000, .missing_ns = 1'500'000'000, .reason = "a crash"}},
          .artifacts = {{.kind = "sprite", .path = "/rec/demo/sprite.jpg", .bytes = 77}},
          .sha256 = "abc",
          .bitrate = 234'567,
          .processing = ProcessingState::running,
          .processing_error = "slow",
          .state = RecordingState::active,
          .path = "/rec/demo/demo-record-1.mp4",
          .error = {},
          .epoch = 1,
          .bytes = 123456,
          .duration_ns = 4'200'000'000,
          .created_at = Millis{1'767'225'600'500},
          .started_at = Millis{1'767'225'601'000},
          .ended_at = Millis{0},
          .relative = "demo/demo-record-1.mp4",
          .pauses = {{.epoch = 1,
                      .from = Millis{1},
                      .until = Millis{2},
                      .from_mono = Millis{3},
                      .until_mono = Millis{4}}},
          .preview_interval = Millis{5000},
          .sidecar = {{"version", 1}}};
}

TEST(PublicForm, OfAConferenceIsAsDocumented) {
  EXPECT_EQ(to_json(sample_conference()), json::Value::parse(R"({
    "id":"demo","pipeline":"composite-recording","pipelineVersion":2,"parameters":{"width":1280},
    "desired":"running","state":"running","epoch":1,"generation":3,"exit":null,"reason":null,
    "createdAt":"2026-01-01T00:00:00.000Z","startedAt":"2026-01-01T00:00:01.042Z","endedAt":null,
    "worker":{"pid":4711,"memoryBytes":52428800,"cpuSeconds":3.2},
    "lateFrames":0,"participants":[{"name":"ann","audio":true,"video":true,"visible":false}],
    "branches":{"record":{"name":"record","kind":"file","container":"mp4","state":"active","error":null,
      "recording":"demo-record-1","bytes":123456,"dropped":2,"mediaSeconds":4.2,"trunk":null,"stalled":false,
      "paused":false,"automatic":true}}})"));
}

TEST(PublicForm, OfATrunkSaysWhatItSaves) {
  auto c = sample_conference();
  c.branches["record"].trunk =
      TrunkFacts{.bytes_in = 2000, .bytes_out = 1511, .coded = 9, .native = 2, .resyncs = 1};
  EXPECT_EQ(to_json(c.branches["record"])["trunk"], json::Value::parse(R"({
    "bytesIn":2000,"bytesOut":1511,"savedPercent":24.5,"coded":9,"native":2,"resyncs":1})"));
  const auto again = conference_from_stored(to_stored(c));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_stored(*again), to_stored(c));
  c.branches["record"].trunk = TrunkFacts{};
  EXPECT_EQ(to_json(c.branches["record"])["trunk"]["savedPercent"], 0.0);
}

TEST(PublicForm, OfAnEndedConferenceSaysWhy) {
  auto c = sample_conference();
  c.worker_pid = 0;
  c.state = ConferenceState::ended;
  c.exit = ExitClass::failed_source;
  c.reason = "gone";
  const auto value = to_json(c);
  EXPECT_EQ(value.at("exit"), "failed_source");
  EXPECT_EQ(value.at("reason"), "gone");
  EXPECT_TRUE(value.at("worker").is_null());
}

TEST(PublicForm, OfARecordingIsAsDocumented) {
  EXPECT_EQ(to_json(sample_recording()), json::Value::parse(R"({
    "id":"demo-record-1","conference":"demo","branch":"record","container":"mp4","participant":"ann",
    "tracks":"audio","metadata":{"title":"Monday"},"automatic":true,"paused":true,"state":"active",
    "path":"/rec/demo/demo-record-1.mp4","error":null,"epoch":1,"bytes":123456,"durationSeconds":4.2,
    "bitrate":234567,"sha256":"abc",
    "pieces":[{"epoch":1,"path":"/rec/demo/demo-record-1.mp4","startedAt":"2026-01-01T00:00:01.000Z",
      "endedAt":"2026-01-01T00:00:03.000Z","bytes":23456,"durationSeconds":2.0,"clean":true}],
    "gaps":[{"atSeconds":2.0,"missingSeconds":1.5,"reason":"a crash"}],
    "artifacts":[{"kind":"sprite","path":"/rec/demo/sprite.jpg","bytes":77}],
    "processing":{"state":"running","error":"slow"},
    "createdAt":"2026-01-01T00:00:00.500Z","startedAt":"2026-01-01T00:00:01.000Z","endedAt":null})"));
  const auto mix = to_json(Recording{.id = "x"});
  EXPECT_TRUE(mix.at("participant").is_null());
  EXPECT_TRUE(mix.at("sha256").is_null());
  EXPECT_TRUE(mix.at("bitrate").is_null());
}

TEST(PublicForm, OfAnEventIsAsDocumented) {
  const Event event{.seq = 17,
                    .at = Millis{1'767'225'600'000},
                    .type = "recording.complete",
                    .conference = "demo",
                    .data = {{"recording", {{"id", "x"}}}}};
  EXPECT_EQ(to_json(event), json::Value::parse(R"({"seq":17,"at":"2026-01-01T00:00:00.000Z",
    "type":"recording.complete","conference":"demo","data":{"recording":{"id":"x"}}})"));
}

TEST(StoredForm, KeepsEveryField) {
  auto c = sample_conference();
  const auto again = conference_from_stored(to_stored(c));
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(to_stored(*again), to_stored(c));
  EXPECT_EQ(to_json(*again), to_json(c));
  EXPECT_EQ(again->compiled.policies.restart.max, 7U);
  EXPECT_TRUE(again->awaits_worker);
  EXPECT_EQ(again->compiled.policies.max_duration, Millis{14'400'000});
  EXPECT_EQ(again->compiled.branches.at(0).on_error, OnError::fail_pipeline);
  EXPECT_EQ(again->branches.at("record").progressed_at, Millis{1'767'225'605'000});
  EXPECT_EQ(again->compiled.policies.orphans, Orphans::go_on);
  EXPECT_EQ(again->compiled.policies.cpus, 1.5);
  EXPECT_EQ(again->compiled.policies.memory_bytes, 1'000'000U);
  EXPECT_EQ(again->compiled.estimated_cpus, 0.75);
  EXPECT_EQ(again->compiled.branches.at(0).automatic->min_participants, 2U);
  EXPECT_EQ(again->compiled.branches.at(0).automatic->empty_for, Millis{9});
  EXPECT_EQ(again->compiled.branches.at(0).preview_interval, Millis{4000});
  EXPECT_EQ(again->presence.at(0).at_mono, Millis{6});
  EXPECT_EQ(again->restarted_at, (std::vector<Millis>{Millis{7}, Millis{8}}));

  c.exit = ExitClass::oom;
  c.branches["record"].progressed_at.reset();
  const auto ended = conference_from_stored(to_stored(c));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit, ExitClass::oom);
  EXPECT_EQ(ended->branches.at("record").progressed_at, std::nullopt);

  const auto recording = recording_from_stored(to_stored(sample_recording()));
  ASSERT_TRUE(recording);
  EXPECT_EQ(to_stored(*recording), to_stored(sample_recording()));
}

TEST(StoredForm, OfAnOlderVersionStaysReadable) {
  auto old = to_stored(sample_recording());
  for (const auto* added :
       {"participant", "tracks", "metadata", "automatic", "paused", "pieces", "gaps", "artifacts", "sha256",
        "bitrate", "processing", "processingError", "relative", "pauses", "previewInterval", "sidecar"})
    old.erase(added);
  const auto recording = recording_from_stored(old);
  ASSERT_TRUE(recording) << recording.error();
  EXPECT_EQ(recording->tracks, "both");
  ASSERT_EQ(recording->pieces.size(), 1U) << "it was one piece";
  EXPECT_EQ(recording->pieces[0].path, recording->path);
  EXPECT_EQ(recording->pieces[0].bytes, 123456U);
  EXPECT_FALSE(recording->pieces[0].clean);

  auto conference = to_stored(sample_conference());
  for (const auto* added : kAddedLater) conference.erase(added);
  conference["compiled"].erase("estimatedCpus");
  for (const auto* added : {"orphansGoOn", "cpus", "memoryBytes"})
    conference["compiled"]["policies"].erase(added);
  for (const auto* added : {"automatic", "previewInterval"})
    conference["compiled"]["branches"][0].erase(added);
  for (const auto* added : {"paused", "held"}) conference["branches"]["record"].erase(added);
  const auto read = conference_from_stored(conference);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->compiled.policies.orphans, Orphans::stop);
  EXPECT_FALSE(read->compiled.branches.at(0).automatic);
}

TEST(StoredForm, RefusesDamageWithASentence) {
  const auto whole = to_stored(sample_conference());
  for (const auto& item : whole.items()) {
    if (std::find(kAddedLater.begin(), kAddedLater.end(), item.key()) != kAddedLater.end()) continue;
    auto damaged = whole;
    damaged.erase(item.key());
    EXPECT_FALSE(conference_from_stored(damaged)) << item.key();
  }
  auto wrong = whole;
  wrong["state"] = "dancing";
  const auto read = conference_from_stored(wrong);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), "unknown state \"dancing\"");
  EXPECT_FALSE(conference_from_stored(json::Value::array()));
  EXPECT_FALSE(recording_from_stored("text"));
}

TEST(Rfc3339, HoldsAtTheEdgesOfTheCalendar) {
  EXPECT_EQ(rfc3339(Millis{0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(Millis{-5}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(Millis{951'782'400'007}), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(rfc3339(Millis{253'402'300'799'999}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(Millis{std::numeric_limits<std::int64_t>::max()}), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace auralink::session
