// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtpaicdecompress
 * @title: rtpaicdecompress
 * @short_description: restores H.264 over RTP that rtpaiccompress made smaller
 *
 * Takes what `rtpaiccompress` sends: native H.264 packets, and coded ones under the payload type
 * #RtpAicDecompress:pt. Gives the RTP packets of the original stream, every byte of its access units as it
 * was. An access unit whose checksum does not fit is never shown; a discontinuity is marked instead. With
 * #RtpAicDecompress:restore `packets` even packet boundaries and sequence numbers are the original's.
 *
 * It tells the far end which states it keeps, and when it cannot follow any more, by RTCP on the pad
 * `rtcp_src` when that is asked for, and by an upstream event. A loss then costs a round trip and no IDR
 * picture. See README.md.
 *
 * Element messages `rtpaicdecompress` tell with the field `state`: `lost` when the stream can no longer be
 * followed, `following` when it can again.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240 ! openh264enc ! rtph264pay !
 * \ rtpaiccompress pt=100 ! rtpaicdecompress pt=100 restore=packets ! rtph264depay ! h264parse ! fakesink
 * ]| Two seconds through the tunnel within one pipeline, packet for packet.
 *
 * Threads: properties from any thread, also while playing; packets and feedback on the streaming thread.
 *
 * Since: 0.1
 */
#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gst/aic/core/rtp/feedback.hpp"
#include "gst/aic/core/rtp/lossless_engine.hpp"
#include "gst/aic/core/rtp/receiver.hpp"
#include "gst/aic/elements.hpp"
#include "gst/aic/feedback_event.hpp"
#include "gst/aic/held.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {
namespace {

using support::adopt;
using support::Owned;

GST_DEBUG_CATEGORY_STATIC(debug);
#define GST_CAT_DEFAULT debug

enum class Restore : std::uint8_t { kUnits, kPackets };
constexpr char kRestoreType[] = "RtpAicDecompressRestore";
constexpr support::EnumValue<Restore> kRestores[] = {
    {Restore::kUnits, "access-units", "Access units as they were, in packets of at most mtu"},
    {Restore::kPackets, "packets", "Packets too, with their boundaries and sequence numbers"},
};

struct Settings {
  Restore restore = Restore::kUnits;
  guint pt = 97;
  guint mtu = 1400;
  guint reorder_ms = 10;
};

struct Published {
  rtp::ReceiverStats stats;
  guint64 memory = 0;
  bool following = false;
};

/// Beside gathering and waiting for the order, restoring takes about as long as a frame may.
constexpr GstClockTime kDecoding = 40 * GST_MSECOND;

/// State of one stream; streaming thread only, and READY forgets it.
struct Stream {
  Stream() : engine{Limits{}, clock}, receiver{engine, Limits{}.max_access_unit, g_random_int()} {}
  static rtp::Time clock() noexcept { return now_us(); }

  rtp::LosslessEngine engine;
  rtp::Receiver receiver;
  Held held;
  rtp::Outputs outputs;
  bool refused = false;  // its caps
  bool following = false;
  bool lost = false;  // after it was followed
  std::optional<guint> negotiated_pt;
  bool rtcp_started = false;
};

}  // namespace

struct RtpAicDecompress {
  GstElement parent;
  GstPad* sinkpad;  // owned by the element, like srcpad
  GstPad* srcpad;
  support::Guarded<Settings> settings;
  support::Guarded<Published> published;
  support::Guarded<GstClockTime> frame;  // duration, for latency
  std::unique_ptr<Stream> stream;

  static void after_change(RtpAicDecompress& self) noexcept;
};
struct RtpAicDecompressClass {
  GstElementClass parent;
};

