// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/event_stream.hpp"

#include <algorithm>

#include "orchestrator/session/serial.hpp"

namespace auralink::api {
namespace {

constexpr std::size_t kFullBytes = std::size_t{256}
                                   << 10U;  ///< more unread bytes than this wait in the store
constexpr std::size_t kReplayBatch = 100;

}  // namespace

std::string sse_frame(const session::Event& event) {
  // dump() escapes control characters, so the data is one line; types are our own words.
  return "id: " + std::to_string(event.seq) + "\nevent: " + event.type +
         "\ndata: " + session::to_json(event).dump(-1, ' ', false, json::Value::error_handler_t::replace) +
         "\n\n";
}

EventStream::EventStream(SoupServerMessage* message, const session::Service& service,
                         std::optional<std::int64_t> after)
    : message_{SOUP_SERVER_MESSAGE(g_object_ref(message))},
      service_{service},
      last_{after.value_or(0)},
      live_{!after.has_value()},
      last_progress_us_{g_get_monotonic_time()} {
  auto* headers = soup_server_message_get_response_headers(message_);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  soup_message_body_set_accumulate(soup_server_message_get_response_body(message_), FALSE);
  wrote_handler_ = g_signal_connect(message_, "wrote-body-data", G_CALLBACK(&EventStream::on_wrote), this);
  write("retry: 2000\n\n");  // also sends the head of the answer at once
  if (!live_) {
    tell_what_is_lost();
    replay();
  }
  // A sequence from before the store was replaced lies ahead of everything: such a client starts from now.
  if (last_ > 0 && live_ && service_.events_after(last_ - 1, 1).empty()) last_ = 0;
}

void EventStream::tell_what_is_lost() {
  const auto kept = service_.events_after(0, 1);
  const bool none = kept.empty() ? last_ > 0 : kept.front().seq > last_ + 1;
  // Ahead of everything: the store is another one than the client knew.
  const bool foreign = last_ > 0 && service_.events_after(last_ - 1, 1).empty();
  if (!none && !foreign) return;
  const json::Value oldest = kept.empty() ? json::Value{} : json::Value(kept.front().seq);
  // Without an id: a client that comes back before the next event asks from where it was.
  write("event: events.lost\ndata: " + json::Value{{"after", last_}, {"oldest", oldest}}.dump() + "\n\n");
}

EventStream::~EventStream() {
  g_signal_handler_disconnect(message_, wrote_handler_);
  g_object_unref(message_);
}

void EventStream::write(const std::string& text) {
  if (pending_ == 0) last_progress_us_ = g_get_monotonic_time();
  pending_ += text.size();
  soup_message_body_append(soup_server_message_get_response_body(message_), SOUP_MEMORY_COPY, text.data(),
                           text.size());
  soup_server_message_unpause(message_);
}

void EventStream::on_wrote(SoupServerMessage* /*message*/, guint bytes, gpointer data) {
  auto* self = static_cast<EventStream*>(data);
  self->pending_ -= std::min<std::size_t>(self->pending_, bytes);
  self->last_progress_us_ = g_get_monotonic_time();
  if (!self->live_ && self->pending_ < kFullBytes / 2) self->replay();
}

void EventStream::replay() {
  while (pending_ < kFullBytes) {
    const auto batch = service_.events_after(last_, kReplayBatch);
    for (const auto& event : batch) {
      write(sse_frame(event));
      last_ = event.seq;
    }
    if (batch.size() < kReplayBatch) {
      live_ = true;
      return;
    }
  }
}

void EventStream::push(const session::Event& event) {
  if (!live_ || event.seq <= last_) return;
  if (pending_ > kFullBytes) {  // it reads too slowly: the store keeps the rest until it has caught up
    live_ = false;
    return;
  }
  write(sse_frame(event));
  last_ = event.seq;
}

void EventStream::keepalive() {
  if (pending_ == 0) write(": keepalive\n\n");
}

}  // namespace auralink::api
