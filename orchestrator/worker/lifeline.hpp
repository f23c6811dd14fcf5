// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker's connection to the daemon it has at the moment: the inherited socketpair first, and when that
// daemon is gone and the conference may go on without one, whoever connects to the rescue socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "orchestrator/worker/channel.hpp"
#include "orchestrator/worker/rescue.hpp"
#include "orchestrator/worker/timer.hpp"
#include "worker.pb.h"

namespace auralink::worker {

/// How long a worker without a daemon goes on before it finishes its files.
inline constexpr std::chrono::milliseconds kOrphanTime{60'000};
/// Unsent bytes from which on statistics and log lines are dropped. Changes of state never are.
inline constexpr std::size_t kMostChatter = std::size_t{256} << 10U;

/// Lives on the default main context.
class Lifeline {
 public:
  struct Callbacks {
    std::function<void(std::string_view payload)> on_message = {};
    std::function<void()> on_adopted = {};  ///< another daemon is there and knows nothing yet
    /// Nobody will come any more. Called at most once.
    std::function<void(const std::string& reason)> on_alone = {};
  };
  Lifeline(int fd, Callbacks callbacks, std::chrono::milliseconds orphan_time = kOrphanTime);
  ~Lifeline();
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;

  /// From now on the loss of the daemon is survived. Fails when the address cannot be had.
  [[nodiscard]] tl::expected<void, std::string> rescue_at(const std::string& path);
  /// The loss of the daemon is survived no longer; when it is lost already nobody is told.
  void no_rescue();
  [[nodiscard]] bool waiting() const;  ///< without a daemon, for another

  void send(const v1::FromWorker& message);
  bool flush(std::chrono::milliseconds timeout);
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  ///< statistics and log lines

 private:
  void connect(int fd);
  void on_closed(const std::string& reason);
  void alone(const std::string& reason);

  Callbacks callbacks_;
  std::chrono::milliseconds orphan_time_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Rescue> rescue_;
  Timer patience_;
  std::uint64_t dropped_ = 0, told_ = 0;
};

}  // namespace auralink::worker