namespace {

GstStructure* read_stats(GObject* object) {
  const Published p = reinterpret_cast<RtpAicDecompress*>(object)->published.load();
  const rtp::ReceiverStats& s = p.stats;
  const double saving =
      s.bytes_out > 0 ? 100.0 * (1.0 - static_cast<double>(s.bytes_in) / static_cast<double>(s.bytes_out))
                      : 0.0;
  return gst_structure_new(
      "application/x-rtpaicdecompress-stats", "packets-in", G_TYPE_UINT64, guint64{s.packets_in},
      "packets-out", G_TYPE_UINT64, guint64{s.packets_out}, "bytes-in", G_TYPE_UINT64, guint64{s.bytes_in},
      "bytes-out", G_TYPE_UINT64, guint64{s.bytes_out}, "saving", G_TYPE_DOUBLE, saving, "restored",
      G_TYPE_UINT64, guint64{s.units_restored}, "lost", G_TYPE_UINT64, guint64{s.units_lost}, "corrupt",
      G_TYPE_UINT64, guint64{s.units_corrupt}, "native-packets", G_TYPE_UINT64, guint64{s.native_packets},
      "coder-p50-us", G_TYPE_UINT64, guint64{s.restoring.percentile(50)}, "coder-p95-us", G_TYPE_UINT64,
      guint64{s.restoring.percentile(95)}, "coder-p99-us", G_TYPE_UINT64, guint64{s.restoring.percentile(99)},
      "memory", G_TYPE_UINT64, p.memory, "following", G_TYPE_BOOLEAN, p.following ? TRUE : FALSE, "chains",
      G_TYPE_UINT64, guint64{s.chains}, "epochs", G_TYPE_UINT64, guint64{s.epochs}, "resyncs", G_TYPE_UINT64,
      guint64{s.resyncs}, "requests", G_TYPE_UINT64, guint64{s.requests}, "packets-lost", G_TYPE_UINT64,
      guint64{s.packets_lost}, "reordered", G_TYPE_UINT64, guint64{s.reordered}, "late", G_TYPE_UINT64,
      guint64{s.late}, "duplicates", G_TYPE_UINT64, guint64{s.duplicates}, "malformed", G_TYPE_UINT64,
      guint64{s.malformed}, nullptr);
}

constexpr support::Prop<Settings> kProps[] = {
    support::enum_prop<&Settings::restore>("restore", "What is as it was",
                                           support::enum_type<kRestoreType, kRestores>),
    support::UIntProp<Settings>{"pt",
                                "RTP payload type of coded packets, unless the caps tell it as aic-payload",
                                &Settings::pt, 96, 127},
    support::UIntProp<Settings>{"mtu", "Largest restored RTP packet in bytes, header included",
                                &Settings::mtu, 128, 65000},
    support::UIntProp<Settings>{
        "reorder-ms", "Milliseconds for which a missing packet is waited for; 0 behind a jitter buffer",
        &Settings::reorder_ms, 0, 1000},
    support::StructureProp{"stats", "What came, was restored and was lost so far; see README.md", read_stats},
};

}  // namespace

void RtpAicDecompress::after_change(RtpAicDecompress& self) noexcept {
  if (GST_STATE(&self) >= GST_STATE_PAUSED)  // its latency may have changed
    gst_element_post_message(GST_ELEMENT(&self), gst_message_new_latency(GST_OBJECT(&self)));
}

G_DEFINE_FINAL_TYPE_WITH_CODE(RtpAicDecompress, rtp_aic_decompress, GST_TYPE_ELEMENT,
                              GST_DEBUG_CATEGORY_INIT(debug, "rtpaicdecompress", 0,
                                                      "Restoring of losslessly compressed H.264"))

namespace {

void announce(RtpAicDecompress* self, const char* state) noexcept {
  GST_INFO_OBJECT(self, "%s", state);
  GstStructure* what = gst_structure_new("rtpaicdecompress", "state", G_TYPE_STRING, state, nullptr);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), what));
}

rtp::ReceiverSettings receiver_settings(RtpAicDecompress* self) noexcept {
  const Settings s = self->settings.load();
  return {.type = static_cast<std::uint8_t>(self->stream->negotiated_pt.value_or(s.pt)),
          .mtu = s.mtu,
          .exact = s.restore == Restore::kPackets,
          .reorder_us = rtp::Time{s.reorder_ms} * 1000};
}

