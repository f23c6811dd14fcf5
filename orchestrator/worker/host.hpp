// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's side of the workers: one auralink-worker process per conference, a few idle ones kept ready,
// protocol messages in and session events out. See README.md for the process model.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "orchestrator/session/ports.hpp"
#include "orchestrator/telemetry/log.hpp"
#include "orchestrator/worker/cgroup.hpp"

namespace auralink::worker {

struct HostSettings {
  std::string program;     ///< absolute path of auralink-worker
  unsigned warm = 1;       ///< idle workers that have initialised and wait for a conference
  std::string media_root;  ///< file sources must lie beneath; empty: anywhere readable
  /// Where conferences with the policy `orphans: continue` wait for the next daemon; created with mode 0700,
  /// and one daemon's at a time. Empty: they end with this one.
  std::string rescue_folder = {};
  GroupUse groups = GroupUse::delegated;  ///< control groups of workers
  bool core_dumps = false;                ///< for developers: a dump of a worker holds media and secrets
  std::uint32_t gst_log_level = 2;        ///< GStreamer level of what workers send as Log
  session::Millis ready_timeout{15'000};  ///< an idle worker that has not said Hello by then is replaced
  session::Millis refill_delay{1'000};    ///< after one was taken: the new conference starts first
  session::Millis respawn_base{1'000};    ///< first wait after an idle worker died; doubles up to 30 s
  session::Millis leave_grace{5'000};     ///< channel closed -> SIGTERM, and SIGTERM -> SIGKILL
};

/// Belongs to the thread that runs `context`. Events are only delivered from that main loop, never from
/// inside a command. Destroying the host kills (SIGKILL) and reaps every process it started or adopted, and
/// no other.
class Host final : public session::WorkerHost {
 public:
  Host(HostSettings settings, const telemetry::Logger& logger, GMainContext* context = nullptr);
  ~Host() override;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Where events go; must be set before the first start() and outlive the host.
  void set_events(session::WorkerEvents* events);
  /// Starts the idle workers; call once, when the daemon is ready.
  void warm_up();
  /// Tells workers of a previous daemon that nobody adopted to finish, and removes the addresses of those
  /// that are gone. Call once, after the session has recovered.
  void dismiss_orphans();
  /// Lets idle workers go and keeps no new ones; conferences go on.
  void stop_warming();

  session::Outcome<void> start(const session::WorkerStart& start) override;
  bool adopt(std::string_view conference, std::uint32_t epoch) override;
  [[nodiscard]] bool lingers(std::string_view conference, std::uint32_t epoch,
                             std::int64_t pid) const override;
  void add_branch(std::string_view conference, const session::BranchSpec& branch,
                  const std::string& path) override;
  void pause_branch(std::string_view conference, std::string_view branch, bool paused) override;
  void remove_branch(std::string_view conference, std::string_view branch) override;
  void stop(std::string_view conference, session::StopReason reason) override;
  void dump_graph(std::string_view conference) override;
  void signal(std::string_view conference, int signo) override;

  /// Puts a process that is no worker, and can wait, behind all workers, where there are control groups.
  void set_aside(pid_t pid) const;
  /// SIGKILL for everything, at once; ends are still reported.
  void kill_all();
  [[nodiscard]] unsigned idle() const;       ///< idle workers that said Hello
  [[nodiscard]] unsigned processes() const;  ///< all that have not been reaped, idle ones included
  [[nodiscard]] bool busy(std::string_view conference) const;  ///< a worker of it has not been reaped

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::worker
