// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands about conferences: create, stop, forget, graph, drain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;

TEST(Create, PersistsTheWishThenStartsTheWorker) {
  World w;
  const auto made = w.create();
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->state, ConferenceState::starting);
  EXPECT_EQ(made->epoch, 1U);
  EXPECT_EQ(made->pipeline_version, 3U);
  EXPECT_THAT(w.host.said, ElementsAre("start demo 1"));
  EXPECT_EQ(w.host.starts[0].paths, (std::map<std::string, std::string>{{"a", "/rec/demo/demo-a-1.mp4"},
                                                                        {"b", "/rec/demo/demo-b-1"}}));
  EXPECT_EQ(w.host.starts[0].resolved.at("branches").size(), 2U);
  EXPECT_THAT(w.seen.types(), ElementsAre("conference.created", "branch.adding", "branch.adding",
                                          "conference.starting", "recording.starting", "recording.starting"));
  EXPECT_EQ(w.seen.events[0].data.at("conference").at("state"), "pending");
  EXPECT_EQ(w.seen.events[3].data.at("conference").at("state"), "starting");
  EXPECT_EQ(w.seen.events[1].data.at("branch").at("name"), "a");
  EXPECT_EQ(w.seen.events[4].data.at("recording").at("id"), "demo-a-1");
  EXPECT_EQ(w.branch("a").recording, "demo-a-1");
}

TEST(Create, TheWishIsDurableBeforeAnyWorkerExists) {
  World w;
  json::Value durable;
  w.seen.also = [&](const Event& event) {
    if (event.type == "conference.created") {
      EXPECT_TRUE(w.host.said.empty());
      durable = stored_state(w.store);
    }
  };
  ASSERT_TRUE(w.create());
  EXPECT_EQ(durable.at("c/demo").at("state"), "pending");
  EXPECT_EQ(durable.at("c/demo").at("desired"), "running");
}

TEST(Create, AgainWithTheSameMeaningChangesNothing) {
  World w;
  w.play();
  const auto before = believed_state(*w.service);
  const auto events = w.seen.events.size();
  const auto again = w.create();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state, ConferenceState::running);
  EXPECT_EQ(believed_state(*w.service), before);
  EXPECT_EQ(w.seen.events.size(), events);
  EXPECT_EQ(w.host.count("start demo 1"), 1);
}

TEST(Create, AgainWithAnotherMeaningIsAConflict) {
  World w;
  ASSERT_TRUE(w.create());
  const auto other = w->create({.id = "demo", .pipeline = "plain"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Problem::Kind::conflict);
  const auto parameters = w->create({.id = "demo", .pipeline = "pair", .parameters = {{"width", 1}}});
  ASSERT_FALSE(parameters);
  EXPECT_EQ(parameters.error().kind, Problem::Kind::conflict);
}

TEST(Create, RefusesUnusableIdsWithAPointer) {
  World w;
  for (const std::string id : {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "ä", "a{b}"}) {
    const auto made = w.create(id);
    ASSERT_FALSE(made) << id;
    EXPECT_EQ(made.error().kind, Problem::Kind::invalid);
    EXPECT_EQ(made.error().errors.at(0).pointer, "/id");
  }
  EXPECT_FALSE(w.create(std::string(65, 'a')));
  EXPECT_FALSE(w.create(std::string("a\0b", 3)));
  EXPECT_TRUE(w.create(std::string(64, 'a')));
  EXPECT_TRUE(w.create("A-z_0.9"));
}

TEST(Create, MakesUpDifferentIds) {
  World w;
  w.settings.random = {};
  w.boot();
  const auto first = w->create({.id = {}, .pipeline = "bare"});
  const auto second = w->create({.id = {}, .pipeline = "bare"});
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->id, second->id);
  EXPECT_THAT(first->id, ::testing::MatchesRegex("c-[a-z0-9]{10}"));
}

