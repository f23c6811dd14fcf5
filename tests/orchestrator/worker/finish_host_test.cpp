// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's side of finishing against the real auralink-worker.
#include "orchestrator/worker/finish_host.hpp"

#include <glib.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "orchestrator/json/json.hpp"

namespace auralink::worker {
namespace {

namespace fs = std::filesystem;
using session::FinishReport;
using session::Millis;
using Stage = session::FinishReport::Stage;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "auralink-finish-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
};

struct Events final : session::WorkerEvents {
  void on_hello(std::string_view, std::uint32_t, std::int64_t) override {}
  void on_running(std::string_view, std::uint32_t) override {}
  void on_branch(std::string_view, std::uint32_t, std::string_view, session::BranchState, std::string_view,
                 std::uint64_t, std::int64_t) override {}
  void on_stats(std::string_view, std::uint32_t, const session::WorkerStats&) override {}
  void on_graph(std::string_view, std::uint32_t, std::string) override {}
  void on_exit(std::string_view, std::uint32_t, const session::WorkerExit&) override {}
  void on_finish(const FinishReport& report) override {
    if (report.stage == Stage::progress) {
      if (on_progress) on_progress(report);
      return;
    }
    reports.push_back(report);
  }
  std::vector<FinishReport> reports;
  std::function<void(const FinishReport&)> on_progress;
};

class FinishHostTest : public ::testing::Test {
 protected:
  FinishSettings settings(const char* program = AURALINK_WORKER) {
    FinishSettings out;
    out.program = program;
    return out;
  }
  /// Runs the main loop until `ready`, at most 30 s.
  template <class F>
  bool until(F ready) {
    const auto end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    while (!ready()) {
      if (g_get_monotonic_time() > end) return false;
      const auto wake = g_timeout_add(
          100, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
      g_main_context_iteration(nullptr, TRUE);
      g_source_remove(wake);
    }
    return true;
  }
  session::FinishOrder order(const std::string& id, std::size_t cut) {
    const auto path = folder_.path / (id + ".mp4");
    std::ifstream in{TORN_MP4, std::ios::binary};
    std::stringstream bytes;
    bytes << in.rdbuf();
    std::ofstream{path, std::ios::binary} << bytes.str().substr(0, cut);
    session::FinishOrder out;
    out.recording = id;
    out.container = "mp4";
    out.path = path.string();
    out.sidecar = {{"version", 1}, {"metadata", {{"title", "x"}}}};
    session::Piece piece;
    piece.epoch = 1;
    piece.path = out.path;
    out.pieces.push_back(piece);
    return out;
  }
  bool has(const std::string& id, Stage stage) const {
    return std::any_of(events_.reports.begin(), events_.reports.end(),
                       [&](const FinishReport& r) { return r.recording == id && r.stage == stage; });
  }

  Folder folder_;
  std::ostringstream log_;
  telemetry::Logger logger_{"test", telemetry::Level::debug, [this](std::string_view line) { log_ << line; }};
  Events events_;
};

TEST_F(FinishHostTest, FinishesATornFile) {
  FinishHost host{settings(), logger_};
  host.set_events(&events_);
  host.finish(order("a", 90'000));
  EXPECT_TRUE(events_.reports.empty());
  ASSERT_TRUE(until([&] { return has("a", Stage::processed); })) << log_.str();
  ASSERT_EQ(events_.reports.size(), 2U);
  const auto& finalised = events_.reports.front();
  EXPECT_EQ(finalised.stage, Stage::finalised);
  EXPECT_EQ(finalised.bytes, fs::file_size(folder_.path / "a.mp4"));
  EXPECT_GT(finalised.duration_ns, 1'000'000'000);
  EXPECT_EQ(finalised.sha256.size(), 64U);
  EXPECT_TRUE(fs::exists(folder_.path / "a.json"));
  EXPECT_TRUE(until([&] { return host.pending() == 0; }));
}

TEST_F(FinishHostTest, PicturesAndHookFollowTheFile) {
  FinishHost host{settings(), logger_};
  host.set_events(&events_);
  auto what = order("a", 90'000);
  what.preview_interval = Millis{1'000};
  what.hook = {"sh", "-c", "echo heard; cp \"$0\" \"$0.copy\"; exit 3"};
  host.finish(what);
  ASSERT_TRUE(until([&] { return has("a", Stage::processed); })) << log_.str();
  const auto& processed = events_.reports.back();
  EXPECT_THAT(processed.error, ::testing::HasSubstr("status 3"));
  std::map<std::string, unsigned> kinds;
  for (const auto& artifact : processed.artifacts) {
    ++kinds[artifact.kind];
    EXPECT_EQ(fs::file_size(artifact.path), artifact.bytes);
  }
  EXPECT_GE(kinds["thumbnail"], 2U);
  EXPECT_EQ(kinds["sprite"], 1U);
  EXPECT_EQ(kinds["vtt"], 1U);
  std::ifstream copy{folder_.path / "a.json.copy"};
  const auto sidecar = json::Value::parse(copy);
  EXPECT_EQ(sidecar["pictures"].size(), processed.artifacts.size());
  EXPECT_EQ(sidecar["media"]["streams"].size(), 2U);
  EXPECT_THAT(log_.str(), ::testing::HasSubstr("hook: heard"));
  ASSERT_TRUE(until([&] { return host.pending() == 0; }));
}

TEST_F(FinishHostTest, OneAtATimeAndTheRestInOrder) {
  auto with = settings();
  std::vector<pid_t> started;
  with.started = [&](pid_t pid) { started.push_back(pid); };
  FinishHost host{with, logger_};
  host.set_events(&events_);
  for (const auto* id : {"a", "b", "c"}) host.finish(order(id, 60'000));
  host.finish(order("b", 60'000));  // waits already
  EXPECT_EQ(host.pending(), 3U);
  unsigned most = 0;
  ASSERT_TRUE(until([&] {
    most = std::max(most, host.processes());
    return host.pending() == 0;
  }));
  EXPECT_EQ(most, 1U);
  std::vector<std::string> order;
  for (const auto& report : events_.reports)
    if (report.stage == Stage::finalised) order.push_back(report.recording);
  EXPECT_THAT(order, ::testing::ElementsAre("a", "b", "c"));
  EXPECT_EQ(started.size(), 3U) << "each process is told of, for its place among the control groups";
}

TEST_F(FinishHostTest, NothingToPlayIsFailed) {
  FinishHost host{settings(), logger_};
  host.set_events(&events_);
  host.finish(order("a", 20));
  ASSERT_TRUE(until([&] { return has("a", Stage::failed); }));
  EXPECT_THAT(events_.reports.back().error, ::testing::HasSubstr("nothing playable"));
  EXPECT_EQ(fs::file_size(folder_.path / "a.mp4"), 20U) << "the piece is untouched";
}

TEST_F(FinishHostTest, AProgramThatIsNotThereIsFailed) {
  FinishHost host{settings("/nonexistent/auralink-worker"), logger_};
  host.set_events(&events_);
  host.finish(order("a", 1000));
  ASSERT_TRUE(until([&] { return has("a", Stage::failed); }));
  EXPECT_EQ(host.pending(), 0U);
}

TEST_F(FinishHostTest, AKilledProcessIsFailedAndTheOrderCanBeGivenAgain) {
  FinishHost host{settings(), logger_};
  host.set_events(&events_);
  const auto what = order("a", 90'000);
  host.finish(what);
  ASSERT_TRUE(until([&] { return host.processes() == 1; }));
  ::kill(host.pids().front(), SIGKILL);
  ASSERT_TRUE(until([&] { return has("a", Stage::failed) || has("a", Stage::processed); }));
  ASSERT_TRUE(until([&] { return host.pending() == 0; }));
  host.finish(what);
  ASSERT_TRUE(until([&] { return has("a", Stage::processed); }));
  EXPECT_TRUE(fs::exists(folder_.path / "a.json"));
}

TEST_F(FinishHostTest, SilenceIsFailed) {
  auto quick = settings(SILENT_PROGRAM);
  quick.silence = Millis{200};
  FinishHost host{quick, logger_};
  host.set_events(&events_);
  host.finish(order("a", 1000));
  ASSERT_TRUE(until([&] { return has("a", Stage::failed); }));
  EXPECT_THAT(events_.reports.back().error, ::testing::HasSubstr("no progress"));
}

TEST_F(FinishHostTest, KillAllEndsEverything) {
  FinishHost host{settings(SILENT_PROGRAM), logger_};
  host.set_events(&events_);
  host.finish(order("a", 1000));
  host.finish(order("b", 1000));
  ASSERT_TRUE(until([&] { return host.processes() == 1; }));
  host.kill_all();
  ASSERT_TRUE(until([&] { return host.pending() == 0; }));
  EXPECT_TRUE(has("a", Stage::failed));
}

}  // namespace
}  // namespace auralink::worker
