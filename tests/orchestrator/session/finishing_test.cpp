// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings of several pieces, and what is made of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Finishing : ::testing::Test {
  Finishing() {
    w.settings.preview_interval = Millis{0};
    w.catalog.policies.restart.on_failure = true;
    w.boot_with_finisher();
  }
  /// `a` has written so many bytes and milliseconds, on disk too.
  void write(std::uint64_t bytes) {
    w.report("demo", bytes);
    w.storage.files[w.recording("demo-a-1").pieces.back().path] = bytes;
  }
  void stop_a() {
    ASSERT_TRUE(w->stop_recording("demo-a-1"));
    w->on_branch("demo", w.conference().epoch, "a", BranchState::removed, "", 0, 0);
  }
  void crash_and_go_on() {
    w.exit("demo", {.signo = SIGKILL});
    w.pass(seconds{2});
    w.playing();
  }
  World w;
};

TEST_F(Finishing, ACleanRecordingIsOrderedAndBecomesComplete) {
  w.play("demo", "plain");
  write(6000);
  stop_a();
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  const auto order = w.finisher.orders[0];
  EXPECT_EQ(order.recording, "demo-a-1");
  EXPECT_EQ(order.container, "mp4");
  EXPECT_EQ(order.path, "/rec/demo/demo-a-1.mp4");
  ASSERT_EQ(order.pieces.size(), 1U);
  EXPECT_TRUE(order.pieces[0].clean);
  EXPECT_EQ(order.pieces[0].bytes, 6000U);
  EXPECT_EQ(order.pieces[0].duration_ns, 6'000'000'000);
  EXPECT_EQ(order.sidecar.at("recording"), "demo-a-1");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
  w.finish(order);
  const auto& done = w.recording("demo-a-1");
  EXPECT_EQ(done.state, RecordingState::complete);
  EXPECT_EQ(done.error, "");
  EXPECT_EQ(done.bytes, 6000U);
  EXPECT_EQ(done.bitrate, 1000U);
  EXPECT_EQ(done.sha256, "00ff");
  EXPECT_EQ(done.processing, ProcessingState::none);
  EXPECT_TRUE(done.sidecar.is_null()) << "nobody needs it any more";
  EXPECT_EQ(done.ended_at, done.pieces[0].ended_at);
  w.pass(seconds{120}, seconds{1});
  EXPECT_EQ(w.finisher.orders.size(), 1U);
}

TEST_F(Finishing, AWorkerThatDiesDoesNotEndTheRecording) {
  w.play("demo", "plain");
  write(8000);
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::active);
  EXPECT_FALSE(w.recording("demo-a-1").pieces[0].clean);
  EXPECT_EQ(w.recording("demo-a-1").pieces[0].bytes, 8000U);
  EXPECT_EQ(w.recording("demo-a-1").pieces[0].error, "the worker was killed with signal 9");
  EXPECT_EQ(w.branch("a").recording, "demo-a-1");
  w.pass(seconds{1});
  ASSERT_EQ(w.host.starts.size(), 2U);
  EXPECT_EQ(w.host.starts[1].paths.at("a"), "/rec/demo/demo-a-1.part2.mp4");
  EXPECT_EQ(w.seen.count("recording.piece"), 1);
  w.playing();
  write(3000);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 11'000U) << "all pieces together";
  EXPECT_EQ(w.recording("demo-a-1").duration_ns, 11'000'000'000);
  EXPECT_TRUE(w.finisher.orders.empty());
  EXPECT_EQ(w->recordings().size(), 1U);

  stop_a();
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  const auto order = w.finisher.orders[0];
  ASSERT_EQ(order.pieces.size(), 2U);
  EXPECT_FALSE(order.pieces[0].clean);
  EXPECT_TRUE(order.pieces[1].clean);
  EXPECT_EQ(order.path, order.pieces[0].path);
  EXPECT_EQ(order.pieces[1].started_at - order.pieces[0].ended_at, Millis{1000});
  w.finish(order, {.gaps = {{.at_ns = 8'000'000'000, .missing_ns = 1'000'000'000}}});
  const auto& done = w.recording("demo-a-1");
  EXPECT_EQ(done.state, RecordingState::interrupted);
  EXPECT_EQ(done.error, "the worker was killed with signal 9 (piece 1 of 2)");
  EXPECT_EQ(done.bytes, 11'000U);
  ASSERT_EQ(done.gaps.size(), 1U);
  EXPECT_THAT(done.gaps[0].reason, HasSubstr("signal 9"));
  EXPECT_FALSE(w.storage.files.contains("/rec/demo/demo-a-1.part2.mp4"));
  EXPECT_EQ(done.pieces.at(1).path, done.path) << "where its media lies now";
}

TEST_F(Finishing, ADiskThatFilledBeforeTheNextPieceIsTheReason) {
  w.play("demo", "plain");
  write(8000);
  w.exit("demo", {.signo = SIGKILL});
  w.storage.refuse = Problem{.kind = Problem::Kind::limit, .detail = "the disk is full", .reason = "disk"};
  w.pass(seconds{1});
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  w.finish(w.finisher.orders[0]);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").error, "the disk is full");
}

TEST_F(Finishing, GivenAgainAfterItWasJoinedItIsOnePiece) {
  w.settings.preview_interval = seconds{1};
  w.boot();
  w.play("demo", "plain");
  write(8000);
  crash_and_go_on();
  write(100);
  stop_a();
  w.finish(w.finisher.orders.at(0));
  w.boot().recover();
  ASSERT_EQ(w.finisher.orders.size(), 2U) << "its pictures are still to be drawn";
  ASSERT_EQ(w.finisher.orders[1].pieces.size(), 1U);
  EXPECT_EQ(w.finisher.orders[1].pieces[0].path, w.finisher.orders[1].path);
}

TEST_F(Finishing, AGapOfNothingIsNoLoss) {
  w.play("demo", "plain");
  write(100);
  stop_a();
  w.finish(w.finisher.orders.at(0), {.gaps = {{.at_ns = 50, .missing_ns = 0}}});
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
}

TEST_F(Finishing, AWorkerThatDiedBeforeItWroteIsNoPieceOfTheOrder) {
  w.play("demo", "plain");
  crash_and_go_on();
  crash_and_go_on();
  write(500);
  stop_a();
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  const auto& order = w.finisher.orders[0];
  ASSERT_EQ(order.pieces.size(), 1U);
  EXPECT_EQ(order.path, "/rec/demo/demo-a-1.mp4");
  EXPECT_EQ(order.pieces[0].path, "/rec/demo/demo-a-1.part3.mp4");
  EXPECT_FALSE(w.storage.files.contains("/rec/demo/demo-a-1.part2.mp4"))
      << "the empty reservation is given back";
}

TEST_F(Finishing, NothingWrittenAtAllIsFailedAtOnce) {
  w.play("demo", "plain");
  stop_a();
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::failed);
  EXPECT_EQ(w.recording("demo-a-1").error, "nothing was recorded");
  EXPECT_TRUE(w.finisher.orders.empty());
}

TEST_F(Finishing, AWorkerThatDiesForGoodLeavesWhatIsFinished) {
  w.catalog.policies.restart.on_failure = false;
  w.play("demo", "plain");
  write(8000);
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  w.finish(w.finisher.orders[0]);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").error, "the worker was killed with signal 9");
}

TEST_F(Finishing, ABranchThatFailedIsFinishedToo) {
  w.play("demo", "plain");
  write(4096);
  w->on_branch("demo", 1, "a", BranchState::failed, "No space left on device", 5000, 3'000'000'000);
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  w.finish(w.finisher.orders[0]);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted) << "something playable came out";
  EXPECT_EQ(w.recording("demo-a-1").error, "No space left on device");
}

TEST_F(Finishing, StopWhileTheNextWorkerIsAwaitedFinishesWhatIsThere) {
  w.play("demo", "plain");
  write(8000);
  w.exit("demo", {.signo = SIGKILL});
  ASSERT_TRUE(w->stop_recording("demo-a-1"));
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  EXPECT_EQ(w.finisher.orders[0].pieces.size(), 1U);
  w.pass(seconds{1});
  EXPECT_TRUE(w.host.starts.at(1).paths.empty());
  w.finish(w.finisher.orders[0]);
  EXPECT_EQ(w.recording("demo-a-1").error, "the worker was killed with signal 9")
      << "not that it was stopped";
}

TEST_F(Finishing, WhatWasOnItsWayOutIsNotTakenUpAgain) {
  w.play("demo", "plain");
  write(8000);
  ASSERT_TRUE(w->stop_recording("demo-a-1"));
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().state, ConferenceState::starting);
  EXPECT_EQ(w.branch("a").state, BranchState::removed);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  EXPECT_EQ(w.finisher.orders.size(), 1U);
}

