// SPDX-License-Identifier: LGPL-2.1-or-later
// Which elements rtpextinject writes, where their values and ids come from, and what the caps say of it.
#include <gst/audio/gstaudiometa.h>
#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/rtphdrext/core/frame_info/frame_info.hpp"
#include "gst/rtphdrext/core/values.hpp"
#include "tests/gst/rtphdrext/harnessed.hpp"

namespace auralink::rtphdrext {
namespace {

using support::adopt;
using support::Owned;
using test::bytes_of;
using test::element_of;
using test::packet;
using test::payloaded;
using test::stat;
using test::through;
using test::to_buffer;
using test::Wire;

constexpr char kSendTimeUri[] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
constexpr char kMidUri[] = "urn:ietf:params:rtp-hdrext:sdes:mid";

Owned<GstHarness> harness(const std::string& properties, const std::string& caps = "encoding-name=VP8") {
  auto h = adopt(gst_harness_new_parse(("rtpextinject " + properties).c_str()));
  gst_harness_set_src_caps_str(h.get(), ("application/x-rtp,clock-rate=90000,payload=96," + caps).c_str());
  return h;
}

/// A field of the caps that leave; empty when it is not there.
std::string caps_field(GstHarness* h, const char* field) {
  const auto caps = adopt(gst_pad_get_current_caps(h->sinkpad));
  if (caps == nullptr) return "no caps";
  const GValue* value = gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), field);
  if (value == nullptr) return "";
  return adopt(gst_value_serialize(value)).get();
}

double seconds(std::uint64_t ntp) { return std::ldexp(static_cast<double>(ntp), -32); }
std::uint64_t big_endian(const Wire& wire) {
  std::uint64_t out = 0;
  for (const auto byte : wire) out = out << 8U | byte;
  return out;
}
double wall_seconds() {
  return seconds(
      static_cast<std::uint64_t>(ntp_from_unix(static_cast<std::uint64_t>(g_get_real_time()) * GST_USECOND)));
}
constexpr double kTolerance = 20.0;  // seconds; for very loaded machines, not for us

