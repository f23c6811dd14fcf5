// SPDX-License-Identifier: LGPL-2.1-or-later
// One worker process, started here or taken over, and learning how it ended; nothing here knows the protocol.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace auralink::worker {

/// A process in its own process group, followed through a pidfd. Belongs to the thread that runs `context`.
/// Whoever destroys it before it ended gets it killed (SIGKILL to its group) and reaped.
class Process {
 public:
  struct End {
    int code = 0;       ///< exit status when not signalled
    int signo = 0;      ///< 0: exited by itself
    bool oom = false;   ///< the kernel's OOM killer struck this memory cgroup, and nobody here sent SIGKILL
    bool known = true;  ///< false: it was somebody else's child, nobody tells us how it ended
  };
  struct Callbacks {
    std::function<void(const End&)> on_end = {};           ///< once; may destroy the process
    std::function<void(const std::string&)> on_line = {};  ///< one line of its stdout or stderr, without '\n'
  };

  /// Runs `program`, normally without arguments: descriptor 0 is /dev/null, 1 and 2 a pipe read here, 3 a
  /// duplicate of `channel_fd` (which stays the caller's), nothing else is open; signals are at their
  /// defaults; the environment is minimal_environment(); it is nicer than this process by 5.
  [[nodiscard]] static tl::expected<std::unique_ptr<Process>, std::string> spawn(
      const std::string& program, int channel_fd, Callbacks callbacks, GMainContext* context = nullptr,
      const std::vector<std::string>& arguments = {});
  /// Follows a process of another parent; takes ownership of `pidfd`. What it prints goes nowhere.
  [[nodiscard]] static std::unique_ptr<Process> adopt(pid_t pid, int pidfd, Callbacks callbacks,
                                                      GMainContext* context = nullptr);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// To the process; SIGKILL to its whole group. Nothing happens once it has ended.
  void signal(int signo);

 private:
  Process(pid_t pid, int pidfd, int output, Callbacks callbacks, GMainContext* context);
  static gboolean on_pidfd(gint fd, GIOCondition condition, gpointer self);
  static gboolean on_output(gint fd, GIOCondition condition, gpointer self);
  bool read_output();
  void drop(GSource*& source);
  bool reap(End& end, bool wait);

  pid_t pid_;
  int pidfd_;
  int output_;  ///< -1: none
  Callbacks callbacks_;
  GMainContext* context_;
  GSource* exit_source_ = nullptr;
  GSource* output_source_ = nullptr;
  std::string line_;
  bool killed_by_us_ = false;
  bool ended_ = false;
  std::optional<unsigned long> oom_before_;
};

/// What a worker inherits: PATH, HOME, LANG, LC_*, TMPDIR, GST_*, XDG_* and the options of sanitisers.
[[nodiscard]] std::vector<std::string> minimal_environment(const char* const* environment);

}  // namespace auralink::worker