TEST_F(Finishing, FailuresAreTriedTwiceMoreAndThenTold) {
  w.play("demo", "plain");
  write(100);
  stop_a();
  w.finish_fails("demo-a-1");
  w.pass(Millis{4'800});
  EXPECT_EQ(w.finisher.orders.size(), 1U);
  w.pass(Millis{400});
  EXPECT_EQ(w.finisher.orders.size(), 2U);
  w.finish_fails("demo-a-1");
  w.pass(seconds{24});
  EXPECT_EQ(w.finisher.orders.size(), 2U) << "the second delay is longer";
  w.pass(seconds{2});
  EXPECT_EQ(w.finisher.orders.size(), 3U);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  w.finish_fails("demo-a-1", "no moov");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").error, "no moov");
  EXPECT_EQ(w.recording("demo-a-1").bytes, 100U);
  EXPECT_TRUE(w.storage.files.contains("/rec/demo/demo-a-1.mp4")) << "untouched";
  w.pass(seconds{120}, seconds{1});
  EXPECT_EQ(w.finisher.orders.size(), 3U);
}

TEST_F(Finishing, FailureWithNothingOnDiskIsFailed) {
  w.play("demo", "plain");
  write(100);
  stop_a();
  w.storage.files.clear();  // somebody removed the folder
  for (int i = 0; i < 3; ++i) {
    w.finish_fails("demo-a-1", "no such file");
    w.pass(seconds{30}, seconds{1});
  }
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::failed);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 0U);
}

