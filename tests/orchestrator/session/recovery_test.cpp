// SPDX-License-Identifier: LGPL-2.1-or-later
// A daemon that died, and a store that is away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

TEST(Recover, EndsWhatAPreviousDaemonLeft) {
  World w;
  w.play("live");
  w.report("live", 5000);
  w.play("done");
  w.exit("done", {.said = ExitClass::completed});
  w.storage.files["/rec/live/live-a-1.mp4"] = 4321;
  const auto done = to_stored(w.conference("done"));
  w.seen.events.clear();
  w.boot().recover();
  EXPECT_EQ(w.conference("live").state, ConferenceState::ended);
  EXPECT_EQ(w.conference("live").exit, ExitClass::killed);
  EXPECT_EQ(w.conference("live").reason, "the daemon ended while this conference ran");
  EXPECT_EQ(w.conference("live").worker_pid, 0);
  EXPECT_EQ(w.recording("live-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("live-a-1").bytes, 4321U);
  EXPECT_EQ(w.recording("live-a-1").duration_ns, 5'000'000'000) << "as last reported";
  EXPECT_EQ(w.recording("live-b-1").state, RecordingState::failed) << "its folder is empty";
  EXPECT_EQ(to_stored(w.conference("done")), done);
  EXPECT_EQ(w.seen.count("conference.ended"), 1);
  EXPECT_EQ(w.seen.count("recording.interrupted"), 1);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));

  const auto settled = believed_state(*w.service);
  w.boot().recover();
  EXPECT_EQ(believed_state(*w.service), settled) << "a second start finds nothing to do";
}

TEST(Recover, RestartsWhatIsDesiredWhenThePolicySaysSo) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play("wanted");
  w.play("unwanted");
  ASSERT_TRUE(w->stop("unwanted"));
  w.boot().recover();
  EXPECT_EQ(w.conference("wanted").state, ConferenceState::starting);
  EXPECT_EQ(w.conference("wanted").epoch, 2U);
  EXPECT_EQ(w.conference("unwanted").state, ConferenceState::ended);
  w.pass(seconds{1});
  EXPECT_EQ(w.host.said.back(), "start wanted 2");
  EXPECT_EQ(w.branch("a", "wanted").recording, "wanted-a-2");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(Recover, StartsAConferenceThatNeverGotAWorker) {
  World w;
  w.seen.also = [&](const Event& event) { w.store.broken |= event.type == "conference.created"; };
  ASSERT_TRUE(w.create());
  w.store.broken = false;
  w.boot().recover();
  EXPECT_EQ(w.conference().state, ConferenceState::pending);
  w->tick();
  EXPECT_EQ(w.conference().state, ConferenceState::starting);
  EXPECT_EQ(w.conference().epoch, 1U);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(Recover, DoesNotStartWhatWasStoppedBeforeItsTurn) {
  World w;
  w.measures = true;
  w.machine.now.cpus = 1;
  w.settings.cpu_ceiling = 0;
  w.boot();
  for (const char* id : {"one", "two", "three"}) ASSERT_TRUE(w.create(id, "bare"));
  ASSERT_EQ(w.conference("three").state, ConferenceState::pending);
  ASSERT_TRUE(w->stop("three"));
  EXPECT_EQ(w.conference("three").state, ConferenceState::ended);
  w.boot().recover();
  w.pass(seconds{5});
  EXPECT_EQ(w.host.count("start three 1"), 0);
}

TEST(Recover, SettlesRecordingsWhoseConferenceIsGone) {
  World w;
  w.store.begin();
  w.store.put(Recording{
      .id = "orphan", .conference = "gone", .state = RecordingState::active, .path = "/rec/orphan"});
  w.store.commit();
  w.storage.files["/rec/orphan"] = 12;
  w.boot().recover();
  EXPECT_EQ(w.recording("orphan").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("orphan").bytes, 12U);
}

struct Adoption : ::testing::Test {
  Adoption() {
    w.settings.preview_interval = Millis{0};
    w.catalog.policies.orphans = Orphans::go_on;
    w.boot_with_finisher();
    w.play("demo", "plain");
    w.report("demo", 5000);
    w.storage.files["/rec/demo/demo-a-1.mp4"] = 4000;
    w.host.adoptable = {"demo"};
    EXPECT_EQ(w.host.starts.at(0).orphans, Orphans::go_on);
  }
  void restart_daemon() {
    w.host.said.clear();
    w.seen.events.clear();
    w.boot().recover();
  }
  World w;
};

TEST_F(Adoption, AWorkerThatGoesOnIsTakenOver) {
  const auto before = believed_state(*w.service);
  restart_daemon();
  EXPECT_EQ(believed_state(*w.service), before) << "nothing ended";
  EXPECT_EQ(w.host.said, (std::vector<std::string>{"adopt demo 1"}));
  EXPECT_TRUE(w.seen.events.empty());
  w.pass(seconds{9});
  EXPECT_EQ(w.conference().state, ConferenceState::running) << "it has ten seconds to say hello";
  w->on_hello("demo", 1, 4711);
  w->on_running("demo", 1);
  w->on_branch("demo", 1, "a", BranchState::active, "", 0, 0);
  w.report("demo", 9000);
  w.pass(seconds{5});
  EXPECT_EQ(w.recording("demo-a-1").bytes, 9000U);
  EXPECT_EQ(w.recording("demo-a-1").pieces.size(), 1U) << "no hole, no second piece";
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  ASSERT_TRUE(w->stop("demo"));
  EXPECT_EQ(w.host.said.back(), "stop demo 0");
  w->on_branch("demo", 1, "a", BranchState::removed, "", 9000, 0);
  w.exit("demo", {.said = ExitClass::stopped});
  EXPECT_EQ(w.conference().exit, ExitClass::stopped);
  w.finish(w.finisher.orders.at(0));
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
}

TEST_F(Adoption, OneThatDoesNotReportIsGone) {
  restart_daemon();
  w.pass(seconds{10});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::killed);
  EXPECT_EQ(w.conference().reason, "the worker that a previous daemon left did not report");
  EXPECT_EQ(w.host.said.back(), "signal demo 9");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  EXPECT_EQ(w.finisher.orders.size(), 1U);
}

TEST_F(Adoption, OneThatIsNotThereEndsAtOnce) {
  w.host.adoptable.clear();
  restart_daemon();
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().reason, "the daemon ended while this conference ran");
}