TEST(Create, PointsIntoTheRequestWhenParametersAreWrong) {
  World w;
  const auto made = w->create({.id = "x", .pipeline = "pair", .parameters = {{"bad", 1}}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().errors.at(0).pointer, "/parameters/bad");
  EXPECT_EQ(w->conference("x"), nullptr);
  const auto unknown = w.create("x", "nonsense");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, Problem::Kind::not_found);
  EXPECT_TRUE(w.seen.events.empty());
}

TEST(Create, StopsAtTheLimits) {
  World w;
  w.settings.max_conferences = 1;
  w.settings.max_branches = 1;
  w.boot();
  const auto wide = w.create("wide", "pair");
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().reason, "branches");
  ASSERT_TRUE(w.create("one", "plain"));
  const auto second = w.create("two", "plain");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Problem::Kind::limit);
  EXPECT_EQ(second.error().reason, "conferences");
  EXPECT_TRUE(second.error().retry_after_s);
  w.exit("one", {.said = ExitClass::completed});
  EXPECT_TRUE(w.create("two", "plain")) << "an ended conference makes room";
}

TEST(Create, ABranchWithoutAPlaceFailsAlone) {
  World w;
  w.storage.refuse = Problem{.kind = Problem::Kind::limit, .detail = "the disk is full", .reason = "disk"};
  w.storage.refuse_containing = "demo-a";
  ASSERT_TRUE(w.create());
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.branch("a").error, "the disk is full");
  EXPECT_EQ(w.branch("b").state, BranchState::adding);
  EXPECT_EQ(w.conference().state, ConferenceState::starting);
  EXPECT_FALSE(w.host.starts.at(0).resolved.at("branches").contains("a"));
  EXPECT_FALSE(w.host.starts.at(0).paths.contains("a"));
}

TEST(Create, ABranchThatMattersEndsItAll) {
  World w;
  w.catalog.on_error["a"] = OnError::fail_pipeline;
  w.storage.refuse = Problem{.kind = Problem::Kind::limit, .detail = "the disk is full", .reason = "disk"};
  const auto made = w.create();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, ConferenceState::ended);
  EXPECT_EQ(made->exit, ExitClass::failed_sink);
  EXPECT_THAT(made->reason, HasSubstr("the disk is full"));
  EXPECT_TRUE(w.host.said.empty()) << "no worker was started";
}

TEST(Create, AWorkerThatCannotBeStartedIsTold) {
  World w;
  w.host.refuse = Problem{.kind = Problem::Kind::unavailable, .detail = "no more processes"};
  const auto made = w.create();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, ConferenceState::ended);
  EXPECT_EQ(made->exit, ExitClass::crashed);
  EXPECT_EQ(made->reason, "the worker could not be started: no more processes");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::failed);
}

TEST(Create, ABranchThatIsNotAFileNeedsNoPath) {
  World w;
  ASSERT_TRUE(w.create("demo", "odd"));
  EXPECT_TRUE(w.host.starts.at(0).paths.empty());
  EXPECT_TRUE(w->recordings().empty());
  w.playing();
  w->on_branch("demo", 1, "odd", BranchState::draining, "", 0, 0);
  w->on_branch("demo", 1, "odd", BranchState::removed, "", 5, 6);
  EXPECT_EQ(w.branch("odd").state, BranchState::removed);
}

