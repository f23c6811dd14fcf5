// SPDX-License-Identifier: LGPL-2.1-or-later
// A daemon dies, its worker does not: the real worker program under a stand-in for the daemon that is killed
// with SIGKILL, and this process as the next daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/worker/host.hpp"
#include "orchestrator/worker/rescue.hpp"

namespace auralink::worker {
namespace {

namespace fs = std::filesystem;
using session::BranchState;
using session::ExitClass;
using ::testing::HasSubstr;

constexpr const char* kDescription =
    R"({"apiVersion":"auralink/v1","kind":"Pipeline","name":"orphan","why":"test",
  "source":{"kind":"test","participants":[{"name":"ann","width":160,"height":90,"fps":10}]},
  "mix":{"video":{"width":160,"height":90,"fps":10},"audio":{}},
  "encode":{"vp8":{"of":"video","codec":"vp8","bitrate":200000},"opus":{"of":"audio","codec":"opus"}},
  "branches":{"record":{"kind":"file","container":"webm","inputs":["vp8","opus"]}}})";
constexpr std::uint32_t kEpoch = 7;
constexpr std::int64_t kSecond = 1'000'000'000;

/// What a host hears, in the order it hears it.
struct Heard final : session::WorkerEvents {
  std::vector<std::string> news;
  std::int64_t pid = 0, media_ns = 0, ended_ns = 0;
  std::optional<session::WorkerExit> exit;

  void on_hello(std::string_view, std::uint32_t epoch, std::int64_t worker) override {
    news.push_back("hello " + std::to_string(epoch));
    pid = worker;
  }
  void on_running(std::string_view, std::uint32_t) override { news.emplace_back("running"); }
  void on_branch(std::string_view, std::uint32_t, std::string_view name, BranchState state, std::string_view,
                 std::uint64_t, std::int64_t duration_ns) override {
    news.push_back(std::string{name} + " " + std::string{to_string(state)});
    if (state == BranchState::removed) ended_ns = duration_ns;
  }
  void on_stats(std::string_view, std::uint32_t, const session::WorkerStats& stats) override {
    if (news.empty() || news.back() != "stats") news.emplace_back("stats");
    if (!stats.branches.empty()) media_ns = stats.branches.front().media_ns;
  }
  void on_graph(std::string_view, std::uint32_t, std::string) override {}
  void on_exit(std::string_view, std::uint32_t, const session::WorkerExit& how) override { exit = how; }
};

