// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/client.hpp"

#include <csignal>

#include "orchestrator/ctl/format.hpp"
#include "orchestrator/ctl/handles.hpp"

namespace auralink::ctl {
namespace {

constexpr guint kRequestTimeoutS = 30;
constexpr guint kStreamTimeoutS = 45;  // the daemon sends a comment every 15 s
constexpr unsigned kReconnects = 5;
constexpr guint kReconnectMs = 400;
constexpr gsize kReadBytes = 64 * 1024;

Owned<SoupSession> make_session(guint timeout_s) {
  // No proxy: the daemon is on this machine or named by the operator, and tokens go to nobody else.
  return Owned<SoupSession>{soup_session_new_with_options("timeout", timeout_s, "proxy-resolver", nullptr,
                                                          "user-agent", "auralinkctl/" AURALINK_VERSION,
                                                          nullptr)};
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(const Endpoint& endpoint) : endpoint_{endpoint}, session_{make_session(kRequestTimeoutS)} {}

  [[nodiscard]] Owned<SoupMessage> message(const char* method, const std::string& path) const {
    Owned<SoupMessage> message{soup_message_new(method, (endpoint_.url + path).c_str())};
    if (message == nullptr) return message;
    // A redirect could carry the token elsewhere; the API never sends one.
    soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);
    SoupMessageHeaders* headers = soup_message_get_request_headers(message.get());
    if (!endpoint_.token.empty())
      soup_message_headers_replace(headers, "Authorization", ("Bearer " + endpoint_.token).c_str());
    return message;
  }
  [[nodiscard]] SoupSession* session() const { return session_.get(); }
  [[nodiscard]] std::string away(const char* why) const {
    return "cannot reach " + endpoint_.url + ": " + why;
  }

 private:
  Endpoint endpoint_;
  Owned<SoupSession> session_;
};

namespace {

/// One run of Client::follow(). Lives on the stack of that call; every callback happens inside its main loop.
class Stream {
 public:
  Stream(const Client::Follow& follow, std::function<Owned<SoupMessage>()> make)
      : follow_{follow}, make_{std::move(make)}, last_id_{follow.after.value_or("")} {}

  tl::expected<Client::Ended, Unreachable> run() {
    const SourceId interrupt{g_unix_signal_add(SIGINT, on_signal, this)};
    const SourceId terminate{g_unix_signal_add(SIGTERM, on_signal, this)};
    const SourceId ticker{g_timeout_add(static_cast<guint>(follow_.tick.count()), on_tick, this)};
    connect();
    if (!done_) g_main_loop_run(loop_.get());
    retry_.reset();
    g_cancellable_cancel(cancel_.get());
    while (pending_ > 0) g_main_context_iteration(nullptr, TRUE);
    if (!error_.empty()) return tl::make_unexpected(error_);
    return ended_;
  }

 private:
  void finish(Client::Ended how) {
    ended_ = how;
    done_ = true;
    g_main_loop_quit(loop_.get());
  }
  void fail(std::string why) {
    error_ = std::move(why);
    finish(Client::Ended::stopped);
  }

  void connect() {
    parser_ = SseParser{};
    message_ = make_();
    if (message_ == nullptr) return fail("not a URL");
    SoupMessageHeaders* headers = soup_message_get_request_headers(message_.get());
    soup_message_headers_replace(headers, "Accept", "text/event-stream");
    if (!last_id_.empty()) soup_message_headers_replace(headers, "Last-Event-ID", last_id_.c_str());
    ++pending_;
    soup_session_send_async(session_.get(), message_.get(), G_PRIORITY_DEFAULT, cancel_.get(), on_sent, this);
  }

  void broken(const std::string& why) {
    if (done_) return;
    stream_.reset();
    if (!connected_once_ || ++failures_ > kReconnects) return fail(why);
    retry_.reset(g_timeout_add(kReconnectMs * failures_, on_retry, this));
  }

  static void on_sent(GObject*, GAsyncResult* result, gpointer data) {
    auto* self = static_cast<Stream*>(data);
    --self->pending_;
    ErrorSlot error;
    self->stream_.reset(soup_session_send_finish(self->session_.get(), result, error));
    if (self->done_) return;
    if (self->stream_ == nullptr) return self->broken(error.text());
    const unsigned status = soup_message_get_status(self->message_.get());
    if (status != SOUP_STATUS_OK) {
      std::string body(kReadBytes, '\0');
      gsize length = 0;
      g_input_stream_read_all(self->stream_.get(), body.data(), body.size(), &length, self->cancel_.get(),
                              nullptr);
      body.resize(length);
      return self->fail(format_problem(status, body));
    }
    self->connected_once_ = true;
    self->tick();
    if (!self->done_) self->read();
  }

