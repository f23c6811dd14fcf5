// SPDX-License-Identifier: LGPL-2.1-or-later
// Retention, space, admission, forgetting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/session/admission.hpp"
#include "orchestrator/session/retention.hpp"
#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Recording kept(const std::string& id, int ended_s, std::uint64_t bytes) {
  return {.id = id,
          .state = RecordingState::complete,
          .path = "/rec/" + id,
          .bytes = bytes,
          .ended_at = seconds{ended_s}};
}

struct Retention : ::testing::Test {
  std::vector<std::string> chosen(const RetentionRules& rules, Millis now,
                                  std::optional<std::uint64_t> free = std::nullopt) const {
    std::vector<const Recording*> list;
    for (const auto& each : all) list.push_back(&each);
    std::vector<std::string> out;
    for (const auto& removal : choose_removals(list, now, free, rules))
      out.push_back(removal.recording + " " + removal.reason);
    return out;
  }
  std::vector<Recording> all{kept("new", 300, 10), kept("old", 100, 10), kept("mid", 200, 10)};
};

TEST_F(Retention, WithoutRulesKeepsEverything) {
  EXPECT_THAT(chosen({}, seconds{1'000'000'000}, 0), ElementsAre());
}

TEST_F(Retention, AgeCountsFromTheEnd) {
  EXPECT_THAT(chosen({.keep = seconds{100}}, seconds{300}), ElementsAre("old age"));
  EXPECT_THAT(chosen({.keep = seconds{100}}, seconds{301}), ElementsAre("old age", "mid age"));
  EXPECT_THAT(chosen({.keep = seconds{100}}, seconds{0}), ElementsAre())
      << "a clock set back deletes nothing";
}

TEST_F(Retention, QuotaTakesTheOldestFirst) {
  EXPECT_THAT(chosen({.quota = 30}, seconds{300}), ElementsAre());
  EXPECT_THAT(chosen({.quota = 29}, seconds{300}), ElementsAre("old quota"));
  EXPECT_THAT(chosen({.quota = 5}, seconds{300}), ElementsAre("old quota", "mid quota", "new quota"));
  all[1].artifacts = {{"sprite", "/rec/s.jpg", 10}};
  EXPECT_THAT(chosen({.quota = 25}, seconds{300}), ElementsAre("old quota")) << "its pictures go with it";
}

TEST_F(Retention, SpaceOnlyWhenAllowedAndKnown) {
  EXPECT_THAT(chosen({.floor = 100}, seconds{300}, 95), ElementsAre());
  EXPECT_THAT(chosen({.floor = 100, .make_room = true}, seconds{300}), ElementsAre());
  EXPECT_THAT(chosen({.floor = 100, .make_room = true}, seconds{300}, 100), ElementsAre());
  EXPECT_THAT(chosen({.floor = 100, .make_room = true}, seconds{300}, 95), ElementsAre("old space"));
  EXPECT_THAT(chosen({.floor = 100, .make_room = true}, seconds{300}, 85),
              ElementsAre("old space", "mid space"));
}

TEST_F(Retention, NeverWhatIsBeingWorkedOn) {
  all[1].state = RecordingState::active;
  all[2].processing = ProcessingState::running;
  EXPECT_THAT(chosen({.keep = seconds{1}}, seconds{1'000'000}), ElementsAre("new age"));
  all[0].state = RecordingState::finalising;
  EXPECT_THAT(
      chosen({.keep = seconds{1}, .quota = 1, .floor = 100, .make_room = true}, seconds{1'000'000}, 0),
      ElementsAre());
}

TEST(RetentionRound, DeletesOnceAMinuteAndTellsWhy) {
  World w;
  w.settings.keep_recordings = seconds{90};
  w.boot();
  w.play("demo", "plain");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 5;
  w.exit("demo", {.signo = 9});
  w.pass(seconds{90}, seconds{1});
  EXPECT_NE(w->recording("demo-a-1"), nullptr);
  w.pass(seconds{61}, seconds{1});
  EXPECT_EQ(w->recording("demo-a-1"), nullptr);
  EXPECT_TRUE(w.storage.files.empty());
  EXPECT_EQ(w.seen.events.back().data.at("reason"), "age");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(RetentionRound, FollowsEveryFinishedRecording) {
  World w;
  w.settings.preview_interval = Millis{0};
  w.settings.recordings_quota = 100;
  w.boot_with_finisher();
  for (const std::string id : {"one", "two"}) {
    w.play(id, "plain");
    w.pass(seconds{1});
    w.storage.files["/rec/" + id + "/" + id + "-a-1.mp4"] = 60;
    w.exit(id, {.signo = 9});
  }
  for (const auto& order : std::vector{w.finisher.orders}) {
    w.finish(order);
    w.pass(Millis{200});
  }
  EXPECT_EQ(w->recording("one-a-1"), nullptr);
  EXPECT_NE(w->recording("two-a-1"), nullptr);
}

TEST(RetentionRound, WhatCannotBeRemovedStays) {
  World w;
  w.settings.keep_recordings = seconds{10};
  w.boot();
  w.play("demo", "plain");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 5;
  w.exit("demo", {.signo = 9});
  w.storage.refuse_removal = Problem{.kind = Problem::Kind::unavailable, .detail = "read-only"};
  w.pass(seconds{130}, seconds{1});
  EXPECT_NE(w->recording("demo-a-1"), nullptr);
  w.storage.refuse_removal.reset();
  w.pass(seconds{61}, seconds{1});
  EXPECT_EQ(w->recording("demo-a-1"), nullptr);
}

TEST(FreeSpace, BelowTheFloorNothingNewIsRecorded) {
  World w;
  w.play("demo", "plain");
  w.storage.free = w.settings.free_space_floor - 1;
  const auto recording = w->start_recording({.conference = "demo"});
  ASSERT_FALSE(recording);
  EXPECT_EQ(recording.error().kind, Problem::Kind::unavailable);
  EXPECT_EQ(recording.error().reason, "disk");
  EXPECT_TRUE(recording.error().retry_after_s);
  EXPECT_THAT(recording.error().detail, HasSubstr("512 MiB"));
  EXPECT_EQ(w.create("other", "plain").error().reason, "disk");
  EXPECT_TRUE(w.create("talk", "bare")) << "one that records nothing may start";
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::active) << "what runs goes on";
  w.storage.free = w.settings.free_space_floor;
  EXPECT_TRUE(w->start_recording({.conference = "demo"}));
}

TEST(Forgotten, EndedConferencesLeaveRowsAndMemory) {
  World w;
  w.settings.forget_ended = seconds{60};
  w.boot();
  w.play("demo", "plain");
  w.play("stays", "plain");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 5;
  w.exit("demo", {.signo = 9});
  for (std::uint64_t i = 1; i < 70; ++i) {
    w.report("stays", i);
    w.pass(seconds{1});
    if (i == 58) {
      EXPECT_NE(w->conference("demo"), nullptr);
    }
  }
  EXPECT_EQ(w->conference("demo"), nullptr);
  EXPECT_NE(w->conference("stays"), nullptr);
  EXPECT_NE(w->recording("demo-a-1"), nullptr) << "its file is there";
  EXPECT_EQ(w.seen.count("conference.forgotten"), 1);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(Forgotten, FiftyConferencesForEverDoNotGrow) {
  World w;
  w.settings.forget_ended = seconds{30};
  w.settings.keep_recordings = seconds{30};
  w.settings.max_conferences = 60;
  w.boot();
  std::size_t most = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 50; ++i) {
      const auto id = "c" + std::to_string(round) + "-" + std::to_string(i);
      w.play(id, "plain");
      w.exit(id, {.signo = 9});
    }
    w.pass(seconds{31}, seconds{1});
    most = std::max(most, stored_state(w.store).size());
  }
  w.pass(seconds{120}, seconds{1});
  EXPECT_TRUE(stored_state(w.store).empty());
  EXPECT_LE(most, 400U);
}

TEST(Admission, CountsWhatIsExpectedUntilItIsMeasured) {
  EXPECT_DOUBLE_EQ(cpus_of({.expected_cpus = 2}), 2);
  EXPECT_DOUBLE_EQ(cpus_of({.expected_cpus = 2, .cpus = 0.5}), 2) << "still starting";
  EXPECT_DOUBLE_EQ(cpus_of({.expected_cpus = 2, .cpus = 3}), 3);
  EXPECT_DOUBLE_EQ(cpus_of({.expected_cpus = 2, .cpus = 0.5, .reserved = false}), 0.5);
  EXPECT_DOUBLE_EQ(cpus_of({.expected_cpus = 2, .reserved = false}), 2) << "never measured";
}

TEST(Admission, RefusesWithTheFigures) {
  const AdmissionRules rules{
      .cpu_ceiling = 0.5, .memory_headroom = 100U << 20U, .reservation = Millis{14'500}};
  const MachineLoad machine{.cpus = 4, .busy_cpus = 1, .available_bytes = std::uint64_t{400} << 20U};
  const std::vector<Cost> one{{.expected_cpus = 0.6, .cpus = 0.5, .memory = 1, .reserved = false}};
  EXPECT_FALSE(refuse_admission(machine, one, {.expected_cpus = 1.0}, rules)) << "0.5 + 0.5 of others + 1.0";
  const auto cpu = refuse_admission(machine, one, {.expected_cpus = 1.01}, rules);
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->kind, Problem::Kind::unavailable);
  EXPECT_EQ(cpu->reason, "cpu");
  EXPECT_EQ(cpu->retry_after_s, 15U);
  EXPECT_THAT(cpu->detail, HasSubstr("needs about 1.01 CPUs; 0.50 are promised"));
  EXPECT_THAT(cpu->detail, HasSubstr("of 2.00 that may be"));
  EXPECT_FALSE(refuse_admission(machine, {}, {.expected_cpus = 100}, rules)) << "an idle machine takes one";

  const auto memory = refuse_admission(machine, {}, {.expected_memory = std::uint64_t{301} << 20U}, rules);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->reason, "memory");
  EXPECT_THAT(memory->detail, HasSubstr("301 MiB; 400 MiB are available"));
  const std::vector<Cost> young{{.expected_memory = std::uint64_t{150} << 20U, .memory = 50U << 20U}};
  EXPECT_FALSE(refuse_admission(machine, young, {.expected_memory = std::uint64_t{200} << 20U}, rules));
  EXPECT_TRUE(refuse_admission(machine, young, {.expected_memory = std::uint64_t{201} << 20U}, rules));
  EXPECT_FALSE(refuse_admission(
      machine, one, {.expected_cpus = 9, .expected_memory = std::uint64_t{1} << 40U}, {.cpu_ceiling = 0}))
      << "switched off";
}

TEST(Admission, FollowsTheMeasuredCost) {
  World w;
  w.catalog.cpus = 2;
  w.settings.cpu_ceiling = 0.8;
  w.measures = true;
  w.boot();
  w.play("one", "bare");
  const auto beat = [&](double cpus, int times) {
    static double used = 0;
    for (int i = 0; i < times; ++i) {
      w.clock.advance(seconds{1});
      used += cpus;
      w->on_stats("one", 1,
                  {.participants = {{"ann", true, true}}, .memory_bytes = 1000, .cpu_seconds = used});
      w->tick();
    }
  };
  const auto refused = w.create("two", "bare");
  ASSERT_FALSE(refused) << "2 + 2 of 3.2";
  EXPECT_EQ(refused.error().reason, "cpu");
  EXPECT_EQ(w->conference("two"), nullptr);
  beat(0.5, 10);
  EXPECT_FALSE(w.create("two", "bare")) << "reserved for a while";
  beat(0.5, 10);
  w.machine.now.busy_cpus = 0.5;
  EXPECT_TRUE(w.create("two", "bare"));
  EXPECT_FALSE(w.create("three", "bare")) << "two is young";
  EXPECT_TRUE(w.create("one", "bare")) << "asking again for what runs is no new conference";
}

TEST(Starts, AreAsManyAsTheCpusBearAndTheOthersFollow) {
  World w;
  w.measures = true;
  w.machine.now.cpus = 1;
  w.settings.cpu_ceiling = 0;
  w.boot();
  for (const char* id : {"d", "c", "b", "a", "e"}) {
    ASSERT_TRUE(w.create(id, "bare"));
    w.clock.advance(Millis{1});
  }
  EXPECT_EQ(w.host.said, (std::vector<std::string>{"start d 1", "start c 1"}));
  EXPECT_EQ(w.conference("b").state, ConferenceState::pending);
  w.pass(seconds{1});
  EXPECT_EQ(w.host.said.size(), 2U) << "both are on their way";
  w.playing("c");
  EXPECT_EQ(w.host.said.back(), "start b 1") << "in the order of the wishes, as soon as there is room";
  w.exit("b", {.signo = 9});
  EXPECT_EQ(w.host.said.back(), "start a 1");
  w.pass(w.settings.longest_start);
  EXPECT_EQ(w.host.said.back(), "start a 1") << "it has no CPU yet, and another would take it";
  w->on_hello("a", 1, 4711);
  w.pass(w.settings.longest_start);
  EXPECT_EQ(w.host.said.back(), "start e 1") << "one that waits for its sources holds up nobody";
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(Admission, ForMemory) {
  World w;
  w.measures = true;
  w.boot();
  w.machine.now.available_bytes = w.settings.memory_headroom + (std::uint64_t{149} << 20U);
  EXPECT_EQ(w.create("one", "bare").error().reason, "memory");
  w.catalog.policies.memory_bytes = std::uint64_t{100} << 20U;
  EXPECT_TRUE(w.create("one", "bare"));
  EXPECT_EQ(w.host.starts.at(0).memory_limit, std::uint64_t{100} << 20U);
}

}  // namespace
}  // namespace auralink::session::testing
