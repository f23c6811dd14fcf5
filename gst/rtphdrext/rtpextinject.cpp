// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtpextinject
 * @title: rtpextinject
 * @short_description: sets and removes RFC 8285 header extension elements of RTP packets
 *
 * Works on RTP packets whoever payloaded them. It writes audio level, time of sending, time of capture, media
 * identification, frame info and AIC metadata, each under the id of its own property or under the one that
 * extmap-N in the caps gives it (#RtpExtInject:negotiated), and the bytes of #RtpExtInject:data; it takes
 * away the elements in #RtpExtInject:remove. All others are kept. The caps that leave say what the packets
 * carry. Payload bytes are never copied, and buffer lists stay lists.
 *
 * An extension in the one-byte form becomes two-byte only when an element does not fit. A packet passes
 * unchanged when it would grow beyond #RtpExtInject:mtu, or when its extension is in neither form; so does
 * RTCP that shares the port. What is not sound RTP is dropped and counted in #RtpExtInject:stats.
 *
 * The first packet of each outcome of a stream posts an element message `rtpextinject` with the fields
 * `state` (the name of the counter) and `reason`.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=50 ! level audio-level-meta=true ! opusenc ! rtpopuspay ! \
 *     rtpextinject audio-level-id=1 abs-send-time-id=3 mid-id=4 mid=a ! fakesink
 * ]| One second of tone; every packet carries its level, its time of sending and the media identification
 * "a".
 *
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=50 ! opusenc ! rtpopuspay ! rtpextinject id=3 data=01a2 ! fakesink
 * ]| Every packet carries the bytes 01 a2 as element 3.
 *
 * Threads: properties from any thread, also while playing; packets on the streaming thread only.
 *
 * Since: 0.1
 */
#include <gst/audio/gstaudiometa.h>
#include <gst/gst.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst/rtphdrext/aic_meta.hpp"
#include "gst/rtphdrext/core/composer.hpp"
#include "gst/rtphdrext/core/injection.hpp"
#include "gst/rtphdrext/elements.hpp"
#include "gst/rtphdrext/inject_caps.hpp"
#include "gst/rtphdrext/inject_clock.hpp"
#include "gst/rtphdrext/inject_packet.hpp"
#include "gst/rtphdrext/inject_settings.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

using support::Owned;

GST_DEBUG_CATEGORY_STATIC(debug);
#define GST_CAT_DEFAULT debug

