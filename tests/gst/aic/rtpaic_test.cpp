// SPDX-License-Identifier: LGPL-2.1-or-later
// Both elements in GStreamer: caps, pads, events, queries, states, messages. What they do with packets is
// tested in rtp/.
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gst/support/harness.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {
namespace {

using support::adopt;
using support::Owned;
using Wire = std::vector<std::uint8_t>;

constexpr const char* kCaps =
    "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96,a-framerate=(string)25";

/// A real stream, made once: RTP packets of openh264enc behind rtph264pay, an IDR picture every `kGop`
/// frames.
constexpr int kFrames = 60;
constexpr int kGop = 30;
const std::vector<Wire>& stream() {
  static const std::vector<Wire> packets = [] {
    std::vector<Wire> out;
    Owned<GstHarness> h{
        gst_harness_new_parse("videotestsrc num-buffers=60 pattern=ball ! "
                              "video/x-raw,width=320,height=240,framerate=25/1 ! openh264enc "
                              "bitrate=300000 gop-size=30 ! rtph264pay mtu=1200 ssrc=77 seqnum-offset=65500 "
                              "timestamp-offset=4294900000")};
    gst_harness_play(h.get());
    while (const auto buffer = adopt(gst_harness_pull(h.get()))) {
      const support::BufferMap map{buffer.get(), GST_MAP_READ};
      out.emplace_back(map.bytes().begin(), map.bytes().end());
      if (out.back()[1] & 0x80U) {
        int frames = 0;
        for (const Wire& p : out) frames += (p[1] & 0x80U) != 0 ? 1 : 0;
        if (frames == kFrames) break;
      }
    }
    return out;
  }();
  return packets;
}

Owned<GstBuffer> to_buffer(const Wire& wire) {
  if (wire.empty()) return adopt(gst_buffer_new());
  return adopt(gst_buffer_new_memdup(wire.data(), wire.size()));
}
Wire bytes_of(GstBuffer* buffer) {
  const support::BufferMap map{buffer, GST_MAP_READ};
  return {map.bytes().begin(), map.bytes().end()};
}
unsigned type_of(const Wire& wire) { return wire[1] & 0x7FU; }
unsigned sequence_of(const Wire& wire) { return (unsigned{wire[2]} << 8U) | wire[3]; }

Owned<GstHarness> harness(const char* line, const char* caps = kCaps) {
  auto h = adopt(gst_harness_new_parse(line));
  gst_harness_set_src_caps_str(h.get(), caps);
  return h;
}
std::vector<Wire> pull_all(GstHarness* h) {
  std::vector<Wire> out;
  while (const auto buffer = adopt(gst_harness_try_pull(h))) out.push_back(bytes_of(buffer.get()));
  return out;
}
std::vector<Wire> through(GstHarness* h, const std::vector<Wire>& packets) {
  std::vector<Wire> out;
  for (const Wire& p : packets) {
    EXPECT_EQ(gst_harness_push(h, to_buffer(p).release()), GST_FLOW_OK);
    for (Wire& w : pull_all(h)) out.push_back(std::move(w));
  }
  return out;
}
Owned<GstStructure> stats_of(GstHarness* h, const char* element) {
  const auto e = adopt(gst_harness_find_element(h, element));
  GstStructure* raw = nullptr;
  g_object_get(e.get(), "stats", &raw, nullptr);
  return adopt(raw);
}
std::uint64_t stat(GstHarness* h, const char* element, const char* field) {
  const auto stats = stats_of(h, element);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats.get(), field, &value)) << field;
  return value;
}
std::uint64_t cause(GstHarness* h, const char* name) {
  const auto stats = stats_of(h, "rtpaiccompress");
  GstStructure* raw = nullptr;
  EXPECT_TRUE(gst_structure_get(stats.get(), "causes", GST_TYPE_STRUCTURE, &raw, nullptr));
  const auto causes = adopt(raw);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(causes.get(), name, &value)) << name;
  return value;
}
std::vector<std::string> messages(GstBus* bus, const char* name) {
  std::vector<std::string> out;
  while (const auto message = adopt(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
    const GstStructure* what = gst_message_get_structure(message.get());
    if (!gst_structure_has_name(what, name)) continue;
    const char* reason = gst_structure_get_string(what, "reason");
    out.push_back(std::string{gst_structure_get_string(what, "state")} +
                  (reason != nullptr ? std::string{":"} + reason : ""));
  }
  return out;
}

/// A generous deadline: these tests are about what is done and not about how fast the machine is.
constexpr const char* kCompress = "rtpaiccompress deadline-ms=10000 profile=fast";

TEST(RtpAic, RestoresEveryPacketOfARealStream) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress restore=packets").c_str());
  EXPECT_EQ(through(h.get(), stream()), stream());
  EXPECT_GT(stat(h.get(), "rtpaiccompress", "coded"), 50U);
  EXPECT_EQ(stat(h.get(), "rtpaicdecompress", "restored"), stat(h.get(), "rtpaiccompress", "coded"));
  EXPECT_LT(stat(h.get(), "rtpaiccompress", "bytes-out"), stat(h.get(), "rtpaiccompress", "bytes-in"));
  EXPECT_GE(stat(h.get(), "rtpaiccompress", "acknowledged"), 1U) << "the upstream event is the back channel";
}

