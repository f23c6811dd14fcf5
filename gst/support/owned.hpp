// SPDX-License-Identifier: LGPL-2.1-or-later
// Ownership of C objects: Owned<T> holds one reference (transfer full), T* borrows (transfer none).
#pragma once

#include <gst/gst.h>

#include <memory>
#include <type_traits>

namespace auralink::support {

/// How one reference of T is given back. A type without a specialisation does not compile; other rooms add
/// theirs beside the header that declares the type.
template <class T>
struct Release;

template <>
struct Release<GstElement> {
  void operator()(GstElement* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstObject> {
  void operator()(GstObject* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstBus> {
  void operator()(GstBus* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstPad> {
  void operator()(GstPad* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstPadTemplate> {
  void operator()(GstPadTemplate* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstClock> {
  void operator()(GstClock* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstPlugin> {
  void operator()(GstPlugin* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstPluginFeature> {
  void operator()(GstPluginFeature* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GstElementFactory> {
  void operator()(GstElementFactory* p) const noexcept { gst_object_unref(p); }
};
template <>
struct Release<GObject> {
  void operator()(GObject* p) const noexcept { g_object_unref(p); }
};
template <>
struct Release<GstMessage> {
  void operator()(GstMessage* p) const noexcept { gst_message_unref(p); }
};
template <>
struct Release<GstCaps> {
  void operator()(GstCaps* p) const noexcept { gst_caps_unref(p); }
};
template <>
struct Release<GstEvent> {
  void operator()(GstEvent* p) const noexcept { gst_event_unref(p); }
};
template <>
struct Release<GstQuery> {
  void operator()(GstQuery* p) const noexcept { gst_query_unref(p); }
};
template <>
struct Release<GstSample> {
  void operator()(GstSample* p) const noexcept { gst_sample_unref(p); }
};
template <>
struct Release<GstBuffer> {
  void operator()(GstBuffer* p) const noexcept { gst_buffer_unref(p); }
};
template <>
struct Release<GstBufferList> {
  void operator()(GstBufferList* p) const noexcept { gst_buffer_list_unref(p); }
};
template <>
struct Release<GstMemory> {
  void operator()(GstMemory* p) const noexcept { gst_memory_unref(p); }
};
template <>
struct Release<GstStructure> {
  void operator()(GstStructure* p) const noexcept { gst_structure_free(p); }
};
template <>
struct Release<GstIterator> {
  void operator()(GstIterator* p) const noexcept { gst_iterator_free(p); }
};
template <>
struct Release<GError> {
  void operator()(GError* p) const noexcept { g_error_free(p); }
};
template <>
struct Release<GBytes> {
  void operator()(GBytes* p) const noexcept { g_bytes_unref(p); }
};
template <>
struct Release<GMainContext> {
  void operator()(GMainContext* p) const noexcept { g_main_context_unref(p); }
};
template <>
struct Release<GMainLoop> {
  void operator()(GMainLoop* p) const noexcept { g_main_loop_unref(p); }
};
template <>
struct Release<GSource> {
  void operator()(GSource* p) const noexcept { g_source_unref(p); }
};
/// Text allocated by GLib: Owned<gchar>.
template <>
struct Release<gchar> {
  void operator()(gchar* p) const noexcept { g_free(p); }
};
/// NULL-terminated array of strings: Owned<gchar*>.
template <>
struct Release<gchar*> {
  void operator()(gchar** p) const noexcept { g_strfreev(p); }
};

/// One reference, given back when it leaves scope. `.release()` hands it to a transfer-full parameter.
template <class T>
using Owned = std::unique_ptr<T, Release<T>>;

/// Takes the ownership of a transfer-full result.
template <class T>
[[nodiscard]] Owned<T> adopt(T* full) noexcept {
  return Owned<T>{full};
}

/// Sinks the floating reference that factories return; for an object that has none left it takes a new
/// reference.
template <class T>
[[nodiscard]] Owned<T> sink(T* floating) noexcept {
  if (floating != nullptr) g_object_ref_sink(floating);
  return Owned<T>{floating};
}

/// A second reference to a GObject that somebody else owns too.
template <class T>
[[nodiscard]] Owned<T> share(T* borrowed) noexcept {
  if (borrowed != nullptr) g_object_ref(borrowed);
  return Owned<T>{borrowed};
}

/// A second reference to a caps, buffer, message or other mini object.
template <class T>
[[nodiscard]] Owned<T> share_mini(T* borrowed) noexcept {
  if (borrowed != nullptr) gst_mini_object_ref(GST_MINI_OBJECT_CAST(borrowed));
  return Owned<T>{borrowed};
}

/// An element that is owned, not floating; empty when no such factory is installed. `name` may be null.
[[nodiscard]] inline Owned<GstElement> make_element(const char* factory,
                                                    const char* name = nullptr) noexcept {
  return sink(gst_element_factory_make(factory, name));
}

/// An empty bin or pipeline that is owned, not floating.
[[nodiscard]] inline Owned<GstElement> make_bin(const char* name = nullptr) noexcept {
  return sink(gst_bin_new(name));
}
[[nodiscard]] inline Owned<GstElement> make_pipeline(const char* name = nullptr) noexcept {
  return sink(gst_pipeline_new(name));
}

/// Receives a result through a `T**` parameter: `gst_foo(..., Out{error})` fills the Owned when the call
/// ends.
template <class T>
class Out final {
 public:
  explicit Out(Owned<T>& target) noexcept : target_{target} {}
  ~Out() { target_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  // Implicit on purpose: it stands where C expects the address of a pointer.
  operator T**() noexcept { return &raw_; }  // NOLINT(google-explicit-constructor,hicpp-explicit-conversions)

 private:
  Owned<T>& target_;
  T* raw_ = nullptr;
};

}  // namespace auralink::support
