// SPDX-License-Identifier: LGPL-2.1-or-later
// Branches and recordings of a conference that runs already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

using ::testing::HasSubstr;

const json::Value kFile{{"kind", "file"}, {"container", "mkv"}, {"path", "extra/{branch}"}};

TEST(AddBranch, ReservesItsFileAndTellsTheWorker) {
  World w;
  w.play();
  const auto generation = w.conference().generation;
  const auto added = w->add_branch("demo", "more", kFile);
  ASSERT_TRUE(added) << added.error().detail;
  EXPECT_EQ(added->state, BranchState::adding);
  EXPECT_EQ(added->recording, "demo-more-1");
  EXPECT_EQ(w.host.said.back(), "add demo more /rec/extra/more.mkv");
  EXPECT_GT(w.conference().generation, generation);
  w->on_branch("demo", 1, "more", BranchState::active, "", 0, 0);
  EXPECT_EQ(w.recording("demo-more-1").state, RecordingState::active);
  EXPECT_NE(w.recording("demo-more-1").started_at.count(), 0);
}

TEST(AddBranch, AgainWithTheSameMeaningChangesNothing) {
  World w;
  w.play();
  ASSERT_TRUE(w->add_branch("demo", "more", kFile));
  const auto before = believed_state(*w.service);
  const auto again = w->add_branch("demo", "more", kFile);
  ASSERT_TRUE(again);
  EXPECT_EQ(believed_state(*w.service), before);
  EXPECT_EQ(w.host.count("add demo more /rec/extra/more.mkv"), 1);
  const auto other = w->add_branch("demo", "more", {{"kind", "file"}, {"container", "mp4"}});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Problem::Kind::conflict);
}

TEST(AddBranch, SaysWhatIsWrong) {
  World w;
  EXPECT_EQ(w->add_branch("demo", "x", kFile).error().kind, Problem::Kind::not_found);
  w.settings.max_branches = 3;
  w.boot();
  w.play();
  EXPECT_EQ(w->add_branch("demo", "a/b", kFile).error().kind, Problem::Kind::invalid);
  EXPECT_EQ(w->add_branch("demo", "x", {{"container", "avi"}}).error().errors.at(0).pointer, "/container");
  const auto path = w->add_branch("demo", "x", {{"kind", "file"}, {"path", "../../etc/cron.d/x"}});
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().errors.at(0).pointer, "/path");
  w.storage.files["/rec/taken.mp4"] = 5;
  const auto taken = w->add_branch("demo", "x", {{"kind", "file"}, {"path", "taken"}});
  ASSERT_FALSE(taken) << "an explicit name is not quietly changed";
  EXPECT_EQ(taken.error().kind, Problem::Kind::conflict);
  EXPECT_FALSE(w.conference().branches.contains("x"));
  EXPECT_EQ(stored_state(w.store), believed_state(*w.service));
  ASSERT_TRUE(w->add_branch("demo", "x", kFile));
  EXPECT_EQ(w->add_branch("demo", "y", kFile).error().reason, "branches");
}

TEST(AddBranch, TooLongAfterExpansionIsRefusedWithNothingChanged) {
  World w;
  const std::string name(64, 'n');
  w.play();
  const auto long_path =
      w->add_branch("demo", name, {{"kind", "file"}, {"path", "{branch}{branch}{branch}{branch}"}});
  ASSERT_FALSE(long_path);
  EXPECT_EQ(long_path.error().errors.at(0).pointer, "/path");
  EXPECT_FALSE(w.conference().branches.contains(name));
}

TEST(AddBranch, OnlyWhileTheConferenceIsOpen) {
  World w;
  w.play();
  ASSERT_TRUE(w->stop("demo"));
  const auto late = w->add_branch("demo", "x", kFile);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Problem::Kind::conflict);
  w.exit("demo", {});
  EXPECT_FALSE(w->add_branch("demo", "x", kFile));
  EXPECT_FALSE(w->start_recording({.conference = "demo"}));
}

TEST(AddBranch, WhileARestartWaitsJoinsTheNextWorker) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w.exit("demo", {.signo = 11});
  ASSERT_TRUE(w->add_branch("demo", "more", kFile));
  EXPECT_EQ(w.host.count("add demo more /rec/extra/more.mkv"), 0);
  w.pass(seconds{1});
  ASSERT_EQ(w.host.starts.size(), 2U);
  EXPECT_EQ(w.host.starts[1].paths.at("more"), "/rec/extra/more.mkv");
  EXPECT_TRUE(w.host.starts[1].resolved.at("branches").contains("more"));
  EXPECT_EQ(w.recording("demo-more-1").epoch, 2U);
}