TEST(RtpAic, CountsTheWireAsItIs) {
  const auto h = harness(kCompress);
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  for (const Wire& p : stream()) in += p.size() + 28;
  for (const Wire& p : through(h.get(), stream())) out += p.size() + 28;
  EXPECT_EQ(stat(h.get(), "rtpaiccompress", "bytes-in"), in);
  EXPECT_EQ(stat(h.get(), "rtpaiccompress", "bytes-out"), out);
  gdouble saving = 0;
  const auto stats = stats_of(h.get(), "rtpaiccompress");
  ASSERT_TRUE(gst_structure_get_double(stats.get(), "saving", &saving));
  EXPECT_NEAR(saving, 100.0 * (1.0 - static_cast<double>(out) / static_cast<double>(in)), 1e-9);
}

TEST(RtpAicCompress, SendsItsOwnTypeInContiguousNumbersWithinTheMtu) {
  const auto h = harness((std::string{kCompress} + " pt=110 mtu=500").c_str());
  const auto out = through(h.get(), stream());
  std::map<unsigned, int> types;
  for (std::size_t i = 0; i < out.size(); ++i) {
    ++types[type_of(out[i])];
    if (type_of(out[i]) == 110) {
      EXPECT_LE(out[i].size(), 500U);
    }
    if (i > 0) {
      EXPECT_EQ(sequence_of(out[i]), (sequence_of(out[i - 1]) + 1) & 0xFFFFU);
    }
  }
  EXPECT_GT(types[110], 50);
  EXPECT_EQ(types[110] + types[96], static_cast<int>(out.size()));
}

TEST(RtpAicCompress, NamesItsTypeInTheCaps) {
  const auto h = harness((std::string{kCompress} + " pt=111").c_str());
  through(h.get(), stream());
  const auto caps = adopt(gst_pad_get_current_caps(h->sinkpad));
  gint value = 0;
  ASSERT_TRUE(gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "aic-payload", &value));
  EXPECT_EQ(value, 111);
  ASSERT_TRUE(gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "payload", &value));
  EXPECT_EQ(value, 96);
}

TEST(RtpAicDecompress, TakesTheTypeFromTheCapsAndGivesTheOriginalOnes) {
  const auto h = harness((std::string{kCompress} + " pt=111 ! rtpaicdecompress pt=99").c_str());
  through(h.get(), stream());
  EXPECT_GT(stat(h.get(), "rtpaicdecompress", "restored"), 50U);
  const auto caps = adopt(gst_pad_get_current_caps(h->sinkpad));
  EXPECT_FALSE(gst_structure_has_field(gst_caps_get_structure(caps.get(), 0), "aic-payload"));
  EXPECT_STREQ(gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "encoding-name"), "H264");
}