TEST(RtpExtInject, WritesSeveralElementsAtOnce) {
  const auto h = harness("id=7 data=01a2 mid-id=4 mid=ab audio-level-id=1 audio-level=30 voice=true");
  const auto out = through(h.get(), to_buffer(packet({})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(element_of(out.get(), 7), (Wire{0x01, 0xA2}));
  EXPECT_EQ(element_of(out.get(), 4), (Wire{'a', 'b'}));
  EXPECT_EQ(element_of(out.get(), 1), (Wire{0x9E}));
  EXPECT_EQ(stat(h.get(), "injected"), 1U);
  EXPECT_EQ(stat(h.get(), "mid-written"), 1U);
  EXPECT_EQ(stat(h.get(), "audio-level-written"), 1U);
  EXPECT_EQ(stat(h.get(), "frame-info-written"), 0U);
}

TEST(RtpExtInject, SharesThePayloadOfAPacketInOneMemory) {
  const auto h = harness("mid-id=4 mid=ab");
  auto in = to_buffer(packet({.payload = Wire(100, 0x42)}));
  const auto* address = support::BufferMap{in.get(), GST_MAP_READ}.bytes().data();
  const auto out = through(h.get(), std::move(in));
  ASSERT_NE(out, nullptr);
  ASSERT_EQ(gst_buffer_n_memory(out.get()), 2U);
  const support::MemoryMap payload{gst_buffer_peek_memory(out.get(), 1), GST_MAP_READ};
  EXPECT_EQ(payload.bytes().data(), address + 12) << "the payload was copied";
  EXPECT_EQ(payload.bytes().size(), 100U);
}

TEST(RtpExtInject, LeavesMemoryThatOthersHoldUntouched) {
  const auto h = harness("mid-id=4 mid=ab");
  const Wire wire = packet({});
  const auto held = to_buffer(wire);
  auto in = adopt(gst_buffer_new());
  gst_buffer_append_memory(in.get(), gst_buffer_get_all_memory(held.get()));
  EXPECT_EQ(element_of(through(h.get(), std::move(in)).get(), 4), (Wire{'a', 'b'}));
  EXPECT_EQ(bytes_of(held.get()), wire);
}

TEST(RtpExtInject, ChangesAnElementOfTheSameSizeInItsPlace) {
  const auto h = harness("mid-id=4 mid=ab");
  auto in = to_buffer(packet({.profile = 0xBEDE, .extension = {0x41, 'x', 'y', 0}}));
  const auto* memory = gst_buffer_peek_memory(in.get(), 0);
  const auto out = through(h.get(), std::move(in));
  ASSERT_NE(out, nullptr);
  ASSERT_EQ(gst_buffer_n_memory(out.get()), 1U);
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
  EXPECT_EQ(bytes_of(out.get()), packet({.profile = 0xBEDE, .extension = {0x41, 'a', 'b', 0}}));
}

TEST(RtpExtInject, DoesNotChangeAnElementInMemoryThatOthersHold) {
  const auto h = harness("mid-id=4 mid=ab");
  const Wire wire = packet({.profile = 0xBEDE, .extension = {0x41, 'x', 'y', 0}});
  const auto held = to_buffer(wire);
  auto shares_memory = adopt(gst_buffer_copy(held.get()));
  for (auto* in : {gst_buffer_ref(held.get()), shares_memory.release()}) {
    const auto out = through(h.get(), adopt(in));
    EXPECT_EQ(element_of(out.get(), 4), (Wire{'a', 'b'}));
    EXPECT_EQ(bytes_of(held.get()), wire);
  }
}

TEST(RtpExtInject, RewritesAPacketWithoutPayload) {
  const auto h = harness("mid-id=4 mid=ab");
  const auto out = through(h.get(), to_buffer(packet({.payload = {}})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(gst_buffer_get_size(out.get()), 12U + 8U);
  EXPECT_EQ(element_of(out.get(), 4), (Wire{'a', 'b'}));
}

TEST(RtpExtInject, WritesTheTimeOfSending) {
  const auto h = harness("abs-send-time-id=3");
  const double before = wall_seconds();
  const auto out = through(h.get(), payloaded(10, 1));
  const Wire wire = element_of(out.get(), 3);
  ASSERT_EQ(wire.size(), 3U);
  const double written = std::ldexp(static_cast<double>(big_endian(wire)), -18);
  const double late = std::fmod(written - std::fmod(before, 64.0) + 64.0, 64.0);
  EXPECT_TRUE(late < kTolerance || late > 63.9) << late;
}

TEST(RtpExtInject, GivesAListOneTimeOfSending) {
  const auto h = harness("abs-send-time-id=3");
  auto list = adopt(gst_buffer_list_new());
  for (int i = 0; i < 3; ++i) gst_buffer_list_add(list.get(), payloaded(10, 1).release());
  EXPECT_EQ(gst_pad_push_list(h->srcpad, list.release()), GST_FLOW_OK);
  const Wire first = element_of(adopt(gst_harness_pull(h.get())).get(), 3);
  EXPECT_EQ(first.size(), 3U);
  for (int i = 1; i < 3; ++i) EXPECT_EQ(element_of(adopt(gst_harness_pull(h.get())).get(), 3), first);
}

TEST(RtpExtInject, TakesTheTimeOfCaptureFromAReference) {
  const auto h = harness("abs-capture-time-id=3");
  for (const bool ntp : {true, false}) {
    auto in = payloaded(10, 1);
    {
      support::RtpMap map{in.get(), GST_MAP_READWRITE};
      gst_rtp_buffer_set_timestamp(map.get(), ntp ? 1 : 2);
    }
    const auto caps = adopt(gst_caps_new_empty_simple(ntp ? "timestamp/x-ntp" : "timestamp/x-unix"));
    constexpr guint64 kUnix = 1'072'958'400'500'000'000;  // 2004-01-01 12:00:00.5 UTC
    gst_buffer_add_reference_timestamp_meta(
        in.get(), caps.get(), kUnix + (ntp ? 2'208'988'800 * GST_SECOND : 0), GST_CLOCK_TIME_NONE);
    const auto out = through(h.get(), std::move(in));
    EXPECT_EQ(big_endian(element_of(out.get(), 3)), (3281947200ULL << 32U) | 0x80000000U) << ntp;
  }
}

TEST(RtpExtInject, TakesTheTimeOfCaptureFromThePresentationTime) {
  const auto h = harness("abs-capture-time-id=3");
  gst_harness_use_testclock(h.get());
  gst_harness_set_time(h.get(), 3600 * GST_SECOND);
  auto in = payloaded(10, 1);
  GST_BUFFER_PTS(in.get()) = 0;  // captured when the clock said 0: an hour ago
  const double before = wall_seconds() - 3600;
  const auto out = through(h.get(), std::move(in));
  ASSERT_EQ(element_of(out.get(), 3).size(), 8U);
  EXPECT_NEAR(seconds(big_endian(element_of(out.get(), 3))), before, kTolerance);
}

TEST(RtpExtInject, WritesNoTimeOfCaptureThatItDoesNotKnow) {
  const auto h = harness("abs-capture-time-id=3");
  const auto out = through(h.get(), payloaded(10, 1));  // no timestamp
  ASSERT_NE(out, nullptr);
  EXPECT_TRUE(element_of(out.get(), 3).empty());
  EXPECT_EQ(stat(h.get(), "unchanged"), 1U);
}

TEST(RtpExtInject, TakesTheAudioLevelFromTheBuffer) {
  const auto h = harness("audio-level-id=1", "encoding-name=OPUS");
  auto in = payloaded(10, 1);
  gst_buffer_add_audio_level_meta(in.get(), 22, TRUE);
  EXPECT_EQ(element_of(through(h.get(), std::move(in)).get(), 1), (Wire{0x80 | 22}));
  EXPECT_TRUE(element_of(through(h.get(), payloaded(10, 1)).get(), 1).empty()) << "unknown is not silent";
}

TEST(RtpExtInject, WritesAicMetadataOncePerAccessUnit) {
  const auto h = harness("aic-id=5 aic-mode=adaptive aic-saved=40 aic-ssim-loss=12 aic-epoch=3");
  for (std::uint16_t unit = 0; unit < 2; ++unit)
    for (const bool first : {true, false}) {
      auto in = payloaded(10, 1);
      {
        support::RtpMap map{in.get(), GST_MAP_READWRITE};
        gst_rtp_buffer_set_timestamp(map.get(), unit);
      }
      const auto out = through(h.get(), std::move(in));
      const AicMetadata expected{
          .mode = AicMode::kAdaptive, .saved = 40, .ssim_loss = 12, .epoch = 3, .au_seq = unit};
      EXPECT_EQ(decode_aic(element_of(out.get(), 5)), first ? std::optional{expected} : std::nullopt);
    }
}

TEST(RtpExtInject, TakesAicMetadataFromTheBuffer) {
  const auto h = harness("aic-id=5");
  auto in = payloaded(10, 1);
  GstCustomMeta* meta = gst_buffer_add_custom_meta(in.get(), "AuralinkAicMeta");
  ASSERT_NE(meta, nullptr);
  gst_structure_set(gst_custom_meta_get_structure(meta), "mode", G_TYPE_STRING, "conservative", "saved",
                    G_TYPE_UINT, 24, "epoch", G_TYPE_UINT, 9, "au-seq", G_TYPE_UINT, 700, nullptr);
  EXPECT_EQ(decode_aic(element_of(through(h.get(), std::move(in)).get(), 5)),
            (AicMetadata{.mode = AicMode::kConservative, .saved = 24, .epoch = 9, .au_seq = 700}));
}

std::optional<FrameInfo> frame_info_of(GstBuffer* buffer) { return decode_frame_info(element_of(buffer, 6)); }

TEST(RtpExtInject, WritesFrameInfoWhereverThePayloadIs) {
  const Wire idr{0x65, 0x88, 1, 2, 3};
  const Wire head = packet({.payload = {}});
  const auto expected = FrameInfo{.key = true, .start = true, .end = true};
  for (const std::size_t cut : {std::size_t{0}, idr.size(), std::size_t{1}}) {
    const auto h = harness("frame-info-id=6", "encoding-name=H264");
    Wire first = head;
    first.insert(first.end(), idr.begin(), idr.begin() + static_cast<std::ptrdiff_t>(cut));
    auto in = to_buffer(first);
    if (cut < idr.size())
      in = adopt(gst_buffer_append(
          in.release(), to_buffer({idr.begin() + static_cast<std::ptrdiff_t>(cut), idr.end()}).release()));
    const auto out = through(h.get(), std::move(in));
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(frame_info_of(out.get()), expected) << cut;
  }
}

TEST(RtpExtInject, DoesNotTakePaddingForPayload) {
  const auto h = harness("frame-info-id=6", "encoding-name=H264");
  // An aggregate of one unit, and four bytes of RTP padding that would break it.
  const auto out = through(
      h.get(), to_buffer(packet({.padding = true, .payload = {24, 0, 2, 0x65, 0x88, 0xFF, 0xFF, 0xFF, 4}})));
  ASSERT_NE(out, nullptr);
  EXPECT_TRUE(frame_info_of(out.get()).value().key);
}

TEST(RtpExtInject, WritesNoFrameInfoOfOtherCodecs) {
  const auto h = harness("frame-info-id=6", "encoding-name=JPEG");
  EXPECT_TRUE(element_of(through(h.get(), payloaded(10, 1)).get(), 6).empty());
}

TEST(RtpExtInject, RemovesElements) {
  const auto h = harness("remove=\"<1,9>\"", "extmap-1=(string)urn:x,extmap-3=(string)urn:y");
  const auto out = through(h.get(), to_buffer(packet({.profile = 0xBEDE, .extension = {0x10, 7, 0x30, 8}})));
  ASSERT_NE(out, nullptr);
  EXPECT_TRUE(element_of(out.get(), 1).empty());
  EXPECT_EQ(element_of(out.get(), 3), (Wire{8}));
  EXPECT_EQ(stat(h.get(), "removed"), 1U);
  EXPECT_EQ(caps_field(h.get(), "extmap-1"), "");
  EXPECT_EQ(caps_field(h.get(), "extmap-3"), "urn:y");
}

TEST(RtpExtInject, RemovesTheWholeExtensionWithItsLastElement) {
  const auto h = harness("remove=\"<1>\"");
  const auto out = through(h.get(), to_buffer(packet({.profile = 0xBEDE, .extension = {0x10, 7, 0, 0}})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(bytes_of(out.get()), packet({}));
}

TEST(RtpExtInject, ConvertsTheFormOnlyWhenItMust) {
  const auto h = harness("mid-id=4 mid=a-mid-of-20-letters.");
  const auto out = through(h.get(), to_buffer(packet({.profile = 0xBEDE, .extension = {0x10, 7, 0x30, 8}})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(element_of(out.get(), 1), (Wire{7}));
  EXPECT_EQ(element_of(out.get(), 3), (Wire{8}));
  EXPECT_EQ(element_of(out.get(), 4).size(), 20U);
  EXPECT_EQ(stat(h.get(), "converted"), 1U);

  gst_harness_set(h.get(), "rtpextinject", "mid", "short", nullptr);
  const auto kept = through(h.get(), to_buffer(packet({.profile = 0xBEDE, .extension = {0x10, 7, 0, 0}})));
  EXPECT_EQ(bytes_of(kept.get())[12], 0xBE);
  EXPECT_EQ(stat(h.get(), "converted"), 1U);
}

TEST(RtpExtInject, TakesIdsFromTheCaps) {
  for (const std::string form : {"(string)", "(string)<\"\",", "<\"sendonly\","}) {
    const bool array = form.find('<') != std::string::npos;
    const std::string caps = "extmap-9=" + form + "\"" + kSendTimeUri + "\"" + (array ? ",\"vad\">" : "");
    const auto h = harness("negotiated=abs-send-time+mid mid=a", caps);
    const auto out = through(h.get(), payloaded(10, 1));
    ASSERT_NE(out, nullptr) << caps;
    EXPECT_EQ(element_of(out.get(), 9).size(), 3U) << caps;
    EXPECT_EQ(stat(h.get(), "mid-written"), 0U) << "the caps have no id for it";
    EXPECT_NE(caps_field(h.get(), "extmap-9").find(kSendTimeUri), std::string::npos);
    EXPECT_EQ(caps_field(h.get(), "extmap-9").find("vad") != std::string::npos, array) << "kept as it was";
  }
}

TEST(RtpExtInject, SaysInTheCapsWhatItWrites) {
  const auto h = harness("id=20 data=01 uri=urn:x abs-send-time-id=3 mid-id=4 mid=a");
  through(h.get(), payloaded(10, 1));
  EXPECT_EQ(caps_field(h.get(), "extmap-3"), kSendTimeUri);
  EXPECT_EQ(caps_field(h.get(), "extmap-4"), kMidUri);
  EXPECT_EQ(caps_field(h.get(), "extmap-20"), "urn:x");
  EXPECT_EQ(caps_field(h.get(), "encoding-name"), "VP8");
}

TEST(RtpExtInject, ChangesTheCapsBeforeThePacketsThatChange) {
  const auto h = harness("abs-send-time-id=3");
  through(h.get(), payloaded(10, 1));
  gst_harness_set(h.get(), "rtpextinject", "abs-send-time-id", 5U, nullptr);
  EXPECT_EQ(caps_field(h.get(), "extmap-5"), "");
  EXPECT_EQ(element_of(through(h.get(), payloaded(10, 1)).get(), 5).size(), 3U);
  EXPECT_EQ(caps_field(h.get(), "extmap-5"), kSendTimeUri);
  EXPECT_EQ(caps_field(h.get(), "extmap-3"), "");
}

TEST(RtpExtInject, DoesNotAskUpstreamForWhatItWritesItself) {
  const std::string filter = std::string{"application/x-rtp,extmap-3=(string)"} + kSendTimeUri;
  const auto h = adopt(gst_harness_new_parse(
      ("rtpextinject abs-send-time-id=3 ! capsfilter caps=\"" + filter + "\"").c_str()));
  const auto wanted = adopt(gst_pad_peer_query_caps(h->srcpad, nullptr));
  EXPECT_EQ(adopt(gst_caps_to_string(wanted.get())).get(), std::string{"application/x-rtp"});
  gst_harness_set_src_caps_str(h.get(), "application/x-rtp,encoding-name=VP8");
  EXPECT_EQ(element_of(through(h.get(), payloaded(10, 1)).get(), 3).size(), 3U);
}

TEST(RtpExtInject, RefusesCapsThatGiveItsIdToSomethingElse) {
  const auto h = adopt(gst_harness_new_parse("rtpextinject abs-send-time-id=3"));
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(h->element, bus.get());
  gst_harness_play(h.get());
  const auto caps = adopt(gst_caps_from_string("application/x-rtp,extmap-3=(string)urn:other"));
  gst_pad_push_event(h->srcpad, gst_event_new_stream_start("test"));
  gst_pad_push_event(h->srcpad, gst_event_new_caps(caps.get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(h->srcpad, gst_event_new_segment(&segment));
  const auto message = adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  const GstStructure* details = nullptr;
  gst_message_parse_error_details(message.get(), &details);
  ASSERT_NE(details, nullptr);
  EXPECT_STREQ(gst_structure_get_string(details, "cause"), "id-conflict");
  EXPECT_STREQ(gst_structure_get_string(details, "property"), "abs-send-time-id");
  EXPECT_EQ(gst_pad_push(h->srcpad, payloaded(10, 1).release()), GST_FLOW_NOT_NEGOTIATED);
  gst_element_set_bus(h->element, nullptr);
}

TEST(RtpExtInject, NamesThePropertyThatIsWrongWhenItStarts) {
  const auto element = support::make_element("rtpextinject");
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  g_object_set(element.get(), "abs-send-time-id", 3U, "frame-info-id", 3U, nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto message = adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  const GstStructure* details = nullptr;
  gst_message_parse_error_details(message.get(), &details);
  EXPECT_STREQ(gst_structure_get_string(details, "property"), "frame-info-id");
  gst_element_set_bus(element.get(), nullptr);
  gst_element_set_state(element.get(), GST_STATE_NULL);
}

TEST(RtpExtInject, ForgetsTheCapsInReady) {
  const auto h = harness("negotiated=mid mid=a", std::string{"extmap-4=(string)"} + kMidUri);
  EXPECT_EQ(element_of(through(h.get(), payloaded(10, 1)).get(), 4), (Wire{'a'}));
  gst_element_set_state(h->element, GST_STATE_READY);
  gst_element_set_state(h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str(h.get(), "application/x-rtp,encoding-name=VP8");
  EXPECT_TRUE(element_of(through(h.get(), payloaded(10, 1)).get(), 4).empty());
}

}  // namespace
}  // namespace auralink::rtphdrext
