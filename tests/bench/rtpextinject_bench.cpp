// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets per second and core through rtpextinject, one by one and in lists, against identity on the same
// packets in the same run. usage: rtpextinject_bench PLUGIN. Prints rows of a Markdown table.
#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "gst/support/support.hpp"

namespace {

using auralink::support::adopt;
using auralink::support::Owned;

constexpr gsize kPayload = 1000;
constexpr guint kListLength = 32;
constexpr guint kPacketsPerRound = kListLength * 250;
constexpr std::size_t kRounds = 41;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

GstFlowReturn swallow(GstPad* /*pad*/, GstObject* /*parent*/, GstBuffer* buffer) {
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}
GstFlowReturn swallow_list(GstPad* /*pad*/, GstObject* /*parent*/, GstBufferList* list) {
  gst_buffer_list_unref(list);
  return GST_FLOW_OK;
}

/// A packet as a payloader makes it: header and payload in memories of their own.
Owned<GstBuffer> plain() {
  auto out = adopt(gst_rtp_buffer_new_allocate(0, 0, 0));
  gst_buffer_append_memory(out.get(), gst_allocator_alloc(nullptr, kPayload, nullptr));
  gst_buffer_memset(out.get(), gst_buffer_get_size(out.get()) - kPayload, 0x41, kPayload);  // an H.264 slice
  return out;
}
/// The same with the elements that browsers send: audio level, time of sending, MID.
Owned<GstBuffer> extended() {
  auto out = plain();
  auto head = adopt(gst_rtp_buffer_new_allocate(0, 0, 0));
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(head.get(), GST_MAP_READWRITE, &rtp);
  gst_rtp_buffer_add_extension_onebyte_header(&rtp, 1, "\x7f", 1);
  gst_rtp_buffer_add_extension_onebyte_header(&rtp, 3, "\0\0\0", 3);
  gst_rtp_buffer_add_extension_onebyte_header(&rtp, 4, "0", 1);
  gst_rtp_buffer_unmap(&rtp);
  gst_buffer_replace_memory(out.get(), 0, gst_buffer_get_all_memory(head.get()));
  return out;
}
/// As it comes from a socket: all in one memory.
Owned<GstBuffer> received() { return adopt(gst_rtp_buffer_new_allocate(kPayload, 0, 0)); }

struct Work {
  const char* name;
  const char* properties;
  Owned<GstBuffer> (*packet)();
};
constexpr std::array kWorks{
    Work{"one element", "id=3 data=0123456789", plain},
    Work{"one element, packets in one memory", "id=3 data=0123456789", received},
    Work{"level, time of sending, MID replaced",
         "audio-level-id=1 audio-level=30 abs-send-time-id=3 mid-id=4 mid=1", extended},
    Work{"frame info (H.264)", "frame-info-id=6", plain},
};

/// An element between two bare pads, so that nothing but the element and the pads is measured.
class Lane {
 public:
  Lane(Owned<GstElement> element, Owned<GstBuffer> (*packet)())
      : packet_{packet},
        element_{std::move(element)},
        source_{auralink::support::sink(gst_pad_new("source", GST_PAD_SRC))},
        drain_{auralink::support::sink(gst_pad_new("drain", GST_PAD_SINK))} {
    gst_pad_set_chain_function(drain_.get(), swallow);
    gst_pad_set_chain_list_function(drain_.get(), swallow_list);
    gst_pad_link(source_.get(), adopt(gst_element_get_static_pad(element_.get(), "sink")).get());
    gst_pad_link(adopt(gst_element_get_static_pad(element_.get(), "src")).get(), drain_.get());
    gst_pad_set_active(drain_.get(), TRUE);
    gst_element_set_state(element_.get(), GST_STATE_PLAYING);
    gst_pad_set_active(source_.get(), TRUE);
    gst_pad_push_event(source_.get(), gst_event_new_stream_start("bench"));
    const auto caps = adopt(gst_caps_from_string("application/x-rtp,encoding-name=H264"));
    gst_pad_push_event(source_.get(), gst_event_new_caps(caps.get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source_.get(), gst_event_new_segment(&segment));
  }
  ~Lane() {
    gst_element_set_state(element_.get(), GST_STATE_NULL);
    gst_pad_set_active(source_.get(), FALSE);
    gst_pad_set_active(drain_.get(), FALSE);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Packets per CPU second of one round; packets are made before the clock starts.
  double round(bool lists) {
    std::vector<Owned<GstBuffer>> packets;
    std::vector<Owned<GstBufferList>> batches;
    for (guint i = 0; i < kPacketsPerRound; ++i) {
      if (!lists) {
        packets.push_back(packet_());
        continue;
      }
      if (i % kListLength == 0) batches.push_back(adopt(gst_buffer_list_new_sized(kListLength)));
      gst_buffer_list_add(batches.back().get(), packet_().release());
    }
    const double start = cpu_seconds();
    for (auto& one : packets) gst_pad_push(source_.get(), one.release());
    for (auto& batch : batches) gst_pad_push_list(source_.get(), batch.release());
    return kPacketsPerRound / (cpu_seconds() - start);
  }

 private:
  Owned<GstBuffer> (*packet_)();
  Owned<GstElement> element_;
  Owned<GstPad> source_;
  Owned<GstPad> drain_;
};

double median(std::array<double, kRounds> values) {
  std::nth_element(values.begin(), values.begin() + kRounds / 2, values.end());
  return values[kRounds / 2];
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 2 || adopt(gst_plugin_load_file(argv[1], nullptr)) == nullptr) {
    std::fputs("usage: rtpextinject_bench PLUGIN\n", stderr);
    return 2;
  }
  std::printf(
      "%s\n|---|---|---|---|---|\n",
      "| rtpextinject, 1000-byte payload | pushed | packets/s per core | identity | ns per packet more |");
  for (const auto& work : kWorks) {
    auto element = auralink::support::sink(
        gst_parse_launch((std::string{"rtpextinject "} + work.properties).c_str(), nullptr));
    auto identity = auralink::support::make_element("identity");
    if (!element || !identity) return 1;
    g_object_set(identity.get(), "silent", TRUE, nullptr);
    Lane inject{std::move(element), work.packet};
    Lane nothing{std::move(identity), work.packet};
    for (const bool lists : {false, true}) {
      // Alternating rounds: a disturbance of the machine hits both.
      std::array<double, kRounds> ours{};
      std::array<double, kRounds> base{};
      for (std::size_t i = 0; i < kRounds; ++i) {
        ours[i] = inject.round(lists);
        base[i] = nothing.round(lists);
      }
      const double a = median(ours);
      const double b = median(base);
      std::printf("| %s | %s | %.2f M | %.2f M | %.0f |\n", work.name, lists ? "lists of 32" : "one by one",
                  a / 1e6, b / 1e6, 1e9 / a - 1e9 / b);
    }
  }
  return 0;
}
