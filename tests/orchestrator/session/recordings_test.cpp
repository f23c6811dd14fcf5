// SPDX-License-Identifier: LGPL-2.1-or-later
// Pause and resume, metadata, deletion, single participants and tracks, automatic recording.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "orchestrator/session/metadata.hpp"
#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::HasSubstr;

TEST(PauseRecording, TellsTheWorkerOnceAndIsIdempotent) {
  World w;
  w.play("demo", "plain");
  const auto paused = w->pause_recording("demo-a-1");
  ASSERT_TRUE(paused);
  EXPECT_TRUE(paused->paused);
  EXPECT_TRUE(w.branch("a").paused);
  const auto before = believed_state(*w.service);
  ASSERT_TRUE(w->pause_recording("demo-a-1"));
  EXPECT_EQ(believed_state(*w.service), before);
  EXPECT_EQ(w.host.count("pause demo a"), 1);
  EXPECT_EQ(w.seen.count("recording.paused"), 1);
  w.pass(seconds{2});
  ASSERT_TRUE(w->resume_recording("demo-a-1"));
  ASSERT_TRUE(w->resume_recording("demo-a-1"));
  EXPECT_EQ(w.host.count("resume demo a"), 1);
  EXPECT_EQ(w.seen.count("recording.resumed"), 1);
  ASSERT_EQ(w.recording("demo-a-1").pauses.size(), 1U);
  const auto& pause = w.recording("demo-a-1").pauses[0];
  EXPECT_EQ(pause.until_mono - pause.from_mono, Millis{2000});
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(PauseRecording, OnlyWhileThereIsSomethingToPause) {
  World w;
  EXPECT_EQ(w->pause_recording("nothing").error().kind, Problem::Kind::not_found);
  w.play("demo", "plain");
  ASSERT_TRUE(w->stop_recording("demo-a-1"));
  EXPECT_EQ(w->pause_recording("demo-a-1").error().kind, Problem::Kind::conflict);
  w->on_branch("demo", 1, "a", BranchState::removed, "", 0, 0);
  EXPECT_EQ(w->resume_recording("demo-a-1").error().kind, Problem::Kind::conflict);
}

TEST(PauseRecording, IsNoStall) {
  World w;
  w.play("demo", "plain");
  ASSERT_TRUE(w->pause_recording("demo-a-1"));
  for (int i = 0; i < 60; ++i) {
    w.report("demo", 10);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.branch("a").state, BranchState::active);
  EXPECT_FALSE(w.branch("a").stalled);
  ASSERT_TRUE(w->resume_recording("demo-a-1"));
  for (int i = 0; i < 6; ++i) {
    w.report("demo", 10);
    w.pass(seconds{1});
  }
  EXPECT_TRUE(w.branch("a").stalled) << "after that silence counts again";
}

TEST(PauseRecording, OutlivesTheWorker) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.boot_with_finisher();
  w.play("demo", "plain");
  ASSERT_TRUE(w->pause_recording("demo-a-1"));
  w.host.said.clear();
  w.exit("demo", {.signo = SIGKILL});
  w.pass(seconds{1});
  EXPECT_EQ(w.host.said, (std::vector<std::string>{"start demo 2", "pause demo a"}));
  w.playing();
  EXPECT_TRUE(w.branch("a").paused);
  EXPECT_EQ(w.host.count("pause demo a"), 2) << "again when the branch is there";
  ASSERT_EQ(w.recording("demo-a-1").pauses.size(), 2U);
  EXPECT_NE(w.recording("demo-a-1").pauses[0].until.count(), 0);
  EXPECT_EQ(w.recording("demo-a-1").pauses[1].epoch, 2U);
  ASSERT_TRUE(w->resume_recording("demo-a-1"));
  EXPECT_NE(w.recording("demo-a-1").pauses[1].until.count(), 0);
}

TEST(PauseRecording, ManyTimesKeepsABoundedList) {
  World w;
  w.play("demo", "plain");
  for (std::size_t i = 0; i < kMaxPauses + 10; ++i) {
    ASSERT_TRUE(w->pause_recording("demo-a-1"));
    ASSERT_TRUE(w->resume_recording("demo-a-1"));
  }
  EXPECT_EQ(w.recording("demo-a-1").pauses.size(), kMaxPauses);
}