TEST_F(Adoption, WhatWasAskedOfItIsAskedAgain) {
  ASSERT_TRUE(w->start_recording({.conference = "demo", .id = "r"}));
  w->on_branch("demo", 1, "recording1", BranchState::active, "", 0, 0);
  ASSERT_TRUE(w->pause_recording("demo-a-1"));
  ASSERT_TRUE(w->stop_recording("r"));
  restart_daemon();
  w->on_hello("demo", 1, 4711);
  EXPECT_EQ(w.host.said,
            (std::vector<std::string>{"adopt demo 1", "remove demo recording1", "pause demo a"}));
}

TEST_F(Adoption, AStopThatWasUnderWayGoesOn) {
  ASSERT_TRUE(w->stop("demo"));
  restart_daemon();
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
  w->on_hello("demo", 1, 4711);
  EXPECT_EQ(w.host.said.back(), "stop demo 0");
  w.pass(seconds{31});
  EXPECT_EQ(w.host.said.back(), "signal demo 15") << "with its deadline";
  w.exit("demo", {.signo = 15});
  EXPECT_EQ(w.conference().exit, ExitClass::killed);
}

TEST_F(Adoption, TheLongestRunCountsFromItsStart) {
  w.catalog.policies.max_duration = seconds{100};
  w.host.adoptable.insert("limited");
  w.play("limited", "bare");
  w.host.lingering.clear();
  for (std::uint64_t i = 0; i < 60; ++i) {
    w.report("limited", i);
    w.pass(seconds{1});
  }
  restart_daemon();
  w->on_hello("limited", 1, 1);
  for (std::uint64_t i = 0; i < 39; ++i) {
    w.report("limited", i);
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.conference("limited").state, ConferenceState::running);
  w.report("limited", 1000);
  w.pass(seconds{2});
  EXPECT_EQ(w.conference("limited").state, ConferenceState::stopping);
}

