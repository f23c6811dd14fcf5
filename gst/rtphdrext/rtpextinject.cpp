// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtpextinject
 * @title: rtpextinject
 * @short_description: sets an RFC 8285 header extension element on RTP packets
 *
 * Adds one header extension element (#RtpExtInject:id, #RtpExtInject:data) to every RTP packet that passes,
 * whoever payloaded it. Extension elements that a packet already has are kept; an element of the same id is
 * replaced. Payload bytes are never copied, and buffer lists stay lists.
 *
 * A packet passes unchanged when it would become larger than #RtpExtInject:mtu, or when its extension is not
 * in the one-byte form; so does RTCP that shares the port. What is not sound RTP is dropped and counted in
 * #RtpExtInject:stats. With empty data everything passes.
 *
 * The first packet of each outcome of a stream posts an element message `rtpextinject` with the fields
 * `state` (the name of the counter) and `reason`.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=50 ! opusenc ! rtpopuspay ! rtpextinject id=3 data=01a2 ! fakesink
 * ]| One second of tone; every packet carries the bytes 01 a2 as element 3.
 *
 * Threads: properties from any thread, also while playing; packets on the streaming thread only.
 *
 * Since: 0.1
 */
#include <gst/gst.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gst/rtphdrext/core/injection.hpp"
#include "gst/rtphdrext/elements.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

using support::Owned;

GST_DEBUG_CATEGORY_STATIC(debug);
#define GST_CAT_DEFAULT debug

struct Settings {
  guint id = 1;
  std::string data;
  guint mtu = 1400;  // as GStreamer's payloaders

  // Derived from id and data; the last sound element stays in force when they become unsound while playing.
  std::optional<Element> element;
  bool sound = true;
};

/// What the streaming thread needs from the settings for one packet or list.
struct Snapshot {
  std::optional<Element> element;
  std::size_t mtu;
};

class Counters final {
 public:
  void add(Outcome outcome) noexcept { slot(outcome).fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get(Outcome outcome) const noexcept {
    return counts_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  }
  void reset() noexcept {
    for (auto& count : counts_) count.store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t>& slot(Outcome outcome) noexcept {
    return counts_[static_cast<std::size_t>(outcome)];
  }
  std::array<std::atomic<std::uint64_t>, kOutcomes.size()> counts_{};
};

/// State of one stream; streaming thread only, and READY forgets it.
struct Stream {
  std::array<bool, kOutcomes.size()> announced{};
  gint64 next_warning = 0;  // monotonic microseconds
};

}  // namespace

struct RtpExtInject {
  GstElement parent;
  GstPad* sinkpad;  // owned by the element, like srcpad
  GstPad* srcpad;
  support::Guarded<Settings> settings;
  Counters counters;
  Stream stream;

