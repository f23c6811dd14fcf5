// SPDX-License-Identifier: LGPL-2.1-or-later
// Deadlines, watchdogs, limits, participants, restarts, and messages nobody waited for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Hello, BringsThePidAndRunningTheStart) {
  World w;
  ASSERT_TRUE(w.create());
  w->on_hello("demo", 1, 99);
  EXPECT_EQ(w.conference().worker_pid, 99);
  EXPECT_EQ(w.conference().state, ConferenceState::starting);
  w->on_hello("demo", 1, 100);
  EXPECT_EQ(w.conference().worker_pid, 99) << "a second Hello is not believed";
  w->on_running("demo", 1);
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_EQ(w.conference().started_at, w.clock.wall());
  const auto events = w.seen.events.size();
  w->on_running("demo", 1);
  EXPECT_EQ(w.seen.events.size(), events);
}

TEST(Hello, ThatNeverComesEndsTheWorkerAsStalled) {
  World w;
  ASSERT_TRUE(w.create());
  w.pass(seconds{10});
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
  w.pass(seconds{7});
  EXPECT_THAT(w.host.said, ElementsAre("start demo 1", "graph demo", "signal demo 15", "signal demo 9"));
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().exit, ExitClass::stalled);
  EXPECT_EQ(w.conference().reason, "the worker did not report within 10 s");
}