TEST(RtpAicDecompress, CutsPacketsToItsOwnMtu) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress mtu=300").c_str());
  std::size_t restored = 0;
  for (const Wire& p : through(h.get(), stream()))
    if (p.size() <= 300) ++restored;
  EXPECT_GT(restored, stream().size());
}

TEST(RtpAicCompress, PassesEverythingWhenOff) {
  const auto h = harness("rtpaiccompress mode=off");
  EXPECT_EQ(through(h.get(), stream()), stream());
  EXPECT_EQ(cause(h.get(), "off"), static_cast<std::uint64_t>(kFrames));
}

TEST(RtpAicCompress, SwitchesItsModeWhileItPlays) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress restore=packets").c_str());
  std::vector<Wire> out;
  for (std::size_t i = 0; i < stream().size(); ++i) {
    if (i % 7 == 0)
      gst_harness_set(h.get(), "rtpaiccompress", "mode", static_cast<gint>((i / 7) % 2), nullptr);
    for (Wire& w : through(h.get(), {stream()[i]})) out.push_back(std::move(w));
  }
  gst_harness_push_event(h.get(), gst_event_new_eos());
  for (Wire& w : pull_all(h.get())) out.push_back(std::move(w));
  EXPECT_EQ(out, stream());
}

TEST(RtpAicCompress, KeepsBufferListsTogetherAndTimestamps) {
  const auto h = harness(kCompress);
  guint lists = 0;
  const auto pad = adopt(gst_element_get_static_pad(h->element, "src"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER_LIST,
      [](GstPad*, GstPadProbeInfo*, gpointer count) {
        ++*static_cast<guint*>(count);
        return GST_PAD_PROBE_OK;
      },
      &lists, nullptr);
  auto list = adopt(gst_buffer_list_new());
  for (const Wire& p : stream()) {
    auto buffer = to_buffer(p);
    GST_BUFFER_PTS(buffer.get()) = 5 * GST_SECOND;
    gst_buffer_list_add(list.get(), buffer.release());
  }
  EXPECT_EQ(gst_pad_push_list(h->srcpad, list.release()), GST_FLOW_OK);
  EXPECT_EQ(lists, 1U);
  unsigned coded = 0;
  while (const auto buffer = adopt(gst_harness_try_pull(h.get()))) {
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 5 * GST_SECOND);
    const Wire wire = bytes_of(buffer.get());
    EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_MARKER) && type_of(wire) == 97,
              (wire[1] & 0x80U) != 0 && type_of(wire) == 97);
    coded += type_of(wire) == 97 ? 1 : 0;
  }
  EXPECT_GT(coded, 50U);
}

TEST(RtpAic, ShowsNothingThatWasNotSentWhenPacketsAreLost) {
  const auto near = harness(kCompress);
  const auto far = harness("rtpaicdecompress reorder-ms=0 restore=packets");
  const std::vector<Wire> wire = through(near.get(), stream());
  std::vector<Wire> out;
  for (std::size_t i = 0; i < wire.size(); ++i)
    if (i % 11 != 10) {
      for (Wire& w : through(far.get(), {wire[i]})) out.push_back(std::move(w));
    }
  std::map<Wire, int> sent;
  // After a loss sequence numbers are guesses until the next chain; everything else is as it was sent.
  const auto unnumbered = [](Wire w) {
    w[2] = w[3] = 0;
    return w;
  };
  for (const Wire& p : stream()) ++sent[unnumbered(p)];
  for (const Wire& p : out) EXPECT_GE(--sent[unnumbered(p)], 0);
  EXPECT_GT(out.size(), 5U);
  EXPECT_LT(out.size(), stream().size());
  EXPECT_EQ(stat(far.get(), "rtpaicdecompress", "corrupt"), 0U);
  EXPECT_GT(stat(far.get(), "rtpaicdecompress", "lost"), 10U);
  EXPECT_GT(stat(far.get(), "rtpaicdecompress", "requests"), 0U);
}

