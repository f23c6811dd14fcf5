// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets per second and core through rtpextinject, one by one and in lists, against identity in the same
// run. usage: rtpextinject_bench PLUGIN. Prints rows of a Markdown table.
#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
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
Owned<GstBuffer> packet() {
  auto out = adopt(gst_rtp_buffer_new_allocate(0, 0, 0));
  gst_buffer_append_memory(out.get(), gst_allocator_alloc(nullptr, kPayload, nullptr));
  return out;
}

/// An element between two bare pads, so that nothing but the element and the pads is measured.
class Lane {
 public:
  explicit Lane(Owned<GstElement> element)
      : element_{std::move(element)},
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
    gst_pad_push_event(source_.get(),
                       gst_event_new_caps(adopt(gst_caps_new_empty_simple("application/x-rtp")).get()));
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
        packets.push_back(packet());
        continue;
      }
      if (i % kListLength == 0) batches.push_back(adopt(gst_buffer_list_new_sized(kListLength)));
      gst_buffer_list_add(batches.back().get(), packet().release());
    }
    const double start = cpu_seconds();
    for (auto& one : packets) gst_pad_push(source_.get(), one.release());
    for (auto& batch : batches) gst_pad_push_list(source_.get(), batch.release());
    return kPacketsPerRound / (cpu_seconds() - start);
  }

 private:
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
  auto element = auralink::support::make_element("rtpextinject");
  auto identity = auralink::support::make_element("identity");
  if (!element || !identity) return 1;
  g_object_set(element.get(), "id", 3U, "data", "0123456789", nullptr);
  g_object_set(identity.get(), "silent", TRUE, nullptr);
  Lane inject{std::move(element)};
  Lane nothing{std::move(identity)};

  std::puts("| rtpextinject, 1000-byte payload | packets/s per core | identity | ns per packet more |");
  std::puts("|---|---|---|---|");
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
    std::printf("| %s | %.2f M | %.2f M | %.0f |\n", lists ? "lists of 32" : "one by one", a / 1e6, b / 1e6,
                1e9 / a - 1e9 / b);
  }
  return 0;
}