TEST(RemoveBranch, DrainsAndCompletesWithoutTouchingTheOthers) {
  World w;
  w.play();
  const auto removed = w->remove_branch("demo", "a");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->state, BranchState::draining);
  EXPECT_EQ(w.host.said.back(), "remove demo a");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::finalising);
  const auto said = w.host.said.size();
  ASSERT_TRUE(w->remove_branch("demo", "a"));
  EXPECT_EQ(w.host.said.size(), said);
  EXPECT_FALSE(w->add_branch("demo", "a", kFile)) << "it is still draining";
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 99;
  w->on_branch("demo", 1, "a", BranchState::draining, "", 0, 0);
  w->on_branch("demo", 1, "a", BranchState::removed, "", 90, 80);
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::complete);
  EXPECT_EQ(w.branch("b").state, BranchState::active);
  ASSERT_TRUE(w->remove_branch("demo", "a")) << "gone is gone";

  ASSERT_TRUE(w->add_branch("demo", "a", kFile)) << "the name is free again";
  EXPECT_EQ(w.branch("a").recording, "demo-a-2");
  EXPECT_EQ(w.branch("a").bytes, 0U);
}

TEST(RemoveBranch, WhoseWorkerIsAwayIsGoneAtOnce) {
  World w;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w.exit("demo", {.signo = 11});
  ASSERT_TRUE(w->add_branch("demo", "more", kFile));
  ASSERT_TRUE(w->remove_branch("demo", "a"));
  ASSERT_TRUE(w->stop_recording("demo-more-1"));
  EXPECT_EQ(w.branch("a").state, BranchState::removed);
  EXPECT_EQ(w.recording("demo-more-1").state, RecordingState::failed);
  w.pass(seconds{1});
  EXPECT_EQ(w.host.starts.at(1).paths.size(), 1U) << "only b";
}

TEST(RemoveBranch, UnknownIsNotFound) {
  World w;
  EXPECT_EQ(w->remove_branch("demo", "a").error().kind, Problem::Kind::not_found);
  w.play();
  EXPECT_EQ(w->remove_branch("demo", "zzz").error().kind, Problem::Kind::not_found);
}

TEST(RemoveBranch, ThatNeverFinishesFailsAloneAfterTheEosTimeout) {
  World w;
  w.play();
  ASSERT_TRUE(w->remove_branch("demo", "a"));
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 50;
  for (int i = 0; i < 31; ++i) {
    w.report("demo", 1000 + static_cast<std::uint64_t>(i));
    w.pass(seconds{1});
  }
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.branch("a").error, "was not finalised within 30 s");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::interrupted);
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_EQ(w->add_branch("demo", "a", kFile).error().kind, Problem::Kind::conflict)
      << "the worker may still hold the name";
  w->on_branch("demo", 1, "a", BranchState::removed, "", 60, 60);
  EXPECT_EQ(w.branch("a").state, BranchState::failed) << "too late to be believed";
  EXPECT_TRUE(w->add_branch("demo", "a", kFile));
}

