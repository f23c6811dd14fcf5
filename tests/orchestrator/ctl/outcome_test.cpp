// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/outcome.hpp"

#include <gtest/gtest.h>

namespace auralink::ctl {
namespace {

json::Value in_state(const char* state) { return {{"state", state}}; }
json::Value ended(const char* exit) { return {{"state", "ended"}, {"exit", exit}}; }

TEST(Outcome, OfAConferenceIsItsExit) {
  for (const auto* good : {"completed", "stopped", "limit"})
    EXPECT_EQ(conference_ended(ended(good)), Outcome::good);
  for (const auto* bad : {"failed_source", "failed_sink", "stalled", "oom", "crashed", "killed", ""})
    EXPECT_EQ(conference_ended(ended(bad)), Outcome::bad);
  EXPECT_EQ(conference_ended(in_state("stopping")), Outcome::going_on);
}

TEST(Outcome, OfStartingIsRunningOrTheExit) {
  EXPECT_EQ(conference_running(in_state("starting")), Outcome::going_on);
  EXPECT_EQ(conference_running(in_state("running")), Outcome::good);
  EXPECT_EQ(conference_running(ended("completed")), Outcome::good);
  EXPECT_EQ(conference_running(ended("failed_source")), Outcome::bad);
}

TEST(Outcome, OfARecordingIsAFileThatIsWhole) {
  for (const auto* state : {"starting", "active", "finalising"})
    EXPECT_EQ(recording_complete(in_state(state)), Outcome::going_on);
  EXPECT_EQ(recording_complete(in_state("complete")), Outcome::good);
  EXPECT_EQ(recording_complete(in_state("interrupted")), Outcome::bad);
  EXPECT_EQ(recording_complete(in_state("failed")), Outcome::bad);
}

TEST(Outcome, OfARecordingIsFinalHoweverItEnded) {
  EXPECT_EQ(recording_final(in_state("finalising")), Outcome::going_on);
  for (const auto* state : {"complete", "interrupted", "failed"})
    EXPECT_EQ(recording_final(in_state(state)), Outcome::good);
}

TEST(Outcome, OfABranchIsWhatWasAskedOfIt) {
  EXPECT_EQ(branch_active(in_state("adding")), Outcome::going_on);
  EXPECT_EQ(branch_active(in_state("active")), Outcome::good);
  EXPECT_EQ(branch_active(in_state("failed")), Outcome::bad);
  EXPECT_EQ(branch_active(in_state("removed")), Outcome::bad);
  EXPECT_EQ(branch_gone(in_state("draining")), Outcome::going_on);
  EXPECT_EQ(branch_gone(in_state("removed")), Outcome::good);
  EXPECT_EQ(branch_gone(in_state("failed")), Outcome::bad);
}

TEST(Progress, IsOneLine) {
  EXPECT_EQ(
      recording_progress({{"id", "r"}, {"state", "active"}, {"bytes", 3400000}, {"durationSeconds", 10.04}}),
      "r active 3.4 MB 10.0 s");
  EXPECT_EQ(conference_progress({{"id", "demo"},
                                 {"state", "running"},
                                 {"branches",
                                  {{"rec",
                                    {{"name", "rec"},
                                     {"state", "active"},
                                     {"bytes", 5},
                                     {"mediaSeconds", 2},
                                     {"stalled", true}}}}}}),
            "demo running, rec active 5 B 2.0 s stalled");
}

TEST(Clipped, CutsAtColumnsNotAtBytes) {
  EXPECT_EQ(clipped("short", 5), "short");
  EXPECT_EQ(clipped("longer", 5), "long…");
  EXPECT_EQ(clipped("üüüü", 3), "üü…");
  EXPECT_EQ(clipped("x", 0), "");
}

TEST(Screen, FitsTheTerminal) {
  Screen screen;
  screen.status = {{"version", "1"}, {"uptimeSeconds", 61}};
  screen.conferences = {{"items", json::Value::array()}};
  for (int i = 0; i < 50; ++i)
    screen.conferences["items"].push_back({{"id", std::string(100, 'c')}, {"state", "running"}});
  for (int i = 0; i < 50; ++i) screen.events.push_back("event " + std::to_string(i));
  for (const std::size_t lines : {1U, 5U, 24U, 200U}) {
    const std::string text = format_screen(screen, lines, 40);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), static_cast<std::ptrdiff_t>(lines));
  }
  EXPECT_NE(format_screen(screen, 200, 40).find("event 49"), std::string::npos);
  EXPECT_TRUE(format_screen(screen, 24, 40).starts_with("auralinkd 1  up 1:01\n"));
}

TEST(Screen, ShowsTheLatestEventsWhereThereIsRoom) {
  Screen screen;
  for (int i = 0; i < 50; ++i) screen.events.push_back("event " + std::to_string(i));
  const std::string text = format_screen(screen, 8, 40);
  EXPECT_NE(text.find("event 49"), std::string::npos);
  EXPECT_EQ(text.find("event 0\n"), std::string::npos);
}

}  // namespace
}  // namespace auralink::ctl
