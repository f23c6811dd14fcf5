// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/server.hpp"

#include <gio/gio.h>
#include <libsoup/soup.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <exception>
#include <list>
#include <map>
#include <utility>

#include "orchestrator/api/event_stream.hpp"

namespace auralink::api {
namespace {

using session::Millis;

struct Unref {
  void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;

/// The GSource kinds this file needs, ended with their owner.
class Watch {
 public:
  Watch() = default;
  ~Watch() { cancel(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void after(Millis delay, GSourceFunc call, gpointer data) {
    adopt(g_timeout_source_new(static_cast<guint>(delay.count())), call, data);
  }
  void socket(GSocket* socket, GSocketSourceFunc call, gpointer data) {
    adopt(g_socket_create_source(socket, G_IO_IN, nullptr), G_SOURCE_FUNC(call), data);
  }
  void cancel() {
    if (source_ == nullptr) return;
    g_source_destroy(source_);
    g_source_unref(source_);
    source_ = nullptr;
  }

 private:
  void adopt(GSource* source, GSourceFunc call, gpointer data) {
    cancel();
    source_ = source;
    g_source_set_callback(source_, call, data, nullptr);
    g_source_attach(source_, g_main_context_get_thread_default());
  }
  GSource* source_ = nullptr;
};

[[nodiscard]] std::optional<std::string> header(SoupMessageHeaders* headers, const char* name) {
  const char* value = soup_message_headers_get_one(headers, name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

[[nodiscard]] Head read_head(SoupMessageHeaders* headers) {
  Head head{.host = header(headers, "Host"),
            .origin = header(headers, "Origin"),
            .fetch_site = header(headers, "Sec-Fetch-Site"),
            .authorization = header(headers, "Authorization"),
            .hosts = 0};
  SoupMessageHeadersIter iter;
  const char* name = nullptr;
  const char* value = nullptr;
  soup_message_headers_iter_init(&iter, headers);
  while (soup_message_headers_iter_next(&iter, &name, &value) != FALSE) {
    if (g_ascii_strcasecmp(name, "Host") == 0) ++head.hosts;
    if (g_ascii_strcasecmp(name, "Authorization") == 0) ++head.authorizations;
    if (g_ascii_strcasecmp(name, "Content-Length") == 0) ++head.content_lengths;
    if (g_ascii_strcasecmp(name, "Transfer-Encoding") == 0) head.transfer_encoding = true;
  }
  return head;
}

[[nodiscard]] std::string_view method_label(std::string_view method) {
  static constexpr std::array<std::string_view, 7> kKnown{"GET",    "HEAD",  "POST",   "PUT",
                                                          "DELETE", "PATCH", "OPTIONS"};
  const auto* const found = std::find(kKnown.begin(), kKnown.end(), method);
  return found == kKnown.end() ? "other" : *found;
}

[[nodiscard]] const char* or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

class Server::Impl {
 public:
  Impl(ServerSettings settings, Api& api, session::Service& service, telemetry::Metrics& metrics,
       const telemetry::Logger& logger)
      : settings_{std::move(settings)},
        guard_{settings_.listen, settings_.token},
        api_{api},
        service_{service},
        metrics_{metrics},
        logger_{logger} {}

  ~Impl() {
    if (listener_) {
      g_socket_service_stop(G_SOCKET_SERVICE(listener_.get()));
      g_signal_handlers_disconnect_by_data(listener_.get(), this);
      g_socket_listener_close(G_SOCKET_LISTENER(listener_.get()));
    }
    if (server_) g_signal_handlers_disconnect_by_data(server_.get(), this);
    for (auto& [address, connection] : connections_) {
      if (connection.message != nullptr) g_signal_handlers_disconnect_by_data(connection.message, this);
      g_object_weak_unref(G_OBJECT(connection.stream), &Impl::on_connection_gone, this);
      connection.cut();
    }
    streams_.clear();
    graphs_.clear();
    connections_.clear();
    if (server_) {
      soup_server_remove_handler(server_.get(), nullptr);
      soup_server_remove_handler(server_.get(), "*");
      soup_server_disconnect(server_.get());
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  tl::expected<void, std::string> listen() {
    const auto& address = settings_.listen;
    if (!address.loopback() && !settings_.token)
      return tl::unexpected("refusing to listen on " + address.host +
                            ", which is not a loopback address, without a bearer token (--token-file)");
    Object<GSocketAddress> wanted{g_inet_socket_address_new_from_string(address.host.c_str(), address.port)};
    if (!wanted) return tl::unexpected("not an address: " + address.host);
    listener_.reset(g_socket_service_new());
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
    server_.reset(SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr)));
    for (const char* path : {static_cast<const char*>(nullptr), "*"}) {
      soup_server_add_early_handler(server_.get(), path, &Impl::on_head, this, nullptr);
      soup_server_add_handler(server_.get(), path, &Impl::on_request, this, nullptr);
    }
    g_signal_connect(server_.get(), "request-started", G_CALLBACK(&Impl::on_started), this);
    g_signal_connect(listener_.get(), "incoming", G_CALLBACK(&Impl::on_incoming), this);
    g_socket_service_start(G_SOCKET_SERVICE(listener_.get()));
    housekeeping_.after(settings_.keepalive, &Impl::on_housekeeping, this);
    return {};
  }

  [[nodiscard]] std::string url() const {
    const auto& host = settings_.listen.host;
    const bool v6 = host.find(':') != std::string::npos;
    return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port_);
  }
  [[nodiscard]] unsigned streams() const { return static_cast<unsigned>(streams_.size()); }

  void on_event(const session::Event& event) {
    for (auto& stream : streams_) stream.push(event);
    if (event.type == "conference.graph") answer_graphs(event.conference);
    if (event.type == "conference.ended") answer_graphs(event.conference);
  }

 private:
  struct Connection {
    Impl* owner = nullptr;
    Object<GSocketAddress> remote;         ///< the object libsoup knows this connection by
    GSocketConnection* stream = nullptr;   ///< not owned: libsoup's; on_connection_gone tells when it went
    SoupServerMessage* message = nullptr;  ///< not owned: until "finished"
    Watch deadline, peer;
    gint64 started_us = 0;
    std::size_t received = 0;
    std::string_view route = "none";
    std::optional<Match> match;

    [[nodiscard]] GSocket* socket() const { return g_socket_connection_get_socket(stream); }
    /// libsoup then finds the end by itself, whatever it is doing.
    void cut() const { g_socket_shutdown(socket(), TRUE, TRUE, nullptr); }
  };
  struct Graph {
    Impl* owner = nullptr;
    Object<SoupServerMessage> message;
    std::string conference;
    Watch deadline;
  };

  // --- connections ---

  static gboolean on_incoming(GSocketService* /*service*/, GSocketConnection* stream, GObject* /*source*/,
                              gpointer data) {
    auto* self = static_cast<Impl*>(data);
    if (self->connections_.size() >= self->settings_.max_connections) {
      self->logger_.warning("too many connections", {{"limit", self->settings_.max_connections}});
      return TRUE;  // dropping the reference closes it
    }
    Object<GSocketAddress> local{g_socket_connection_get_local_address(stream, nullptr)};
    Object<GSocketAddress> remote{g_socket_connection_get_remote_address(stream, nullptr)};
    if (!local || !remote) return TRUE;  // gone already
    auto* key = remote.get();
    auto& connection = self->connections_[key];
    connection.owner = self;
    connection.remote = std::move(remote);
    connection.stream = stream;
    g_object_weak_ref(G_OBJECT(stream), &Impl::on_connection_gone, self);
    connection.deadline.after(self->settings_.request_timeout, &Impl::on_deadline, &connection);
    soup_server_accept_iostream(self->server_.get(), G_IO_STREAM(stream), local.get(), key, nullptr);
    return TRUE;
  }

  static void on_connection_gone(gpointer data, GObject* stream) {
    auto* self = static_cast<Impl*>(data);
    for (auto at = self->connections_.begin(); at != self->connections_.end(); ++at) {
      if (reinterpret_cast<GObject*>(at->second.stream) != stream) continue;
      self->connections_.erase(at);
      return;
    }
  }

  static gboolean on_deadline(gpointer data) {
    static_cast<Connection*>(data)->cut();
    return G_SOURCE_REMOVE;
  }

  /// libsoup has no socket to show for connections it was handed; the address object is what both know.
  Connection* connection_of(SoupServerMessage* message) {
    const auto found = connections_.find(soup_server_message_get_remote_address(message));
    return found == connections_.end() ? nullptr : &found->second;
  }

  // --- one request ---

  static void on_started(SoupServer* /*server*/, SoupServerMessage* message, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* connection = self->connection_of(message);
    if (connection == nullptr) return;
    connection->message = message;
    connection->started_us = g_get_monotonic_time();
    g_signal_connect(message, "got-chunk", G_CALLBACK(&Impl::on_chunk), self);
    g_signal_connect(message, "finished", G_CALLBACK(&Impl::on_finished), self);
  }

  /// The head is complete, the body is not: what can be refused by now is refused without reading more than
  /// needed.
  static void on_head(SoupServer* /*server*/, SoupServerMessage* message, const char* /*path*/,
                      GHashTable* /*query*/, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* connection = self->connection_of(message);
    auto reply = connection == nullptr ? std::optional<Reply>{refuse(Refusal{
                                             .status = 500, .type = "internal", .detail = "no connection"})}
                                       : self->check_head(*connection, message);
    if (!reply) return;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    self->write(message, std::move(*reply));
  }

  std::optional<Reply> check_head(Connection& connection, SoupServerMessage* message) {
    auto* headers = soup_server_message_get_request_headers(message);
    GUri* uri = soup_server_message_get_uri(message);
    const std::string_view method = or_empty(soup_server_message_get_method(message));
    const bool ping = soup_server_message_is_options_ping(message) != FALSE;
    auto matched = match(method, ping ? "*" : or_empty(g_uri_get_path(uri)));
    const auto* found = std::get_if<Match>(&matched);
    if (found != nullptr) connection.route = found->route->pattern;
    if (auto refusal = guard_.check(read_head(headers), found != nullptr && found->route->open)) {
      metrics_.auth_failure(refusal->type);
      return refuse(*refusal);
    }
    if (const auto* wrong = std::get_if<WrongMethod>(&matched)) {
      connection.route = wrong->pattern;
      auto reply = refuse(
          Refusal{.status = 405, .type = "method-not-allowed", .detail = "allowed here: " + wrong->allow});
      reply.headers.emplace_back("Allow", wrong->allow);
      return reply;
    }
    if (found == nullptr)
      return refuse(Refusal{.status = 404, .type = "not-found", .detail = "nothing is served at this path"});
    if (soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH &&
        soup_message_headers_get_content_length(headers) > static_cast<goffset>(settings_.max_body))
      return too_large();
    connection.match = std::move(*std::get_if<Match>(&matched));
    return std::nullopt;
  }

  [[nodiscard]] Reply too_large() const {
    return refuse(
        Refusal{.status = 413,
                .type = "too-large",
                .detail = "expected a body of at most " + std::to_string(settings_.max_body) + " bytes"});
  }

  static void on_chunk(SoupServerMessage* message, GBytes* chunk, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* connection = self->connection_of(message);
    if (connection == nullptr) return;
    connection->received += g_bytes_get_size(chunk);
    if (connection->received <= self->settings_.max_body || soup_server_message_get_status(message) != 0)
      return;
    auto* body = soup_server_message_get_request_body(message);
    soup_message_body_set_accumulate(body, FALSE);
    soup_message_body_truncate(body);
    self->write(message, self->too_large());
  }

  static void on_request(SoupServer* /*server*/, SoupServerMessage* message, const char* /*path*/,
                         GHashTable* /*query*/, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* connection = self->connection_of(message);
    if (connection == nullptr || !connection->match) return;
    // The whole request is here: from now on the clock is about the answer, unless that turns out to be a
    // stream.
    connection->deadline.after(self->settings_.response_timeout, &Impl::on_deadline, connection);
    auto* headers = soup_server_message_get_request_headers(message);
    auto* body = soup_server_message_get_request_body(message);
    GBytes* bytes = soup_message_body_flatten(body);
    gsize size = 0;
    const auto* content = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    GUri* uri = soup_server_message_get_uri(message);
    const Request request{.method = or_empty(soup_server_message_get_method(message)),
                          .path = or_empty(g_uri_get_path(uri)),
                          .query = or_empty(g_uri_get_query(uri)),
                          .body = std::string{content == nullptr ? "" : content, size},
                          .content_type = header(headers, "Content-Type"),
                          .accept = header(headers, "Accept"),
                          .if_match = header(headers, "If-Match"),
                          .last_event_id = header(headers, "Last-Event-ID")};
    g_bytes_unref(bytes);
    self->answer(*connection, message, request);
  }

  void answer(Connection& connection, SoupServerMessage* message, const Request& request) {
    Reply reply;
    try {
      reply = api_.handle(*connection.match, request);
    } catch (const std::exception& error) {
      logger_.error("request failed", {{"route", std::string{connection.route}}, {"error", error.what()}});
      reply = refuse(
          Refusal{.status = 500, .type = "internal", .detail = "the daemon could not answer this request"});
    }
    if (reply.then == Reply::Then::events && request.method != "HEAD")
      return open_stream(connection, message, reply);
    if (reply.then == Reply::Then::graph) return wait_for_graph(connection, message, std::move(reply));
    write(message, std::move(reply));
  }

  void write(SoupServerMessage* message, Reply reply) {
    write_head(message, reply);
    if (!reply.body.empty() || reply.status != SOUP_STATUS_NO_CONTENT)
      soup_server_message_set_response(message,
                                       reply.content_type.empty() ? nullptr : reply.content_type.c_str(),
                                       SOUP_MEMORY_COPY, reply.body.data(), reply.body.size());
  }

  static void write_head(SoupServerMessage* message, const Reply& reply) {
    soup_server_message_set_status(message, reply.status, nullptr);
    auto* headers = soup_server_message_get_response_headers(message);
    for (const auto& [name, value] : reply.headers)
      soup_message_headers_replace(headers, name.c_str(), value.c_str());
    soup_message_headers_replace(headers, "Connection", "close");
    soup_message_headers_replace(headers, "Cache-Control", "no-store");
    soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  }

  static void on_finished(SoupServerMessage* message, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    self->streams_.remove_if([message](const EventStream& one) { return one.message() == message; });
    self->graphs_.remove_if([message](const Graph& one) { return one.message.get() == message; });
    self->metrics_.set_event_streams(self->streams());
    auto* connection = self->connection_of(message);
    if (connection == nullptr) return;
    connection->message = nullptr;
    connection->deadline.cancel();
    connection->peer.cancel();
    const auto seconds =
        static_cast<double>(g_get_monotonic_time() - connection->started_us) / G_USEC_PER_SEC;
    self->metrics_.http_request(connection->route,
                                method_label(or_empty(soup_server_message_get_method(message))),
                                soup_server_message_get_status(message), seconds);
  }

  // --- answers that take their time ---

  void open_stream(Connection& connection, SoupServerMessage* message, Reply& reply) {
    if (streams_.size() >= settings_.max_streams)
      return write(message, refuse(session::Problem{.kind = session::Problem::Kind::limit,
                                                    .detail = "too many event streams are open",
                                                    .reason = "streams"}));
    write_head(message, reply);
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Content-Type",
                                 reply.content_type.c_str());
    connection.deadline.cancel();
    watch_peer(connection);
    streams_.emplace_back(message, service_, reply.after);
    metrics_.set_event_streams(streams());
  }

  /// libsoup does not look at the socket while it has nothing to write; a client that leaves is noticed here.
  static void watch_peer(Connection& connection) {
    connection.peer.socket(connection.socket(), &Impl::on_peer, &connection);
  }

  static gboolean on_peer(GSocket* /*socket*/, GIOCondition /*condition*/, gpointer data) {
    auto* connection = static_cast<Connection*>(data);
    connection->cut();  // it left, or it talks where nothing is expected
    auto* self = connection->owner;
    auto* message = connection->message;
    connection->peer.cancel();
    if (message == nullptr) return G_SOURCE_REMOVE;
    for (auto& stream : self->streams_)
      if (stream.message() == message) stream.keepalive();  // the failing write ends the message
    for (auto at = self->graphs_.begin(); at != self->graphs_.end(); ++at) {
      if (at->message.get() != message) continue;
      self->resume(at, refuse(Refusal{.status = 503, .type = "unavailable", .detail = "the client left"}));
      break;
    }
    return G_SOURCE_REMOVE;
  }

  void wait_for_graph(Connection& connection, SoupServerMessage* message, Reply reply) {
    auto& graph = graphs_.emplace_back();
    graph.owner = this;
    graph.message.reset(SOUP_SERVER_MESSAGE(g_object_ref(message)));
    graph.conference = std::move(reply.subject);
    graph.deadline.after(settings_.graph_timeout, &Impl::on_graph_deadline, &graph);
    soup_server_message_pause(message);
    watch_peer(connection);
  }

  static gboolean on_graph_deadline(gpointer data) {
    auto* graph = static_cast<Graph*>(data);
    auto* self = graph->owner;
    const auto at = std::find_if(self->graphs_.begin(), self->graphs_.end(),
                                 [graph](const Graph& one) { return &one == graph; });
    self->resume(at, refuse(session::Problem{.kind = session::Problem::Kind::unavailable,
                                             .detail = "the worker did not answer in time",
                                             .reason = "worker"}));
    return G_SOURCE_REMOVE;
  }

  void answer_graphs(const std::string& conference) {
    for (auto at = graphs_.begin(); at != graphs_.end();) {
      const auto here = at++;
      if (here->conference != conference) continue;
      const auto dot = service_.graph(conference);
      resume(here, dot ? Reply{.content_type = "text/vnd.graphviz; charset=utf-8", .body = *dot}
                       : refuse(session::Problem{.kind = session::Problem::Kind::conflict,
                                                 .detail = "the conference has no worker any more"}));
    }
  }

  void resume(std::list<Graph>::iterator at, Reply reply) {
    const auto message = std::move(at->message);
    graphs_.erase(at);
    if (auto* connection = connection_of(message.get())) connection->peer.cancel();
    write(message.get(), std::move(reply));
    soup_server_message_unpause(message.get());
  }

  static gboolean on_housekeeping(gpointer data) {
    auto* self = static_cast<Impl*>(data);
    const auto oldest = g_get_monotonic_time() - self->settings_.stream_stall.count() * 1000;
    for (auto& stream : self->streams_) {
      stream.keepalive();
      const auto* connection = self->connection_of(stream.message());
      if (connection != nullptr && stream.waiting_for_peer() && stream.last_progress_us() < oldest)
        connection->cut();
    }
    return G_SOURCE_CONTINUE;
  }

  ServerSettings settings_;
  Guard guard_;
  Api& api_;
  session::Service& service_;
  telemetry::Metrics& metrics_;
  const telemetry::Logger& logger_;
  Object<GSocketService> listener_;
  Object<SoupServer> server_;
  unsigned port_ = 0;
  std::map<GSocketAddress*, Connection> connections_;
  std::list<EventStream> streams_;
  std::list<Graph> graphs_;
  Watch housekeeping_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() = default;

tl::expected<std::unique_ptr<Server>, std::string> Server::start(ServerSettings settings, Api& api,
                                                                 session::Service& service,
                                                                 telemetry::Metrics& metrics,
                                                                 const telemetry::Logger& logger) {
  auto impl = std::make_unique<Impl>(std::move(settings), api, service, metrics, logger);
  if (auto listening = impl->listen(); !listening) return tl::unexpected(listening.error());
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}
std::string Server::url() const { return impl_->url(); }
unsigned Server::streams() const { return impl_->streams(); }
void Server::on_event(const session::Event& event) { impl_->on_event(event); }

}  // namespace auralink::api