  static void changed(RtpExtInject& self, Settings& s) noexcept;
  static void after_change(RtpExtInject& self) noexcept;
};
struct RtpExtInjectClass {
  GstElementClass parent;
};

namespace {

GstStructure* read_stats(GObject* object) {
  const auto& counters = reinterpret_cast<RtpExtInject*>(object)->counters;
  GstStructure* stats = gst_structure_new_empty("application/x-rtpextinject-stats");
  std::uint64_t packets = 0;
  for (const Outcome outcome : kOutcomes) {
    const std::uint64_t count = counters.get(outcome);
    packets += count;
    gst_structure_set(stats, name(outcome).data(), G_TYPE_UINT64, count, nullptr);
  }
  gst_structure_set(stats, "packets", G_TYPE_UINT64, packets, nullptr);
  return stats;
}

constexpr support::Prop<Settings> kProps[] = {
    support::UIntProp<Settings>{"id", "Id of the element, as negotiated by a=extmap (RFC 8285)",
                                &Settings::id, 1, kMaxOneByteId},
    support::StringProp<Settings>{
        "data", "Bytes of the element in hexadecimal, 1 to 16, e.g. 01a2 or 01:a2; empty: inject nothing",
        &Settings::data},
    support::UIntProp<Settings>{"mtu",
                                "Largest packet in bytes, RTP header included, that injecting may produce; "
                                "larger ones pass unchanged",
                                &Settings::mtu, 28, std::numeric_limits<guint>::max()},
    support::StructureProp{"stats",
                           "Counters since the stream began: packets, and how many of them had each outcome",
                           read_stats},
};

}  // namespace

void RtpExtInject::changed(RtpExtInject& /*self*/, Settings& s) noexcept {
  const auto element = Element::from_hex(s.id, s.data);
  s.sound = element.has_value() || s.data.empty();
  if (s.sound) s.element = element;
}

void RtpExtInject::after_change(RtpExtInject& self) noexcept {
  if (self.settings.with([](const Settings& s) { return s.sound; }) || GST_STATE(&self) < GST_STATE_READY)
    return;
  GST_ELEMENT_WARNING(&self, LIBRARY, SETTINGS,
                      ("The new element data is not usable; the previous stays in force."),
                      ("data must be 1 to 16 bytes in hexadecimal"));
}

G_DEFINE_FINAL_TYPE_WITH_CODE(RtpExtInject, rtp_ext_inject, GST_TYPE_ELEMENT,
                              GST_DEBUG_CATEGORY_INIT(debug, "rtpextinject", 0,
                                                      "RTP header extension injection"))

namespace {

/// The packet with the element: a new head, and the payload memory shared with the original.
Owned<GstBuffer> rebuild(GstBuffer* packet, Bytes head, const Decision& decision,
                         const Element& element) noexcept {
  Owned<GstBuffer> out{gst_buffer_new_allocate(nullptr, decision.head_size, nullptr)};
  if (out == nullptr) return nullptr;
  {
    support::BufferMap map{out.get(), GST_MAP_WRITE};
    if (!map.ok()) return nullptr;
    write_head(head, decision.header, element, map.writable());
  }
  constexpr auto kMetadata = static_cast<GstBufferCopyFlags>(
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_META);
  if (!gst_buffer_copy_into(out.get(), packet, kMetadata, 0, static_cast<gsize>(-1))) return nullptr;
  const gsize offset = decision.header.payload_offset;
  if (offset < gst_buffer_get_size(packet) &&
      !gst_buffer_copy_into(out.get(), packet, GST_BUFFER_COPY_MEMORY, offset, static_cast<gsize>(-1)))
    return nullptr;
  return out;
}

const Decision kIdle{.outcome = Outcome::kIdle, .reason = "no data configured"};

/// Logs and announces; outside all locks.
void note(RtpExtInject* self, const Decision& decision) noexcept {
  self->counters.add(decision.outcome);
  if (decision.outcome == Outcome::kMalformed) {
    if (const gint64 now = g_get_monotonic_time(); now >= self->stream.next_warning) {
      self->stream.next_warning = now + G_USEC_PER_SEC;
      GST_WARNING_OBJECT(self, "dropped a packet: %s", decision.reason);
    }
  }
  bool& announced = self->stream.announced.at(static_cast<std::size_t>(decision.outcome));
  if (announced) return;
  announced = true;
  const char* state = name(decision.outcome).data();
  GST_INFO_OBJECT(self, "first packet %s %s", state, decision.reason);
  GstStructure* what = gst_structure_new("rtpextinject", "state", G_TYPE_STRING, state, "reason",
                                         G_TYPE_STRING, decision.reason, nullptr);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), what));
}

Decision decide_on(GstBuffer* packet, Bytes head, const Snapshot& snapshot) noexcept {
  const gsize size = gst_buffer_get_size(packet);
  std::uint8_t last = 0;
  if (size > 0) gst_buffer_extract(packet, size - 1, &last, 1);
  return decide({.head = head, .size = size, .last_byte = last}, *snapshot.element, snapshot.mtu);
}

