// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

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

Owned<GstHarness> harness(const char* properties) {
  auto h = adopt(gst_harness_new_parse((std::string{"rtpextinject "} + properties).c_str()));
  gst_harness_set_src_caps_str(h.get(),
                               "application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=96");
  return h;
}

TEST(RtpExtInject, SetsTheElement) {
  const auto h = harness("id=3 data=01a2");
  const auto out = through(h.get(), to_buffer(packet({})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(element_of(out.get(), 3), (Wire{0x01, 0xA2}));
  EXPECT_EQ(stat(h.get(), "injected"), 1U);
  EXPECT_EQ(stat(h.get(), "packets"), 1U);
}

TEST(RtpExtInject, KeepsOtherElementsAndReplacesItsOwn) {
  const auto h = harness("id=3 data=ff");
  const auto out =
      through(h.get(), to_buffer(packet({.profile = 0xBEDE, .extension = {0x10, 7, 0x31, 1, 2, 0, 0, 0}})));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(element_of(out.get(), 1), (Wire{7}));
  EXPECT_EQ(element_of(out.get(), 3), (Wire{0xFF}));
  EXPECT_EQ(stat(h.get(), "replaced"), 1U);
}

TEST(RtpExtInject, SharesThePayloadAndKeepsTimestampsAndFlags) {
  const auto h = harness("id=3 data=ff");
  auto in = payloaded(1000, 0x42);
  GST_BUFFER_PTS(in.get()) = 5 * GST_SECOND;
  GST_BUFFER_DTS(in.get()) = 4 * GST_SECOND;
  GST_BUFFER_FLAG_SET(in.get(), GST_BUFFER_FLAG_MARKER);
  GstMemory* body = gst_buffer_peek_memory(in.get(), 1);
  GstMapInfo before;
  ASSERT_TRUE(gst_memory_map(body, &before, GST_MAP_READ));
  const auto* address = before.data;
  gst_memory_unmap(body, &before);

  const auto out = through(h.get(), std::move(in));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 5 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DTS(out.get()), 4 * GST_SECOND);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_MARKER));
  GstMapInfo after;
  GstMemory* last = gst_buffer_peek_memory(out.get(), gst_buffer_n_memory(out.get()) - 1);
  ASSERT_TRUE(gst_memory_map(last, &after, GST_MAP_READ));
  EXPECT_EQ(after.data, address) << "the payload was copied";
  EXPECT_EQ(after.size, 1000U);
  gst_memory_unmap(last, &after);
}

TEST(RtpExtInject, ReadsAHeaderThatIsSpreadOverMemories) {
  const auto h = harness("id=3 data=ff");
  const Wire wire = packet({.csrcs = 2, .profile = 0xBEDE, .extension = {0x10, 7, 0, 0}});
  auto in = adopt(gst_buffer_new());
  for (const std::uint8_t byte : wire) {
    gst_buffer_append_memory(in.get(), gst_buffer_get_all_memory(to_buffer({byte}).get()));
    if (gst_buffer_n_memory(in.get()) == 15) break;
  }
  gst_buffer_append_memory(in.get(),
                           gst_buffer_get_all_memory(to_buffer({wire.begin() + 15, wire.end()}).get()));
  const auto out = through(h.get(), std::move(in));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(element_of(out.get(), 1), (Wire{7}));
  EXPECT_EQ(element_of(out.get(), 3), (Wire{0xFF}));
}

TEST(RtpExtInject, LeavesABufferThatOthersHoldUntouched) {
  const auto h = harness("id=3 data=ff");
  const Wire wire = packet({});
  const auto held = to_buffer(wire);
  const auto out = through(h.get(), support::share_mini(held.get()));
  ASSERT_NE(out, nullptr);
  EXPECT_NE(out.get(), held.get());
  EXPECT_EQ(bytes_of(held.get()), wire);
}

TEST(RtpExtInject, KeepsBufferListsWhole) {
  const auto h = harness("id=3 data=ff");
  guint lists = 0;
  const auto pad = adopt(gst_element_get_static_pad(h->element, "src"));
  const gulong probe = gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER_LIST,
      [](GstPad*, GstPadProbeInfo* info, gpointer count) {
        EXPECT_EQ(gst_buffer_list_length(GST_PAD_PROBE_INFO_BUFFER_LIST(info)), 9U);
        ++*static_cast<guint*>(count);
        return GST_PAD_PROBE_OK;
      },
      &lists, nullptr);
  auto list = adopt(gst_buffer_list_new());
  for (std::uint8_t i = 0; i < 10; ++i)
    gst_buffer_list_add(list.get(), i == 4 ? to_buffer({1, 2, 3}).release() : payloaded(10, i).release());
  EXPECT_EQ(gst_pad_push_list(h->srcpad, list.release()), GST_FLOW_OK);

  EXPECT_EQ(lists, 1U);
  EXPECT_EQ(gst_harness_buffers_received(h.get()), 9U);
  for (std::uint8_t i = 0; i < 9; ++i) {
    const auto out = adopt(gst_harness_pull(h.get()));
    EXPECT_EQ(element_of(out.get(), 3), (Wire{0xFF}));
    EXPECT_EQ(bytes_of(out.get()).back(), i < 4 ? i : i + 1) << "out of order";
  }
  EXPECT_EQ(stat(h.get(), "injected"), 9U);
  EXPECT_EQ(stat(h.get(), "malformed"), 1U);
  gst_pad_remove_probe(pad.get(), probe);
}

