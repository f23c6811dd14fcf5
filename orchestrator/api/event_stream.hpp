// SPDX-License-Identifier: LGPL-2.1-or-later
// One client of GET /v1/events as a stream. What it has not read yet stays in the store, not in memory.
#pragma once

#include <glib.h>
#include <libsoup/soup.h>

#include <cstdint>
#include <functional>
#include <string>

#include "orchestrator/session/service.hpp"

namespace auralink::api {

/// "id", "event" and "data" lines of one event.
[[nodiscard]] std::string sse_frame(const session::Event& event);

class EventStream {
 public:
  /// `message` is unanswered. `after`: 0 and more replays what the store has after it, nullopt only what
  /// comes.
  EventStream(SoupServerMessage* message, const session::Service& service, std::optional<std::int64_t> after);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// A new event was committed.
  void push(const session::Event& event);
  /// Says something so that a dead peer is noticed, unless the peer has not read the last words yet.
  void keepalive();

  [[nodiscard]] gint64 last_progress_us() const noexcept { return last_progress_us_; }
  [[nodiscard]] bool waiting_for_peer() const noexcept { return pending_ > 0; }
  [[nodiscard]] SoupServerMessage* message() const noexcept { return message_; }

 private:
  static void on_wrote(SoupServerMessage* message, guint bytes, gpointer self);
  void write(const std::string& text);
  void replay();
  /// "events.lost" when events after `last_` are not kept any more, or never were here.
  void tell_what_is_lost();

  SoupServerMessage* message_;
  const session::Service& service_;
  std::int64_t last_ = 0;    ///< newest sequence written
  bool live_ = true;         ///< caught up with the store: events may be written as they come
  std::size_t pending_ = 0;  ///< bytes given to libsoup and not yet in the socket
  gint64 last_progress_us_ = 0;
  gulong wrote_handler_ = 0;
};

}  // namespace auralink::api
