// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP to the daemon (libsoup-3.0). Not thread-safe; uses the calling thread's default main context.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/ctl/discovery.hpp"
#include "orchestrator/ctl/sse.hpp"

namespace auralink::ctl {

struct Answer {
  unsigned status = 0;
  std::string body;
  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// The daemon did not answer: not there, or broke off. The string says which.
using Unreachable = std::string;

class Client {
 public:
  explicit Client(const Endpoint&);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// `path` begins with '/' and is already escaped. A body is sent as application/json.
  [[nodiscard]] tl::expected<Answer, Unreachable> request(const char* method, const std::string& path,
                                                          const std::optional<std::string>& body = {});

  enum class Next { go_on, stop };
  /// Reads the event stream until a callback says stop or SIGINT or SIGTERM arrives; a broken stream is taken
  /// up again behind the last event. `on_tick` is called every `tick` and after each batch of events.
  struct Follow {
    std::string path = "/v1/events";
    std::optional<std::string> after;  ///< Last-Event-ID to begin behind
    std::function<Next(const SseEvent&)> on_event;
    std::function<Next()> on_tick;
    std::chrono::milliseconds tick{1000};
  };
  enum class Ended { stopped, interrupted };
  /// The first connection must succeed; the daemon going away later ends the call with an error too, after a
  /// few tries. A refusal is reported with its status.
  [[nodiscard]] tl::expected<Ended, Unreachable> follow(const Follow&);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// One path segment, percent-encoded.
[[nodiscard]] std::string segment(std::string_view text);

}  // namespace auralink::ctl