/// Takes the packet; returns what goes on, which is nothing when the packet is not sound.
Owned<GstBuffer> process(RtpExtInject* self, Owned<GstBuffer> packet, const Snapshot& snapshot) noexcept {
  Decision decision;
  Owned<GstBuffer> rewritten;
  const auto attempt = [&](const support::BufferMap& map) noexcept {
    decision = decide_on(packet.get(), map.bytes(), snapshot);
    if (decision.rewrites()) rewritten = rebuild(packet.get(), map.bytes(), decision, *snapshot.element);
  };
  const guint memories = gst_buffer_n_memory(packet.get());
  // Payloaders keep header and payload apart: the first memory is the head, and mapping it copies nothing.
  if (memories > 0) attempt(support::BufferMap{packet.get(), 0, 1, GST_MAP_READ});
  if (decision.outcome == Outcome::kMalformed && memories > 1)
    attempt(support::BufferMap{packet.get(), GST_MAP_READ});
  if (memories == 0) decision.reason = "empty buffer";

  if (decision.rewrites() && rewritten == nullptr)  // memory that cannot be mapped or shared
    decision = {.outcome = Outcome::kMalformed, .reason = "unreadable memory"};
  note(self, decision);
  if (decision.outcome == Outcome::kMalformed) return nullptr;
  return rewritten != nullptr ? std::move(rewritten) : std::move(packet);
}

Snapshot snapshot_of(RtpExtInject* self) noexcept {
  return self->settings.with([](const Settings& s) { return Snapshot{s.element, s.mtu}; });
}

GstFlowReturn chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  Owned<GstBuffer> packet{buffer};
  const Snapshot snapshot = snapshot_of(self);
  if (!snapshot.element) {
    note(self, kIdle);
    return gst_pad_push(self->srcpad, packet.release());
  }
  auto out = process(self, std::move(packet), snapshot);
  return out != nullptr ? gst_pad_push(self->srcpad, out.release()) : GST_FLOW_OK;
}

struct ListPass {
  RtpExtInject* self;
  Snapshot snapshot;
};

gboolean each_packet(GstBuffer** buffer, guint /*index*/, gpointer data) noexcept {
  auto* pass = static_cast<ListPass*>(data);
  *buffer = process(pass->self, Owned<GstBuffer>{*buffer}, pass->snapshot).release();  // null removes it
  return TRUE;
}

GstFlowReturn chain_list(GstPad* /*pad*/, GstObject* parent, GstBufferList* buffers) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  Owned<GstBufferList> list{buffers};
  ListPass pass{self, snapshot_of(self)};
  if (!pass.snapshot.element) {
    for (guint i = 0; i < gst_buffer_list_length(list.get()); ++i) note(self, kIdle);
    return gst_pad_push_list(self->srcpad, list.release());
  }
  list.reset(gst_buffer_list_make_writable(list.release()));
  gst_buffer_list_foreach(list.get(), each_packet, &pass);
  if (gst_buffer_list_length(list.get()) == 0) return GST_FLOW_OK;
  return gst_pad_push_list(self->srcpad, list.release());
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(element);
  if (change == GST_STATE_CHANGE_NULL_TO_READY &&
      !self->settings.with([](const Settings& s) { return s.sound; })) {
    GST_ELEMENT_ERROR_WITH_DETAILS(
        self, LIBRARY, SETTINGS, ("The element data is not usable."),
        ("data must be 1 to 16 bytes in hexadecimal"),
        ("cause", G_TYPE_STRING, "bad-property", "property", G_TYPE_STRING, "data", nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->counters.reset();
    self->stream = Stream{};
  }
  return GST_ELEMENT_CLASS(rtp_ext_inject_parent_class)->change_state(element, change);
}

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));

void finalize(GObject* object) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(object);
  std::destroy_at(&self->stream);
  std::destroy_at(&self->counters);
  std::destroy_at(&self->settings);
  G_OBJECT_CLASS(rtp_ext_inject_parent_class)->finalize(object);
}

}  // namespace

// GstBaseTransform would take buffer lists apart, so this is a plain element with two proxy pads.
static void rtp_ext_inject_init(RtpExtInject* self) {
  std::construct_at(&self->settings);
  std::construct_at(&self->counters);
  std::construct_at(&self->stream);

  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_chain_list_function(self->sinkpad, chain_list);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  GST_PAD_SET_PROXY_SCHEDULING(self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void rtp_ext_inject_class_init(RtpExtInjectClass* klass) {
  support::Properties<RtpExtInject, Settings, kProps>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "RTP header extension injector", "Filter/Network/RTP",
                                        "Sets an RFC 8285 header extension element on RTP packets",
                                        "AuraLink contributors");
}

}  // namespace auralink::rtphdrext

GST_ELEMENT_REGISTER_DEFINE(rtpextinject, "rtpextinject", GST_RANK_NONE,
                            auralink::rtphdrext::rtp_ext_inject_get_type())
