// SPDX-License-Identifier: LGPL-2.1-or-later
// The host against real processes: a fake worker program (fake_worker.cpp) that misbehaves on request.
#include "orchestrator/worker/host.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/worker/process.hpp"

namespace auralink::worker {
namespace {

using session::BranchState;
using session::ExitClass;
using session::Millis;
using ::testing::HasSubstr;
using ::testing::Not;

struct Events final : session::WorkerEvents {
  struct Branch {
    BranchState state;
    std::string error;
    std::uint64_t bytes;
    std::int64_t duration_ns;
  };
  std::map<std::string, std::int64_t> hellos;
  std::map<std::string, std::uint32_t> epochs;
  std::map<std::string, int> running;
  std::map<std::string, std::vector<Branch>> branches;
  std::map<std::string, session::WorkerExit> exits;
  std::string graph;

  void on_hello(std::string_view id, std::uint32_t epoch, std::int64_t pid) override {
    hellos[std::string{id}] = pid;
    epochs[std::string{id}] = epoch;
  }
  void on_running(std::string_view id, std::uint32_t) override { ++running[std::string{id}]; }
  void on_branch(std::string_view, std::uint32_t, std::string_view name, BranchState state,
                 std::string_view error, std::uint64_t bytes, std::int64_t duration) override {
    branches[std::string{name}].push_back({state, std::string{error}, bytes, duration});
  }
  void on_stats(std::string_view, std::uint32_t, const session::WorkerStats&) override {}
  void on_graph(std::string_view, std::uint32_t, std::string dot) override { graph = std::move(dot); }
  void on_exit(std::string_view id, std::uint32_t, const session::WorkerExit& exit) override {
    exits[std::string{id}] = exit;
  }
};

class HostTest : public ::testing::Test {
 protected:
  HostTest() : logger_{"test", telemetry::Level::debug, [this](std::string_view line) { log_ += line; }} {
    ::unsetenv("GST_FAKE_WORKER");
  }

  Host& host(unsigned warm = 0, const std::string& program = FAKE_WORKER) {
    host_.emplace(HostSettings{.program = program,
                               .warm = warm,
                               .media_root = {},
                               .ready_timeout = Millis{200},
                               .refill_delay = Millis{1},
                               .respawn_base = Millis{20},
                               .leave_grace = Millis{100}},
                  logger_);
    host_->set_events(&events_);
    return *host_;
  }
  static session::WorkerStart conference(const std::string& id) {
    return {.conference = id,
            .epoch = 3,
            .resolved = json::Value::object(),
            .paths = {{"record", "/tmp/record.mp4"}}};
  }
  template <class Done>
  void turn_until(const Done& done) {
    while (!done()) g_main_context_iteration(nullptr, TRUE);
  }
  const session::WorkerExit& exit_of(const std::string& id) {
    turn_until([&] { return events_.exits.count(id) > 0; });
    return events_.exits.at(id);
  }

  std::string log_;
  telemetry::Logger logger_;
  Events events_;
  std::optional<Host> host_;
};

TEST_F(HostTest, RunsAConferenceFromHelloToStop) {
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("normal")));
  EXPECT_TRUE(events_.hellos.empty()) << "events never come from inside a command";
  turn_until([&] { return events_.branches.count("record") > 0; });
  EXPECT_EQ(events_.running["normal"], 1);
  EXPECT_EQ(events_.epochs["normal"], 3U);
  EXPECT_GT(events_.hellos["normal"], 1);
  EXPECT_TRUE(host.busy("normal"));

  host.add_branch("normal",
                  {.name = "second", .kind = "file", .container = "mkv", .resolved = json::Value::object()},
                  "/tmp/second.mkv");
  host.remove_branch("normal", "second");
  turn_until([&] { return events_.branches["second"].size() == 3; });
  EXPECT_EQ(events_.branches["second"][0].state, BranchState::active);
  EXPECT_EQ(events_.branches["second"][1].state, BranchState::draining);
  EXPECT_EQ(events_.branches["second"][2].state, BranchState::removed);
  EXPECT_EQ(events_.branches["second"][2].bytes, 1234U);
  EXPECT_EQ(events_.branches["second"][2].duration_ns, 5'000'000'000);

  host.stop("normal", session::StopReason::requested);
  const auto& exit = exit_of("normal");
  EXPECT_EQ(exit.said, ExitClass::stopped);
  EXPECT_EQ(exit.code, 0);
  EXPECT_EQ(exit.signo, 0);
  EXPECT_EQ(exit.reason, "asked to stop, password=***");
  EXPECT_EQ(host.processes(), 0U);
  EXPECT_FALSE(host.busy("normal"));
}

TEST_F(HostTest, RedactsWhatWorkersSayAboutFailures) {
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("normal")));
  host.add_branch("normal", {.name = "broken", .resolved = json::Value::object()}, "/tmp/x");
  turn_until([&] { return events_.branches.count("broken") > 0; });
  EXPECT_EQ(events_.branches["broken"][0].state, BranchState::failed);
  EXPECT_EQ(events_.branches["broken"][0].error, "cannot write rtmp://host/app/***");
}

