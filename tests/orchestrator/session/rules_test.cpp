// SPDX-License-Identifier: LGPL-2.1-or-later
// The small pure rules: ladders, restarts, progress, exits.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <set>

#include "orchestrator/session/exits.hpp"
#include "orchestrator/session/ladder.hpp"
#include "orchestrator/session/restart.hpp"
#include "orchestrator/session/watchdog.hpp"

namespace auralink::session {
namespace {

constexpr std::array kConferenceStates{ConferenceState::pending, ConferenceState::starting,
                                       ConferenceState::running, ConferenceState::stopping,
                                       ConferenceState::ended};

TEST(Ladder, OfAConferenceOnlyGoesUpWithinAnEpoch) {
  for (std::size_t from = 0; from < kConferenceStates.size(); ++from)
    for (std::size_t to = 0; to < kConferenceStates.size(); ++to)
      EXPECT_EQ(may_advance(Rung{3, kConferenceStates[from]}, Rung{3, kConferenceStates[to]}), to > from)
          << from << " -> " << to;
}

TEST(Ladder, OfAConferenceOpensTheNextEpochAtStarting) {
  for (const auto from : kConferenceStates)
    for (const auto to : kConferenceStates) {
      const bool legal = from != ConferenceState::ended && to == ConferenceState::starting;
      EXPECT_EQ(may_advance(Rung{3, from}, Rung{4, to}), legal);
      EXPECT_FALSE(may_advance(Rung{3, from}, Rung{5, to}));
      EXPECT_FALSE(may_advance(Rung{3, from}, Rung{2, to}));
    }
}

TEST(Ladder, OfABranchKnowsExactlyItsEdges) {
  using enum BranchState;
  const std::set<std::pair<BranchState, BranchState>> legal{
      {adding, active},  {adding, draining}, {adding, removed},   {adding, failed},  {active, draining},
      {active, removed}, {active, failed},   {draining, removed}, {draining, failed}};
  for (const auto from : {adding, active, draining, removed, failed})
    for (const auto to : {adding, active, draining, removed, failed})
      EXPECT_EQ(may_advance(from, to), legal.contains({from, to}))
          << to_string(from) << " -> " << to_string(to);
}

TEST(Ladder, OfARecordingKnowsExactlyItsEdges) {
  using enum RecordingState;
  const std::set<std::pair<RecordingState, RecordingState>> legal{
      {starting, active}, {starting, finalising}, {starting, complete},      {starting, interrupted},
      {starting, failed}, {active, finalising},   {active, complete},        {active, interrupted},
      {active, failed},   {finalising, complete}, {finalising, interrupted}, {finalising, failed}};
  for (const auto from : {starting, active, finalising, complete, interrupted, failed})
    for (const auto to : {starting, active, finalising, complete, interrupted, failed})
      EXPECT_EQ(may_advance(from, to), legal.contains({from, to}))
          << to_string(from) << " -> " << to_string(to);
}

TEST(RestartDelay, DoublesFromOneSecondAndEndsBelowThirty) {
  EXPECT_EQ(restart_delay(0, 0), Millis{1000});
  EXPECT_EQ(restart_delay(1, 0), Millis{2000});
  EXPECT_EQ(restart_delay(4, 0), Millis{16'000});
  EXPECT_EQ(restart_delay(5, 0), Millis{20'000});
  EXPECT_EQ(restart_delay(4'000'000'000U, 0), Millis{20'000});
  EXPECT_EQ(restart_delay(0, 0.5), Millis{1250});
  EXPECT_EQ(restart_delay(99, 1), Millis{30'000});
  EXPECT_EQ(restart_delay(99, 7), Millis{30'000}) << "a careless random source changes nothing";
  EXPECT_EQ(restart_delay(0, -7), Millis{1000});
}

TEST(RestartLedger, GivesUpWithinTheWindowAndForgivesAfterIt) {
  const RestartPolicy policy{.on_failure = true, .max = 3, .window = Millis{600'000}};
  RestartLedger ledger;
  EXPECT_EQ(ledger.next(policy, Millis{0}, 0), Millis{1000});
  EXPECT_EQ(ledger.next(policy, Millis{10'000}, 0), Millis{2000});
  EXPECT_EQ(ledger.next(policy, Millis{20'000}, 0), Millis{4000});
  EXPECT_EQ(ledger.used(), 3U);
  EXPECT_EQ(ledger.next(policy, Millis{30'000}, 0), std::nullopt);
  EXPECT_EQ(ledger.next(policy, Millis{599'999}, 0), std::nullopt);
  EXPECT_EQ(ledger.next(policy, Millis{600'000}, 0), Millis{4000}) << "the first has left the window";
}

TEST(RestartLedger, FollowsThePolicy) {
  RestartLedger ledger;
  EXPECT_EQ(ledger.next({.on_failure = false}, Millis{0}, 0), std::nullopt);
  EXPECT_EQ(ledger.next({.on_failure = true, .max = 0}, Millis{0}, 0), std::nullopt);
}

TEST(Restart, CuresFailuresButNotDestinationsOrWishes) {
  using enum ExitClass;
  for (const auto how : {failed_source, stalled, oom, crashed, killed}) EXPECT_TRUE(is_restartable(how));
  for (const auto how : {completed, stopped, limit, failed_sink}) EXPECT_FALSE(is_restartable(how));
}

TEST(ProgressWatch, WarnsThenFails) {
  ProgressWatch watch{Millis{1000}};
  const Millis warn{5000}, fail{30'000};
  EXPECT_EQ(watch.verdict(Millis{5999}, warn, fail), Progress::ok);
  EXPECT_EQ(watch.verdict(Millis{6000}, warn, fail), Progress::stalled);
  EXPECT_EQ(watch.verdict(Millis{30'999}, warn, fail), Progress::stalled);
  EXPECT_EQ(watch.verdict(Millis{31'000}, warn, fail), Progress::failed);
  EXPECT_EQ(watch.verdict(Millis{999'999}, Millis{0}, Millis{0}), Progress::ok) << "zero never fires";
}

TEST(ProgressWatch, CountsGrowthOfBytesOrOfMediaTime) {
  ProgressWatch watch{Millis{0}};
  EXPECT_FALSE(watch.sample(Millis{1000}, 0, 0));
  EXPECT_TRUE(watch.sample(Millis{2000}, 10, 0));
  EXPECT_TRUE(watch.sample(Millis{3000}, 10, 5));
  EXPECT_FALSE(watch.sample(Millis{4000}, 10, 5));
  EXPECT_FALSE(watch.sample(Millis{5000}, 9, 4)) << "a counter that fell is not progress";
  EXPECT_EQ(watch.verdict(Millis{8000}, Millis{5000}, Millis{30'000}), Progress::stalled);
  watch.hold(Millis{8000});
  EXPECT_EQ(watch.verdict(Millis{8000}, Millis{5000}, Millis{30'000}), Progress::ok);
}

Verdict judge(const WorkerExit& exit, std::optional<Intent> intent = std::nullopt) {
  return judge_exit(exit, intent);
}

TEST(Exit, WithoutOrdersIsWhatTheWorkerSaidOrWhatTheKernelSaw) {
  EXPECT_EQ(judge({.said = ExitClass::completed}).how, ExitClass::completed);
  EXPECT_TRUE(judge({.said = ExitClass::completed}).clean);
  EXPECT_EQ(judge({.said = ExitClass::completed}).reason, "the source ended");
  EXPECT_EQ(judge({.said = ExitClass::stopped, .reason = "by itself"}).reason, "by itself");
  EXPECT_EQ(judge({.code = 1, .said = ExitClass::failed_source, .reason = "no route"}).how,
            ExitClass::failed_source);
  EXPECT_EQ(judge({.code = 1, .said = ExitClass::failed_sink}).reason, "the worker reported a failure");
  EXPECT_EQ(judge({.code = 3}).how, ExitClass::crashed);
  EXPECT_EQ(judge({.code = 3}).reason, "the worker ended with exit status 3");
  EXPECT_EQ(judge({}).how, ExitClass::crashed) << "silence is not success";
  EXPECT_EQ(judge({.signo = SIGSEGV}).how, ExitClass::crashed);
  EXPECT_EQ(judge({.signo = SIGKILL}).how, ExitClass::killed);
  EXPECT_EQ(judge({.signo = SIGTERM}).reason, "the worker was killed with signal 15");
  EXPECT_EQ(judge({.signo = SIGKILL, .oom = true}).how, ExitClass::oom);
  EXPECT_EQ(judge({.signo = SIGKILL, .said = ExitClass::crashed, .reason = "it broke the protocol"}).how,
            ExitClass::crashed);
}

TEST(Exit, WithOrdersIsWhatWasAskedForWhenTheWorkerObeyed) {
  const Intent stop{.how = ExitClass::stopped, .reason = "stopped on request"};
  EXPECT_EQ(judge({.said = ExitClass::stopped}, stop).how, ExitClass::stopped);
  EXPECT_TRUE(judge({}, stop).clean);
  EXPECT_EQ(judge({}, Intent{.how = ExitClass::limit, .reason = "too long"}).reason, "too long");
  EXPECT_EQ(judge({.code = 1, .said = ExitClass::failed_sink, .reason = "disk full"}, stop).how,
            ExitClass::failed_sink)
      << "finalising failed";
  EXPECT_EQ(judge({.signo = SIGABRT}, stop).how, ExitClass::crashed);
  EXPECT_EQ(judge({.signo = SIGKILL}, stop).reason, "the worker was killed with signal 9");
}

TEST(Exit, OfAWorkerThatHadToBeForcedSaysSo) {
  const Intent forced{.how = ExitClass::stopped, .reason = "stopped on request", .forced = true};
  const auto verdict = judge({.signo = SIGKILL}, forced);
  EXPECT_EQ(verdict.how, ExitClass::killed);
  EXPECT_NE(verdict.reason.find("did not finish in time"), std::string::npos);
  EXPECT_EQ(
      judge({.signo = SIGTERM}, Intent{.how = ExitClass::stalled, .reason = "silent", .forced = true}).how,
      ExitClass::stalled);
  EXPECT_EQ(judge({.code = 0}, Intent{.how = ExitClass::failed_source, .reason = "late"}).how,
            ExitClass::failed_source);
}

}  // namespace
}  // namespace auralink::session