/// What a source sends before its data.
void begin_rtcp(GstPad* pad) {
  gst_pad_send_event(pad, gst_event_new_stream_start("rtcp"));
  const auto caps = adopt(gst_caps_new_empty_simple("application/x-rtcp"));
  gst_pad_send_event(pad, gst_event_new_caps(caps.get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_send_event(pad, gst_event_new_segment(&segment));
}

/// Leads RTCP from one harness to the other until both have been served.
struct BackChannel {
  Owned<GstHarness> near = harness(kCompress);
  Owned<GstHarness> far = harness("rtpaicdecompress reorder-ms=0");
  Owned<GstElement> compress = adopt(gst_harness_find_element(near.get(), "rtpaiccompress"));
  Owned<GstElement> decompress = adopt(gst_harness_find_element(far.get(), "rtpaicdecompress"));
  Owned<GstPad> out = adopt(gst_element_request_pad_simple(decompress.get(), "rtcp_src"));
  Owned<GstPad> in = adopt(gst_element_request_pad_simple(compress.get(), "rtcp_sink"));
  std::vector<Wire> rtcp;

  BackChannel() {
    begin_rtcp(in.get());
    gst_pad_add_probe(
        out.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer self) {
          static_cast<BackChannel*>(self)->rtcp.push_back(bytes_of(GST_PAD_PROBE_INFO_BUFFER(info)));
          return GST_PAD_PROBE_DROP;
        },
        this, nullptr);
  }
  ~BackChannel() {
    gst_element_release_request_pad(decompress.get(), out.get());
    gst_element_release_request_pad(compress.get(), in.get());
  }
  BackChannel(const BackChannel&) = delete;
  BackChannel& operator=(const BackChannel&) = delete;

  std::vector<Wire> send(const Wire& packet, bool lose = false) {
    std::vector<Wire> received;
    for (const Wire& w : through(near.get(), {packet}))
      if (!lose) {
        for (Wire& r : through(far.get(), {w})) received.push_back(std::move(r));
      }
    for (const Wire& p : rtcp) EXPECT_EQ(gst_pad_chain(in.get(), to_buffer(p).release()), GST_FLOW_OK);
    rtcp.clear();
    return received;
  }
};

TEST(RtpAic, RecoversByRtcpWithoutAnIdrPicture) {
  BackChannel both;
  std::size_t frame = 0;
  std::vector<std::size_t> seen;
  for (const Wire& p : stream()) {
    const bool lose = frame == 10;
    if (!both.send(p, lose).empty() && (seen.empty() || seen.back() != frame)) seen.push_back(frame);
    frame += (p[1] & 0x80U) != 0 ? 1U : 0U;
    if (frame == kGop) break;  // before the next IDR picture
  }
  EXPECT_EQ(stat(both.near.get(), "rtpaiccompress", "resyncs"), 1U);
  EXPECT_EQ(stat(both.near.get(), "rtpaiccompress", "chains"), 2U);
  EXPECT_EQ(seen.size(), kGop - 2U) << "the lost one and that which showed the loss";
  EXPECT_EQ(stat(both.far.get(), "rtpaicdecompress", "resyncs"), 1U);
}

TEST(RtpAic, SpeaksRtcpThatOthersUnderstand) {
  BackChannel both;
  std::vector<Wire> all;
  for (std::size_t i = 0; i < 10; ++i) {
    for (const Wire& w : through(both.near.get(), {stream()[i]})) through(both.far.get(), {w});
    all.insert(all.end(), both.rtcp.begin(), both.rtcp.end());
    both.rtcp.clear();
  }
  ASSERT_FALSE(all.empty());
  for (const Wire& p : all) {
    const auto buffer = to_buffer(p);
    EXPECT_TRUE(gst_rtcp_buffer_validate(buffer.get()));
    GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
    ASSERT_TRUE(gst_rtcp_buffer_map(buffer.get(), GST_MAP_READ, &rtcp));
    GstRTCPPacket packet;
    ASSERT_TRUE(gst_rtcp_buffer_get_first_packet(&rtcp, &packet));
    EXPECT_EQ(gst_rtcp_packet_get_type(&packet), GST_RTCP_TYPE_RR);
    ASSERT_TRUE(gst_rtcp_packet_move_to_next(&packet));
    EXPECT_EQ(gst_rtcp_packet_get_type(&packet), GST_RTCP_TYPE_APP);
    EXPECT_EQ(std::string(gst_rtcp_packet_app_get_name(&packet), 4), "AIC1");
    gst_rtcp_buffer_unmap(&rtcp);
  }
}

TEST(RtpAic, StartsItsRtcpAsAStreamOfItsOwn) {
  BackChannel both;
  for (std::size_t i = 0; i < 10; ++i) both.send(stream()[i]);
  const auto caps = adopt(gst_pad_get_current_caps(both.out.get()));
  ASSERT_NE(caps, nullptr);
  EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "application/x-rtcp"));
  EXPECT_NE(adopt(gst_pad_get_sticky_event(both.out.get(), GST_EVENT_SEGMENT, 0)), nullptr);
  EXPECT_TRUE(gst_harness_push_event(both.far.get(), gst_event_new_eos()));
  EXPECT_NE(adopt(gst_pad_get_sticky_event(both.out.get(), GST_EVENT_EOS, 0)), nullptr)
      << "a pipeline ends when all its sinks have";
}