TEST(DeleteRecording, RemovesFilesAndRow) {
  World w;
  w.boot_with_finisher();
  w.settings.preview_interval = Millis{0};
  w.boot();
  w.play("demo", "plain");
  EXPECT_EQ(w->delete_recording("nothing").error().kind, Problem::Kind::not_found);
  EXPECT_EQ(w->delete_recording("demo-a-1").error().kind, Problem::Kind::conflict) << "it is being written";
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 5;
  w.exit("demo", {.signo = 9});
  EXPECT_EQ(w->delete_recording("demo-a-1").error().kind, Problem::Kind::conflict) << "it is being finished";
  w.storage.files["/rec/demo/demo-a-1.jpg"] = 1;
  w.storage.files["/rec/other.mp4"] = 1;
  w.finish(w.finisher.orders.at(0), {.artifacts = {{"thumbnail", "/rec/demo/demo-a-1.jpg", 1}}});

  w.storage.refuse_removal = Problem{.kind = Problem::Kind::unavailable, .detail = "read-only"};
  EXPECT_EQ(w->delete_recording("demo-a-1").error().detail, "read-only");
  EXPECT_NE(w->recording("demo-a-1"), nullptr);
  w.storage.refuse_removal.reset();
  ASSERT_TRUE(w->delete_recording("demo-a-1"));
  EXPECT_EQ(w->recording("demo-a-1"), nullptr);
  EXPECT_EQ(w.storage.files.size(), 1U);
  EXPECT_EQ(w.seen.events.back().type, "recording.deleted");
  EXPECT_EQ(w.seen.events.back().data.at("reason"), "request");
  EXPECT_EQ(w.seen.events.back().data.at("recording").at("id"), "demo-a-1");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
  w.boot().recover();
  EXPECT_EQ(w->recording("demo-a-1"), nullptr);
}

TEST(DeleteRecording, WithTheStoreAwayTouchesNoFile) {
  World w;
  w.play("demo", "plain");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 5;
  w.exit("demo", {.signo = 9});
  w.store.broken = true;
  w->on_hello("demo", 1, 1);
  EXPECT_FALSE(w.create("x"));
  EXPECT_EQ(w->delete_recording("demo-a-1").error().reason, "store");
  EXPECT_TRUE(w.storage.files.contains("/rec/demo/demo-a-1.mp4"));
  w.store.broken = false;
  EXPECT_TRUE(w->delete_recording("demo-a-1"));
}

TEST(Metadata, IsCheckedWithPointers) {
  const auto wrong = [](const json::Value& metadata) {
    const auto errors = check_metadata(metadata, "/metadata");
    return errors.empty() ? std::string{} : errors.at(0).pointer;
  };
  EXPECT_EQ(wrong({{"title", "x"}, {"n", 1.5}, {"public", true}}), "");
  EXPECT_EQ(wrong(json::Value::object()), "");
  EXPECT_EQ(wrong(json::Value::array()), "/metadata");
  EXPECT_EQ(wrong("text"), "/metadata");
  EXPECT_EQ(wrong({{"a/b", json::Value::array()}}), "/metadata/a~1b");
  EXPECT_EQ(wrong({{"x", nullptr}}), "/metadata/x");
  EXPECT_EQ(wrong({{"x", json::Value::object()}}), "/metadata/x");
  EXPECT_EQ(wrong({{"x", std::string(5000, 'x')}}), "/metadata");
  json::Value many = json::Value::object();
  for (int i = 0; i < 32; ++i) many["k" + std::to_string(i)] = i;
  EXPECT_EQ(wrong(many), "");
  many["one more"] = 1;
  EXPECT_EQ(wrong(many), "/metadata");
}

