// SPDX-License-Identifier: LGPL-2.1-or-later
// A real clip, a real encoder that is asked for IDR pictures when one is missed, the real engine, a network
// that loses: no access unit comes out that did not go in, and what comes out decodes to the frames that the
// sender's stream decodes to.
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "gst/aic/core/rtp/lossless_engine.hpp"
#include "gst/support/harness.hpp"
#include "tests/gst/aic/encoders.hpp"
#include "tests/gst/aic/rtp/simulation.hpp"

namespace auralink::aic {
namespace {

using rtp::test::Simulation;
using rtp::test::Weather;
using support::adopt;
using support::Owned;

constexpr int kFrames = 120;
constexpr int kFrom = 60;  // the clip stands still before

rtp::Time wall() noexcept { return g_get_monotonic_time(); }

/// Raw pictures of a clip.
const std::vector<Owned<GstBuffer>>& pictures() {
  static const std::vector<Owned<GstBuffer>> all = [] {
    std::vector<Owned<GstBuffer>> out;
    const auto pipeline = support::sink(gst_parse_launch(
        (std::string{"filesrc location="} + test::kCockatoo +
         " ! decodebin ! videoconvert ! videoscale ! video/x-raw,format=I420,width=320,height=240 ! "
         "appsink name=out sync=false")
            .c_str(),
        nullptr));
    const auto sink = adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    for (int i = 0; i < kFrom + kFrames; ++i) {
      const auto sample = adopt(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
      if (sample == nullptr) break;
      if (i >= kFrom) out.push_back(support::share_mini(gst_sample_get_buffer(sample.get())));
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return out;
  }();
  return all;
}

class Encoder {
 public:
  Encoder() {
    gst_harness_set_src_caps_str(harness_.get(),
                                 "video/x-raw,format=I420,width=320,height=240,framerate=25/1");
  }
  AccessUnit next(bool key) {
    if (key)
      gst_harness_push_event(harness_.get(),
                             gst_video_event_new_downstream_force_key_unit(
                                 GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, TRUE, 0));
    auto picture = adopt(gst_buffer_copy(pictures()[index_ % pictures().size()].get()));
    GST_BUFFER_PTS(picture.get()) = index_++ * 40 * GST_MSECOND;
    EXPECT_EQ(gst_harness_push(harness_.get(), picture.release()), GST_FLOW_OK);
    const auto coded = adopt(gst_harness_pull(harness_.get()));
    const support::BufferMap map{coded.get(), GST_MAP_READ};
    return test::split(map.bytes());
  }

 private:
  Owned<GstHarness> harness_{gst_harness_new_parse("openh264enc bitrate=250000 gop-size=3000")};
  std::size_t index_ = 0;
};

/// The checksum of each decoded picture, by the number of its access unit.
std::map<std::uint64_t, std::string> decode(const std::map<std::uint64_t, AccessUnit>& units) {
  std::map<std::uint64_t, std::string> out;
  const auto h = adopt(gst_harness_new_parse("avdec_h264 max-threads=1"));
  gst_harness_set_src_caps_str(h.get(), "video/x-h264,stream-format=byte-stream,alignment=au");
  const auto collect = [&] {
    while (const auto picture = adopt(gst_harness_try_pull(h.get()))) {
      const support::BufferMap map{picture.get(), GST_MAP_READ};
      const Owned<gchar> sum{
          g_compute_checksum_for_data(G_CHECKSUM_SHA1, map.bytes().data(), map.bytes().size())};
      out[GST_BUFFER_PTS(picture.get()) / GST_MSECOND] = sum.get();
    }
  };
  for (const auto& [number, unit] : units) {
    std::vector<std::uint8_t> stream;
    for (std::size_t i = 0; i < unit.count(); ++i) {
      stream.insert(stream.end(), {0, 0, 0, 1});
      const Bytes nal = unit.nal(i);
      stream.insert(stream.end(), nal.begin(), nal.end());
    }
    auto buffer = adopt(gst_buffer_new_memdup(stream.data(), stream.size()));
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = number * GST_MSECOND;
    EXPECT_EQ(gst_harness_push(h.get(), buffer.release()), GST_FLOW_OK);
    collect();
  }
  gst_harness_push_event(h.get(), gst_event_new_eos());
  collect();
  return out;
}

struct Case {
  const char* name;
  Weather weather;
  int burst_every = 0;
};
class Loss : public testing::TestWithParam<Case> {};

TEST_P(Loss, LeavesOnlyPicturesThatTheSenderSees) {
  rtp::LosslessEngine near{Limits{}, wall};
  rtp::LosslessEngine far{Limits{}, wall};
  near.set_mirror(true);
  Simulation sim{near, far, {.delay = GetParam().weather.delay}, 3};
  sim.packet_limit = 288;
  sim.sender_settings.mtu = 300;  // several packets an access unit
  sim.sender_settings.pace.high = 1e9;
  sim.sender_settings.epoch_us = 400'000;
  sim.settings.reorder_us = GetParam().weather.jitter > 0 ? 20'000 : 0;
  Encoder encoder;
  sim.source = [&](bool key) { return encoder.next(key); };
  int packets = 0;
  int burst = 0;
  sim.drop = [&](const rtp::Packet&, Bytes) {
    if (GetParam().burst_every > 0 && ++packets % GetParam().burst_every == 0) burst = 20;
    return burst > 0 && burst-- > 0;
  };
  sim.run(2);
  sim.weather = GetParam().weather;
  sim.run(kFrames - 2);
  sim.drain();
  EXPECT_EQ(sim.wrong, 0U);
  EXPECT_EQ(sim.receiver->stats().units_corrupt, 0U);
  EXPECT_GE(sim.sender->stats().units_coded, kFrames * 3U / 4U);

  // What H.264 needs is there: from each IDR picture on, up to the next loss.
  std::map<std::uint64_t, AccessUnit> sent;
  std::map<std::uint64_t, AccessUnit> delivered;
  std::map<std::uint32_t, bool> out;
  for (const std::uint32_t timestamp : sim.restored) out[timestamp] = true;
  bool open = false;
  std::uint64_t number = 0;
  std::uint32_t timestamp = 0xFFFF0000U;
  for (int i = 0; i < kFrames; ++i) {
    timestamp += rtp::test::kTicks;
    const auto& unit = sim.units.at(timestamp);
    sent[++number] = unit.unit;
    open = (open || unit.key) && out.contains(timestamp);
    if (open) delivered[number] = unit.unit;
    if (unit.asked_for && !unit.harmed) {
      EXPECT_TRUE(out.contains(timestamp)) << "IDR picture " << i;
    }
  }
  const auto as_sent = decode(sent);
  const auto as_delivered = decode(delivered);
  EXPECT_EQ(as_sent.size(), static_cast<std::size_t>(kFrames));
  EXPECT_EQ(as_delivered.size(), delivered.size());
  for (const auto& [at, sum] : as_delivered) EXPECT_EQ(sum, as_sent.at(at)) << at;
  std::printf(
      "%-12s %3zu of %d access units out, %3zu in pictures that can be shown, %zu outages, %llu chains\n",
      GetParam().name, out.size(), kFrames, delivered.size(), sim.outages.size(),
      static_cast<unsigned long long>(sim.sender->stats().chains));
  if (GetParam().weather.loss == 0 && GetParam().burst_every == 0) {
    EXPECT_EQ(delivered.size(), static_cast<std::size_t>(kFrames));
  } else {
    EXPECT_GE(sim.outages.size(), 1U);
    EXPECT_GE(delivered.size(), static_cast<std::size_t>(kFrames) / 10);
  }
}
INSTANTIATE_TEST_SUITE_P(Networks, Loss,
                         testing::Values(Case{"no loss", {}}, Case{"1 %", {.loss = 0.01}},
                                         Case{"3 %", {.loss = 0.03}}, Case{"5 %", {.loss = 0.05}},
                                         Case{"bursts of 20", {}, 150},
                                         Case{"reordering", {.jitter = 15'000}}));

}  // namespace
}  // namespace auralink::aic