TEST(RtpAicCompress, IgnoresStrangeRtcp) {
  const auto h = harness(kCompress);
  const auto element = adopt(gst_harness_find_element(h.get(), "rtpaiccompress"));
  const auto pad = adopt(gst_element_request_pad_simple(element.get(), "rtcp_sink"));
  ASSERT_NE(pad, nullptr);
  begin_rtcp(pad.get());
  for (const Wire& bad : {Wire{}, Wire{0x80}, Wire{0x81, 204, 0, 9, 1, 2}, Wire(2000, 0xFF)})
    EXPECT_EQ(gst_pad_chain(pad.get(), to_buffer(bad).release()), GST_FLOW_OK);
  through(h.get(), stream());
  EXPECT_EQ(stat(h.get(), "rtpaiccompress", "feedback"), 0U);
  gst_element_release_request_pad(element.get(), pad.get());
}

TEST(RtpAic, RefuseAStreamThatHasTheTypeOfCodedPackets) {
  for (const char* name : {"rtpaiccompress", "rtpaicdecompress"}) {
    const auto h = adopt(gst_harness_new(name));
    const auto bus = adopt(gst_bus_new());
    gst_element_set_bus(h->element, bus.get());
    gst_harness_set_src_caps_str(
        h.get(), "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=97");
    const auto message = adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
    ASSERT_NE(message, nullptr) << name;
    const GstStructure* details = nullptr;
    gst_message_parse_error_details(message.get(), &details);
    ASSERT_NE(details, nullptr);
    EXPECT_STREQ(gst_structure_get_string(details, "cause"), "payload-type");
    EXPECT_EQ(adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)), nullptr) << "one error, not more";
    gst_element_set_bus(h->element, nullptr);
  }
}

TEST(RtpAic, DropsAndCountsWhatIsNoRtp) {
  for (const char* name : {"rtpaiccompress", "rtpaicdecompress"}) {
    const auto h = harness(name);
    for (const Wire& bad : {Wire{}, Wire{1, 2, 3}, Wire(11, 0x80), Wire(40, 0)})
      EXPECT_EQ(gst_harness_push(h.get(), to_buffer(bad).release()), GST_FLOW_OK);
    EXPECT_TRUE(pull_all(h.get()).empty());
    EXPECT_EQ(stat(h.get(), name, "malformed"), 4U);
  }
}

