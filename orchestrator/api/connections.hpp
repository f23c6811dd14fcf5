// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in: the listening socket, how many connections there are, how long each may take, and whether
// what it says begins like a request. What is not let in is told why and closed here; only the rest reaches
// the HTTP library.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/api/guard.hpp"
#include "orchestrator/api/problem.hpp"
#include "orchestrator/api/source.hpp"

namespace auralink::api {

/// One accepted socket. It carries one request.
class Connection {
 public:
  [[nodiscard]] GSocketConnection* stream() const noexcept { return stream_; }
  [[nodiscard]] GSocketAddress* remote() const noexcept { return remote_.get(); }
  [[nodiscard]] GSocket* socket() const { return g_socket_connection_get_socket(stream_); }
  /// Whoever reads from it then finds the end by itself, whatever it is doing.
  void cut() const { g_socket_shutdown(socket(), TRUE, TRUE, nullptr); }
  /// Calls the owner when the peer says something or leaves.
  void watch_peer(GSocketSourceFunc call, gpointer data) { peer_.socket(socket(), call, data); }
  void unwatch_peer() { peer_.cancel(); }
  /// From now on so long for what comes next; then it is cut.
  void restart_deadline(session::Millis time);
  void stop_deadline() { deadline_.cancel(); }

 private:
  friend class Connections;
  class Connections* owner_ = nullptr;
  Object<GSocketAddress> remote_;        ///< the object libsoup knows this connection by
  Object<GSocketConnection> held_;       ///< ours until it is handed over
  GSocketConnection* stream_ = nullptr;  ///< the same, whoever holds it
  Watch deadline_, peer_;
  std::size_t seen_ = 0;  ///< bytes of the head that had arrived when last looked
  bool refused_ = false;  ///< was answered; only waits for its peer to have read it
};

class Connections {
 public:
  struct Settings {
    Listen listen;
    unsigned most = 256;
    session::Millis request_timeout{10'000};  ///< accept -> whole request received
  };
  struct Calls {
    std::function<void(Connection&, GSocketAddress* local)> admitted;  ///< its head has been screened
    std::function<void(Connection&)> gone;                             ///< an admitted one
    /// One was refused here.
    std::function<void(const Refusal&)> refused;
    /// The time for the request is over; true: the owner says so itself.
    std::function<bool(Connection&)> late;
  };

  Connections(Settings settings, Calls calls) : settings_{std::move(settings)}, calls_{std::move(calls)} {}
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  /// Begins to accept, or says why not.
  [[nodiscard]] tl::expected<void, std::string> listen();
  [[nodiscard]] unsigned port() const noexcept { return port_; }
  [[nodiscard]] Connection* find(GSocketAddress* remote);
  /// Answers at once and without the library, which would wait for a body first. What the peer goes on saying
  /// is read for a little while, so that it can read why.
  static void say(Connection& connection, const Reply& reply);

 private:
  friend class Connection;
  static gboolean on_incoming(GSocketService*, GSocketConnection*, GObject*, gpointer self);
  static gboolean on_readable(GSocket*, GIOCondition, gpointer connection);
  static gboolean on_drain(GSocket*, GIOCondition, gpointer connection);
  static gboolean on_again(gpointer connection);
  static gboolean on_deadline(gpointer connection);
  static void on_gone(gpointer self, GObject* stream);
  /// False: the connection is not there any more.
  bool screen(Connection& connection);
  void admit(Connection& connection);
  void refuse_here(Connection& connection, const Refusal& refusal);

  Settings settings_;
  Calls calls_;
  Object<GSocketService> listener_;
  std::map<GSocketAddress*, Connection> all_;
  unsigned port_ = 0;
};

}  // namespace auralink::api
