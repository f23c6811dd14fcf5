// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker's side of finishing: one order, carried out on a thread of its own so that the channel stays
// alive. Belongs to the default main context.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "orchestrator/pipeline/finish.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::worker {

class FinishTask final {
 public:
  struct Callbacks {
    std::function<void(const session::FinishReport&)> report = {};  ///< on the main loop
    /// One line of what the hook wrote, or of what went wrong; on the main loop.
    std::function<void(const std::string&)> log = {};
    /// After the last report; on the main loop. May destroy the task.
    std::function<void()> done = {};
  };
  /// Begins at once, with low CPU and disk priority.
  FinishTask(session::FinishOrder order, Callbacks callbacks);
  /// Gives up what is being done, as if the process had been killed, and waits for the thread.
  ~FinishTask();
  FinishTask(const FinishTask&) = delete;
  FinishTask& operator=(const FinishTask&) = delete;

 private:
  void work();
  /// Pictures and hook. What fails of it is told in the report; the file is as good as before.
  [[nodiscard]] session::FinishReport process(pipeline::finish::Finished& finished, double from);
  void post(std::function<void(FinishTask&)> action);
  [[nodiscard]] bool progress(double from, double to, double part);

  session::FinishOrder order_;
  Callbacks callbacks_;
  /// Shared with what was posted and is still waiting: null once the task is gone.
  std::shared_ptr<FinishTask*> self_;
  std::atomic<bool> given_up_{false};
  std::atomic<std::int64_t> told_us_{0};
  std::thread thread_;
};

/// CPU and disk priority of this thread, and of threads that it starts, below every conference's.
void lower_priority() noexcept;

}  // namespace auralink::worker