/// Written by the streaming thread alone, so that counting needs no locked instruction; read by any.
class Counter final {
 public:
  void add() noexcept { count_.store(get() + 1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return count_.load(std::memory_order_relaxed); }
  void reset() noexcept { count_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

struct Counters {
  std::array<Counter, kOutcomes.size()> outcomes;
  std::array<Counter, kKinds.size()> written;
  Counter converted;

  void reset() noexcept {
    for (auto& counter : outcomes) counter.reset();
    for (auto& counter : written) counter.reset();
    converted.reset();
  }
};

/// State of one stream; streaming thread only, and READY forgets it.
struct Stream {
  std::array<bool, kOutcomes.size()> announced{};
  gint64 next_warning = 0;  // monotonic microseconds
  StreamClock clock;
  guint generation = 0;  // of the settings that `assignment` is from; 0: of none
  std::shared_ptr<const Assignment> assignment;
  Composer composer;
  std::vector<std::uint8_t> head;  // scratch
  Owned<GstCaps> caps;             // as they came in
  GstSegment segment{};
};

}  // namespace

struct RtpExtInject {
  GstElement parent;
  GstPad* sinkpad;  // owned by the element, like srcpad
  GstPad* srcpad;
  support::Guarded<Settings> settings;
  std::atomic<guint> generation;  // grows when settings.assignment changes; never 0
  Counters counters;
  Stream stream;

  static void changed(RtpExtInject& self, Settings& s) noexcept;
  static void after_change(RtpExtInject& self) noexcept;
};
struct RtpExtInjectClass {
  GstElementClass parent;
};

GstStructure* read_stats(GObject* object) {
  const auto& counters = reinterpret_cast<RtpExtInject*>(object)->counters;
  GstStructure* stats = gst_structure_new_empty("application/x-rtpextinject-stats");
  std::uint64_t packets = 0;
  for (const Outcome outcome : kOutcomes) {
    const std::uint64_t count = counters.outcomes[static_cast<std::size_t>(outcome)].get();
    packets += count;
    gst_structure_set(stats, name(outcome).data(), G_TYPE_UINT64, count, nullptr);
  }
  gst_structure_set(stats, "packets", G_TYPE_UINT64, packets, "converted", G_TYPE_UINT64,
                    counters.converted.get(), nullptr);
  for (const auto& known : kKinds)
    gst_structure_set(stats, (std::string{known.nick} + "-written").c_str(), G_TYPE_UINT64,
                      counters.written[index_of(known.kind)].get(), nullptr);
  return stats;
}

void RtpExtInject::changed(RtpExtInject& self, Settings& s) noexcept {
  s.settle();
  guint next = self.generation.load(std::memory_order_relaxed) + 1;
  self.generation.store(next != 0 ? next : 1, std::memory_order_release);
}

void RtpExtInject::after_change(RtpExtInject& self) noexcept {
  const auto complaint = self.settings.with([](const Settings& s) { return s.complaint; });
  if (!complaint || GST_STATE(&self) < GST_STATE_READY) return;
  GST_ELEMENT_WARNING(&self, LIBRARY, SETTINGS,
                      ("The new settings are not usable; the previous stay in force."),
                      ("%s: %s", complaint->property, complaint->reason.c_str()));
}

G_DEFINE_FINAL_TYPE_WITH_CODE(RtpExtInject, rtp_ext_inject, GST_TYPE_ELEMENT,
                              GST_DEBUG_CATEGORY_INIT(debug, "rtpextinject", 0,
                                                      "RTP header extension injection"))

namespace {

std::shared_ptr<const Assignment> assignment_of(RtpExtInject* self) {
  return self->settings.with([](const Settings& s) { return s.assignment; });
}

gboolean push_caps(RtpExtInject* self) noexcept {
  const auto caps = after(*self->stream.assignment, self->stream.caps.get());
  const auto current = support::adopt(gst_pad_get_current_caps(self->srcpad));
  if (current != nullptr && gst_caps_is_equal(current.get(), caps.get())) return TRUE;
  return gst_pad_push_event(self->srcpad, gst_event_new_caps(caps.get()));
}

/// Takes the newest assignment; a change shows in the caps before the first packet that it concerns.
void refresh(RtpExtInject* self) noexcept {
  Stream& stream = self->stream;
  const guint newest = self->generation.load(std::memory_order_acquire);
  if (stream.generation == newest) return;
  stream.assignment = assignment_of(self);
  stream.generation = newest;
  if (stream.caps != nullptr && !push_caps(self)) GST_DEBUG_OBJECT(self, "changed caps were not taken");
}

/// The time of sending; unset when nothing tells it.
NtpTime sent_at(const RtpExtInject* self) noexcept {
  return self->stream.assignment->id(Kind::kAbsSendTime) != 0 ? self->stream.clock.now() : NtpTime{};
}

/// What the assignment writes about this packet, found out only when it is written.
PacketFacts facts_about(RtpExtInject* self, GstBuffer* packet, const Packet& view, const Header& header,
                        NtpTime now) noexcept {
  const Assignment& assignment = *self->stream.assignment;
  PacketFacts facts{.now = now};
  const bool first = self->stream.composer.arrives(header);
  if (assignment.id(Kind::kAudioLevel) != 0)
    if (const auto* meta = gst_buffer_get_audio_level_meta(packet))
      facts.level = AudioLevel{.voice = meta->voice_activity != FALSE, .dbov = meta->level};
  if (assignment.id(Kind::kFrameInfo) != 0 && assignment.codec) {
    const gsize end = view.size - (header.padding ? view.last_byte : 0U);
    facts.fragment = fragment_in(packet, view.head, header.payload_offset, end, *assignment.codec);
  }
  if (first && assignment.id(Kind::kAbsCaptureTime) != 0)
    facts.captured = self->stream.clock.captured(GST_ELEMENT(self), self->stream.segment, packet);
  if (first && assignment.id(Kind::kAic) != 0) facts.aic = get_aic_meta(packet);
  return facts;
}

/// At most once a second: the network must not fill our logs.
void warn_of_drop(RtpExtInject* self, const char* reason) noexcept {
  const gint64 now = g_get_monotonic_time();
  if (now < self->stream.next_warning) return;
  self->stream.next_warning = now + G_USEC_PER_SEC;
  GST_WARNING_OBJECT(self, "dropped a packet: %s", reason);
}

/// Counts, logs and announces; outside all locks.
void note(RtpExtInject* self, const Decision& decision) noexcept {
  const auto index = static_cast<std::size_t>(decision.outcome);
  self->counters.outcomes[index].add();
  if (decision.outcome == Outcome::kMalformed) warn_of_drop(self, decision.reason);
  bool& announced = self->stream.announced[index];
  if (announced) return;
  announced = true;
  const char* state = name(decision.outcome).data();
  GST_INFO_OBJECT(self, "first packet %s %s", state, decision.reason);
  GstStructure* what = gst_structure_new("rtpextinject", "state", G_TYPE_STRING, state, "reason",
                                         G_TYPE_STRING, decision.reason, nullptr);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), what));
}