TEST(RtpAic, PassRtcpOnTheSamePort) {
  const Wire report{0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const char* name : {"rtpaiccompress", "rtpaicdecompress"}) {
    const auto h = harness(name);
    EXPECT_EQ(through(h.get(), {report}), std::vector<Wire>{report});
  }
}

TEST(RtpAicCompress, TellsTheFirstNativeAccessUnitOfEachCause) {
  const auto h = harness("rtpaiccompress deadline-ms=1 profile=max");
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(h->element, bus.get());
  auto some = stream();
  some.erase(some.begin() + 2);  // a packet of the first picture
  through(h.get(), some);
  const auto said = messages(bus.get(), "rtpaiccompress");
  EXPECT_EQ(std::count(said.begin(), said.end(), "native:incomplete"), 1);
  EXPECT_GE(cause(h.get(), "incomplete"), 1U);
  gst_element_set_bus(h->element, nullptr);
}

TEST(RtpAicDecompress, TellsWhenItIsLostAndWhenItFollowsAgain) {
  BackChannel both;
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(both.far->element, bus.get());
  std::size_t frame = 0;
  for (const Wire& p : stream()) {
    both.send(p, frame == 10);
    frame += (p[1] & 0x80U) != 0 ? 1U : 0U;
  }
  EXPECT_EQ(messages(bus.get(), "rtpaicdecompress"), (std::vector<std::string>{"lost", "following"}));
  gst_element_set_bus(both.far->element, nullptr);
}

TEST(RtpAic, SendTheLastAccessUnitAtTheEnd) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress restore=packets").c_str());
  std::vector<Wire> unmarked{stream().begin(), stream().end()};
  while ((unmarked.back()[1] & 0x80U) != 0) unmarked.pop_back();  // ends within an access unit
  auto out = through(h.get(), unmarked);
  EXPECT_TRUE(gst_harness_push_event(h.get(), gst_event_new_eos()));
  for (Wire& w : pull_all(h.get())) out.push_back(std::move(w));
  EXPECT_EQ(out, unmarked);
}

TEST(RtpAic, ForgetAFlushedAccessUnitAndGoOn) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress").c_str());
  const std::size_t half = stream().size() / 2;
  through(h.get(), {stream().begin(), stream().begin() + static_cast<std::ptrdiff_t>(half)});
  gst_harness_push_event(h.get(), gst_event_new_flush_start());
  gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  const auto out = through(h.get(), {stream().begin() + static_cast<std::ptrdiff_t>(half), stream().end()});
  EXPECT_GT(out.size(), stream().size() / 4);
}

TEST(RtpAic, ForgetTheStreamInReady) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress restore=packets").c_str());
  through(h.get(), stream());
  gst_element_set_state(h->element, GST_STATE_READY);
  EXPECT_GT(stat(h.get(), "rtpaiccompress", "coded"), 0U) << "the counts of the last stream stay readable";
  gst_element_set_state(h->element, GST_STATE_PLAYING);
  EXPECT_EQ(stat(h.get(), "rtpaiccompress", "coded"), 0U);
  EXPECT_EQ(stat(h.get(), "rtpaicdecompress", "restored"), 0U);
}

TEST(RtpAic, AddTheirLatency) {
  for (const auto& [line, added] : std::vector<std::pair<const char*, GstClockTime>>{
           {"rtpaiccompress deadline-ms=30", 70 * GST_MSECOND},
           {"rtpaiccompress mode=off", 0},
           {"rtpaicdecompress reorder-ms=20", 100 * GST_MSECOND}}) {
    const auto h = harness(line);
    gst_harness_set_upstream_latency(h.get(), 100 * GST_MSECOND);
    EXPECT_EQ(gst_harness_query_latency(h.get()), 100 * GST_MSECOND + added) << line;
  }
}

