// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib objects and event sources with owners.
#pragma once

#include <gio/gio.h>

#include <memory>

#include "orchestrator/session/model.hpp"

namespace auralink::api {

struct Unref {
  void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;

/// One event source of the thread's default context, ended with its owner.
class Watch {
 public:
  Watch() = default;
  ~Watch() { cancel(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void after(session::Millis delay, GSourceFunc call, gpointer data) {
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

}  // namespace auralink::api
