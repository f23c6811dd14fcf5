// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/gst_log.hpp"

#include <gst/gst.h>

#include <memory>
#include <utility>

#include "gst/support/support.hpp"

namespace auralink::pipeline {
namespace {

constexpr unsigned kMostPerSecond = 100;

struct Router {
  std::function<void(const GstLogEntry&)> sink;
  gint64 second = 0;
  unsigned in_second = 0, suppressed = 0;

  void deliver(const GstLogEntry& entry) {
    const gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
    if (now != std::exchange(second, now)) {
      if (suppressed > 0)
        sink({GST_LEVEL_WARNING, "log", "",
              std::to_string(std::exchange(suppressed, 0)) + " entries were left out"});
      in_second = 0;
    }
    if (++in_second <= kMostPerSecond)
      sink(entry);
    else
      ++suppressed;
  }
};

void on_log(GstDebugCategory* category, GstDebugLevel level, const gchar*, const gchar*, gint,
            GObject* object, GstDebugMessage* message, gpointer data) noexcept {
  if (level > gst_debug_category_get_threshold(category)) return;
  struct Posted {
    Router* router;
    GstLogEntry entry;
  };
  const char* text = gst_debug_message_get(message);
  const bool named = object != nullptr && GST_IS_OBJECT(object) && GST_OBJECT_NAME(object) != nullptr;
  auto* posted = new Posted{static_cast<Router*>(data),
                            {static_cast<unsigned>(level), gst_debug_category_get_name(category),
                             named ? GST_OBJECT_NAME(object) : "", text ? text : ""}};
  const auto deliver = [](gpointer d) -> gboolean {
    const auto& p = *static_cast<Posted*>(d);
    p.router->deliver(p.entry);
    return G_SOURCE_REMOVE;
  };
  // Elements log with their locks held: never call out from here.
  g_idle_add_full(G_PRIORITY_LOW, deliver, posted, [](gpointer d) { delete static_cast<Posted*>(d); });
}

}  // namespace

void route_gst_log(unsigned level, std::function<void(const GstLogEntry&)> sink) {
  auto* router = new Router{};
  router->sink = std::move(sink);
  // In parentheses: the macros of the same names compare function and data pointers, which clang refuses.
  (gst_debug_remove_log_function)(nullptr);
  (gst_debug_add_log_function)(on_log, router, [](gpointer d) { delete static_cast<Router*>(d); });
  set_gst_log_level(level);
}

void set_gst_log_level(unsigned level) { gst_debug_set_default_threshold(static_cast<GstDebugLevel>(level)); }

}  // namespace auralink::pipeline