class Orphan : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "auralink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    // Workers whose parent died become ours, so that none can be left behind.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  void TearDown() override {
    host_.reset();
    EXPECT_TRUE(everybody_ends()) << "a process is left";
    EXPECT_TRUE(!fs::exists(folder_ / "run") || fs::is_empty(folder_ / "run")) << "an address is left";
    fs::remove_all(folder_);
  }

  [[nodiscard]] std::string run_folder() const { return folder_ / "run"; }
  [[nodiscard]] HostSettings settings() const {
    return {.program = REAL_WORKER, .warm = 0, .media_root = {}, .rescue_folder = run_folder()};
  }
  [[nodiscard]] session::WorkerStart order(session::Orphans orphans) const {
    return {.conference = "c",
            .epoch = kEpoch,
            .resolved = *json::parse(kDescription),
            .paths = {{"record", (folder_ / "record.webm").string()}},
            .orphans = orphans};
  }
  /// Whether all our children have ended, or end by themselves: the symbolizer that a sanitizer starts in a
  /// worker's last moments sees a moment later that nobody asks it any more.
  [[nodiscard]] bool everybody_ends() const {
    const auto gone = std::async(std::launch::async, [] {
      while (::waitpid(-1, nullptr, 0) > 0) {
      }
    });
    if (gone.wait_for(std::chrono::seconds{10}) == std::future_status::ready) return true;
    ::kill(worker_, SIGKILL);  // so that the wait above has an end
    return false;
  }
  template <class Done>
  static void turn_until(const Done& done) {
    while (!done()) g_main_context_iteration(nullptr, TRUE);
  }

  /// A daemon that starts the worker and, once a second of media is written, tells its pid and waits for the
  /// end.
  pid_t first_daemon(session::Orphans orphans) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
      Heard heard;
      Host host{settings(), logger_};
      host.set_events(&heard);
      if (!host.start(order(orphans))) ::_exit(1);
      turn_until([&] { return heard.media_ns >= kSecond; });
      static_cast<void>(!::write(pipe[1], &heard.pid, sizeof heard.pid));
      for (;;) g_main_context_iteration(nullptr, TRUE);
    }
    ::close(pipe[1]);
    std::int64_t worker = 0;
    EXPECT_EQ(::read(pipe[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
    ::close(pipe[0]);
    worker_ = static_cast<pid_t>(worker);
    return daemon;
  }
  static void kill_9(pid_t pid) {
    ::kill(pid, SIGKILL);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  }
  Host& next_daemon() {
    heard_ = {};
    host_.emplace(settings(), logger_);
    host_->set_events(&heard_);
    return *host_;
  }

  fs::path folder_;
  std::string log_;
  telemetry::Logger logger_{"test", telemetry::Level::debug,
                            [this](std::string_view line) { log_.append(line).append("\n"); }};
  Heard heard_;
  std::optional<Host> host_;
  pid_t worker_ = 0;
};

TEST_F(Orphan, GoesOnUnderTheNextDaemonAndTheNext) {
  const pid_t first = first_daemon(session::Orphans::go_on);
  kill_9(first);
  auto& host = next_daemon();
  EXPECT_FALSE(host.adopt("c", kEpoch + 1)) << "another epoch is another worker";
  ASSERT_TRUE(host.adopt("c", kEpoch));
  EXPECT_TRUE(host.adopt("c", kEpoch)) << "repeating it is harmless";
  EXPECT_TRUE(heard_.news.empty()) << "events never come from inside a command";
  turn_until([&] { return heard_.media_ns > 0; });
  EXPECT_EQ(heard_.news, (std::vector<std::string>{"hello 7", "running", "record active", "stats"}));
  EXPECT_EQ(heard_.pid, worker_);
  const auto at_adoption = heard_.media_ns;
  EXPECT_GE(at_adoption, kSecond);

  // A second daemon in a row is lost the same way: closing the channel is all a worker sees of it.
  const auto again = connect_to_orphan(rescue_path(run_folder(), "c", kEpoch));
  ASSERT_TRUE(again) << "the address stays while a daemon is there, unanswered";
  ::close(again->fd);
  ::close(again->pidfd);
  turn_until([&] { return heard_.media_ns >= at_adoption + kSecond; });

  host.stop("c", session::StopReason::requested);
  turn_until([&] { return heard_.exit.has_value(); });
  EXPECT_EQ(heard_.exit->said, ExitClass::stopped);
  EXPECT_EQ(heard_.exit->signo, 0);
  EXPECT_GE(heard_.ended_ns, at_adoption + kSecond);
  EXPECT_EQ(host.processes(), 0U);
}

TEST_F(Orphan, IsTakenOverMoreThanOnce) {
  kill_9(first_daemon(session::Orphans::go_on));
  const pid_t second = ::fork();
  if (second == 0) {
    auto& host = next_daemon();
    if (!host.adopt("c", kEpoch)) ::_exit(1);
    turn_until([&] { return heard_.media_ns >= 2 * kSecond; });
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(second, &status, 0), second);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto& host = next_daemon();
  ASSERT_TRUE(host.adopt("c", kEpoch));
  turn_until([&] { return heard_.media_ns >= 3 * kSecond; });
  EXPECT_EQ(heard_.news.front(), "hello 7");
  // What ends an adopted worker is told as truthfully as can be known.
  host.signal("c", SIGKILL);
  turn_until([&] { return heard_.exit.has_value(); });
  EXPECT_EQ(heard_.exit->signo, SIGKILL);
  host.dismiss_orphans();
}

TEST_F(Orphan, OfPolicyStopFinishesAtOnce) {
  const pid_t daemon = first_daemon(session::Orphans::stop);
  kill_9(daemon);
  auto& host = next_daemon();
  EXPECT_FALSE(host.adopt("c", kEpoch));
  // Whoever asks while it finishes its file is told so; a zombie, or anybody else, is no worker.
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(worker_), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(host.lingers("c", kEpoch, worker_));
  int status = 0;
  ASSERT_EQ(::waitpid(worker_, &status, 0), worker_);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Orphan, ThatNobodyCanCommandIsSeen) {
  const pid_t daemon = first_daemon(session::Orphans::stop);
  auto& host = next_daemon();
  EXPECT_TRUE(host.lingers("c", kEpoch, worker_));
  EXPECT_FALSE(host.lingers("c", kEpoch, ::getpid())) << "not a worker";
  EXPECT_FALSE(host.lingers("c", kEpoch, 0));
  kill_9(daemon);
  ASSERT_EQ(::waitpid(worker_, nullptr, 0), worker_);
  EXPECT_FALSE(host.lingers("c", kEpoch, worker_));
  ASSERT_TRUE(host.start(order(session::Orphans::stop)));
  turn_until([&] { return heard_.pid != 0; });
  EXPECT_FALSE(host.lingers("c", kEpoch, heard_.pid)) << "one of ours";
}

TEST_F(Orphan, ThatNobodyWantsIsToldToFinish) {
  kill_9(first_daemon(session::Orphans::go_on));
  next_daemon().dismiss_orphans();
  int status = 0;
  ASSERT_EQ(::waitpid(worker_, &status, 0), worker_);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_THAT(log_, HasSubstr("nobody wants any more"));
}

TEST_F(Orphan, FinishesWhenTheSystemShutsDown) {
  kill_9(first_daemon(session::Orphans::go_on));
  ::kill(worker_, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(worker_, &status, 0), worker_);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Orphan, SaysAfterwardsHowItEndedWhileNobodyListened) {
  // The conference is told to stop, then its daemon dies before it hears of the end.
  kill_9(first_daemon(session::Orphans::go_on));
  {
    const auto orphan = connect_to_orphan(rescue_path(run_folder(), "c", kEpoch));
    ASSERT_TRUE(orphan) << orphan.error();
    ::close(orphan->pidfd);
    std::string stop{"\0\0\0\2\x22\0", 6};  // ToWorker.stop, empty, as a frame
    ASSERT_EQ(::write(orphan->fd, stop.data(), stop.size()), 6);
    ::close(orphan->fd);
  }
  auto& host = next_daemon();
  ASSERT_TRUE(host.adopt("c", kEpoch));
  turn_until([&] { return heard_.exit.has_value(); });
  EXPECT_EQ(heard_.exit->said, ExitClass::stopped);
  EXPECT_THAT(heard_.news, ::testing::Contains("record removed"));
  EXPECT_GE(heard_.ended_ns, kSecond);
}

TEST_F(Orphan, LeftOverAddressesAreRemoved) {
  fs::create_directory(run_folder());
  const auto path = rescue_path(run_folder(), "gone", 1);
  {
    auto held = Rescue::listen(path, [](int fd) { ::close(fd); });
    ASSERT_TRUE(held) << held.error();
    // As a killed worker leaves it: the name without the listener.
    fs::create_hard_link(path, path + ".kept");
  }
  fs::rename(path + ".kept", path);
  next_daemon().dismiss_orphans();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(host_->adopt("gone", 1));
}

TEST_F(Orphan, TheFolderOfAddressesIsPrivateAndOneDaemons) {
  fs::create_directory(run_folder());
  fs::permissions(run_folder(), fs::perms::all);
  const auto claimed = claim_rescue_folder(run_folder());
  ASSERT_TRUE(claimed) << claimed.error();
  EXPECT_EQ(fs::status(run_folder()).permissions(), fs::perms::owner_all);
  const auto again = claim_rescue_folder(run_folder());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error(), HasSubstr("another daemon"));
  next_daemon();  // has no addresses then, and touches none
  EXPECT_THAT(log_, HasSubstr("no conference will outlive this daemon"));
  ::close(*claimed);
  fs::remove(run_folder());
  fs::create_symlink("/tmp", run_folder());
  EXPECT_FALSE(claim_rescue_folder(run_folder())) << "a link may lead anywhere";
  fs::remove(run_folder());
}

TEST_F(Orphan, WhatOneDaemonCannotTellIsNeverCalledClean) {
  // Not our child, and it says nothing: SIGKILL by somebody else. A process of another parent is needed for
  // that, so this one gives up being the parent of orphans.
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  kill_9(first_daemon(session::Orphans::go_on));
  auto& host = next_daemon();
  ASSERT_TRUE(host.adopt("c", kEpoch));
  turn_until([&] { return heard_.media_ns > 0; });
  ::kill(worker_, SIGKILL);
  turn_until([&] { return heard_.exit.has_value(); });
  EXPECT_EQ(heard_.exit->said, ExitClass::crashed);
  EXPECT_THAT(heard_.exit->reason, HasSubstr("status is unknown"));
  host.dismiss_orphans();
}

}  // namespace
}  // namespace auralink::worker