TEST_F(HostTest, GivesAWorkerNothingButWhatItNeeds) {
  ::setenv("AURALINK_TEST_SECRET", "not-for-workers", 1);
  ::setenv("GST_TEST_SETTING", "for-workers", 1);
  const int stray = ::fcntl(STDERR_FILENO, F_DUPFD, 100);  // not close-on-exec
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("normal")));
  host.dump_graph("normal");
  turn_until([&] { return !events_.graph.empty(); });
  EXPECT_THAT(events_.graph, HasSubstr("pgid=own"));
  EXPECT_THAT(events_.graph,
              HasSubstr("nice " + std::to_string(std::min(19, ::getpriority(PRIO_PROCESS, 0) + 5)) + "\n"));
  EXPECT_THAT(events_.graph, HasSubstr("env GST_TEST_SETTING=for-workers\n"));
  EXPECT_THAT(events_.graph, Not(HasSubstr("AURALINK_TEST_SECRET")));
  for (const char* fd : {"fd 0\n", "fd 1\n", "fd 2\n", "fd 3\n"}) EXPECT_THAT(events_.graph, HasSubstr(fd));
  EXPECT_THAT(events_.graph, Not(HasSubstr("fd " + std::to_string(stray) + "\n")));
  ::close(stray);
}

TEST_F(HostTest, RefusesASecondWorkerForTheSameConference) {
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("normal")));
  const auto again = host.start(conference("normal"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, session::Problem::Kind::conflict);
}

TEST_F(HostTest, SaysWhenTheProgramCannotBeRun) {
  auto& host = this->host(0, "/nonexistent/auralink-worker");
  const auto started = host.start(conference("normal"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, session::Problem::Kind::unavailable);
  EXPECT_THAT(started.error().detail, HasSubstr("/nonexistent/auralink-worker"));
  EXPECT_EQ(host.processes(), 0U);
}

TEST_F(HostTest, TellsACrashAndKeepsItsLastLines) {
  ASSERT_TRUE(host().start(conference("crash")));
  const auto& exit = exit_of("crash");
  EXPECT_EQ(exit.signo, SIGSEGV);
  EXPECT_FALSE(exit.said);
  EXPECT_FALSE(exit.oom);
  EXPECT_THAT(log_, HasSubstr("\"msg\":\"about to fall\""));
  EXPECT_THAT(log_, HasSubstr("\"msg\":\"over\""));
  EXPECT_THAT(log_, HasSubstr("\"conference\":\"crash\""));
}

TEST_F(HostTest, TellsAnExitStatus) {
  ASSERT_TRUE(host().start(conference("exit3")));
  EXPECT_EQ(exit_of("exit3").code, 3);
}

TEST_F(HostTest, EndsWorkersThatBreakTheProtocol) {
  for (const char* fault : {"garbage", "oversize", "unparsable", "epoch", "unknown-state"}) {
    events_ = {};
    ASSERT_TRUE(host().start(conference(fault)));
    const auto& exit = exit_of(fault);
    EXPECT_EQ(exit.said, ExitClass::crashed) << fault;
    EXPECT_FALSE(exit.reason.empty()) << fault;
    EXPECT_EQ(host_->processes(), 0U) << fault;
  }
}

TEST_F(HostTest, EndsAWorkerThatClosedItsChannelButLives) {
  ASSERT_TRUE(host().start(conference("closes")));
  const auto& exit = exit_of("closes");
  EXPECT_EQ(exit.signo, SIGTERM);
  EXPECT_THAT(exit.reason, HasSubstr("channel"));
}

TEST_F(HostTest, SignalsReachTheWorkerOfThatConferenceOnly) {
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("stubborn")));
  ASSERT_TRUE(host.start(conference("normal")));
  turn_until([&] { return events_.running["stubborn"] == 1 && events_.running["normal"] == 1; });
  host.stop("stubborn", session::StopReason::requested);
  host.signal("stubborn", SIGTERM);  // both ignored
  host.signal("stubborn", SIGKILL);
  const auto& exit = exit_of("stubborn");
  EXPECT_EQ(exit.signo, SIGKILL);
  EXPECT_FALSE(exit.oom) << "we did it ourselves";
  EXPECT_TRUE(host.busy("normal"));
  host.signal("nobody", SIGKILL);
  EXPECT_EQ(events_.exits.count("normal"), 0U);
}