/// What every stream begins with, once per pad and stream.
void start_rtcp(RtpAicDecompress* self, GstPad* pad) {
  if (std::exchange(self->stream->rtcp_started, true)) return;
  const auto id = adopt(gst_pad_create_stream_id(pad, GST_ELEMENT(self), "rtcp"));
  gst_pad_push_event(pad, gst_event_new_stream_start(id.get()));
  const auto caps = adopt(gst_caps_new_empty_simple("application/x-rtcp"));
  gst_pad_push_event(pad, gst_event_new_caps(caps.get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(pad, gst_event_new_segment(&segment));
}

void send_feedback(RtpAicDecompress* self) {
  const auto feedback = self->stream->receiver.feedback(now_us());
  if (!feedback) return;
  GST_DEBUG_OBJECT(self, "%s chain %u",
                   feedback->kind == rtp::Feedback::Kind::kResync ? "cannot follow" : "follows",
                   feedback->chain);
  if (const auto pad = adopt(gst_element_get_static_pad(GST_ELEMENT(self), "rtcp_src"))) {
    std::vector<std::uint8_t> packet;
    rtp::write_compound(*feedback, packet);
    start_rtcp(self, pad.get());
    // Whether anybody takes it is no matter of the stream's.
    (void)gst_pad_push(pad.get(), gst_buffer_new_memdup(packet.data(), packet.size()));
  }
  gst_pad_push_event(self->sinkpad, make_feedback_event(*feedback).release());
}

void publish(RtpAicDecompress* self) {
  Stream& stream = *self->stream;
  const bool following = stream.receiver.following();
  if (stream.following && !following) {
    stream.lost = true;
    announce(self, "lost");
  } else if (!stream.following && following && std::exchange(stream.lost, false)) {
    announce(self, "following");
  }
  stream.following = following;
  self->published.with([&](Published& p) {
    p.stats = stream.receiver.stats();
    p.memory = stream.engine.memory();
    p.following = following;
  });
}

/// Carries out what the core answered and pushes it; nothing of ours is locked.
GstFlowReturn push_outputs(RtpAicDecompress* self) {
  Stream& stream = *self->stream;
  auto list = adopt(gst_buffer_list_new());
  for (const rtp::Output& output : stream.outputs)
    if (auto buffer = stream.held.carry_out(output)) gst_buffer_list_add(list.get(), buffer.release());
  stream.outputs.clear();
  const guint count = gst_buffer_list_length(list.get());
  if (count == 0) return GST_FLOW_OK;
  if (count == 1) return gst_pad_push(self->srcpad, gst_buffer_ref(gst_buffer_list_get(list.get(), 0)));
  return gst_pad_push_list(self->srcpad, list.release());
}

void take(RtpAicDecompress* self, const rtp::ReceiverSettings& settings, Owned<GstBuffer> buffer) {
  Stream& stream = *self->stream;
  GstBuffer* borrowed = buffer.get();
  const rtp::Handle handle = stream.held.add(std::move(buffer));
  const support::BufferMap map{borrowed, GST_MAP_READ};
  stream.receiver.push(settings, handle, map.bytes(), now_us(), stream.outputs);
}

GstFlowReturn finish(RtpAicDecompress* self) {
  publish(self);
  const GstFlowReturn flow = push_outputs(self);
  send_feedback(self);
  return flow;
}

GstFlowReturn chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) noexcept {
  auto* self = reinterpret_cast<RtpAicDecompress*>(parent);
  take(self, receiver_settings(self), Owned<GstBuffer>{buffer});
  return finish(self);
}

GstFlowReturn chain_list(GstPad* /*pad*/, GstObject* parent, GstBufferList* buffers) noexcept {
  auto* self = reinterpret_cast<RtpAicDecompress*>(parent);
  const Owned<GstBufferList> list{buffers};
  const rtp::ReceiverSettings settings = receiver_settings(self);
  for (guint i = 0; i < gst_buffer_list_length(list.get()); ++i)
    take(self, settings, support::share_mini(gst_buffer_list_get(list.get(), i)));
  return finish(self);
}

bool take_caps(RtpAicDecompress* self, GstCaps* caps) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  gint coded = -1;
  if (gst_structure_get_int(s, "aic-payload", &coded) && coded >= 0 && coded < 128)
    self->stream->negotiated_pt = static_cast<guint>(coded);
  else
    self->stream->negotiated_pt.reset();
  const guint pt = receiver_settings(self).type;
  gint payload = -1;
  if (gst_structure_get_int(s, "payload", &payload)) {
    if (payload == static_cast<gint>(pt)) {
      if (std::exchange(self->stream->refused, true)) return false;  // GStreamer tries caps again
      GST_ELEMENT_ERROR_WITH_DETAILS(self, STREAM, FORMAT,
                                     ("The stream already has the payload type of coded packets."),
                                     ("payload %d; set pt to another one on both ends", payload),
                                     ("cause", G_TYPE_STRING, "payload-type", nullptr));
      return false;
    }
    self->stream->receiver.expect(static_cast<std::uint8_t>(payload));
  }
  if (const GstClockTime frame = frame_duration(caps); frame != self->frame.load()) {
    self->frame.store(frame);
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  }
  auto out = adopt(gst_caps_copy(caps));
  gst_structure_remove_field(gst_caps_get_structure(out.get(), 0), "aic-payload");
  return gst_pad_push_event(self->srcpad, gst_event_new_caps(out.get())) != FALSE;
}

