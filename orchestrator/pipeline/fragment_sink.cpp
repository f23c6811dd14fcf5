// SPDX-License-Identifier: LGPL-2.1-or-later
// A shell: every decision is its writer's. Debian 12 has neither hlssink3 nor isofmp4mux, and splitmuxsink
// keeps the present group of pictures in memory, where a killed process loses it.
#include "orchestrator/pipeline/fragment_sink.hpp"

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "orchestrator/pipeline/hls_writer.hpp"
#include "orchestrator/pipeline/segment_writer.hpp"

namespace auralink::pipeline {
namespace {

/// Properties are set before READY; the writer is touched by the streaming thread and state changes.
struct State {
  std::string location;
  guint64 segment_duration = 6 * GST_SECOND;
  bool playlist = true;
  std::unique_ptr<FragmentWriter> writer;
};
struct FragmentSink {
  GstBaseSink parent;
  State state;
};
struct FragmentSinkClass {
  GstBaseSinkClass parent;
};

G_DEFINE_TYPE(FragmentSink, fragment_sink, GST_TYPE_BASE_SINK)

enum Property : guint { kLocation = 1, kSegmentDuration, kPlaylist };

State& state_of(gpointer object) { return reinterpret_cast<FragmentSink*>(object)->state; }

void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) noexcept {
  auto& state = state_of(object);
  if (id == kLocation)
    state.location = g_value_get_string(value) != nullptr ? g_value_get_string(value) : "";
  else if (id == kPlaylist)
    state.playlist = g_value_get_boolean(value) != FALSE;
  else
    state.segment_duration = g_value_get_uint64(value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec*) noexcept {
  const auto& state = state_of(object);
  if (id == kLocation)
    g_value_set_string(value, state.location.c_str());
  else if (id == kPlaylist)
    g_value_set_boolean(value, state.playlist ? TRUE : FALSE);
  else
    g_value_set_uint64(value, state.segment_duration);
}

gboolean start(GstBaseSink* sink) noexcept {
  auto& state = state_of(sink);
  if (!g_file_test(state.location.c_str(), G_FILE_TEST_IS_DIR)) {
    GST_ELEMENT_ERROR(sink, RESOURCE, OPEN_WRITE,
                      ("Could not open the folder \"%s\" for writing.", state.location.c_str()),
                      ("%s", g_strerror(ENOENT)));
    return FALSE;
  }
  const auto target = static_cast<std::int64_t>(state.segment_duration);
  if (state.playlist)
    state.writer = std::make_unique<HlsWriter>(state.location, target);
  else
    state.writer = std::make_unique<SegmentWriter>(state.location, target);
  return TRUE;
}

gboolean stop(GstBaseSink* sink) noexcept {
  state_of(sink).writer.reset();
  return TRUE;
}

bool told(GstBaseSink* sink, const FragmentWriter::Status& status) noexcept {
  if (!status)
    GST_ELEMENT_ERROR(sink, RESOURCE, WRITE,
                      ("Error while writing to \"%s\".", state_of(sink).location.c_str()),
                      ("%s", status.error().c_str()));
  return status.has_value();
}

GstFlowReturn render(GstBaseSink* sink, GstBuffer* buffer) noexcept {
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) return GST_FLOW_ERROR;
  const auto status = state_of(sink).writer->write({map.data, map.size});
  gst_buffer_unmap(buffer, &map);
  return told(sink, status) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

gboolean event(GstBaseSink* sink, GstEvent* event) noexcept {
  // Before the base class says that the recording is finished.
  auto& writer = state_of(sink).writer;
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && writer && !told(sink, writer->finish())) {
    gst_event_unref(event);
    return FALSE;
  }
  return GST_BASE_SINK_CLASS(fragment_sink_parent_class)->event(sink, event);
}

void finalize(GObject* object) {
  std::destroy_at(&state_of(object));
  G_OBJECT_CLASS(fragment_sink_parent_class)->finalize(object);
}

void fragment_sink_init(FragmentSink* self) {
  std::construct_at(&self->state);
  gst_base_sink_set_sync(GST_BASE_SINK(self), FALSE);
}

void fragment_sink_class_init(FragmentSinkClass* klass) {
  static GstStaticPadTemplate pad = {"sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                     GST_STATIC_CAPS("video/quicktime; audio/x-m4a")};
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  constexpr auto kFlags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(
      object, kLocation,
      g_param_spec_string("location", "Location", "Folder that receives the recording", "", kFlags));
  g_object_class_install_property(
      object, kSegmentDuration,
      g_param_spec_uint64("segment-duration", "Segment duration",
                          "Nanoseconds after which the next keyframe begins a segment", GST_SECOND / 10,
                          3600 * GST_SECOND, 6 * GST_SECOND, kFlags));
  g_object_class_install_property(
      object, kPlaylist,
      g_param_spec_boolean("playlist", "Playlist",
                           "Write HLS with its playlist; otherwise each segment is a plain MP4", TRUE,
                           kFlags));
  auto* base = GST_BASE_SINK_CLASS(klass);
  base->start = start;
  base->stop = stop;
  base->render = render;
  base->event = event;
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &pad);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "MP4 folder sink", "Sink/File",
                                        "Writes fragmented MP4 as a folder of segments", "AuraLink");
}

}  // namespace

void register_fragment_sink() {
  static std::once_flag once;
  std::call_once(
      once, [] { gst_element_register(nullptr, "fmp4foldersink", GST_RANK_NONE, fragment_sink_get_type()); });
}

}  // namespace auralink::pipeline
