// SPDX-License-Identifier: LGPL-2.1-or-later
// How another program uses an AuraLink element in a pipeline of its own. It knows nothing of our source tree;
// it is built with what pkg-config says:
//
//   c++ -std=c++17 tone_with_extension.cpp -o tone $(pkg-config --cflags --libs auralink gstreamer-app-1.0)
//       -DPLUGINS_DIR="\"$(pkg-config --variable=pluginsdir auralink)\""
//
// When AuraLink is installed where GStreamer looks anyway, the scan of PLUGINS_DIR is not needed.
// Prints the header extension of each packet of a tone, and ends with 0 when all of them carry it.
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <cstdio>

namespace {

constexpr guint8 kId = 3;

/// Whether the packet carries the bytes 01 a2 as element 3.
bool carries_element(GstBuffer* packet) {
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(packet, GST_MAP_READ, &rtp)) return false;
  gpointer data = nullptr;
  guint size = 0;
  const bool found = gst_rtp_buffer_get_extension_onebyte_header(&rtp, kId, 0, &data, &size) != FALSE;
  const auto* bytes = static_cast<const guint8*>(data);
  const bool right = found && size == 2 && bytes[0] == 0x01 && bytes[1] == 0xA2;
  std::printf("packet %u: element %s\n", gst_rtp_buffer_get_seq(&rtp), right ? "01 a2" : "missing");
  gst_rtp_buffer_unmap(&rtp);
  return right;
}

/// Reads packets to the end of the stream; returns how many there were, or -1 when one lacks the element.
int read_packets(GstAppSink* sink) {
  int packets = 0;
  while (GstSample* sample = gst_app_sink_pull_sample(sink)) {
    const bool right = carries_element(gst_sample_get_buffer(sample));
    gst_sample_unref(sample);
    if (!right) return -1;
    ++packets;
  }
  return packets;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  gst_registry_scan_path(gst_registry_get(), PLUGINS_DIR);

  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      "audiotestsrc num-buffers=25 ! opusenc ! rtpopuspay ! rtpextinject id=3 data=01a2 ! appsink name=out "
      "sync=false",
      &error);
  if (error != nullptr) {
    std::fprintf(stderr, "%s\n", error->message);
    g_error_free(error);
    if (pipeline != nullptr) gst_object_unref(pipeline);
    return 1;
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  const int packets = read_packets(GST_APP_SINK(sink));
  gst_object_unref(sink);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  std::printf("%d packets with the element\n", packets);
  return packets > 0 ? 0 : 1;
}