void drain(RtpAicDecompress* self) {
  self->stream->receiver.poll(receiver_settings(self), now_us(), true, self->stream->outputs);
  finish(self);
}

/// Events of the stream go where the stream goes; RTCP has a beginning of its own and shares only the end.
gboolean sink_event(GstPad* /*pad*/, GstObject* parent, GstEvent* event) noexcept {
  auto* self = reinterpret_cast<RtpAicDecompress*>(parent);
  Owned<GstEvent> owned{event};
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      drain(self);
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event, &caps);
      return take_caps(self, caps) ? TRUE : FALSE;
    }
    case GST_EVENT_FLUSH_STOP:
      self->stream->receiver.discard(self->stream->outputs);
      self->stream->outputs.clear();
      self->stream->held.clear();
      break;
    case GST_EVENT_EOS:
      drain(self);
      if (const auto pad = adopt(gst_element_get_static_pad(GST_ELEMENT(self), "rtcp_src"))) {
        start_rtcp(self, pad.get());
        gst_pad_push_event(pad.get(), gst_event_new_eos());
      }
      break;
    case GST_EVENT_SEGMENT:
      drain(self);
      break;
    default:
      break;
  }
  return gst_pad_push_event(self->srcpad, owned.release());
}

/// What the receivers of RTCP want is no matter of the stream's.
gboolean rtcp_event(GstPad* /*pad*/, GstObject* /*parent*/, GstEvent* event) noexcept {
  gst_event_unref(event);
  return TRUE;
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  auto* self = reinterpret_cast<RtpAicDecompress*>(parent);
  const guint reorder = self->settings.with([](const Settings& s) { return s.reorder_ms; });
  return add_latency(self->sinkpad, query, self->frame.load() + reorder * GST_MSECOND + kDecoding) ? TRUE
                                                                                                   : FALSE;
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, encoding-name=(string)H264"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, encoding-name=(string)H264"));
GstStaticPadTemplate rtcp_template =
    GST_STATIC_PAD_TEMPLATE("rtcp_src", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS("application/x-rtcp"));

GstPad* request_new_pad(GstElement* element, GstPadTemplate* templ, const gchar* /*name*/,
                        const GstCaps* /*caps*/) noexcept {
  if (const auto present = adopt(gst_element_get_static_pad(element, "rtcp_src"))) return nullptr;
  GstPad* pad = gst_pad_new_from_template(templ, "rtcp_src");
  gst_pad_use_fixed_caps(pad);
  gst_pad_set_event_function(pad, rtcp_event);
  gst_pad_set_active(pad, TRUE);
  gst_element_add_pad(element, pad);
  return pad;
}

void release_pad(GstElement* element, GstPad* pad) noexcept {
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element, pad);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) noexcept {
  auto* self = reinterpret_cast<RtpAicDecompress*>(element);
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->stream = std::make_unique<Stream>();
    self->published.store({});
  }
  const auto result = GST_ELEMENT_CLASS(rtp_aic_decompress_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) self->stream.reset();
  return result;
}

void finalize(GObject* object) noexcept {
  auto* self = reinterpret_cast<RtpAicDecompress*>(object);
  std::destroy_at(&self->stream);
  std::destroy_at(&self->frame);
  std::destroy_at(&self->published);
  std::destroy_at(&self->settings);
  G_OBJECT_CLASS(rtp_aic_decompress_parent_class)->finalize(object);
}

}  // namespace

static void rtp_aic_decompress_init(RtpAicDecompress* self) {
  std::construct_at(&self->settings);
  std::construct_at(&self->published);
  std::construct_at(&self->frame, 40 * GST_MSECOND);
  std::construct_at(&self->stream);

  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_chain_list_function(self->sinkpad, chain_list);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_query_function(self->srcpad, src_query);
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void rtp_aic_decompress_class_init(RtpAicDecompressClass* klass) {
  support::Properties<RtpAicDecompress, Settings, kProps>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_add_static_pad_template(element, &rtcp_template);
  gst_element_class_set_static_metadata(element, "AIC decompressor", "Filter/Network/RTP",
                                        "Restores H.264 over RTP that rtpaiccompress made smaller",
                                        "AuraLink contributors");
  gst_type_mark_as_plugin_api(support::enum_type<kRestoreType, kRestores>(),
                              static_cast<GstPluginAPIFlags>(0));
}

}  // namespace auralink::aic

GST_ELEMENT_REGISTER_DEFINE(rtpaicdecompress, "rtpaicdecompress", GST_RANK_NONE,
                            auralink::aic::rtp_aic_decompress_get_type())