void count_elements(RtpExtInject* self, const Decision& decision) noexcept {
  if (decision.rewrite.converted) self->counters.converted.add();
  for (unsigned bits = self->stream.composer.written(), kind = 0; bits != 0; bits >>= 1U, ++kind)
    if ((bits & 1U) != 0) self->counters.written[kind].add();
}

struct Attempt {
  Decision decision;
  bool too_little = false;  // more of the packet is needed to decide
};

/// Reads and decides with the packet's beginning at hand; what it is to become is then in stream.head.
Attempt attempt(RtpExtInject* self, GstBuffer* packet, Bytes head, NtpTime now) noexcept {
  Packet view{.head = head, .size = gst_buffer_get_size(packet)};
  if (!head.empty() && (head[0] & 0x20U) != 0) gst_buffer_extract(packet, view.size - 1, &view.last_byte, 1);
  const auto parsed = read_packet(view);
  if (const auto fault = parsed.fault())
    return {.decision = refuse(*fault), .too_little = *fault == Fault::kTruncated};
  const Header& header = *parsed.value();
  Stream& stream = self->stream;
  const Edits edits =
      stream.composer.compose(*stream.assignment, header, facts_about(self, packet, view, header, now));
  Attempt out{.decision = decide(view, header, edits, stream.assignment->mtu)};
  if (out.decision.rewrites()) {
    stream.head.resize(out.decision.rewrite.head_size);
    write_head(head, header, edits, out.decision.rewrite, stream.head);
  }
  return out;
}

/// Takes the packet; returns what goes on, which is nothing when the packet is not sound.
Owned<GstBuffer> process(RtpExtInject* self, Owned<GstBuffer> packet, NtpTime now) noexcept {
  Attempt done{.decision = {.reason = "empty buffer"}};
  const guint memories = gst_buffer_n_memory(packet.get());
  // Payloaders keep header and payload apart: the first memory is the head, and mapping it copies nothing.
  if (memories > 0) {
    const support::MemoryMap map{gst_buffer_peek_memory(packet.get(), 0), GST_MAP_READ};
    done = attempt(self, packet.get(), map.bytes(), now);
  }
  if (done.too_little && memories > 1) {
    const support::BufferMap map{packet.get(), GST_MAP_READ};
    done = attempt(self, packet.get(), map.bytes(), now);
  }
  if (done.decision.rewrites()) {
    packet = with_head(std::move(packet), self->stream.head, done.decision.header.payload_offset);
    if (packet != nullptr)
      count_elements(self, done.decision);
    else
      done.decision = {.outcome = Outcome::kMalformed, .reason = "unreadable memory"};
  }
  note(self, done.decision);
  if (done.decision.outcome == Outcome::kMalformed) return nullptr;
  return packet;
}