TEST(Stop, RunsTheLadderToACleanEnd) {
  World w;
  w.play();
  w.report("demo", 5000);
  const auto stopped = w->stop("demo");
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->state, ConferenceState::stopping);
  EXPECT_EQ(stopped->desired, Desired::stopped);
  EXPECT_EQ(w.host.said.back(), "stop demo 0");
  for (const auto* name : {"a", "b"}) {
    w->on_branch("demo", 1, name, BranchState::draining, "", 0, 0);
    EXPECT_EQ(w.recording(w.branch(name).recording).state, RecordingState::finalising);
  }
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 6000;
  w.storage.files["/rec/demo/demo-b-1"] = std::nullopt;
  w->on_branch("demo", 1, "a", BranchState::removed, "", 5500, 7'000'000'000);
  w->on_branch("demo", 1, "b", BranchState::removed, "", 5500, 7'000'000'000);
  w.exit("demo", {.said = ExitClass::stopped, .reason = "asked to"});
  EXPECT_EQ(w.conference().state, ConferenceState::ended);
  EXPECT_EQ(w.conference().exit, ExitClass::stopped);
  EXPECT_EQ(w.conference().reason, "stopped on request");
  EXPECT_EQ(w.conference().worker_pid, 0);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 6000U) << "the file is the truth";
  EXPECT_EQ(w.recording("demo-b-1").bytes, 5500U) << "the worker's count stands in";
  EXPECT_EQ(w.recording("demo-a-1").duration_ns, 7'000'000'000);
  EXPECT_EQ(w.branch("a").state, BranchState::removed);
  EXPECT_EQ(w.seen.count("participant.left"), 1);
  EXPECT_EQ(w.seen.types().back(), "conference.ended");
}

TEST(Stop, AgainChangesNothing) {
  World w;
  w.play();
  ASSERT_TRUE(w->stop("demo"));
  const auto said = w.host.said.size();
  const auto before = believed_state(*w.service);
  ASSERT_TRUE(w->stop("demo"));
  w.exit("demo", {});
  ASSERT_TRUE(w->stop("demo"));
  EXPECT_EQ(w.host.said.size(), said);
  EXPECT_EQ(before.at("c/demo").at("generation"),
            believed_state(*w.service).at("c/demo").at("generation").get<int>() - 2)
      << "two branches ended; the repeated stop counted nothing";
  const auto unknown = w->stop("nobody");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, Problem::Kind::not_found);
}

TEST(Stop, ClimbsToSigtermAndSigkill) {
  World w;
  w.play();
  ASSERT_TRUE(w->stop("demo"));
  w.pass(seconds{29});
  EXPECT_EQ(w.host.said.back(), "stop demo 0");
  w.pass(seconds{1});
  EXPECT_EQ(w.host.said.back(), "signal demo 15");
  w.pass(seconds{5});
  EXPECT_EQ(w.host.said.back(), "signal demo 9");
  w.pass(seconds{5});
  EXPECT_EQ(w.host.count("signal demo 9"), 2) << "it is repeated until the worker is gone";
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 777;
  w.exit("demo", {.signo = SIGKILL});
  EXPECT_EQ(w.conference().exit, ExitClass::killed);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 777U);
  EXPECT_EQ(w.recording("demo-b-1").state, RecordingState::failed) << "an empty folder is nothing usable";
}

TEST(Stop, AWorkerThatEndsWithoutConfirmingIsNotBelieved) {
  World w;
  w.play();
  ASSERT_TRUE(w->stop("demo"));
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 777;
  w.exit("demo", {.said = ExitClass::stopped});
  EXPECT_EQ(w.conference().exit, ExitClass::stopped);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_THAT(w.recording("demo-a-1").error, HasSubstr("without confirming"));
}

TEST(Stop, BeforeItRunsIsAnEndToo) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w->stop("demo"));
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
  w->on_running("demo", 1);
  EXPECT_EQ(w.conference().state, ConferenceState::stopping) << "a late Running changes nothing";
  w.exit("demo", {});
  EXPECT_EQ(w.conference().exit, ExitClass::stopped);
}

TEST(Forget, OnlyWhatHasEndedAndKeepsTheRecordings) {
  World w;
  w.play();
  const auto live = w->forget("demo");
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().kind, Problem::Kind::conflict);
  w.exit("demo", {.said = ExitClass::completed});
  ASSERT_TRUE(w->forget("demo"));
  EXPECT_EQ(w->conference("demo"), nullptr);
  EXPECT_NE(w->recording("demo-a-1"), nullptr);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
  EXPECT_FALSE(w->forget("demo"));

  ASSERT_TRUE(w.create()) << "the id is free again";
  EXPECT_EQ(w.branch("a").recording, "demo-a-2") << "but never a recording's";
}

TEST(Completed, WhenTheSourceEndsByItself) {
  World w;
  w.play();
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 10;
  w->on_branch("demo", 1, "a", BranchState::removed, "", 10, 10);
  w->on_branch("demo", 1, "b", BranchState::removed, "", 0, 0);
  w.exit("demo", {.said = ExitClass::completed});
  EXPECT_EQ(w.conference().exit, ExitClass::completed);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.recording("demo-b-1").state, RecordingState::failed);
  EXPECT_EQ(w.recording("demo-b-1").error, "nothing was recorded");
}

