// SPDX-License-Identifier: LGPL-2.1-or-later
// One-shot timers and deferred calls on a GMainContext that end with their owner.
#pragma once

#include <glib.h>

#include <chrono>
#include <functional>
#include <utility>

namespace auralink::worker {

class Timer {
 public:
  Timer() = default;
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Calls `action` once after `delay`; an earlier start is forgotten. The action may destroy the timer.
  void start(GMainContext* context, std::chrono::milliseconds delay, std::function<void()> action) {
    cancel();
    action_ = std::move(action);
    source_ =
        delay.count() <= 0 ? g_idle_source_new() : g_timeout_source_new(static_cast<guint>(delay.count()));
    g_source_set_priority(source_, G_PRIORITY_DEFAULT);
    g_source_set_callback(source_, &Timer::fire, this, nullptr);
    g_source_attach(source_, context);
  }
  void cancel() {
    if (source_ == nullptr) return;
    g_source_destroy(source_);
    g_source_unref(source_);
    source_ = nullptr;
  }
  [[nodiscard]] bool running() const noexcept { return source_ != nullptr; }

 private:
  static gboolean fire(gpointer data) {
    auto* self = static_cast<Timer*>(data);
    self->cancel();
    const auto action = std::exchange(self->action_, {});
    action();
    return G_SOURCE_REMOVE;
  }

  GSource* source_ = nullptr;
  std::function<void()> action_;
};

}  // namespace auralink::worker