TEST(RtpExtInject, DoesNotChangeAListThatOthersHold) {
  const auto h = harness("id=3 data=ff");
  const auto list = adopt(gst_buffer_list_new());
  gst_buffer_list_add(list.get(), payloaded(10, 1).release());
  const auto before = bytes_of(gst_buffer_list_get(list.get(), 0));
  EXPECT_EQ(gst_pad_push_list(h->srcpad, support::share_mini(list.get()).release()), GST_FLOW_OK);
  EXPECT_EQ(bytes_of(gst_buffer_list_get(list.get(), 0)), before);
  EXPECT_EQ(element_of(adopt(gst_harness_pull(h.get())).get(), 3), (Wire{0xFF}));
}

TEST(RtpExtInject, DropsAListWithNothingSound) {
  const auto h = harness("id=3 data=ff");
  auto list = adopt(gst_buffer_list_new());
  gst_buffer_list_add(list.get(), to_buffer({9}).release());
  EXPECT_EQ(gst_pad_push_list(h->srcpad, list.release()), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_buffers_received(h.get()), 0U);
}

TEST(RtpExtInject, DropsAndCountsWhatIsNotSound) {
  const auto h = harness("id=3 data=ff");
  const std::vector<Wire> bad{{0},
                              packet({.version = 1}),
                              packet({.padding = true, .payload = {200}}),
                              packet({.profile = 0xBEDE, .extension = {0x1F, 0, 0, 0}}),
                              Wire(11, 0x80)};
  for (const auto& wire : bad) EXPECT_EQ(through(h.get(), to_buffer(wire)), nullptr);
  EXPECT_EQ(through(h.get(), adopt(gst_buffer_new())), nullptr);
  EXPECT_EQ(stat(h.get(), "malformed"), bad.size() + 1);
  EXPECT_NE(through(h.get(), to_buffer(packet({}))), nullptr) << "bad packets must not stop the stream";
}

TEST(RtpExtInject, RespectsTheMtu) {
  const auto h = harness("id=3 data=ff mtu=1200");
  const auto fits = through(h.get(), payloaded(1200 - 12 - 8, 1));
  ASSERT_NE(fits, nullptr);
  EXPECT_EQ(gst_buffer_get_size(fits.get()), 1200U);
  EXPECT_EQ(element_of(fits.get(), 3), (Wire{0xFF}));
  const auto large = through(h.get(), payloaded(1200 - 12 - 7, 1));
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(gst_buffer_get_size(large.get()), 1193U);
  EXPECT_TRUE(element_of(large.get(), 3).empty());
  EXPECT_EQ(stat(h.get(), "over-mtu"), 1U);
}

TEST(RtpExtInject, LetsOtherProfilesPassUntouched) {
  const auto h = harness("id=3 data=ff");
  const Wire wire = packet({.profile = 0xABAC, .extension = {1, 1, 7, 0}});
  const auto out = through(h.get(), to_buffer(wire));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(bytes_of(out.get()), wire);
  EXPECT_EQ(stat(h.get(), "other-form"), 1U);
}

TEST(RtpExtInject, PassesEverythingWithoutData) {
  const auto h = harness("id=3");
  const auto in = to_buffer({1, 2, 3});
  const auto out = through(h.get(), support::share_mini(in.get()));
  EXPECT_EQ(out.get(), in.get());
  auto list = adopt(gst_buffer_list_new());
  gst_buffer_list_add(list.get(), payloaded(1, 1).release());
  EXPECT_EQ(gst_pad_push_list(h->srcpad, list.release()), GST_FLOW_OK);
  EXPECT_EQ(stat(h.get(), "idle"), 2U);
}

TEST(RtpExtInject, FollowsItsPropertiesWhilePlaying) {
  const auto h = harness("id=3 data=ff");
  EXPECT_EQ(element_of(through(h.get(), payloaded(1, 1)).get(), 3), (Wire{0xFF}));
  gst_harness_set(h.get(), "rtpextinject", "id", 5U, "data", "0a0b", nullptr);
  const auto second = through(h.get(), payloaded(1, 1));
  EXPECT_EQ(element_of(second.get(), 5), (Wire{0x0A, 0x0B}));
  EXPECT_TRUE(element_of(second.get(), 3).empty());
  gst_harness_set(h.get(), "rtpextinject", "data", "", nullptr);
  EXPECT_TRUE(element_of(through(h.get(), payloaded(1, 1)).get(), 5).empty());
}