TEST(Graph, IsAskedOfTheWorkerAndKept) {
  World w;
  EXPECT_FALSE(w->request_graph("demo"));
  ASSERT_TRUE(w.create());
  const auto early = w->request_graph("demo");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, Problem::Kind::conflict);
  w.playing();
  ASSERT_TRUE(w->request_graph("demo"));
  EXPECT_EQ(w.host.said.back(), "graph demo");
  EXPECT_EQ(w->graph("demo"), std::nullopt);
  w->on_graph("demo", 1, "digraph {}");
  EXPECT_EQ(w->graph("demo"), "digraph {}");
  EXPECT_EQ(w.seen.types().back(), "conference.graph");
  EXPECT_EQ(w->graph("nobody"), std::nullopt);
}

TEST(Drain, RefusesNewWorkAndStopsWhatRuns) {
  World w;
  EXPECT_FALSE(w->drained());
  w.play("one");
  w.play("two", "plain");
  w->drain();
  EXPECT_TRUE(w->draining());
  EXPECT_FALSE(w->drained());
  EXPECT_EQ(w.host.count("stop one 4"), 1);
  EXPECT_EQ(w.host.count("stop two 4"), 1);
  EXPECT_EQ(w.conference("one").desired, Desired::running) << "nobody wished it to end";
  const auto made = w.create("three");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Problem::Kind::unavailable);
  EXPECT_EQ(made.error().reason, "draining");
  EXPECT_EQ(w->add_branch("one", "x", {{"kind", "file"}}).error().reason, "draining");
  EXPECT_EQ(w->start_recording({.conference = "one"}).error().reason, "draining");
  w->drain();
  EXPECT_EQ(w.host.count("stop one 4"), 1);
  w.exit("one", {.said = ExitClass::stopped});
  EXPECT_FALSE(w->drained());
  w.exit("two", {.signo = SIGSEGV});
  EXPECT_TRUE(w->drained());
  EXPECT_EQ(w.conference("one").exit, ExitClass::stopped);
  EXPECT_EQ(w.conference("one").reason, "the daemon is shutting down");
  EXPECT_EQ(w.conference("two").exit, ExitClass::crashed);
}

TEST(Drain, DoesNotRestartAndEndsWhatWaitsForARestart) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play("one");
  w.play("two");
  w.exit("two", {.signo = SIGSEGV});
  EXPECT_EQ(w.conference("two").state, ConferenceState::starting);
  w->drain();
  EXPECT_EQ(w.conference("two").state, ConferenceState::ended);
  w.exit("one", {.signo = SIGSEGV});
  EXPECT_EQ(w.conference("one").state, ConferenceState::ended);
  EXPECT_TRUE(w->drained());
}

TEST(Queries, AreOrderedAndHonest) {
  World w;
  ASSERT_TRUE(w.create("b"));
  ASSERT_TRUE(w.create("a"));
  ASSERT_EQ(w->conferences().size(), 2U);
  EXPECT_EQ(w->conferences()[0]->id, "a");
  EXPECT_EQ(w->recordings().size(), 4U);
  EXPECT_EQ(w->recordings()[0]->id, "a-a-1");
  EXPECT_EQ(w->conference("c"), nullptr);
  EXPECT_EQ(w->recording("c"), nullptr);
  EXPECT_EQ(w->catalog().list().size(), 1U);
  const auto events = w->events_after(2, 3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].seq, 3);
}

TEST(Listener, MayGiveCommandsItself) {
  World w;
  w.seen.also = [&](const Event& event) {
    EXPECT_FALSE(w->stop("nobody")) << "a refusal here takes nothing from the unit around it";
    if (event.type != "conference.running") return;
    EXPECT_TRUE(w->stop(event.conference));
  };
  ASSERT_TRUE(w.create());
  w.playing();
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
}

}  // namespace
}  // namespace auralink::session::testing