TEST(FailingBranch, FailsAlone) {
  World w;
  w.play();
  w.storage.files["/rec/demo/demo-a-1.mp4"] = 4096;
  w->on_branch("demo", 1, "a", BranchState::failed, "No space left on device", 5000, 3'000'000'000);
  EXPECT_EQ(w.branch("a").state, BranchState::failed);
  EXPECT_EQ(w.branch("a").error, "No space left on device");
  EXPECT_EQ(w.recording("demo-a-1").state, RecordingState::failed);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 4096U);
  EXPECT_EQ(w.recording("demo-a-1").duration_ns, 3'000'000'000);
  EXPECT_EQ(w.branch("b").state, BranchState::active);
  EXPECT_EQ(w.conference().state, ConferenceState::running);
  EXPECT_EQ(w.seen.count("branch.failed"), 1);
}

TEST(FailingBranch, WithoutASentenceStillSaysSomething) {
  World w;
  w.play();
  w->on_branch("demo", 1, "a", BranchState::failed, "", 0, 0);
  EXPECT_EQ(w.branch("a").error, "the branch failed");
}

TEST(FailingBranch, ThatMattersEndsTheConference) {
  World w;
  w.catalog.on_error["a"] = OnError::fail_pipeline;
  w.catalog.policies.restart.on_failure = true;
  w.play();
  w->on_branch("demo", 1, "a", BranchState::failed, "disk full", 0, 0);
  EXPECT_EQ(w.conference().state, ConferenceState::stopping);
  EXPECT_EQ(w.host.said.back(), "stop demo 0");
  w.exit("demo", {});
  EXPECT_EQ(w.conference().state, ConferenceState::ended) << "another attempt would meet the same disk";
  EXPECT_EQ(w.conference().exit, ExitClass::failed_sink);
  EXPECT_EQ(w.conference().reason, "branch \"a\" failed: disk full");
}

TEST(StartRecording, IsABranchWithItsOwnFile) {
  World w;
  w.play();
  const auto one = w->start_recording({.conference = "demo"});
  ASSERT_TRUE(one) << one.error().detail;
  EXPECT_EQ(one->id, "demo-recording1-1");
  EXPECT_EQ(one->path, "/rec/demo/demo-recording1-1.mp4");
  EXPECT_EQ(one->state, RecordingState::starting);
  const auto two =
      w->start_recording({.conference = "demo", .container = "segments", .path = "x/{recording}"});
  ASSERT_TRUE(two);
  EXPECT_EQ(two->branch, "recording2");
  EXPECT_EQ(two->path, "/rec/x/demo-recording2-1");
  EXPECT_EQ(w.host.said.back(), "add demo recording2 /rec/x/demo-recording2-1");
}

TEST(StartRecording, WithAnIdIsIdempotent) {
  World w;
  w.play();
  const NewRecording wanted{.conference = "demo", .id = "mine", .path = "{recording}"};
  const auto one = w->start_recording(wanted);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->path, "/rec/mine.mp4");
  const auto before = believed_state(*w.service);
  ASSERT_TRUE(w->start_recording(wanted));
  EXPECT_EQ(believed_state(*w.service), before);
  auto other = wanted;
  other.container = "mkv";
  EXPECT_EQ(w->start_recording(other).error().kind, Problem::Kind::conflict);
  other = wanted;
  other.path = "elsewhere";
  EXPECT_EQ(w->start_recording(other).error().kind, Problem::Kind::conflict);
}

TEST(StartRecording, SaysWhatIsWrong) {
  World w;
  EXPECT_EQ(w->start_recording({.conference = "demo"}).error().kind, Problem::Kind::not_found);
  w.play();
  EXPECT_EQ(w->start_recording({.conference = "demo", .id = "../x"}).error().errors.at(0).pointer, "/id");
  EXPECT_EQ(w->start_recording({.conference = "demo", .container = "avi"}).error().errors.at(0).pointer,
            "/container");
  EXPECT_EQ(w->start_recording({.conference = "demo", .path = "/abs"}).error().errors.at(0).pointer, "/path");
  EXPECT_EQ(w->recordings().size(), 2U);
}

TEST(StopRecording, FinalisesItAndRepeatingIsHarmless) {
  World w;
  w.play();
  ASSERT_TRUE(w->start_recording({.conference = "demo", .id = "mine"}));
  w->on_branch("demo", 1, "recording1", BranchState::active, "", 0, 0);
  const auto stopped = w->stop_recording("mine");
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->state, RecordingState::finalising);
  EXPECT_EQ(w.host.said.back(), "remove demo recording1");
  const auto said = w.host.said.size();
  ASSERT_TRUE(w->stop_recording("mine"));
  EXPECT_EQ(w.host.said.size(), said);
  w.storage.files["/rec/demo/mine.mp4"] = 7;
  w->on_branch("demo", 1, "recording1", BranchState::removed, "", 7, 7);
  const auto done = w->stop_recording("mine");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, RecordingState::complete);
  EXPECT_EQ(w->stop_recording("nothing").error().kind, Problem::Kind::not_found);
}

TEST(Recording, FollowsTheStatistics) {
  World w;
  w.play();
  w.report("demo", 4000);
  EXPECT_EQ(w.branch("a").bytes, 4000U);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 4000U);
  EXPECT_EQ(w.recording("demo-a-1").duration_ns, 4'000'000'000);
  EXPECT_TRUE(w.branch("a").progressed_at);
  w.report("demo", 3000);
  EXPECT_EQ(w.recording("demo-a-1").bytes, 4000U) << "counters do not fall";
}

TEST(Recording, NeverOverwritesWhenTheTemplateRepeatsItself) {
  World w;
  w.catalog.path_template = "{conference}-{branch}";
  w.storage.files["/rec/demo-a.mp4"] = 5;
  w.storage.files["/rec/demo-a-2.mp4"] = 5;
  ASSERT_TRUE(w.create());
  EXPECT_EQ(w.recording("demo-a-1").path, "/rec/demo-a-3.mp4");
  EXPECT_EQ(w.recording("demo-b-1").path, "/rec/demo-b");
}

}  // namespace
}  // namespace auralink::session::testing