TEST(RtpAic, PassUpstreamRequestsForKeyframes) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress").c_str());
  through(h.get(), {stream()[0]});
  gst_harness_push_upstream_event(
      h.get(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("GstForceKeyUnit")));
  bool found = false;
  while (const auto event = adopt(gst_harness_try_pull_upstream_event(h.get())))
    found = found || gst_event_has_name(event.get(), "GstForceKeyUnit") != FALSE;
  EXPECT_TRUE(found);
}

TEST(RtpAic, PassTheFlowOfDownstreamOn) {
  const auto h = harness(kCompress);
  const auto pad = adopt(gst_element_get_static_pad(h->element, "src"));
  ASSERT_TRUE(gst_pad_unlink(pad.get(), h->sinkpad));
  GstFlowReturn flow = GST_FLOW_OK;
  for (std::size_t i = 0; i < stream().size() && flow == GST_FLOW_OK; ++i)
    flow = gst_harness_push(h.get(), to_buffer(stream()[i]).release());
  EXPECT_EQ(flow, GST_FLOW_NOT_LINKED);
  gst_pad_link(pad.get(), h->sinkpad);
}

TEST(RtpAicCompress, GoesOnWithoutTheHeaderExtension) {
  // The plugin that has it is not loaded here.
  const auto h =
      harness((std::string{kCompress} + " extension-id=5 ! rtpaicdecompress restore=packets").c_str());
  EXPECT_EQ(through(h.get(), stream()), stream());
}

TEST(RtpAicDecompress, WorksBehindAJitterBuffer) {
  // Without `payload` in the caps the jitter buffer takes both types; with it, it would look for the clock
  // rate of the other one elsewhere.
  const auto near = harness(kCompress);
  const auto far = harness("rtpjitterbuffer latency=0 ! rtpaicdecompress reorder-ms=0",
                           "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264");
  gst_harness_use_testclock(far.get());
  std::size_t sent = 0;
  for (const Wire& w : through(near.get(), stream())) {
    auto buffer = to_buffer(w);
    GST_BUFFER_DTS(buffer.get()) = GST_BUFFER_PTS(buffer.get()) = 0;
    EXPECT_EQ(gst_harness_push(far.get(), buffer.release()), GST_FLOW_OK);
    ++sent;
  }
  // Everything comes out; the jitter buffer pushes from its own thread.
  std::size_t units = 0;
  while (units < kFrames) {
    const auto buffer = adopt(gst_harness_pull(far.get()));
    ASSERT_NE(buffer, nullptr) << "after " << units;
    units += (bytes_of(buffer.get())[1] & 0x80U) != 0 ? 1U : 0U;
  }
  EXPECT_GT(sent, 50U);
  EXPECT_GT(stat(far.get(), "rtpaicdecompress", "restored"), 50U);
}

TEST(RtpAic, MayBeConfiguredAndReadFromOtherThreads) {
  const auto h = harness((std::string{kCompress} + " ! rtpaicdecompress").c_str());
  const auto compress = adopt(gst_harness_find_element(h.get(), "rtpaiccompress"));
  const auto decompress = adopt(gst_harness_find_element(h.get(), "rtpaicdecompress"));
  std::jthread writer{[&](const std::stop_token& stop) {
    for (gint i = 0; !stop.stop_requested(); ++i) {
      g_object_set(compress.get(), "mode", i % 2, "verify", i / 2 % 2, "epoch",
                   static_cast<guint>(i % 3 * 100), nullptr);
      g_object_set(decompress.get(), "restore", i % 2, nullptr);
    }
  }};
  std::jthread reader{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      stats_of(h.get(), "rtpaiccompress");
      stats_of(h.get(), "rtpaicdecompress");
    }
  }};
  through(h.get(), stream());
  writer.request_stop();
  reader.request_stop();
  writer.join();
  reader.join();
  EXPECT_EQ(stat(h.get(), "rtpaicdecompress", "corrupt"), 0U);
}

}  // namespace
}  // namespace auralink::aic