const Decision kIdle{.outcome = Outcome::kIdle, .reason = "nothing configured"};

GstFlowReturn chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  Owned<GstBuffer> packet{buffer};
  refresh(self);
  if (self->stream.assignment->idle()) {
    note(self, kIdle);
    return gst_pad_push(self->srcpad, packet.release());
  }
  packet = process(self, std::move(packet), sent_at(self));
  return packet != nullptr ? gst_pad_push(self->srcpad, packet.release()) : GST_FLOW_OK;
}

struct ListPass {
  RtpExtInject* self;
  NtpTime now;  // one for the list: it is sent as one
};

gboolean each_packet(GstBuffer** buffer, guint /*index*/, gpointer data) noexcept {
  const auto* pass = static_cast<ListPass*>(data);
  *buffer = process(pass->self, Owned<GstBuffer>{*buffer}, pass->now).release();  // null removes it
  return TRUE;
}

GstFlowReturn chain_list(GstPad* /*pad*/, GstObject* parent, GstBufferList* buffers) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  Owned<GstBufferList> list{buffers};
  refresh(self);
  if (self->stream.assignment->idle()) {
    for (guint i = 0; i < gst_buffer_list_length(list.get()); ++i) note(self, kIdle);
    return gst_pad_push_list(self->srcpad, list.release());
  }
  ListPass pass{self, sent_at(self)};
  list.reset(gst_buffer_list_make_writable(list.release()));
  gst_buffer_list_foreach(list.get(), each_packet, &pass);
  if (gst_buffer_list_length(list.get()) == 0) return GST_FLOW_OK;
  return gst_pad_push_list(self->srcpad, list.release());
}

void post_error(RtpExtInject* self, const Complaint& complaint, const char* cause) noexcept {
  GST_ELEMENT_ERROR_WITH_DETAILS(
      self, LIBRARY, SETTINGS, ("The settings of this element are not usable."),
      ("%s: %s", complaint.property, complaint.reason.c_str()),
      ("cause", G_TYPE_STRING, cause, "property", G_TYPE_STRING, complaint.property, nullptr));
}

/// What is asked for and cannot be written on this stream is no error, but somebody may be looking for it.
void tell_what_is_missing(RtpExtInject* self) noexcept {
  const unsigned negotiated = self->settings.with([](const Settings& s) { return s.negotiated; });
  const Assignment& assignment = *self->stream.assignment;
  for (const auto& known : kKinds)
    if (((negotiated >> index_of(known.kind)) & 1U) != 0 && assignment.id(known.kind) == 0)
      GST_WARNING_OBJECT(self, "the caps have no extmap for %s, so none is written", known.nick.data());
  if (assignment.id(Kind::kFrameInfo) != 0 && !assignment.codec)
    GST_WARNING_OBJECT(self, "the caps name no codec that frame info is read from, so none is written");
}

/// Caps decide which ids are free and which codec the payload is in.
gboolean take_caps(RtpExtInject* self, GstEvent* event) noexcept {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const auto complaint = self->settings.with([&](Settings& s) {
    s.stream = facts_of(caps);
    RtpExtInject::changed(*self, s);
    return s.complaint;
  });
  if (complaint) {
    post_error(self, *complaint, "id-conflict");
    return FALSE;
  }
  self->stream.caps = support::share_mini(caps);
  self->stream.generation = self->generation.load(std::memory_order_acquire);
  self->stream.assignment = assignment_of(self);
  tell_what_is_missing(self);
  return push_caps(self);
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    const gboolean taken = take_caps(self, event);
    gst_event_unref(event);
    return taken;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) gst_event_copy_segment(event, &self->stream.segment);
  return gst_pad_event_default(pad, parent, event);
}