TEST_F(Finishing, ReportsNobodyWaitsForChangeNothing) {
  w.play("demo", "plain");
  write(100);
  const auto before = believed_state(*w.service);
  for (const auto stage : {FinishReport::Stage::progress, FinishReport::Stage::finalised,
                           FinishReport::Stage::processed, FinishReport::Stage::failed})
    for (const std::string id : {"demo-a-1", "nobody", ""}) w->on_finish({.recording = id, .stage = stage});
  EXPECT_EQ(believed_state(*w.service), before) << "it is still recording";
  stop_a();
  w.finish(w.finisher.orders[0]);
  const auto done = believed_state(*w.service);
  w.finish_fails("demo-a-1");
  w.processed("demo-a-1");
  w.finish(w.finisher.orders[0]);
  EXPECT_EQ(believed_state(*w.service), done);
}

TEST_F(Finishing, PicturesAndHookFollowTheFile) {
  w.settings.preview_interval = seconds{10};
  w.settings.hook = {"/usr/bin/true"};
  w.boot();
  w.play("demo", "plain");
  write(100);
  stop_a();
  EXPECT_EQ(w.recording("demo-a-1").processing, ProcessingState::pending);
  const auto order = w.finisher.orders.at(0);
  EXPECT_EQ(order.preview_interval, Millis{10'000});
  EXPECT_THAT(order.hook, ElementsAre("/usr/bin/true"));
  w.finish(order, {.artifacts = {{"sidecar", "/rec/demo/demo-a-1.json", 5}}});
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.recording("demo-a-1").processing, ProcessingState::running);
  const auto early = w->delete_recording("demo-a-1");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, Problem::Kind::conflict);
  w.processed("demo-a-1", "", {{"sprite", "/rec/demo/s.jpg", 7}, {"sidecar", "/rec/demo/demo-a-1.json", 6}});
  EXPECT_EQ(w.recording("demo-a-1").processing, ProcessingState::done);
  ASSERT_EQ(w.recording("demo-a-1").artifacts.size(), 2U) << "the sidecar was written again, not twice";
  EXPECT_EQ(w.seen.count("recording.processed"), 1);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST_F(Finishing, AFailingHookDoesNotTouchTheRecording) {
  w.settings.hook = {"/usr/bin/false"};
  w.boot();
  w.play("demo", "plain");
  write(100);
  stop_a();
  w.finish(w.finisher.orders.at(0));
  w.processed("demo-a-1", "exit status 1");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.recording("demo-a-1").processing, ProcessingState::failed);
  EXPECT_EQ(w.recording("demo-a-1").processing_error, "exit status 1");
}

TEST_F(Finishing, AFinisherThatDiesAtThePicturesIsGivenTheOrderAgain) {
  w.settings.preview_interval = seconds{10};
  w.boot();
  w.play("demo", "plain");
  write(100);
  stop_a();
  w.finish(w.finisher.orders.at(0));
  for (int i = 0; i < 3; ++i) {
    w.finish_fails("demo-a-1", "killed");
    w.pass(seconds{30}, seconds{1});
  }
  EXPECT_EQ(w.finisher.orders.size(), 3U);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.recording("demo-a-1").processing, ProcessingState::failed);
  EXPECT_EQ(w.recording("demo-a-1").processing_error, "killed");
}

