// SPDX-License-Identifier: LGPL-2.1-or-later
// Ownership of GLib and libsoup things in this room: Owned<T> is transfer-full, T* transfer-none.
#pragma once

#include <glib-unix.h>
#include <libsoup/soup.h>

#include <memory>

namespace auralink::ctl {

struct Release {
  void operator()(GError* p) const noexcept { g_error_free(p); }
  void operator()(GBytes* p) const noexcept { g_bytes_unref(p); }
  void operator()(GMainLoop* p) const noexcept { g_main_loop_unref(p); }
  void operator()(GCancellable* p) const noexcept { g_object_unref(p); }
  void operator()(GInputStream* p) const noexcept { g_object_unref(p); }
  void operator()(GSubprocess* p) const noexcept { g_object_unref(p); }
  void operator()(SoupSession* p) const noexcept { g_object_unref(p); }
  void operator()(SoupMessage* p) const noexcept { g_object_unref(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

/// For the GError** out parameter of one call.
class ErrorSlot {
 public:
  ErrorSlot() = default;
  ErrorSlot(const ErrorSlot&) = delete;
  ErrorSlot& operator=(const ErrorSlot&) = delete;
  ~ErrorSlot() { g_clear_error(&error_); }
  operator GError**() noexcept { return &error_; }
  [[nodiscard]] const char* text() const noexcept {
    return error_ != nullptr ? error_->message : "unknown error";
  }

 private:
  GError* error_ = nullptr;
};

/// A main-loop source, removed at the end of its scope.
class SourceId {
 public:
  explicit SourceId(guint id) noexcept : id_{id} {}
  SourceId(const SourceId&) = delete;
  SourceId& operator=(const SourceId&) = delete;
  ~SourceId() { reset(); }
  void reset(guint id = 0) noexcept {
    if (id_ != 0) g_source_remove(id_);
    id_ = id;
  }
  /// The source ends itself by returning G_SOURCE_REMOVE.
  void forget() noexcept { id_ = 0; }

 private:
  guint id_ = 0;
};

}  // namespace auralink::ctl