TEST(Metadata, IsPatchedAsRfc7396Says) {
  World w;
  w.play();
  ASSERT_TRUE(w->start_recording({.conference = "demo", .id = "r", .metadata = {{"a", 1}, {"b", "x"}}}));
  const auto patched = w->update_metadata("r", {{"a", nullptr}, {"c", true}});
  ASSERT_TRUE(patched);
  EXPECT_EQ(patched->metadata, (json::Value{{"b", "x"}, {"c", true}}));
  EXPECT_EQ(w.seen.count("recording.updated"), 1);
  ASSERT_TRUE(w->update_metadata("r", {{"c", true}, {"never", nullptr}}));
  EXPECT_EQ(w.seen.count("recording.updated"), 1) << "nothing changed";
  EXPECT_EQ(w->update_metadata("r", {{"d", json::Value::array()}}).error().errors.at(0).pointer, "/d");
  EXPECT_EQ(w->update_metadata("r", json::Value::array()).error().errors.at(0).pointer, "");
  EXPECT_EQ(w->update_metadata("nobody", json::Value::object()).error().kind, Problem::Kind::not_found);
  EXPECT_EQ(w->start_recording({.conference = "demo", .metadata = 5}).error().errors.at(0).pointer,
            "/metadata");
}

TEST(StartRecording, OfOneParticipantAndTrackIsTheBranchesOrder) {
  World w;
  w.play();
  const auto one = w->start_recording({.conference = "demo",
                                       .id = "r",
                                       .participant = "ann",
                                       .tracks = "audio",
                                       .preset = "720p",
                                       .preview_interval = Millis{3000}});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->participant, "ann");
  EXPECT_EQ(one->tracks, "audio");
  EXPECT_EQ(one->preview_interval, Millis{3000});
  const auto& order = w.branch("recording1").spec.resolved;
  EXPECT_EQ(order.at("participant"), "ann");
  EXPECT_EQ(order.at("tracks"), "audio");
  EXPECT_EQ(order.at("preset"), "720p");
  EXPECT_TRUE(w->start_recording(
      {.conference = "demo", .id = "r", .participant = "ann", .tracks = "audio", .preset = "720p"}));
  for (const auto& other :
       {NewRecording{.conference = "demo", .id = "r", .tracks = "audio", .preset = "720p"},
        NewRecording{.conference = "demo", .id = "r", .participant = "ann", .preset = "720p"},
        NewRecording{.conference = "demo", .id = "r", .participant = "ann", .tracks = "audio"}})
    EXPECT_EQ(w->start_recording(other).error().kind, Problem::Kind::conflict);
}

TEST(StartRecording, WhatIsMadeBesideItCollidesWithNobodys) {
  World w;
  w.play();
  ASSERT_TRUE(w->start_recording({.conference = "demo", .container = "mp4", .path = "talk"}));
  const auto other = w->start_recording({.conference = "demo", .container = "mkv", .path = "talk"});
  ASSERT_FALSE(other) << "its sidecar would be talk.json too";
  EXPECT_EQ(other.error().kind, Problem::Kind::conflict);
  EXPECT_EQ(other.error().errors.at(0).pointer, "/path");
  EXPECT_TRUE(w->start_recording({.conference = "demo", .container = "segments", .path = "talk"}))
      << "a folder has its own inside";
  EXPECT_TRUE(w->start_recording({.conference = "demo", .container = "mkv", .path = "talk2"}));
}

struct Automatic : ::testing::Test {
  Automatic() {
    w.catalog.automatic = AutoRule{.min_participants = 2, .empty_for = seconds{10}};
    w.settings.preview_interval = Millis{0};
    w.boot_with_finisher();
    EXPECT_TRUE(w.create("demo", "plain"));
    w->on_hello("demo", 1, 1);
    w->on_running("demo", 1);
  }
  /// So many are there for so long.
  void people(int count, Millis time) {
    for (Millis gone{0}; gone < time; gone += seconds{1}) {
      WorkerStats stats;
      for (int i = 0; i < count; ++i) stats.participants.push_back({"p" + std::to_string(i), true, false});
      if (w.conference().branches.contains("a")) stats.branches = {{"a", ++bytes, 0, 0}};
      w->on_stats("demo", w.conference().epoch, stats);
      w.pass(seconds{1});
    }
  }
  void opens() { w->on_branch("demo", w.conference().epoch, "a", BranchState::active, "", 0, 0); }
  void closes(std::uint64_t size) {
    w.storage.files[w.recording(w.branch("a").recording).path] = size;
    w->on_branch("demo", w.conference().epoch, "a", BranchState::removed, "", size, 0);
  }
  World w;
  std::uint64_t bytes = 0;
};