TEST_F(Finishing, PartNamesAreFreeOfThoseOfCallers) {
  w.play("demo", "plain");
  for (const std::string bad : {"x.part2", "x.part2.mp4", "{conference}.part10", "a.part1/b"})
    EXPECT_EQ(w->start_recording({.conference = "demo", .path = bad}).error().errors.at(0).pointer, "/path")
        << bad;
  EXPECT_TRUE(w->start_recording({.conference = "demo", .path = "x.party"}));
  EXPECT_TRUE(w->start_recording({.conference = "demo", .id = "y.part2", .path = "{recording}"}));
  EXPECT_EQ(w.recording("y.part2").path, "/rec/y_part2.mp4");
}

TEST_F(Finishing, ADrainWaitsForWhatIsBeingFinished) {
  w.play("demo", "plain");
  write(100);
  w->drain();
  w->on_branch("demo", 1, "a", BranchState::removed, "", 0, 0);
  w.exit("demo", {.said = ExitClass::stopped});
  EXPECT_FALSE(w->drained());
  w.finish(w.finisher.orders.at(0));
  EXPECT_TRUE(w->drained());
}

TEST_F(Finishing, ADrainLeavesFailuresToTheNextDaemon) {
  w.play("demo", "plain");
  write(100);
  w->drain();
  w->on_branch("demo", 1, "a", BranchState::removed, "", 0, 0);
  w.exit("demo", {.said = ExitClass::stopped});
  w.finish_fails("demo-a-1");
  EXPECT_TRUE(w->drained());
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  w.boot().recover();
  EXPECT_EQ(w.finisher.orders.size(), 2U);
}

TEST_F(Finishing, ANewDaemonFinishesWhatTheOldOneLeft) {
  w.settings.preview_interval = seconds{10};
  w.catalog.policies.restart.on_failure = false;
  w.boot();
  w.play("demo", "pair");
  w.play("done", "plain");
  write(700);
  w.storage.files["/rec/done/done-a-1.mp4"] = 5;
  w.exit("done", {.signo = 9});
  w.finish(w.finisher.orders.at(0));
  w.finisher.orders.clear();
  w.boot().recover();
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  EXPECT_EQ(w.recording("demo-b-1").state, RecordingState::failed) << "nothing was in it";
  ASSERT_EQ(w.finisher.orders.size(), 2U);
  std::set<std::string> ordered;
  for (const auto& order : w.finisher.orders) ordered.insert(order.recording);
  EXPECT_THAT(ordered, ElementsAre("demo-a-1", "done-a-1")) << "the one for its pictures";
  w.boot().recover();
  EXPECT_EQ(w.finisher.orders.size(), 4U) << "and again, when that daemon died too";
  for (const auto& order : std::vector(w.finisher.orders.end() - 2, w.finisher.orders.end())) {
    w.finish(order);
    w.processed(order.recording);
  }
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").error, "the daemon ended while this conference ran");
  EXPECT_EQ(w.recording("done-a-1").processing, ProcessingState::done);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST_F(Finishing, ARestartAfterADaemonsDeathGoesOnWithTheSameRecording) {
  w.play("demo", "plain");
  write(700);
  w.boot().recover();
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::active);
  w.pass(seconds{1});
  w.playing();
  EXPECT_EQ(w.host.starts.back().paths.at("a"), "/rec/demo/demo-a-1.part2.mp4");
  write(300);
  stop_a();
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  EXPECT_EQ(w.finisher.orders[0].pieces.size(), 2U);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 1000U);
}

TEST_F(Finishing, TimesOfPiecesDoNotFollowAClockThatJumps) {
  w.play("demo", "plain");
  write(8000);
  const auto begin = w.recording("demo-a-1").pieces[0].started_at;
  w.pass(seconds{3});
  w.clock.jump_wall(-seconds{7200});
  w.exit("demo", {.signo = SIGKILL});
  w.pass(seconds{1});
  w.playing();
  write(100);
  stop_a();
  const auto& pieces = w.finisher.orders.at(0).pieces;
  EXPECT_EQ(pieces[0].ended_at - begin, Millis{3000});
  EXPECT_EQ(pieces[1].started_at - begin, Millis{4000});
}

TEST(FinishingNot, WithoutAFinisherARestartBeginsAnotherRecording) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play("demo", "plain");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 9;
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  w.pass(seconds{1});
  EXPECT_EQ(w.branch("a").recording, "demo-a-2");
}