TEST(Start, ThatTakesTooLongIsTheSourcesFault) {
  World w;
  w.catalog.policies.start_timeout = Millis{12'500};
  ASSERT_TRUE(w.create());
  w->on_hello("demo", 1, 1);
  w.pass(seconds{14});
  EXPECT_EQ(w.host.count("signal demo 15"), 1);
  w.exit("demo", {.signo = SIGTERM});
  EXPECT_EQ(w.conference().exit, ExitClass::failed_source);
  EXPECT_EQ(w.conference().reason, "the pipeline did not play within 12.500 s");
}

TEST(Heartbeat, MissedAsksForTheGraphThenTermThenKill) {
  World w;
  w.play();
  w.host.said.clear();
  w.pass(Millis{5'800});
  EXPECT_TRUE(w.host.said.empty());
  w.pass(Millis{200});
  EXPECT_THAT(w.host.said, ElementsAre("graph demo"));
  w->on_graph("demo", 1, "digraph stuck {}");
  EXPECT_EQ(w->graph("demo"), "digraph stuck {}");
  w.pass(seconds{1});
  EXPECT_EQ(w.host.said.back(), "signal demo 15");
  w.pass(seconds{5});
  EXPECT_EQ(w.host.said.back(), "signal demo 9");
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().exit, ExitClass::stalled);
  EXPECT_EQ(w.conference().reason, "the worker was silent for 6 s");
}

TEST(Heartbeat, BeatsWithEveryReport) {
  World w;
  w.play();
  for (std::uint64_t i = 1; i < 60; ++i) {
    w.report("demo", i);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.conference().state, ConferenceState::running);
}

TEST(MaxDuration, EndsAsLimit) {
  World w;
  w.catalog.policies.max_duration = seconds{5};
  w.play();
  w.pass(Millis{4'800});
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  w.pass(Millis{200});
  EXPECT_EQ(w.host.said.back(), "stop demo 1");
  w.exit("demo", {.said = ExitClass::stopped});
  EXPECT_EQ(w.conference().exit, ExitClass::limit);
  EXPECT_EQ(w.conference().reason, "ran for its longest time, 5 s");
}

TEST(IdleTimeout, CountsOnlyTheTimeNobodyIsThere) {
  World w;
  w.catalog.policies.idle_timeout = seconds{4};
  w.play();
  for (std::uint64_t i = 1; i < 10; ++i) {
    w.report("demo", i);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  for (std::uint64_t i = 10; i < 15; ++i) {
    w.report("demo", i, false);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.host.count("stop demo 2"), 1);
  w.exit("demo", {.said = ExitClass::stopped});
  EXPECT_EQ(w.conference().exit, ExitClass::limit);
  EXPECT_EQ(w.conference().reason, "nobody was there for 4 s");
}

TEST(IdleTimeout, StartsWhenItRunsWithNobody) {
  World w;
  w.catalog.policies.idle_timeout = seconds{4};
  ASSERT_TRUE(w.create());
  w->on_hello("demo", 1, 1);
  w.pass(seconds{5});
  w->on_running("demo", 1);
  w.pass(Millis{3'800});
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  w.pass(Millis{200});
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
}

TEST(Branch, WithoutProgressIsCalledStalledAndThenGivenUp) {
  World w;
  w.play();
  WorkerStats only_b{.participants = {{"ann", true, true}}};
  std::uint64_t bytes = 0;
  const auto live = [&](int n) {
    for (int i = 0; i < n; ++i) {
      only_b.branches = {{"a", 0, 0, 0}, {"b", ++bytes, 0, 0}};
      w->on_stats("demo", 1, only_b);
      w.pass(seconds{1});
    }
  };
  live(4);
  EXPECT_FALSE(w.branch("a").stalled);
  live(2);
  EXPECT_TRUE(w.branch("a").stalled);
  EXPECT_EQ(w.seen.count("branch.stalled"), 1);
  EXPECT_FALSE(w.branch("b").stalled);
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 321;
  live(25);
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.branch("a").error, "no progress for 30 s");
  EXPECT_EQ(w.host.count("remove demo a"), 1);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 321U);
  EXPECT_EQ(w.branch("b").state, BranchState::active);
  EXPECT_EQ(w.seen.count("branch.stalled"), 1);
}

TEST(Branch, ThatMovesAgainIsNoLongerStalled) {
  World w;
  w.play();
  for (int i = 0; i < 6; ++i) {
    w.report("demo", 0);
    w.pass(seconds{1});
  }
  EXPECT_TRUE(w.branch("a").stalled);
  w.report("demo", 10);
  EXPECT_FALSE(w.branch("a").stalled);
  EXPECT_EQ(w.seen.events.back().type, "branch.active");
}

TEST(Branch, MayBeQuietWhileNobodyIsThere) {
  World w;
  w.play();
  for (int i = 0; i < 60; ++i) {
    w.report("demo", 5, false);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.branch("a").state, BranchState::active);
  EXPECT_FALSE(w.branch("a").stalled);
}

TEST(Branch, ThatNeverOpensFails) {
  World w;
  ASSERT_TRUE(w.create());
  w->on_hello("demo", 1, 1);
  w->on_running("demo", 1);
  for (int i = 0; i < 31; ++i) {
    w.report("demo", 0);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::failed);
  EXPECT_EQ(w.seen.count("branch.stalled"), 0) << "it was never active";
}

TEST(Branch, ThatStallsAndMattersEndsTheConference) {
  World w;
  w.catalog.on_error["a"] = OnError::fail_pipeline;
  w.play();
  for (int i = 0; i < 31; ++i) {
    w.report("demo", 0);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.host.count("stop demo 0"), 1);
  EXPECT_EQ(w.branch("b").state, BranchState::active) << "what is left is finalised, not judged";
}

TEST(Participants, ComeAndGoAsEvents) {
  World w;
  ASSERT_TRUE(w.create());
  w->on_hello("demo", 1, 1);
  w->on_running("demo", 1);
  const auto told = [&](std::vector<ParticipantInfo> who) {
    w->on_stats("demo", 1, {.participants = std::move(who)});
  };
  told({{"ann", true, false}, {"bob", false, false}});
  EXPECT_EQ(w.seen.count("participant.joined"), 1);
  told({{"ann", true, true}, {"bob", false, true}});
  EXPECT_EQ(w.seen.count("participant.joined"), 2);
  EXPECT_EQ(w.seen.events.back().data.at("participant").at("name"), "bob");
  told({{"ann", true, true}, {"bob", false, false}});
  EXPECT_EQ(w.seen.count("participant.left"), 1);
  told({});
  EXPECT_EQ(w.seen.count("participant.left"), 2);
  EXPECT_TRUE(w.conference().participants.empty());
}

TEST(Worker, KilledWhileRecordingIsToldTruthfully) {
  World w;
  w.play("demo");
  w.play("other");
  w.report("demo", 8000);
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 7777;
  w.storage.files["/rec/demo/demo-b-1"] = 6666;
  const auto other = to_stored(w.conference("other"));
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::killed);
  const auto& recording = w.recording("demo-a-1");
  EXPECT_EQ(recording.state, RecordingState::interrupted);
  EXPECT_EQ(recording.bytes, 7777U);
  EXPECT_EQ(recording.duration_ns, 8'000'000'000);
  EXPECT_EQ(recording.error, "the worker was killed with signal 9");
  EXPECT_NE(recording.ended_at.count(), 0);
  EXPECT_EQ(w.recording("demo-b-1").bytes, 6666U);
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(to_stored(w.conference("other")), other) << "another conference does not notice";
}

TEST(Restart, OpensANewEpochWithNewFiles) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.catalog.path_template = "{conference}-{branch}";
  w.play();
  w.report("demo", 8000);
  w.storage.files["/rec/demo-a.mp4"] = 7777;
  w.exit("demo", {.signo = SIGSEGV});
  EXPECT_EQ(w.conference().state, ConferenceState::starting);
  EXPECT_EQ(w.conference().epoch, 2U);
  EXPECT_EQ(w.conference().exit, ExitClass::crashed);
  EXPECT_EQ(w.conference().reason, "the worker crashed with signal 11; attempt 1 of 5 to start again");
  EXPECT_EQ(w.conference().worker_pid, 0);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.host.starts.size(), 1U);
  w.pass(Millis{800});
  EXPECT_EQ(w.host.starts.size(), 1U) << "one second has not passed";
  w.pass(Millis{200});
  ASSERT_EQ(w.host.starts.size(), 2U);
  EXPECT_EQ(w.host.starts[1].epoch, 2U);
  EXPECT_EQ(w.host.starts[1].paths.at("a"), "/rec/demo-a-2.mp4");
  EXPECT_EQ(w.branch("a").recording, "demo-a-2");
  EXPECT_EQ(w.recording("demo-a-2").epoch, 2U);
  w.playing();
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_EQ(w.recording("demo-a-2").state, RecordingState::active);
}

TEST(Restart, LeavesOutBranchesThatFailedOrWereLeaving) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w->on_branch("demo", 1, "a", BranchState::failed, "disk full", 0, 0);
  ASSERT_TRUE(w->remove_branch("demo", "b"));
  w.exit("demo", {.signo = SIGSEGV});
  w.pass(seconds{1});
  ASSERT_EQ(w.host.starts.size(), 2U);
  EXPECT_TRUE(w.host.starts[1].paths.empty());
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.branch("b").state, BranchState::removed);
}

TEST(Restart, GivesUpAfterItsAttempts) {
  World w;
  w.catalog.policies.restart = {.on_failure = true, .max = 2, .window = seconds{600}};
  ASSERT_TRUE(w.create());
  for (const auto wait : {seconds{1}, seconds{2}}) {
    w.exit("demo", {.code = 1, .said = ExitClass::failed_source, .reason = "no route"});
    EXPECT_EQ(w.conference().state, ConferenceState::starting);
    w.pass(wait);
  }
  EXPECT_EQ(w.host.starts.size(), 3U);
  w.exit("demo", {.code = 1, .said = ExitClass::failed_source, .reason = "no route"});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::failed_source);
  EXPECT_EQ(w.conference().reason, "no route");
  EXPECT_EQ(w.conference().epoch, 3U);
}

