// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/server.hpp"

#include <gio/gio.h>
#include <libsoup/soup.h>

#include <algorithm>
#include <array>
#include <exception>
#include <list>
#include <map>
#include <utility>

#include "orchestrator/api/connections.hpp"
#include "orchestrator/api/event_stream.hpp"

namespace auralink::api {
namespace {

using session::Millis;

[[nodiscard]] std::optional<std::string> header(SoupMessageHeaders* headers, const char* name) {
  const char* value = soup_message_headers_get_one(headers, name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

/// All fields of that name, with commas between.
[[nodiscard]] std::optional<std::string> list_header(SoupMessageHeaders* headers, const char* name) {
  const char* value = soup_message_headers_get_list(headers, name);
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
  Impl(ServerSettings settings, Api& api, session::Service& service, const session::Clock& clock,
       telemetry::Metrics& metrics, const telemetry::Logger& logger)
      : settings_{std::move(settings)},
        guard_{settings_.listen, std::move(settings_.tokens)},
        api_{api},
        service_{service},
        clock_{clock},
        metrics_{metrics},
        logger_{logger},
        connections_{{.listen = settings_.listen,
                      .most = settings_.max_connections,
                      .request_timeout = settings_.request_timeout},
                     {.admitted = [this](Connection& one, GSocketAddress* local) { admitted(one, local); },
                      .gone = [this](Connection& one) { exchanges_.erase(one.remote()); },
                      .refused = [this](const Refusal& refusal) { refused(refusal); },
                      .late = [this](Connection& one) { return still_reads(one); }}} {}

  ~Impl() {
    if (server_) g_signal_handlers_disconnect_by_data(server_.get(), this);
    for (auto& [address, exchange] : exchanges_) {
      if (exchange.message != nullptr) g_signal_handlers_disconnect_by_data(exchange.message, this);
      exchange.connection->cut();
    }
    streams_.clear();
    graphs_.clear();
    if (server_) {
      soup_server_remove_handler(server_.get(), nullptr);
      soup_server_remove_handler(server_.get(), "*");
      soup_server_disconnect(server_.get());
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  tl::expected<void, std::string> listen(bool has_tokens) {
    if (!settings_.listen.loopback() && !has_tokens)
      return tl::unexpected("refusing to listen on " + settings_.listen.host +
                            ", which is not a loopback address, without a bearer token (--token-file or "
                            "--tokens-file)");
    server_.reset(SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr)));
    for (const char* path : {static_cast<const char*>(nullptr), "*"}) {
      soup_server_add_early_handler(server_.get(), path, &Impl::on_head, this, nullptr);
      soup_server_add_handler(server_.get(), path, &Impl::on_request, this, nullptr);
    }
    g_signal_connect(server_.get(), "request-started", G_CALLBACK(&Impl::on_started), this);
    housekeeping_.after(settings_.keepalive, &Impl::on_housekeeping, this);
    return connections_.listen();
  }

  [[nodiscard]] std::string url() const {
    const auto& host = settings_.listen.host;
    const bool v6 = host.find(':') != std::string::npos;
    return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(connections_.port());
  }
  [[nodiscard]] unsigned streams() const { return static_cast<unsigned>(streams_.size()); }
  void set_tokens(Tokens tokens) { guard_.set_tokens(std::move(tokens)); }

  void on_event(const session::Event& event) {
    for (auto& stream : streams_) stream.push(event);
    if (event.type == "conference.graph") answer_graphs(event.conference);
    if (event.type == "conference.ended") answer_graphs(event.conference);
  }

 private:
  /// What one connection asks for.
  struct Exchange {
    Impl* owner = nullptr;
    Connection* connection = nullptr;
    SoupServerMessage* message = nullptr;  ///< not owned: until "finished"
    gint64 started_us = 0;
    std::size_t received = 0;
    bool complete = false;  ///< the whole request is here
    bool refused = false;   ///< was answered before that
    std::string_view route = "none";
    std::optional<Match> match;
    Principal principal;
  };
  struct Graph {
    Impl* owner = nullptr;
    Object<SoupServerMessage> message;
    std::string conference;
    Watch deadline;
  };

  void admitted(Connection& connection, GSocketAddress* local) {
    auto& exchange = exchanges_[connection.remote()];
    exchange.owner = this;
    exchange.connection = &connection;
    exchange.started_us = g_get_monotonic_time();
    soup_server_accept_iostream(server_.get(), G_IO_STREAM(connection.stream()), local, connection.remote(),
                                nullptr);
  }

  void refused(const Refusal& refusal) {
    metrics_.http_request("none", "other", refusal.status, 0);
    logger_.debug("connection refused", {{"status", refusal.status}, {"detail", refusal.detail}});
    if (refusal.reason == "connections")
      logger_.warning("too many connections", {{"limit", settings_.max_connections}});
  }

  /// True once: the request is not complete and nobody has answered it yet.
  [[nodiscard]] bool still_reads(const Connection& connection) {
    const auto found = exchanges_.find(connection.remote());
    if (found == exchanges_.end() || found->second.complete) return false;
    return !std::exchange(found->second.refused, true);
  }

  /// libsoup has no socket to show for connections it was handed; the address object is what both know.
  Exchange* exchange_of(SoupServerMessage* message) {
    const auto found = exchanges_.find(soup_server_message_get_remote_address(message));
    return found == exchanges_.end() ? nullptr : &found->second;
  }

  // --- one request ---

  static void on_started(SoupServer* /*server*/, SoupServerMessage* message, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* exchange = self->exchange_of(message);
    if (exchange == nullptr) return;
    exchange->message = message;
    g_signal_connect(message, "got-chunk", G_CALLBACK(&Impl::on_chunk), self);
    g_signal_connect(message, "finished", G_CALLBACK(&Impl::on_finished), self);
  }

  /// The head is complete, the body is not: what can be refused by now is refused without reading more than
  /// needed.
  static void on_head(SoupServer* /*server*/, SoupServerMessage* message, const char* /*path*/,
                      GHashTable* /*query*/, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* exchange = self->exchange_of(message);
    auto reply = exchange == nullptr ? std::optional<Reply>{refuse(Refusal{
                                           .status = 500, .type = "internal", .detail = "no connection"})}
                                     : self->check_head(*exchange, message);
    if (!reply) return;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    const auto* headers = soup_server_message_get_request_headers(message);
    if (exchange != nullptr &&
        soup_message_headers_get_content_length(const_cast<SoupMessageHeaders*>(headers)) > 0) {
      exchange->refused = true;
      Connections::say(*exchange->connection, *reply);
    }
    self->write(message, std::move(*reply));
  }

  std::optional<Reply> check_head(Exchange& exchange, SoupServerMessage* message) {
    auto* headers = soup_server_message_get_request_headers(message);
    GUri* uri = soup_server_message_get_uri(message);
    const std::string_view method = or_empty(soup_server_message_get_method(message));
    const bool ping = soup_server_message_is_options_ping(message) != FALSE;
    auto matched = match(method, ping ? "*" : or_empty(g_uri_get_path(uri)));
    const auto* found = std::get_if<Match>(&matched);
    if (found != nullptr) exchange.route = found->route->pattern;
    auto principal =
        guard_.check(read_head(headers), access_of(found == nullptr ? nullptr : found->route), clock_.wall());
    if (!principal) {
      metrics_.auth_failure(principal.error().type);
      return refuse(principal.error());
    }
    exchange.principal = std::move(*principal);
    if (const auto* wrong = std::get_if<WrongMethod>(&matched)) {
      exchange.route = wrong->pattern;
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
    exchange.match = std::move(*std::get_if<Match>(&matched));
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
    auto* exchange = self->exchange_of(message);
    if (exchange == nullptr) return;
    exchange->received += g_bytes_get_size(chunk);
    if (exchange->received <= self->settings_.max_body || soup_server_message_get_status(message) != 0)
      return;
    auto* body = soup_server_message_get_request_body(message);
    soup_message_body_set_accumulate(body, FALSE);
    soup_message_body_truncate(body);
    self->write(message, self->too_large());
  }

  static void on_request(SoupServer* /*server*/, SoupServerMessage* message, const char* /*path*/,
                         GHashTable* /*query*/, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    auto* exchange = self->exchange_of(message);
    if (exchange == nullptr || !exchange->match) return;
    // The whole request is here: from now on the clock is about the answer, unless that turns out to be a
    // stream.
    exchange->complete = true;
    exchange->connection->restart_deadline(self->settings_.response_timeout);
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
                          .if_match = list_header(headers, "If-Match"),
                          .if_none_match = list_header(headers, "If-None-Match"),
                          .last_event_id = header(headers, "Last-Event-ID"),
                          .idempotency_key = header(headers, "Idempotency-Key"),
                          .principal = exchange->principal.name};
    g_bytes_unref(bytes);
    self->answer(*exchange, message, request);
  }

  void answer(Exchange& exchange, SoupServerMessage* message, const Request& request) {
    Reply reply;
    try {
      reply = api_.handle(*exchange.match, request);
    } catch (const std::exception& error) {
      logger_.error("request failed", {{"route", std::string{exchange.route}}, {"error", error.what()}});
      reply = refuse(
          Refusal{.status = 500, .type = "internal", .detail = "the daemon could not answer this request"});
    }
    if (reply.then == Reply::Then::events && request.method != "HEAD")
      return open_stream(exchange, message, reply);
    if (reply.then == Reply::Then::graph) return wait_for_graph(exchange, message, std::move(reply));
    if (exchange.match->route->method != "GET") log_change(exchange, request, reply);
    write(message, std::move(reply));
  }

  /// Who changed what, or tried to.
  void log_change(const Exchange& exchange, const Request& request, const Reply& reply) {
    logger_.info("request",
                 {{"method", request.method},
                  {"route", std::string{exchange.route}},
                  {"id", exchange.match->parameters.empty() ? json::Value{}
                                                            : json::Value(exchange.match->parameters[0])},
                  {"status", reply.status},
                  {"principal", request.principal.empty() ? "anybody" : request.principal}});
  }

  void write(SoupServerMessage* message, Reply reply) {
    write_head(message, reply);
    if (reply.status != SOUP_STATUS_NO_CONTENT && reply.status != SOUP_STATUS_NOT_MODIFIED)
      soup_server_message_set_response(message,
                                       reply.content_type.empty() ? nullptr : reply.content_type.c_str(),
                                       SOUP_MEMORY_COPY, reply.body.data(), reply.body.size());
  }

  static void write_head(SoupServerMessage* message, const Reply& reply) {
    soup_server_message_set_status(message, reply.status, nullptr);
    auto* headers = soup_server_message_get_response_headers(message);
    bool versioned = false;
    for (const auto& [name, value] : reply.headers) {
      soup_message_headers_replace(headers, name.c_str(), value.c_str());
      versioned = versioned || name == "ETag";
    }
    soup_message_headers_replace(headers, "Connection", "close");
    // What has a version may be kept, and must be asked about.
    soup_message_headers_replace(headers, "Cache-Control", versioned ? "private, no-cache" : "no-store");
    soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  }

  static void on_finished(SoupServerMessage* message, gpointer data) {
    auto* self = static_cast<Impl*>(data);
    self->streams_.remove_if([message](const EventStream& one) { return one.message() == message; });
    self->graphs_.remove_if([message](const Graph& one) { return one.message.get() == message; });
    self->metrics_.set_event_streams(self->streams());
    auto* exchange = self->exchange_of(message);
    if (exchange == nullptr) return;
    exchange->message = nullptr;
    exchange->connection->stop_deadline();
    exchange->connection->unwatch_peer();
    const auto seconds = static_cast<double>(g_get_monotonic_time() - exchange->started_us) / G_USEC_PER_SEC;
    self->metrics_.http_request(exchange->route,
                                method_label(or_empty(soup_server_message_get_method(message))),
                                soup_server_message_get_status(message), seconds);
  }

  // --- answers that take their time ---

  void open_stream(Exchange& exchange, SoupServerMessage* message, Reply& reply) {
    if (streams_.size() >= settings_.max_streams)
      return write(message, refuse(session::Problem{.kind = session::Problem::Kind::limit,
                                                    .detail = "too many event streams are open",
                                                    .reason = "streams"}));
    write_head(message, reply);
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Content-Type",
                                 reply.content_type.c_str());
    exchange.connection->stop_deadline();
    watch_peer(exchange);
    streams_.emplace_back(message, service_, reply.after);
    metrics_.set_event_streams(streams());
  }

  /// libsoup does not look at the socket while it has nothing to write; a client that leaves is noticed here.
  static void watch_peer(Exchange& exchange) { exchange.connection->watch_peer(&Impl::on_peer, &exchange); }

  static gboolean on_peer(GSocket* /*socket*/, GIOCondition /*condition*/, gpointer data) {
    auto* exchange = static_cast<Exchange*>(data);
    exchange->connection->cut();  // it left, or it talks where nothing is expected
    auto* self = exchange->owner;
    auto* message = exchange->message;
    exchange->connection->unwatch_peer();
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

  void wait_for_graph(Exchange& exchange, SoupServerMessage* message, Reply reply) {
    auto& graph = graphs_.emplace_back();
    graph.owner = this;
    graph.message.reset(SOUP_SERVER_MESSAGE(g_object_ref(message)));
    graph.conference = std::move(reply.subject);
    graph.deadline.after(settings_.graph_timeout, &Impl::on_graph_deadline, &graph);
    soup_server_message_pause(message);
    watch_peer(exchange);
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
    if (auto* exchange = exchange_of(message.get())) exchange->connection->unwatch_peer();
    write(message.get(), std::move(reply));
    soup_server_message_unpause(message.get());
  }

  static gboolean on_housekeeping(gpointer data) {
    auto* self = static_cast<Impl*>(data);
    const auto oldest = g_get_monotonic_time() - self->settings_.stream_stall.count() * 1000;
    for (auto& stream : self->streams_) {
      stream.keepalive();
      const auto* exchange = self->exchange_of(stream.message());
      if (exchange != nullptr && stream.waiting_for_peer() && stream.last_progress_us() < oldest)
        exchange->connection->cut();
    }
    return G_SOURCE_CONTINUE;
  }

  ServerSettings settings_;
  Guard guard_;
  Api& api_;
  session::Service& service_;
  const session::Clock& clock_;
  telemetry::Metrics& metrics_;
  const telemetry::Logger& logger_;
  Object<SoupServer> server_;
  std::map<GSocketAddress*, Exchange> exchanges_;
  std::list<EventStream> streams_;
  std::list<Graph> graphs_;
  Watch housekeeping_;
  Connections connections_;  ///< last: while it goes nobody is called any more
};

Server::Server(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() = default;

tl::expected<std::unique_ptr<Server>, std::string> Server::start(ServerSettings settings, Api& api,
                                                                 session::Service& service,
                                                                 const session::Clock& clock,
                                                                 telemetry::Metrics& metrics,
                                                                 const telemetry::Logger& logger) {
  const bool has_tokens = !settings.tokens.empty();
  auto impl = std::make_unique<Impl>(std::move(settings), api, service, clock, metrics, logger);
  if (auto listening = impl->listen(has_tokens); !listening) return tl::unexpected(listening.error());
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}
std::string Server::url() const { return impl_->url(); }
unsigned Server::streams() const { return impl_->streams(); }
void Server::set_tokens(Tokens tokens) { impl_->set_tokens(std::move(tokens)); }
void Server::on_event(const session::Event& event) { impl_->on_event(event); }

}  // namespace auralink::api