TEST(Lingering, AWorkerThatStillWritesIsWaitedFor) {
  World w;
  w.settings.preview_interval = Millis{0};
  w.catalog.policies.restart.on_failure = true;
  w.boot_with_finisher();
  w.play("demo", "plain");
  w.report("demo", 5000);
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 4000;
  w.host.lingering = {"demo"};
  w.boot().recover();
  w.pass(seconds{5});
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::active);
  EXPECT_EQ(w.host.starts.size(), 1U);
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 4500;  // it finalised the file
  w.host.lingering.clear();
  w.pass(seconds{2});
  EXPECT_EQ(w.recording("demo-a-1").pieces.at(0).bytes, 4500U);
  EXPECT_EQ(w.host.starts.size(), 2U);
  EXPECT_EQ(w.conference().epoch, 2U);
}

TEST(Lingering, ButNotForEver) {
  World w;
  w.boot_with_finisher();
  w.play("demo", "plain");
  w.host.lingering = {"demo"};
  w.boot().recover();
  w.pass(seconds{39}, seconds{1});
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  w.pass(seconds{2}, seconds{1});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
}

TEST(Lingering, AStopWaitsForItTooAndTouchesNoFile) {
  World w;
  w.boot_with_finisher();
  w.play("demo", "pair");
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 9;
  w.host.lingering = {"demo"};
  w.boot().recover();
  ASSERT_TRUE(w->stop_recording("demo-a-1"));
  ASSERT_TRUE(w->stop("demo"));
  w->drain();
  w.pass(seconds{1});
  EXPECT_FALSE(w->drained());
  EXPECT_TRUE(w.finisher.orders.empty());
  EXPECT_NE(w.conference().state, ConferenceState::ended);
  w.host.lingering.clear();
  w.pass(seconds{1});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::stopped);
  ASSERT_EQ(w.finisher.orders.size(), 1U);
  w.finish(w.finisher.orders[0]);
  EXPECT_TRUE(w->drained());
}

TEST(CrashLoop, DoesNotWinAttemptsByBringingTheDaemonDown) {
  World w;
  w.catalog.policies.restart = {.on_failure = true, .max = 3, .window = seconds{600}};
  w.play("demo", "plain");
  int boots = 0;
  while (w.conference().state != ConferenceState::ended && boots < 20) {
    w.boot().recover();
    ++boots;
    w.pass(seconds{10}, seconds{1});
  }
  EXPECT_EQ(boots, 4) << "three attempts in all";
  EXPECT_EQ(w.conference().exit, ExitClass::killed);
}

// Both were killed, and the daemon saw its worker's end first.
TEST(CrashLoop, ADaemonThatDiesBeforeItStartsTheNextWorkerSpendsNoAttempt) {
  World w;
  w.catalog.policies.restart = {.on_failure = true, .max = 1, .window = seconds{600}};
  w.boot_with_finisher();
  w.play("demo", "plain");
  w.report("demo", 5000);
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 4000;
  w.exit("demo", {.signo = SIGKILL});
  ASSERT_EQ(w.conference().state, ConferenceState::starting);
  const auto before = believed_state(*w.service);
  w.host.said.clear();
  w.boot().recover();
  EXPECT_EQ(believed_state(*w.service), before);
  w.pass(seconds{1});
  EXPECT_THAT(w.host.said, ::testing::Contains("start demo 2"));
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::active);
  w->on_hello("demo", 2, 4711);
  w->on_running("demo", 2);
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  w.boot().recover();
  EXPECT_EQ(w.conference().state, ConferenceState::ended) << "one attempt was allowed";
}

TEST(Suspended, SilenceWhileTheDaemonSleptIsForgiven) {
  World w;
  w.play("demo", "plain");
  w.pass(seconds{2});
  w.clock.advance(seconds{3600});  // SIGSTOP, or the machine slept
  w->tick();
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_FALSE(w.branch("a").stalled);
  w.report("demo", 1000);
  w.pass(seconds{5});
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  w.pass(seconds{2});
  EXPECT_EQ(w.conference().state, ConferenceState::stopping) << "real silence is not forgiven";
}

TEST(Suspended, AnUnheardWorkerIsNotForgivenTwice) {
  World w;
  w.play("demo", "plain");
  w.pass(seconds{5});
  w.clock.advance(seconds{3600});
  w->tick();
  w.pass(seconds{2});
  EXPECT_EQ(w.conference().state, ConferenceState::stopping) << "five seconds before, one after";
}

