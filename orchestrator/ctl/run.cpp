// SPDX-License-Identifier: LGPL-2.1-or-later
// `pipeline run`: a worker without a daemon.
#include <glib/gstdio.h>
#include <sys/prctl.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "orchestrator/ctl/files.hpp"
#include "orchestrator/ctl/handles.hpp"
#include "orchestrator/ctl/local.hpp"

namespace auralink::ctl {
namespace {

namespace fs = std::filesystem;

/// A private file that is gone when its scope ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    gchar* path = nullptr;
    const int fd = g_file_open_tmp("auralink-XXXXXX.json", &path, nullptr);
    if (fd < 0) return;
    path_ = path;
    g_free(path);
    g_close(fd, nullptr);
    if (g_file_set_contents(path_.c_str(), text.data(), static_cast<gssize>(text.size()), nullptr) == FALSE)
      remove();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void remove() {
    std::error_code error;
    if (!path_.empty()) fs::remove(path_, error);
    path_.clear();
  }
  std::string path_;
};

/// $AURALINK_WORKER, else beside or above this program (one prefix, a build folder), else installed, else on
/// PATH.
std::string worker_program() {
  if (const char* named = std::getenv("AURALINK_WORKER"); named != nullptr && *named != '\0') return named;
  std::error_code error;
  const auto own = fs::read_symlink("/proc/self/exe", error);
  for (const auto& folder : {own.parent_path(), own.parent_path().parent_path()})
    if (const auto file = folder / "auralink-worker"; fs::is_regular_file(file, error)) return file.string();
  if (const fs::path installed = AURALINK_LIBEXEC_DIR "/auralink-worker"; fs::exists(installed, error))
    return installed.string();
  return "auralink-worker";
}

class WorkerRun {
 public:
  WorkerRun(bool as_json, Terminal& terminal) : as_json_{as_json}, terminal_{terminal} {}

  Exit run(const std::string& file, const std::string& folder) {
    const std::string program = worker_program();
    const std::array<const gchar*, 6> argv{program.c_str(), "--standalone", file.c_str(),
                                           "--output",      folder.c_str(), nullptr};
    launcher_ = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    // Between fork and exec: only what is async-signal-safe. The worker does not outlive us, whatever ends
    // us.
    g_subprocess_launcher_set_child_setup(
        launcher_, [](gpointer) { prctl(PR_SET_PDEATHSIG, SIGTERM); }, nullptr, nullptr);
    ErrorSlot error;
    process_.reset(g_subprocess_launcher_spawnv(launcher_, argv.data(), error));
    g_object_unref(launcher_);
    if (process_ == nullptr) return complain(error.text());
    lines_ = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process_.get()));
    const SourceId interrupt{g_unix_signal_add(SIGINT, on_signal, this)};
    const SourceId terminate{g_unix_signal_add(SIGTERM, on_signal, this)};
    read();
    g_main_loop_run(loop_.get());
    g_object_unref(lines_);
    terminal_.end_progress();
    if (!ended_ok_) return complain("the worker ended without a word");
    if (!reason_.empty() && !*ended_ok_) terminal_.complain(reason_);
    return *ended_ok_ && !branch_failed_ ? Exit::ok : Exit::failed;
  }

 private:
  Exit complain(const std::string& why) {
    terminal_.complain(why);
    return Exit::failed;
  }
  void read() { g_data_input_stream_read_line_async(lines_, G_PRIORITY_DEFAULT, nullptr, on_line, this); }

  static void on_line(GObject*, GAsyncResult* result, gpointer data) {
    auto* self = static_cast<WorkerRun*>(data);
    gsize length = 0;
    gchar* line = g_data_input_stream_read_line_finish(self->lines_, result, &length, nullptr);
    if (line == nullptr) {
      // Its stdout is closed: it is on its way out, and only its status is missing.
      g_subprocess_wait_async(self->process_.get(), nullptr, on_exit, self);
      return;
    }
    self->take({line, length});
    g_free(line);
    self->read();
  }

  void take(std::string_view line) {
    if (as_json_) {
      terminal_.out(std::string{line} + '\n');
      (void)terminal_.flush();
    }
    const auto news = read_worker_news(line);
    if (!news.progress.empty() && !as_json_) terminal_.progress(news.progress);
    if (!news.failed_branch.empty()) {
      branch_failed_ = true;
      terminal_.complain(news.failed_branch);
    }
    if (news.ended_ok) ended_ok_ = news.ended_ok, reason_ = news.reason;
  }

  static void on_exit(GObject*, GAsyncResult* result, gpointer data) {
    auto* self = static_cast<WorkerRun*>(data);
    g_subprocess_wait_finish(self->process_.get(), result, nullptr);
    g_main_loop_quit(self->loop_.get());
  }
  static gboolean on_signal(gpointer data) {
    auto* self = static_cast<WorkerRun*>(data);
    self->terminal_.progress("finalising");
    g_subprocess_send_signal(self->process_.get(), SIGTERM);
    return G_SOURCE_CONTINUE;
  }

  bool as_json_, branch_failed_ = false;
  Terminal& terminal_;
  GSubprocessLauncher* launcher_ = nullptr;
  GDataInputStream* lines_ = nullptr;
  Owned<GSubprocess> process_;
  Owned<GMainLoop> loop_{g_main_loop_new(nullptr, FALSE)};
  std::optional<bool> ended_ok_;
  std::string reason_;
};

}  // namespace

Exit run_worker(const json::Value& resolved, const std::string& folder, bool as_json, Terminal& terminal) {
  std::error_code error;
  fs::create_directories(folder, error);
  const TemporaryFile file{resolved.dump()};
  if (error || file.path().empty()) {
    terminal.complain("cannot write to " + folder + " or the temporary folder");
    return Exit::failed;
  }
  return WorkerRun{as_json, terminal}.run(file.path(), folder);
}

}  // namespace auralink::ctl
