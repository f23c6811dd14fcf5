// SPDX-License-Identifier: LGPL-2.1-or-later
// The libsoup shell around Api: requests, their answers and event streams. Who gets this far is decided in
// connections.hpp.
//
// Every connection carries exactly one request and is then closed. That leaves no room for pipelined or
// smuggled second requests, and lets one timer per connection bound how long a client may take.
#pragma once

#include <glib.h>

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "orchestrator/api/api.hpp"
#include "orchestrator/api/guard.hpp"
#include "orchestrator/session/ports.hpp"
#include "orchestrator/telemetry/log.hpp"

namespace auralink::api {

struct ServerSettings {
  Listen listen;       ///< port 0: any free one
  Tokens tokens = {};  ///< needed off loopback
  unsigned max_connections = 256;
  unsigned max_streams = 32;  ///< server-sent event streams
  std::size_t max_body = std::size_t{1} << 20U;
  session::Millis request_timeout{10'000};   ///< accept -> whole request received
  session::Millis response_timeout{30'000};  ///< answer written
  session::Millis keepalive{15'000};         ///< comment on a quiet event stream
  session::Millis stream_stall{60'000};      ///< an event stream that takes nothing for this long is cut
  session::Millis graph_timeout{3'000};      ///< a worker that does not draw itself by then: 503
};

/// Runs on the thread-default GMainContext of the constructing thread. The session, Api and metrics must
/// outlive it.
class Server final : public session::Listener {
 public:
  /// Listens or says why not; off loopback without a token it refuses.
  [[nodiscard]] static tl::expected<std::unique_ptr<Server>, std::string> start(
      ServerSettings settings, Api& api, session::Service& service, const session::Clock& clock,
      telemetry::Metrics& metrics, const telemetry::Logger& logger);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:8470", with the real port
  [[nodiscard]] unsigned streams() const;

  /// From the next request on.
  void set_tokens(Tokens tokens);

  void on_event(const session::Event& event) override;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::api