  void read() {
    ++pending_;
    g_input_stream_read_bytes_async(stream_.get(), kReadBytes, G_PRIORITY_DEFAULT, cancel_.get(), on_read,
                                    this);
  }

  static void on_read(GObject* source, GAsyncResult* result, gpointer data) {
    auto* self = static_cast<Stream*>(data);
    --self->pending_;
    ErrorSlot error;
    const Owned<GBytes> bytes{g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, error)};
    if (self->done_) return;
    if (bytes == nullptr) return self->broken(error.text());
    gsize size = 0;
    const auto* text = static_cast<const char*>(g_bytes_get_data(bytes.get(), &size));
    if (size == 0) return self->broken("the daemon closed the event stream");
    self->failures_ = 0;
    self->take({text, size});
    if (!self->done_) self->read();
  }

  void take(std::string_view bytes) {
    const auto events = parser_.push(bytes);
    if (parser_.broken()) return fail("the event stream makes no sense");
    for (const auto& event : events) {
      if (!event.id.empty()) last_id_ = event.id;
      if (follow_.on_event && follow_.on_event(event) == Client::Next::stop)
        return finish(Client::Ended::stopped);
    }
    if (!events.empty()) tick();
  }

  void tick() {
    if (!done_ && follow_.on_tick && follow_.on_tick() == Client::Next::stop) finish(Client::Ended::stopped);
  }
  static gboolean on_tick(gpointer data) {
    auto* self = static_cast<Stream*>(data);
    if (self->connected_once_) self->tick();
    return G_SOURCE_CONTINUE;
  }
  static gboolean on_retry(gpointer data) {
    auto* self = static_cast<Stream*>(data);
    self->retry_.forget();
    self->connect();
    return G_SOURCE_REMOVE;
  }
  static gboolean on_signal(gpointer data) {
    static_cast<Stream*>(data)->finish(Client::Ended::interrupted);
    return G_SOURCE_CONTINUE;
  }

  const Client::Follow& follow_;
  std::function<Owned<SoupMessage>()> make_;
  Owned<SoupSession> session_ = make_session(kStreamTimeoutS);
  Owned<GMainLoop> loop_{g_main_loop_new(nullptr, FALSE)};
  Owned<GCancellable> cancel_{g_cancellable_new()};
  Owned<SoupMessage> message_;
  Owned<GInputStream> stream_;
  SourceId retry_{0};
  SseParser parser_;
  std::string last_id_, error_;
  unsigned pending_ = 0, failures_ = 0;
  bool connected_once_ = false, done_ = false;
  Client::Ended ended_ = Client::Ended::stopped;
};

}  // namespace

Client::Client(const Endpoint& endpoint) : impl_{std::make_unique<Impl>(endpoint)} {}
Client::~Client() = default;

tl::expected<Answer, Unreachable> Client::request(const char* method, const std::string& path,
                                                  const std::optional<std::string>& body) {
  const auto message = impl_->message(method, path);
  if (message == nullptr) return tl::make_unexpected(impl_->away("not a URL"));
  SoupMessageHeaders* headers = soup_message_get_request_headers(message.get());
  soup_message_headers_replace(headers, "Accept", "application/json");
  if (body) {
    const Owned<GBytes> bytes{g_bytes_new(body->data(), body->size())};
    soup_message_set_request_body_from_bytes(
        message.get(),
        std::string_view{method} == "PATCH" ? "application/merge-patch+json" : "application/json",
        bytes.get());
  }
  ErrorSlot error;
  const Owned<GBytes> bytes{soup_session_send_and_read(impl_->session(), message.get(), nullptr, error)};
  if (bytes == nullptr) return tl::make_unexpected(impl_->away(error.text()));
  gsize size = 0;
  const auto* text = static_cast<const char*>(g_bytes_get_data(bytes.get(), &size));
  return Answer{soup_message_get_status(message.get()),
                text != nullptr ? std::string{text, size} : std::string{}};
}

tl::expected<Client::Ended, Unreachable> Client::follow(const Follow& follow) {
  Stream stream{follow, [this, &follow] { return impl_->message("GET", follow.path); }};
  return stream.run();
}

std::string segment(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (g_ascii_isalnum(byte) != 0 || byte == '-' || byte == '_' || byte == '~' || byte == '.')
      out += byte;
    else
      out += std::string{'%', kHex[code >> 4U], kHex[code & 15U]};
  }
  // "." and ".." would be taken for path navigation before they are sent.
  if (out == "." || out == "..") return out == "." ? "%2E" : "%2E%2E";
  return out;
}

}  // namespace auralink::ctl