TEST_F(HostTest, KeepsAWarmWorkerAndReplacesItAfterUse) {
  auto& host = this->host(1);
  host.warm_up();
  turn_until([&] { return host.idle() == 1; });
  ASSERT_TRUE(host.start(conference("normal")));
  EXPECT_EQ(host.processes(), 1U) << "the warm one was used";
  turn_until([&] { return events_.running["normal"] == 1 && host.idle() == 1; });
  EXPECT_EQ(events_.hellos.size(), 1U);
  EXPECT_EQ(host.processes(), 2U);
  host.stop_warming();
  turn_until([&] { return host.processes() == 1; });
  EXPECT_TRUE(host.busy("normal"));
}

TEST_F(HostTest, ReplacesAWarmWorkerThatDied) {
  auto& host = this->host(1);
  ::setenv("GST_FAKE_WORKER", "crash", 1);
  host.warm_up();
  turn_until([&] { return log_.find("an idle worker ended") != std::string::npos; });
  ::unsetenv("GST_FAKE_WORKER");
  turn_until([&] { return host.idle() == 1; });
  EXPECT_TRUE(events_.exits.empty()) << "nobody's conference ended";
}

TEST_F(HostTest, ReplacesAWarmWorkerThatNeverGetsReady) {
  auto& host = this->host(1);
  ::setenv("GST_FAKE_WORKER", "silent", 1);
  host.warm_up();
  turn_until([&] { return log_.find("did not get ready") != std::string::npos; });
  ::unsetenv("GST_FAKE_WORKER");
  turn_until([&] { return host.idle() == 1; });
}

TEST_F(HostTest, RefusesAWorkerOfAnotherProtocol) {
  ::setenv("GST_FAKE_WORKER", "wrong-protocol", 1);
  ASSERT_TRUE(host().start(conference("normal")));
  const auto& exit = exit_of("normal");
  EXPECT_EQ(exit.said, ExitClass::crashed);
  EXPECT_THAT(exit.reason, HasSubstr("protocol 99"));
}

TEST_F(HostTest, LeavesNoProcessBehind) {
  auto& host = this->host(1);
  host.warm_up();
  ASSERT_TRUE(host.start(conference("stubborn")));
  turn_until([&] { return events_.running["stubborn"] == 1 && host.idle() == 1; });
  const auto pid = static_cast<pid_t>(events_.hellos["stubborn"]);
  host_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left to wait for";
}

TEST_F(HostTest, KillAllStillReportsEveryEnd) {
  auto& host = this->host();
  ASSERT_TRUE(host.start(conference("stubborn")));
  ASSERT_TRUE(host.start(conference("normal")));
  host.kill_all();
  EXPECT_EQ(exit_of("stubborn").signo, SIGKILL);
  EXPECT_EQ(exit_of("normal").signo, SIGKILL);
}

TEST(MinimalEnvironment, KeepsOnlyWhatIsListed) {
  const char* const given[] = {"PATH=/bin",        "HOME=/h", "SECRET=x",      "GST_DEBUG=2",
                               "XDG_DATA_HOME=/d", "LANG=C",  "LC_ALL=C",      "LD_PRELOAD=/evil.so",
                               "PATHOLOGY=1",      "TOKEN=t", "ASAN_OPTIONS=", nullptr};
  EXPECT_EQ(minimal_environment(given),
            (std::vector<std::string>{"PATH=/bin", "HOME=/h", "GST_DEBUG=2", "XDG_DATA_HOME=/d", "LANG=C",
                                      "LC_ALL=C", "ASAN_OPTIONS="}));
  EXPECT_TRUE(minimal_environment(nullptr).empty());
}

}  // namespace
}  // namespace auralink::worker
