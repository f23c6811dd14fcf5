// SPDX-License-Identifier: LGPL-2.1-or-later
// One end of the socketpair between auralinkd and a worker, on a GLib main loop. Both sides use it: the
// daemon on the end it keeps, the worker on descriptor 3.
#pragma once

#include <glib.h>
#include <google/protobuf/message_lite.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "orchestrator/worker/frame.hpp"

namespace auralink::worker {

inline constexpr int kWorkerFd = 3;       ///< the worker finds its end here
inline constexpr unsigned kProtocol = 1;  ///< Hello.protocol
inline constexpr std::size_t kMaxQueuedBytes =
    2 * kMaxFrameBytes;  ///< unsent bytes before the peer counts as stuck

/// Owns a connected stream socket: whole frames in, whole frames out, never blocking. Belongs to the thread
/// that runs its GMainContext; other threads post to that context (g_main_context_invoke) instead of calling
/// send().
class Channel {
 public:
  struct Callbacks {
    /// One payload; valid during the call.
    std::function<void(std::string_view payload)> on_message = {};
    /// The peer closed, broke the framing, or does not read. Called once, last, from the main loop (never
    /// from inside send()); the socket is closed by then.
    std::function<void(std::string reason)> on_closed = {};
  };

  /// Takes ownership of `fd` and makes it non-blocking and close-on-exec. `context` nullptr: the default one.
  /// Callbacks may destroy the channel.
  Channel(int fd, Callbacks callbacks, GMainContext* context = nullptr);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Sends or queues one message. False when the channel is closed or breaks by this (queue over its bound).
  bool send(const google::protobuf::MessageLite& message);
  bool send_payload(std::string_view payload);

  /// Waits until everything queued is in the socket; for a process about to exit. False on error or timeout.
  bool flush(std::chrono::milliseconds timeout);

  [[nodiscard]] bool open() const;
  /// It ended because the peer sent what is not a frame.
  [[nodiscard]] bool broken() const;
  [[nodiscard]] std::size_t queued_bytes() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace auralink::worker
