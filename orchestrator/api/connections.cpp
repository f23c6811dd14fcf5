// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/connections.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "orchestrator/api/head_screen.hpp"

namespace auralink::api {
namespace {

using session::Millis;

constexpr HeadLimits kLimits;
/// How long a refused peer may take to read why, and how much it may go on saying meanwhile.
constexpr Millis kLinger{2'000};
constexpr std::size_t kMostIgnored = std::size_t{4} << 20U;
constexpr Millis kLookAgain{10};

void wake_after(int fd, int bytes) {
  ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);  // only saves wake-ups
}

[[nodiscard]] bool peer_finished(int fd) {
  pollfd one{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

[[nodiscard]] std::string date() {
  GDateTime* now = g_date_time_new_now_utc();
  // Not by the locale's names: RFC 9110 section 5.6.7.
  constexpr std::array<const char*, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  gchar* rest = g_date_time_format(now, "%Y %H:%M:%S GMT");
  gchar* day = g_date_time_format(now, "%d");
  std::string out = std::string{kDays[static_cast<std::size_t>(g_date_time_get_day_of_week(now) - 1)]} +
                    ", " + day + " " + kMonths[static_cast<std::size_t>(g_date_time_get_month(now) - 1)] +
                    " " + rest;
  g_free(day);
  g_free(rest);
  g_date_time_unref(now);
  return out;
}

}  // namespace

void Connection::restart_deadline(Millis time) { deadline_.after(time, &Connections::on_deadline, this); }

Connections::~Connections() {
  if (listener_) {
    g_socket_service_stop(G_SOCKET_SERVICE(listener_.get()));
    g_signal_handlers_disconnect_by_data(listener_.get(), this);
    g_socket_listener_close(G_SOCKET_LISTENER(listener_.get()));
  }
  for (auto& [address, connection] : all_) {
    g_object_weak_unref(G_OBJECT(connection.stream_), &Connections::on_gone, this);
    connection.cut();
  }
}

tl::expected<void, std::string> Connections::listen() {
  const auto& address = settings_.listen;
  Object<GSocketAddress> wanted{g_inet_socket_address_new_from_string(address.host.c_str(), address.port)};
  if (!wanted) return tl::unexpected("not an address: " + address.host);
  listener_.reset(g_socket_service_new());
  // GSocketListener's own ten are full as soon as more clients come while the loop is busy, and the kernel
  // resets those beyond.
  g_socket_listener_set_backlog(G_SOCKET_LISTENER(listener_.get()), SOMAXCONN);
  GSocketAddress* bound = nullptr;
  GError* error = nullptr;
  if (g_socket_listener_add_address(G_SOCKET_LISTENER(listener_.get()), wanted.get(), G_SOCKET_TYPE_STREAM,
                                    G_SOCKET_PROTOCOL_TCP, nullptr, &bound, &error) == FALSE) {
    std::string why =
        "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " + error->message;
    g_error_free(error);
    return tl::unexpected(std::move(why));
  }
  port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
  g_object_unref(bound);
  g_signal_connect(listener_.get(), "incoming", G_CALLBACK(&Connections::on_incoming), this);
  g_socket_service_start(G_SOCKET_SERVICE(listener_.get()));
  return {};
}

Connection* Connections::find(GSocketAddress* remote) {
  const auto found = all_.find(remote);
  return found == all_.end() ? nullptr : &found->second;
}

gboolean Connections::on_incoming(GSocketService* /*service*/, GSocketConnection* stream, GObject* /*source*/,
                                  gpointer data) {
  auto* self = static_cast<Connections*>(data);
  Object<GSocketAddress> remote{g_socket_connection_get_remote_address(stream, nullptr)};
  if (!remote) return TRUE;  // gone already
  auto* key = remote.get();
  auto& connection = self->all_[key];
  connection.owner_ = self;
  connection.remote_ = std::move(remote);
  connection.stream_ = stream;
  connection.held_.reset(G_SOCKET_CONNECTION(g_object_ref(stream)));
  g_object_weak_ref(G_OBJECT(stream), &Connections::on_gone, self);
  if (self->all_.size() > self->settings_.most) {
    const Refusal full{.status = 503,
                       .type = "unavailable",
                       .detail = "too many connections are open",
                       .reason = "connections",
                       .retry_after_s = 1};
    say(connection, refuse(full));
    self->calls_.refused(full);
    connection.held_.reset();  // no waiting for it to be read: there is no room for those who wait
    return TRUE;
  }
  connection.restart_deadline(self->settings_.request_timeout);
  connection.peer_.socket(connection.socket(), &Connections::on_readable, &connection);
  return TRUE;
}

void Connections::on_gone(gpointer data, GObject* stream) {
  auto* self = static_cast<Connections*>(data);
  for (auto at = self->all_.begin(); at != self->all_.end(); ++at) {
    if (reinterpret_cast<GObject*>(at->second.stream_) != stream) continue;
    self->calls_.gone(at->second);
    self->all_.erase(at);
    return;
  }
}

gboolean Connections::on_readable(GSocket* /*socket*/, GIOCondition /*condition*/, gpointer data) {
  auto* connection = static_cast<Connection*>(data);
  return connection->owner_->screen(*connection) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

gboolean Connections::on_again(gpointer data) {
  auto* connection = static_cast<Connection*>(data);
  connection->peer_.socket(connection->socket(), &Connections::on_readable, connection);
  return G_SOURCE_REMOVE;
}

/// Looks without taking, so that the library later finds the request whole. True: the source that called this
/// goes on.
bool Connections::screen(Connection& connection) {
  // Only ever filled and read within one call.
  static std::array<char, kLimits.bytes + 64> bytes;
  const int fd = g_socket_get_fd(connection.socket());
  const auto got = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    connection.held_.reset();  // it left without a word
    return false;
  }
  const auto size = static_cast<std::size_t>(got);
  const auto judged = screen_head({bytes.data(), size}, kLimits);
  if (const auto* refusal = std::get_if<Refusal>(&judged)) {
    refuse_here(connection, *refusal);
    return false;
  }
  if (std::holds_alternative<HeadComplete>(judged)) {
    wake_after(fd, 1);
    admit(connection);
    return false;
  }
  if (size == connection.seen_) {
    if (peer_finished(fd)) {
      refuse_here(connection, {.status = 400, .detail = "the request ended within its head"});
      return false;
    }
    // Woken without news: a system that does not know SO_RCVLOWAT must not be asked all the time.
    connection.peer_.after(kLookAgain, &Connections::on_again, &connection);
    return false;
  }
  connection.seen_ = size;
  wake_after(fd, static_cast<int>(size) + 1);
  return true;
}

void Connections::admit(Connection& connection) {
  connection.peer_.cancel();
  Object<GSocketAddress> local{g_socket_connection_get_local_address(connection.stream_, nullptr)};
  const auto held = std::move(connection.held_);
  if (!local) return;
  calls_.admitted(connection, local.get());
}

void Connections::say(Connection& connection, const Reply& reply) {
  std::string text =
      "HTTP/1.1 " + std::to_string(reply.status) + " Refused\r\nDate: " + date() +
      "\r\nContent-Type: " + reply.content_type + "\r\nContent-Length: " + std::to_string(reply.body.size()) +
      "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
  text += "\r\n" + reply.body;
  const int fd = g_socket_get_fd(connection.socket());
  // Shorter than any socket buffer. Whoever does not take it does not learn why.
  static_cast<void>(::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  ::shutdown(fd, SHUT_WR);
  // Closing while the peer still sends would reset the connection and take the answer with it.
  connection.restart_deadline(kLinger);
}

void Connections::refuse_here(Connection& connection, const Refusal& refusal) {
  say(connection, refuse(refusal));
  calls_.refused(refusal);
  wake_after(g_socket_get_fd(connection.socket()), 1);
  connection.refused_ = true;
  connection.seen_ = 0;
  connection.peer_.socket(connection.socket(), &Connections::on_drain, &connection);
}

gboolean Connections::on_drain(GSocket* socket, GIOCondition /*condition*/, gpointer data) {
  auto* connection = static_cast<Connection*>(data);
  static std::array<char, 65536> bytes;
  const auto got = ::recv(g_socket_get_fd(socket), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return G_SOURCE_CONTINUE;
  connection->seen_ += got > 0 ? static_cast<std::size_t>(got) : 0;
  if (got > 0 && connection->seen_ < kMostIgnored) return G_SOURCE_CONTINUE;
  connection->held_.reset();
  return G_SOURCE_REMOVE;
}

gboolean Connections::on_deadline(gpointer data) {
  auto* connection = static_cast<Connection*>(data);
  auto* self = connection->owner_;
  const Refusal late{.status = 408, .type = "timeout", .detail = "the request did not arrive in time"};
  if (connection->refused_) {
    connection->held_.reset();
  } else if (connection->held_) {
    self->refuse_here(*connection, late);
  } else if (self->calls_.late(*connection)) {
    say(*connection, refuse(late));
    self->calls_.refused(late);
  } else {
    connection->cut();
  }
  return G_SOURCE_REMOVE;
}

}  // namespace auralink::api