TEST(Restart, StopWhileItWaitsEndsAtOnce) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w.exit("demo", {.signo = SIGSEGV});
  const auto stopped = w->stop("demo");
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->state, ConferenceState::ended);
  EXPECT_EQ(stopped->exit, ExitClass::stopped);
  w.pass(seconds{60});
  EXPECT_EQ(w.host.starts.size(), 1U);
}

TEST(Restart, NotWhenItWasToStopAnyway) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  ASSERT_TRUE(w->stop("demo"));
  w.exit("demo", {.signo = SIGSEGV});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::crashed);
}

TEST(Restart, FollowsAFailureToSpawn) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.host.refuse = Problem{.kind = Problem::Kind::unavailable, .detail = "no more processes"};
  ASSERT_TRUE(w.create());
  EXPECT_EQ(w.conference().epoch, 2U);
  w.host.refuse.reset();
  w.pass(seconds{1});
  w.playing();
  EXPECT_EQ(w.conference().state, ConferenceState::running);
}

TEST(Restart, WithADiskThatFilledMeanwhileGoesOnWithoutTheBranch) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w.exit("demo", {.signo = SIGSEGV});
  w.storage.refuse = Problem{.kind = Problem::Kind::limit, .detail = "full", .reason = "disk"};
  w.pass(seconds{1});
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.host.starts.size(), 2U);
}

TEST(LateMessages, OfAnOldEpochOrOfNobodyChangeNothing) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w.exit("demo", {.signo = SIGSEGV});
  w.pass(seconds{1});
  const auto before = believed_state(*w.service);
  const auto said = w.host.said.size();
  for (const std::string id : {"demo", "nobody", ""})
    for (const std::uint32_t epoch : {0U, 1U, 3U, 4'000'000'000U}) {
      w->on_hello(id, epoch, 1);
      w->on_running(id, epoch);
      w->on_branch(id, epoch, "a", BranchState::failed, "x", 1, 1);
      w->on_stats(id, epoch, {.memory_bytes = 1});
      w->on_graph(id, epoch, "x");
      w->on_exit(id, epoch, {.signo = 9});
    }
  w->on_branch("demo", 2, "unknown", BranchState::failed, "x", 1, 1);
  EXPECT_EQ(believed_state(*w.service), before);
  EXPECT_EQ(w.host.said.size(), said);
}

TEST(LateMessages, AfterTheEndChangeNothing) {
  World w;
  w.play();
  w.exit("demo", {.said = ExitClass::completed});
  const auto before = believed_state(*w.service);
  w->on_exit("demo", 1, {.signo = 9});
  w->on_branch("demo", 1, "a", BranchState::active, "", 0, 0);
  w->on_running("demo", 1);
  w.pass(seconds{100}, seconds{1});
  EXPECT_EQ(believed_state(*w.service), before);
}

TEST(LateMessages, ABranchNeverGoesBack) {
  World w;
  w.play();
  w->on_branch("demo", 1, "a", BranchState::adding, "", 0, 0);
  w->on_branch("demo", 1, "a", BranchState::draining, "", 0, 0);
  w->on_branch("demo", 1, "a", BranchState::active, "", 0, 0);
  EXPECT_EQ(w.branch("a").state, BranchState::draining);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  w->on_branch("demo", 1, "a", BranchState::removed, "", 5, 5);
  w->on_branch("demo", 1, "a", BranchState::failed, "late", 5, 5);
  EXPECT_EQ(w.branch("a").state, BranchState::removed);
}

}  // namespace
}  // namespace auralink::session::testing
