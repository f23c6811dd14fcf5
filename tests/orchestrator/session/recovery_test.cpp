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

TEST(Recover, EndsAConferenceThatNeverGotAWorker) {
  World w;
  w.seen.also = [&](const Event& event) { w.store.broken |= event.type == "conference.created"; };
  ASSERT_TRUE(w.create());
  w.store.broken = false;
  w.boot().recover();
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().epoch, 0U);
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
