// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame info of what GStreamer's encoders and payloaders make, against what the encoder says of its frames.
#include <gst/app/gstappsink.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "gst/rtphdrext/core/frame_info/frame_info.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

using support::adopt;

constexpr int kFrames = 30;

struct Stream {
  const char* name;
  const char* encoder;  ///< up to what the payloader takes, one buffer per frame
  const char* payloader;
  Codec codec;
};

/// Whether the frame is a keyframe, by its time.
using Truth = std::map<GstClockTime, bool>;

GstPadProbeReturn note_frame(GstPad* /*pad*/, GstPadProbeInfo* info, gpointer data) {
  const GstBuffer* frame = GST_PAD_PROBE_INFO_BUFFER(info);
  (*static_cast<Truth*>(data))[GST_BUFFER_PTS(frame)] =
      !GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
  return GST_PAD_PROBE_OK;
}

struct Seen {
  int packets = 0;
  int starts = 0;
  int ends = 0;
  bool key = false;
  bool start_first = false;
  bool end_last = false;
};

class Streams : public testing::TestWithParam<Stream> {
 protected:
  /// What is seen of each frame.
  std::map<GstClockTime, Seen> run(Truth& truth) {
    const auto& stream = GetParam();
    const std::string line = "videotestsrc num-buffers=" + std::to_string(kFrames) +
                             " pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! " +
                             stream.encoder + " ! " + stream.payloader +
                             " name=pay mtu=200 ! appsink name=out " + "sync=false";
    const auto pipeline = support::sink(gst_parse_launch(line.c_str(), nullptr));
    const auto pay = adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "pay"));
    const auto out = adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
    const auto pad = adopt(gst_element_get_static_pad(pay.get(), "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, note_frame, &truth, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    std::map<GstClockTime, Seen> frames;
    FrameTracker tracker;
    while (const auto sample = adopt(gst_app_sink_pull_sample(GST_APP_SINK(out.get())))) {
      GstBuffer* packet = gst_sample_get_buffer(sample.get());
      const support::BufferMap map{packet, GST_MAP_READ};
      const auto header = parse_header(map.bytes(), map.bytes().size());
      if (header.value() == nullptr) break;
      const auto fragment = read_fragment(stream.codec, map.bytes().subspan(header.value()->payload_offset));
      if (!fragment) {
        ADD_FAILURE() << "unreadable payload";
        break;
      }
      const FrameInfo info = tracker.next(*header.value(), *fragment);
      Seen& seen = frames[GST_BUFFER_PTS(packet)];
      seen.start_first = seen.packets == 0 ? info.start : seen.start_first;
      seen.end_last = info.end;
      ++seen.packets;
      seen.starts += info.start ? 1 : 0;
      seen.ends += info.end ? 1 : 0;
      seen.key = seen.key || info.key;
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return frames;
  }
};

TEST_P(Streams, AreToldFrameByFrame) {
  Truth truth;
  const auto frames = run(truth);
  ASSERT_EQ(truth.size(), std::size_t{kFrames});
  ASSERT_EQ(frames.size(), truth.size());
  int packets = 0;
  int keys = 0;
  for (const auto& [time, seen] : frames) {
    ASSERT_TRUE(truth.contains(time));
    EXPECT_EQ(seen.key, truth.at(time)) << time;
    EXPECT_EQ(seen.starts, 1) << time;
    EXPECT_EQ(seen.ends, 1) << time;
    EXPECT_TRUE(seen.start_first && seen.end_last) << time;
    packets += seen.packets;
    keys += seen.key ? 1 : 0;
  }
  EXPECT_GT(packets, kFrames * 3 / 2) << "frames of one packet would show little";
  EXPECT_GT(keys, 1);
  EXPECT_LT(keys, kFrames);
}

constexpr Stream kStreams[] = {
    {"H264Slices",
     "x264enc key-int-max=10 sliced-threads=true threads=4 bframes=0 ! h264parse ! "
     "video/x-h264,stream-format=byte-stream,alignment=au",
     "rtph264pay aggregate-mode=none", Codec::kH264},
    {"H264Aggregated", "x264enc key-int-max=10 bframes=0 ! h264parse ! video/x-h264,alignment=au",
     "rtph264pay aggregate-mode=zero-latency config-interval=-1", Codec::kH264},
    {"H264OpenH264", "openh264enc gop-size=10 ! h264parse ! video/x-h264,alignment=au",
     "rtph264pay aggregate-mode=max-stap config-interval=-1", Codec::kH264},
    {"H265",
     "x265enc key-int-max=10 option-string=bframes=0:log-level=none ! h265parse ! "
     "video/x-h265,alignment=au",
     "rtph265pay aggregate-mode=none", Codec::kH265},
    {"H265Aggregated",
     "x265enc key-int-max=10 option-string=bframes=0:log-level=none ! h265parse ! "
     "video/x-h265,alignment=au",
     "rtph265pay aggregate-mode=zero-latency config-interval=-1", Codec::kH265},
    {"Vp8", "vp8enc deadline=1 keyframe-max-dist=10", "rtpvp8pay picture-id-mode=15-bit", Codec::kVp8},
    {"Vp8Partitions", "vp8enc deadline=1 keyframe-max-dist=10 token-partitions=4", "rtpvp8pay", Codec::kVp8},
    {"Vp9", "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=10", "rtpvp9pay picture-id-mode=15-bit",
     Codec::kVp9},
};
INSTANTIATE_TEST_SUITE_P(Encoders, Streams, testing::ValuesIn(kStreams),
                         [](const auto& one) { return std::string{one.param.name}; });

}  // namespace
}  // namespace auralink::rtphdrext