TEST_F(Automatic, RecordsWhileEnoughAreThere) {
  EXPECT_FALSE(w.host.starts.at(0).resolved.contains("branches") &&
               w.host.starts.at(0).resolved.at("branches").contains("a"));
  EXPECT_TRUE(w->recordings().empty());
  people(1, seconds{30});
  EXPECT_TRUE(w->recordings().empty());
  people(2, seconds{1});
  EXPECT_EQ(w.host.count("add demo a /rec/demo/demo-a-1.mp4"), 1);
  EXPECT_TRUE(w.recording("demo-a-1").automatic);
  opens();
  people(1, seconds{30});
  EXPECT_EQ(w.branch("a").state, BranchState::active) << "fewer, but somebody";
  people(0, seconds{9});
  people(1, seconds{1});
  people(0, seconds{9});
  EXPECT_EQ(w.branch("a").state, BranchState::active);
  people(0, seconds{2});
  EXPECT_EQ(w.branch("a").state, BranchState::draining);
  closes(100);
  w.finish(w.finisher.orders.at(0));
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  people(2, seconds{1});
  EXPECT_EQ(w.branch("a").recording, "demo-a-2");
  EXPECT_EQ(w.recording("demo-a-2").path, "/rec/demo/demo-a-2.mp4");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST_F(Automatic, StoppedByRequestStaysStoppedUntilTheRoomWasEmpty) {
  people(2, seconds{1});
  opens();
  ASSERT_TRUE(w->stop_recording("demo-a-1"));
  closes(100);
  people(3, seconds{30});
  EXPECT_EQ(w->recordings().size(), 1U);
  people(0, seconds{1});
  people(2, seconds{1});
  EXPECT_EQ(w->recordings().size(), 2U);
}

TEST_F(Automatic, RemovedByRequestIsTheSame) {
  people(2, seconds{1});
  opens();
  ASSERT_TRUE(w->remove_branch("demo", "a"));
  closes(100);
  people(3, seconds{30});
  EXPECT_EQ(w->recordings().size(), 1U);
}

TEST_F(Automatic, ThatFailedDoesNotFailAgainAndAgain) {
  people(2, seconds{1});
  opens();
  w->on_branch("demo", 1, "a", BranchState::failed, "disk full", 0, 0);
  people(3, seconds{60});
  EXPECT_EQ(w->recordings().size(), 1U);
  people(0, seconds{1});
  people(2, seconds{1});
  EXPECT_EQ(w->recordings().size(), 2U);
}

TEST_F(Automatic, OneAddedByRequestIsNotTheRulesToEnd) {
  ASSERT_TRUE(w->add_branch("demo", "a", {{"kind", "file"}, {"container", "mp4"}}));
  opens();
  people(0, seconds{30});
  EXPECT_EQ(w.branch("a").state, BranchState::active);
}

TEST_F(Automatic, WithoutAPlaceIsTriedNowAndThen) {
  w.storage.refuse = Problem{.kind = Problem::Kind::limit, .detail = "full", .reason = "disk"};
  people(2, seconds{30});
  EXPECT_TRUE(w->recordings().empty());
  EXPECT_FALSE(w.conference().branches.contains("a"));
  w.storage.refuse.reset();
  people(2, seconds{10});
  EXPECT_EQ(w->recordings().size(), 1U);
}

TEST_F(Automatic, GoesOnInTheNextWorker) {
  w.catalog.policies.restart.on_failure = true;
  ASSERT_TRUE(w.create("two", "plain"));
  const auto tell = [&](int count) {
    WorkerStats stats;
    for (int i = 0; i < count; ++i) stats.participants.push_back({"p" + std::to_string(i), true, false});
    w->on_stats("two", w.conference("two").epoch, stats);
    w.pass(seconds{1});
  };
  w->on_hello("two", 1, 1);
  w->on_running("two", 1);
  tell(2);
  w->on_branch("two", 1, "a", BranchState::active, "", 0, 0);
  w.storage.files["/rec/two/two-a-1.mp4"] = 9;
  w.exit("two", {.signo = SIGKILL});
  w.pass(seconds{1});
  EXPECT_EQ(w.host.starts.back().paths.at("a"), "/rec/two/two-a-1.part2.mp4");
}

}  // namespace
}  // namespace auralink::session::testing