/// Answers a CAPS query on `pad` with what `beyond` can do, as `translate` sees it from this side.
void answer_caps(RtpExtInject* self, GstPad* pad, GstQuery* query, GstPad* beyond,
                 Owned<GstCaps> (*translate)(const Assignment&, const GstCaps*)) noexcept {
  GstCaps* filter = nullptr;
  gst_query_parse_caps(query, &filter);
  const auto own = support::adopt(gst_pad_get_pad_template_caps(pad));
  const auto there = support::adopt(gst_pad_peer_query_caps(beyond, own.get()));
  auto result = translate(*assignment_of(self), there.get());
  if (filter != nullptr)
    result = support::adopt(gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result(query, result.get());
}

gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
    answer_caps(self, pad, query, self->srcpad, before);
    return TRUE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
    GstCaps* caps = nullptr;
    gst_query_parse_accept_caps(query, &caps);
    const auto own = support::adopt(gst_pad_get_pad_template_caps(pad));
    const bool ours = gst_caps_is_subset(caps, own.get()) != FALSE;
    const auto result = after(*assignment_of(self), caps);
    gst_query_set_accept_caps_result(
        query, ours && gst_pad_peer_query_accept_caps(self->srcpad, result.get()) ? TRUE : FALSE);
    return TRUE;
  }
  return gst_pad_query_default(pad, parent, query);
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(parent);
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS) return gst_pad_query_default(pad, parent, query);
  answer_caps(self, pad, query, self->sinkpad, after);
  return TRUE;
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(element);
  if (change == GST_STATE_CHANGE_NULL_TO_READY)
    if (const auto complaint = self->settings.with([](const Settings& s) { return s.complaint; })) {
      post_error(self, *complaint, "bad-property");
      return GST_STATE_CHANGE_FAILURE;
    }
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->counters.reset();
    self->stream = Stream{};
    self->stream.assignment = assignment_of(self);
    self->stream.clock.begin();
  }
  const auto result = GST_ELEMENT_CLASS(rtp_ext_inject_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
    self->settings.with([&](Settings& s) {
      s.stream = StreamFacts{};
      RtpExtInject::changed(*self, s);
    });
    self->stream = Stream{};
  }
  return result;
}

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));

void finalize(GObject* object) noexcept {
  auto* self = reinterpret_cast<RtpExtInject*>(object);
  std::destroy_at(&self->stream);
  std::destroy_at(&self->counters);
  std::destroy_at(&self->generation);
  std::destroy_at(&self->settings);
  G_OBJECT_CLASS(rtp_ext_inject_parent_class)->finalize(object);
}

}  // namespace

// GstBaseTransform would take buffer lists apart, so this is a plain element with two pads.
static void rtp_ext_inject_init(RtpExtInject* self) {
  std::construct_at(&self->settings);
  std::construct_at(&self->generation, 1U);
  std::construct_at(&self->counters);
  std::construct_at(&self->stream);

  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_chain_list_function(self->sinkpad, chain_list);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  gst_pad_set_query_function(self->sinkpad, sink_query);
  GST_PAD_SET_PROXY_SCHEDULING(self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_query_function(self->srcpad, src_query);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void rtp_ext_inject_class_init(RtpExtInjectClass* klass) {
  support::Properties<RtpExtInject, Settings, kInjectProps>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "RTP header extension injector", "Filter/Network/RTP",
                                        "Sets and removes RFC 8285 header extension elements of RTP packets",
                                        "AuraLink contributors");
}

}  // namespace auralink::rtphdrext

GST_ELEMENT_REGISTER_DEFINE(rtpextinject, "rtpextinject", GST_RANK_NONE,
                            auralink::rtphdrext::rtp_ext_inject_get_type())
