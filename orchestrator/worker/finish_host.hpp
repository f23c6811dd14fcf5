// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's side of finishing: an auralink-worker process per recording, a few at a time.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/session/ports.hpp"
#include "orchestrator/telemetry/log.hpp"

namespace auralink::worker {

struct FinishSettings {
  std::string program;                 ///< absolute path of auralink-worker
  unsigned at_once = 1;                ///< processes; further orders wait in order of coming
  session::Millis silence{60'000};     ///< a process that does not tell of progress for so long is killed
  session::Millis leave_grace{5'000};  ///< last report -> SIGKILL
  std::function<void(pid_t)> started = {};  ///< called with each new process, before it has its order
};

/// Belongs to the thread that runs `context`. Reports are only delivered from that main loop, never from
/// inside finish(). Destroying the host kills and reaps the processes; what they were doing can be ordered
/// again.
class FinishHost final : public session::Finisher {
 public:
  FinishHost(FinishSettings settings, const telemetry::Logger& logger, GMainContext* context = nullptr);
  ~FinishHost() override;
  FinishHost(const FinishHost&) = delete;
  FinishHost& operator=(const FinishHost&) = delete;

  /// Where reports go; must be set before the first finish() and outlive the host.
  void set_events(session::WorkerEvents* events);
  /// An order for a recording that waits or is being finished is ignored.
  void finish(const session::FinishOrder& order) override;

  /// Orders that wait or are being carried out; a daemon that drains waits until there are none.
  [[nodiscard]] unsigned pending() const;
  [[nodiscard]] unsigned processes() const;
  /// Process ids of the running ones, for tests and for telling an operator.
  [[nodiscard]] std::vector<pid_t> pids() const;
  /// SIGKILL for every process, and forgets the orders that wait; ends are reported as failed.
  void kill_all();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::worker