TEST(Suspended, AStopKeepsItsTime) {
  World w;
  w.play("demo", "plain");
  w.pass(seconds{1});
  ASSERT_TRUE(w->stop("demo"));
  w.pass(seconds{10});
  w.clock.advance(seconds{3600});
  w->tick();
  EXPECT_EQ(w.host.count("signal demo 15"), 0);
  w.pass(seconds{21});
  EXPECT_EQ(w.host.count("signal demo 15"), 1);
}

TEST(ClockJump, ChangesNoDeadlineAndNoRetention) {
  World w;
  w.settings.keep_recordings = seconds{3600};
  w.catalog.policies.max_duration = seconds{600};
  w.boot();
  w.play("demo", "plain");
  w.play("over", "plain");
  w.storage.files["/rec/over/over-a-1.mp4"] = 5;
  w.exit("over", {.signo = 9});
  for (const auto jump : {-seconds{1'000'000}, seconds{0}}) {
    w.clock.jump_wall(jump);
    for (std::uint64_t i = 0; i < 70; ++i) {
      w.report("demo", i + 1);
      w.pass(seconds{1});
    }
  }
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_NE(w->recording("over-a-1"), nullptr);
}

TEST(StoreAway, RefusesCommandsAndUndoesThem) {
  World w;
  w.play();
  const auto before = believed_state(*w.service);
  const auto events = w.seen.events.size();
  const auto said = w.host.said.size();
  for (bool FlakyStore::*const how : {&FlakyStore::broken, &FlakyStore::broken_at_commit}) {
    w.store.*how = true;
    EXPECT_EQ(w.create("new").error().reason, "store");
    EXPECT_EQ(w->stop("demo").error().kind, Problem::Kind::unavailable);
    EXPECT_EQ(w->add_branch("demo", "x", {{"kind", "file"}}).error().reason, "store");
    EXPECT_EQ(w->remove_branch("demo", "a").error().reason, "store");
    EXPECT_EQ(w->start_recording({.conference = "demo"}).error().reason, "store");
    EXPECT_EQ(w->stop_recording("demo-a-1").error().reason, "store");
    w.store.*how = false;
  }
  EXPECT_FALSE(w->store_ok());
  EXPECT_EQ(believed_state(*w.service), before);
  EXPECT_EQ(w.seen.events.size(), events);
  EXPECT_EQ(w.host.said.size(), said);
  EXPECT_EQ(w.storage.files.size(), 2U) << "reserved names were given back";
  w->tick();
  EXPECT_TRUE(w->store_ok());
  EXPECT_EQ(w.seen.events.size(), events);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(StoreAway, FactsStayTrueAndAreWrittenLater) {
  World w;
  w.play();
  const auto told = w.seen.events.size();
  w.store.broken = true;
  w.report("demo", 5000);
  w->on_branch("demo", 1, "a", BranchState::failed, "disk full", 0, 0);
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.seen.events.size(), told) << "nobody is told what is not durable";
  w.pass(seconds{7});
  EXPECT_EQ(w.host.count("graph demo"), 1) << "supervision goes on";
  w.exit("demo", {.signo = 9});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  w.store.broken = false;
  w->tick();
  EXPECT_TRUE(w->store_ok());
  EXPECT_EQ(w.seen.count("branch.failed"), 2);
  EXPECT_EQ(w.seen.types().back(), "conference.ended");
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(StoreAway, AWorkerWhoseStartCouldNotBeWrittenIsStillSupervised) {
  World w;
  w.seen.also = [&](const Event& event) { w.store.broken |= event.type == "conference.created"; };
  const auto made = w.create();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, ConferenceState::starting);
  EXPECT_EQ(w.host.count("start demo 1"), 1);
  w.store.broken = false;
  w.seen.also = {};
  w.playing();
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

TEST(StoreAway, ForALongTimeDoesNotEatTheMemory) {
  World w;
  w.play("demo", "bare");
  w.store.broken = true;
  for (int i = 0; i < 10'100; ++i) w->on_stats("demo", 1, {.participants = {{"ann", i % 2 == 0, false}}});
  w.store.broken = false;
  w.seen.events.clear();
  w->tick();
  EXPECT_EQ(w.seen.events.size(), 10'000U);
}

}  // namespace
}  // namespace auralink::session::testing