TEST(RtpExtInject, KeepsTheLastSoundElementAndWarnsWhenDataBecomesUnusable) {
  const auto h = harness("id=3 data=ff");
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(h->element, bus.get());
  gst_harness_set(h.get(), "rtpextinject", "data", "zz", nullptr);
  EXPECT_NE(adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING)), nullptr);
  EXPECT_EQ(element_of(through(h.get(), payloaded(1, 1)).get(), 3), (Wire{0xFF}));
  gst_element_set_bus(h->element, nullptr);
}

TEST(RtpExtInject, RefusesToStartWithUnusableData) {
  const auto element = support::make_element("rtpextinject");
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  g_object_set(element.get(), "data", "0", nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto message = adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  Owned<GError> error;
  gst_message_parse_error(message.get(), support::Out<GError>{error}, nullptr);
  EXPECT_TRUE(g_error_matches(error.get(), GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS));
  const GstStructure* details = nullptr;
  gst_message_parse_error_details(message.get(), &details);
  ASSERT_NE(details, nullptr);
  EXPECT_STREQ(gst_structure_get_string(details, "cause"), "bad-property");
  EXPECT_EQ(adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)), nullptr) << "one error, not more";
  gst_element_set_bus(element.get(), nullptr);
  gst_element_set_state(element.get(), GST_STATE_NULL);
}

TEST(RtpExtInject, AnnouncesEachOutcomeOnce) {
  const auto h = harness("id=3 data=ff mtu=100");
  const auto bus = adopt(gst_bus_new());
  gst_element_set_bus(h->element, bus.get());
  for (int i = 0; i < 3; ++i) {
    through(h.get(), payloaded(1, 1));
    through(h.get(), payloaded(500, 1));
  }
  std::vector<std::string> states;
  while (const auto message = adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ELEMENT))) {
    const GstStructure* what = gst_message_get_structure(message.get());
    EXPECT_TRUE(gst_structure_has_name(what, "rtpextinject"));
    EXPECT_NE(gst_structure_get_string(what, "reason"), nullptr);
    states.emplace_back(gst_structure_get_string(what, "state"));
  }
  EXPECT_EQ(states, (std::vector<std::string>{"injected", "over-mtu"}));
  gst_element_set_bus(h->element, nullptr);
}

TEST(RtpExtInject, ForgetsTheStreamInReady) {
  const auto h = harness("id=3 data=ff");
  through(h.get(), payloaded(1, 1));
  EXPECT_EQ(stat(h.get(), "packets"), 1U);
  gst_element_set_state(h->element, GST_STATE_READY);
  EXPECT_EQ(stat(h.get(), "packets"), 1U) << "the counts of the last stream stay readable";
  gst_element_set_state(h->element, GST_STATE_PLAYING);
  EXPECT_EQ(stat(h.get(), "packets"), 0U);
}

TEST(RtpExtInject, PassesTheFlowOfDownstreamOn) {
  const auto h = harness("id=3 data=ff");
  const auto pad = adopt(gst_element_get_static_pad(h->element, "src"));
  ASSERT_TRUE(gst_pad_unlink(pad.get(), h->sinkpad));
  EXPECT_EQ(gst_harness_push(h.get(), payloaded(1, 1).release()), GST_FLOW_NOT_LINKED);
  gst_pad_link(pad.get(), h->sinkpad);
}

TEST(RtpExtInject, PassesCapsAndEventsThrough) {
  const auto h = harness("id=3 data=ff");
  through(h.get(), payloaded(1, 1));
  const auto caps = adopt(gst_pad_get_current_caps(h->sinkpad));
  ASSERT_NE(caps, nullptr);
  EXPECT_STREQ(gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "encoding-name"), "VP8");
  EXPECT_TRUE(gst_harness_push_event(h.get(), gst_event_new_eos()));
  bool eos = false;
  while (const auto event = adopt(gst_harness_try_pull_event(h.get())))
    eos = eos || GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS;
  EXPECT_TRUE(eos);
}

TEST(RtpExtInject, MayBeConfiguredAndReadFromOtherThreads) {
  const auto h = harness("id=3 data=ff");
  const auto element = adopt(gst_harness_find_element(h.get(), "rtpextinject"));
  constexpr int kPackets = 2000;
  std::jthread writer{[&](const std::stop_token& stop) {
    for (guint i = 0; !stop.stop_requested(); ++i)
      g_object_set(element.get(), "data", i % 2 == 0 ? "00112233445566778899aabbccddeeff" : "ff", nullptr);
  }};
  std::jthread reader{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) stat(h.get(), "packets");
  }};
  for (int i = 0; i < kPackets; ++i) {
    const auto out = through(h.get(), payloaded(10, 1));
    const auto size = element_of(out.get(), 3).size();
    ASSERT_TRUE(size == 1 || size == 16) << size;
  }
  writer.request_stop();
  reader.request_stop();
  writer.join();
  reader.join();
  EXPECT_EQ(stat(h.get(), "injected"), static_cast<std::uint64_t>(kPackets));
}

}  // namespace
}  // namespace auralink::rtphdrext