TEST(Sidecar, TellsWhoWasThereAndWhen) {
  World w;
  w.settings.preview_interval = Millis{0};
  w.catalog.policies.restart.on_failure = true;
  w.boot_with_finisher();
  ASSERT_TRUE(w.create("demo", "bare"));
  w->on_hello("demo", 1, 1);
  w->on_running("demo", 1);
  std::uint64_t wrote = 0;
  const auto told = [&](std::vector<std::string> names, Millis then) {
    WorkerStats stats;
    for (const auto& name : names) stats.participants.push_back({name, true, true});
    wrote += 10;
    stats.branches = {{"recording1", wrote, 0, 0}};
    w->on_stats("demo", w.conference().epoch, stats);
    w.pass(then);
  };
  told({"early"}, seconds{1});
  told({"ann"}, seconds{1});
  ASSERT_TRUE(w->start_recording({.conference = "demo", .id = "r", .metadata = {{"title", "Monday"}}}));
  w->on_branch("demo", 1, "recording1", BranchState::active, "", 0, 0);
  told({"ann"}, seconds{2});
  told({"ann", "bob", "cat"}, seconds{2});
  ASSERT_TRUE(w->pause_recording("r"));
  w.pass(seconds{1});
  ASSERT_TRUE(w->pause_recording("r"));
  ASSERT_TRUE(w->resume_recording("r"));
  told({"bob", "dan"}, seconds{2});
  w.storage.files["/rec/demo/r.mp4"] = 10;
  w.exit("demo", {.signo = SIGKILL});
  w.pass(seconds{1});
  w.playing();
  told({"bob"}, seconds{3});
  w.storage.files["/rec/demo/r.part2.mp4"] = 10;
  ASSERT_TRUE(w->stop_recording("r"));
  w->on_branch("demo", 2, "recording1", BranchState::removed, "", 0, 0);
  const auto& sidecar = w.finisher.orders.at(0).sidecar;
  EXPECT_EQ(sidecar.at("version"), 1);
  EXPECT_EQ(sidecar.at("metadata").at("title"), "Monday");
  std::map<std::string, json::Value> who;
  for (const auto& each : sidecar.at("participants")) who[each.at("name")] = each.at("presence");
  EXPECT_FALSE(who.contains("early")) << sidecar.dump(1);
  ASSERT_TRUE(who.contains("bob"));
  EXPECT_EQ(who.at("ann").at(0).at("fromSeconds"), 0.0);
  EXPECT_EQ(who.at("ann").at(0).at("toSeconds"), 4.0) << "the pause is not in the file";
  EXPECT_EQ(who.at("bob").at(0).at("fromSeconds"), 2.0);
  EXPECT_EQ(who.at("bob").at(0).at("toSeconds"), 6.0);
  EXPECT_EQ(who.at("bob").at(1).at("fromSeconds"), 6.0);
  EXPECT_EQ(who.at("bob").at(1).at("toSeconds"), 9.0);
  EXPECT_EQ(who.at("dan").at(0).at("fromSeconds"), 4.0);
  EXPECT_THAT(who.at("bob").at(0).at("joinedAt").get<std::string>(), HasSubstr("2026-01-01T"));
  const auto& chapters = sidecar.at("chapters");
  ASSERT_EQ(chapters.size(), 3U) << chapters.dump(1);
  EXPECT_EQ(chapters[0], (json::Value{{"at", 0.0}, {"title", "ann joined"}}));
  EXPECT_EQ(chapters[1], (json::Value{{"at", 2.0}, {"title", "bob, cat joined"}}));
  EXPECT_EQ(chapters[2], (json::Value{{"at", 4.0}, {"title", "dan joined"}}));
  ASSERT_EQ(sidecar.at("epochs").size(), 2U);
  EXPECT_EQ(sidecar.at("epochs")[0].at("clean"), false);
  ASSERT_EQ(sidecar.at("pauses").size(), 1U);
  EXPECT_EQ(sidecar.at("pauses")[0].at("at"), 4.0);
  EXPECT_EQ(sidecar.at("pauses")[0].at("seconds"), 1.0);
}

TEST(Sidecar, LogOfPresenceIsBounded) {
  World w;
  w.play("demo", "bare");
  for (int i = 0; i < 5000; ++i)
    w->on_stats("demo", 1, {.participants = {{"p" + std::to_string(i), true, true}}});
  EXPECT_EQ(w.conference().presence.size(), kMaxPresence);
  EXPECT_EQ(w.conference().presence.back().name, "p4999");
}

}  // namespace
}  // namespace auralink::session::testing
