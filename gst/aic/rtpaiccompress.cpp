// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtpaiccompress
 * @title: rtpaiccompress
 * @short_description: makes H.264 over RTP smaller without changing a bit of it
 *
 * Takes the RTP packets of an H.264 stream (RFC 6184), puts each access unit together, codes it with a model
 * that learns from the stream, and sends it under the payload type #RtpAicCompress:pt when that is fewer
 * bytes on the wire, all headers counted. `rtpaicdecompress` restores every byte. What cannot be coded, or
 * not in time, goes out as it came: CABAC, B slices, incomplete or encrypted access units, large ones when
 * the processor is slow. Each access unit is decoded again before it is sent (#RtpAicCompress:verify).
 *
 * The far end tells by RTCP which states it keeps and when it lost one; ask for the pad `rtcp_sink` and lead
 * that RTCP there. Within one pipeline an upstream event does the same. Without any back channel the model
 * starts anew at each IDR picture, so that a receiver can join or recover there. See README.md.
 *
 * Element messages `rtpaiccompress` tell with the fields `state` and `reason`: the first native access unit
 * of each cause (`native`), a lost far end (`resync`), another profile (`profile`), a header extension that
 * is not installed (`extension`).
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240 ! openh264enc ! rtph264pay !
 * \ rtpaiccompress ! rtpaicdecompress ! rtph264depay ! h264parse ! fakesink
 * ]| Two seconds through the tunnel within one pipeline.
 *
 * Threads: properties from any thread, also while playing; coding on the streaming thread; feedback from any.
 *
 * Since: 0.1
 */
#include <gst/gst.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst/aic/core/rtp/lossless_engine.hpp"
#include "gst/aic/core/rtp/sender.hpp"
#include "gst/aic/elements.hpp"
#include "gst/aic/feedback_event.hpp"
#include "gst/aic/frame_extension.hpp"
#include "gst/aic/held.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {
namespace {

using support::adopt;
using support::Owned;

GST_DEBUG_CATEGORY_STATIC(debug);
#define GST_CAT_DEFAULT debug

enum class Mode : std::uint8_t { kOff, kConservative };
constexpr char kModeType[] = "RtpAicCompressMode";
constexpr support::EnumValue<Mode> kModes[] = {
    {Mode::kOff, "off", "Everything passes as it is"},
    {Mode::kConservative, "conservative", "Lossless: every byte is restored"},
};
enum class Choice : std::uint8_t { kAuto, kMax, kLite, kFast };
constexpr char kProfileType[] = "RtpAicCompressProfile";
constexpr support::EnumValue<Choice> kProfiles[] = {
    {Choice::kAuto, "auto", "The best that deadline and processor allow, for each access unit"},
    {Choice::kMax, "max", "Pixels and all contexts: saves the most"},
    {Choice::kLite, "lite", "Pixels, fewer contexts"},
    {Choice::kFast, "fast", "Syntax only"},
};
enum class Verify : std::uint8_t { kDecode, kSyntax };
constexpr char kVerifyType[] = "RtpAicCompressVerify";
constexpr support::EnumValue<Verify> kVerifies[] = {
    {Verify::kDecode, "decode", "Each access unit is decoded before it is sent, as the far end will"},
    {Verify::kSyntax, "syntax", "Only that the parsed syntax gives the same bytes; half the work"},
};

struct Settings {
  Mode mode = Mode::kConservative;
  Choice profile = Choice::kAuto;
  Verify verify = Verify::kDecode;
  guint pt = 97;
  guint mtu = 1400;  // as GStreamer's payloaders
  guint deadline_ms = 40;
  guint epoch = 1000;
  guint extension_id = 0;
};

/// What other threads may read of the stream.
struct Published {
  rtp::SenderStats stats;
  Profile profile = Profile::kMax;
  double load = 0;
  guint64 memory = 0;
  guint64 feedback = 0;
};

/// State of one stream; streaming thread only, and READY forgets it.
struct Stream {
  Stream() : engine{Limits{}, now_us_noexcept}, sender{engine, Limits{}.max_access_unit, random_chain()} {}
  static rtp::Time now_us_noexcept() noexcept { return now_us(); }
  static std::uint8_t random_chain() noexcept { return static_cast<std::uint8_t>(g_random_int() & 0xFFU); }

  rtp::LosslessEngine engine;
  rtp::Sender sender;
  Held held;
  rtp::Outputs outputs;
  bool refused = false;  // its caps
  Owned<GstBufferList> ready = adopt(gst_buffer_list_new());
  FrameExtension extension;
  guint units = 0;  // numbers them in the header extension
  std::array<bool, rtp::kCauses> announced{};
  bool announced_extension = false;
  std::optional<Profile> profile;
  std::uint64_t resyncs = 0;
  Owned<GstCaps> caps;     // of the sink pad
  guint announced_pt = 0;  // in the caps of the source pad
};

}  // namespace

struct RtpAicCompress {
  GstElement parent;
  GstPad* sinkpad;  // owned by the element, like srcpad
  GstPad* srcpad;
  support::Guarded<Settings> settings;
  support::Guarded<Published> published;
  support::Guarded<std::vector<rtp::Feedback>> mailbox;
  support::Guarded<GstClockTime> frame;  // duration, for latency
  std::unique_ptr<Stream> stream;

  static void after_change(RtpAicCompress& self) noexcept;
};
struct RtpAicCompressClass {
  GstElementClass parent;
};

namespace {

GstStructure* read_stats(GObject* object) {
  const Published p = reinterpret_cast<RtpAicCompress*>(object)->published.load();
  const rtp::SenderStats& s = p.stats;
  const double saving =
      s.bytes_in > 0 ? 100.0 * (1.0 - static_cast<double>(s.bytes_out) / static_cast<double>(s.bytes_in))
                     : 0.0;
  const auto causes = adopt(gst_structure_new_empty("causes"));
  for (std::size_t i = 1; i < rtp::kCauses; ++i)
    gst_structure_set(causes.get(), std::string{rtp::name(static_cast<rtp::Cause>(i))}.c_str(), G_TYPE_UINT64,
                      guint64{s.native.at(i)}, nullptr);
  return gst_structure_new(
      "application/x-rtpaiccompress-stats", "packets-in", G_TYPE_UINT64, guint64{s.packets_in}, "packets-out",
      G_TYPE_UINT64, guint64{s.packets_out}, "bytes-in", G_TYPE_UINT64, guint64{s.bytes_in}, "bytes-out",
      G_TYPE_UINT64, guint64{s.bytes_out}, "saving", G_TYPE_DOUBLE, saving, "coded", G_TYPE_UINT64,
      guint64{s.units_coded}, "native", G_TYPE_UINT64, guint64{s.units_native}, "causes", GST_TYPE_STRUCTURE,
      causes.get(), "coder-p50-us", G_TYPE_UINT64, guint64{s.coding.percentile(50)}, "coder-p95-us",
      G_TYPE_UINT64, guint64{s.coding.percentile(95)}, "coder-p99-us", G_TYPE_UINT64,
      guint64{s.coding.percentile(99)}, "profile", G_TYPE_STRING,
      kProfiles[1 + static_cast<std::size_t>(p.profile)].nick, "load", G_TYPE_DOUBLE, p.load, "memory",
      G_TYPE_UINT64, p.memory, "chains", G_TYPE_UINT64, guint64{s.chains}, "epochs", G_TYPE_UINT64,
      guint64{s.epochs}, "acknowledged", G_TYPE_UINT64, guint64{s.acknowledged}, "resyncs", G_TYPE_UINT64,
      guint64{s.resyncs}, "feedback", G_TYPE_UINT64, p.feedback, "gaps", G_TYPE_UINT64, guint64{s.missing},
      "late", G_TYPE_UINT64, guint64{s.late}, "duplicates", G_TYPE_UINT64, guint64{s.duplicates}, "malformed",
      G_TYPE_UINT64, guint64{s.malformed}, nullptr);
}

constexpr support::Prop<Settings> kProps[] = {
    support::enum_prop<&Settings::mode>("mode", "What is done to the stream",
                                        support::enum_type<kModeType, kModes>),
    support::enum_prop<&Settings::profile>("profile", "How much is spent on each bit",
                                           support::enum_type<kProfileType, kProfiles>),
    support::enum_prop<&Settings::verify>("verify", "What is proved before an access unit is sent coded",
                                          support::enum_type<kVerifyType, kVerifies>),
    support::UIntProp<Settings>{"pt", "RTP payload type of coded packets; not that of the stream",
                                &Settings::pt, 96, 127},
    support::UIntProp<Settings>{"mtu", "Largest coded RTP packet in bytes, header included", &Settings::mtu,
                                128, 65000},
    support::UIntProp<Settings>{
        "deadline-ms",
        "Most time for coding and verifying an access unit; one that would take longer "
        "gets a cheaper profile or goes as it is",
        &Settings::deadline_ms, 1, 10000},
    support::UIntProp<Settings>{
        "epoch",
        "Milliseconds between states that both ends keep to resume from after a loss; "
        "0: none, a loss resumes from nothing",
        &Settings::epoch, 0, 60000},
    support::UIntProp<Settings>{
        "extension-id",
        "Id under which the first packet of each access unit carries the header extension "
        "urn:auralink:rtp-hdrext:aic; 0: none",
        &Settings::extension_id, 0, 255},
    support::StructureProp{
        "stats", "What the stream cost and saved so far, on the wire with all headers; see README.md",
        read_stats},
};

}  // namespace

void RtpAicCompress::after_change(RtpAicCompress& self) noexcept {
  // Its latency may have changed.
  if (GST_STATE(&self) >= GST_STATE_PAUSED)
    gst_element_post_message(GST_ELEMENT(&self), gst_message_new_latency(GST_OBJECT(&self)));
}

G_DEFINE_FINAL_TYPE_WITH_CODE(RtpAicCompress, rtp_aic_compress, GST_TYPE_ELEMENT,
                              GST_DEBUG_CATEGORY_INIT(debug, "rtpaiccompress", 0,
                                                      "Lossless compression of H.264"))

namespace {

void announce(RtpAicCompress* self, const char* state, const char* reason) noexcept {
  GST_INFO_OBJECT(self, "%s: %s", state, reason);
  GstStructure* what = gst_structure_new("rtpaiccompress", "state", G_TYPE_STRING, state, "reason",
                                         G_TYPE_STRING, reason, nullptr);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), what));
}

rtp::SenderSettings sender_settings(const Settings& s, bool with_extension) noexcept {
  rtp::SenderSettings out;
  out.active = s.mode != Mode::kOff;
  out.type = static_cast<std::uint8_t>(s.pt);
  out.mtu = s.mtu;
  out.pace.adaptive = s.profile == Choice::kAuto;
  out.pace.best = out.pace.adaptive ? Profile::kMax : static_cast<Profile>(static_cast<int>(s.profile) - 1);
  out.pace.deadline_us = s.deadline_ms * 1000;
  out.epoch_us = rtp::Time{s.epoch} * 1000;
  out.first_extra = with_extension ? FrameExtension::kMaxAdded : 0;
  return out;
}

/// Parameter sets from SDP: base64, separated by commas (RFC 6184 section 8.1).
AccessUnit parameter_sets(const GstStructure* caps) {
  AccessUnit sets;
  const char* text = gst_structure_get_string(caps, "sprop-parameter-sets");
  if (text == nullptr) return sets;
  const auto parts = adopt(g_strsplit(text, ",", 0));
  for (gchar** part = parts.get(); *part != nullptr; ++part) {
    gsize size = 0;
    guchar* data = g_base64_decode(*part, &size);
    if (size > 0) sets.add({data, size});
    g_free(data);
  }
  return sets;
}

/// The caps of the stream, and under which type its coded packets travel.
bool push_caps(RtpAicCompress* self, guint pt) {
  Stream& stream = *self->stream;
  if (stream.caps == nullptr) return true;
  auto caps = adopt(gst_caps_copy(stream.caps.get()));
  gst_caps_set_simple(caps.get(), "aic-payload", G_TYPE_INT, static_cast<gint>(pt), nullptr);
  stream.announced_pt = pt;
  return gst_pad_push_event(self->srcpad, gst_event_new_caps(caps.get())) != FALSE;
}

/// What an access unit's fate means for those who watch.
void note(RtpAicCompress* self, const rtp::UnitReport& report) noexcept {
  Stream& stream = *self->stream;
  ++stream.units;
  if (report.cause == rtp::Cause::kNone) {
    GST_LOG_OBJECT(self, "coded %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT ", %u us",
                   report.native_bytes, report.sent_bytes, report.micros);
    if (stream.profile != report.profile) {
      const bool first = !stream.profile;
      stream.profile = report.profile;
      const char* nick = kProfiles[1 + static_cast<std::size_t>(report.profile)].nick;
      if (!first) announce(self, "profile", nick);
    }
    return;
  }
  const std::string cause{rtp::name(report.cause)};
  GST_DEBUG_OBJECT(self, "native: %s", cause.c_str());
  bool& announced = stream.announced.at(static_cast<std::size_t>(report.cause));
  if (!std::exchange(announced, true)) announce(self, "native", cause.c_str());
}

/// Carries out what the core answered; what is to go on waits in `ready`.
void carry_out(RtpAicCompress* self) {
  Stream& stream = *self->stream;
  for (const rtp::Output& output : stream.outputs) {
    Owned<GstBuffer> buffer = stream.held.carry_out(output);
    if (buffer == nullptr) continue;
    if (output.first && stream.extension.ready())
      buffer = stream.extension.write(std::move(buffer), stream.sender.last_unit(), stream.units);
    gst_buffer_list_add(stream.ready.get(), buffer.release());
  }
  stream.outputs.clear();
}

/// Nothing of ours is locked.
GstFlowReturn push_ready(RtpAicCompress* self) {
  Stream& stream = *self->stream;
  const guint count = gst_buffer_list_length(stream.ready.get());
  if (count == 0) return GST_FLOW_OK;
  const auto list = std::exchange(stream.ready, adopt(gst_buffer_list_new()));
  if (count == 1) return gst_pad_push(self->srcpad, gst_buffer_ref(gst_buffer_list_get(list.get(), 0)));
  return gst_pad_push_list(self->srcpad, gst_buffer_list_ref(list.get()));
}

void publish(RtpAicCompress* self) {
  Stream& stream = *self->stream;
  const rtp::SenderStats& stats = stream.sender.stats();
  if (stats.resyncs != stream.resyncs) {
    stream.resyncs = stats.resyncs;
    announce(self, "resync", "the far end lost the stream; a new chain starts");
  }
  self->published.with([&](Published& p) {
    p.stats = stats;
    p.profile = stream.profile.value_or(Profile::kMax);
    p.load = stream.sender.load();
    p.memory = stream.engine.memory();
  });
}

/// Settings and feedback, before packets are taken.
void prepare(RtpAicCompress* self) {
  Stream& stream = *self->stream;
  const Settings s = self->settings.load();
  stream.extension.use(s.extension_id);
  if (stream.extension.missing() && !std::exchange(stream.announced_extension, true))
    announce(self, "extension", "no element knows urn:auralink:rtp-hdrext:aic; it is left out");
  stream.engine.set_mirror(s.verify == Verify::kDecode && s.mode != Mode::kOff);
  const auto now = now_us();
  stream.sender.configure(sender_settings(s, stream.extension.ready()), now, stream.outputs);
  if (stream.caps != nullptr && stream.announced_pt != s.pt) push_caps(self, s.pt);
  std::vector<rtp::Feedback> letters;
  self->mailbox.with([&](std::vector<rtp::Feedback>& box) { letters.swap(box); });
  for (const rtp::Feedback& feedback : letters) stream.sender.feedback(feedback, now);
  carry_out(self);
}

void take(RtpAicCompress* self, Owned<GstBuffer> buffer) {
  Stream& stream = *self->stream;
  const std::uint64_t before = stream.sender.stats().units_coded + stream.sender.stats().units_native;
  GstBuffer* borrowed = buffer.get();
  const rtp::Handle handle = stream.held.add(std::move(buffer));
  {
    const support::BufferMap map{borrowed, GST_MAP_READ};
    stream.sender.push(handle, map.bytes(), now_us(), stream.outputs);
  }
  if (stream.sender.stats().units_coded + stream.sender.stats().units_native != before)
    note(self, stream.sender.last_unit());
  carry_out(self);
}

GstFlowReturn chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) noexcept {
  auto* self = reinterpret_cast<RtpAicCompress*>(parent);
  prepare(self);
  take(self, Owned<GstBuffer>{buffer});
  publish(self);
  return push_ready(self);
}

GstFlowReturn chain_list(GstPad* /*pad*/, GstObject* parent, GstBufferList* buffers) noexcept {
  auto* self = reinterpret_cast<RtpAicCompress*>(parent);
  const Owned<GstBufferList> list{buffers};
  prepare(self);
  for (guint i = 0; i < gst_buffer_list_length(list.get()); ++i)
    take(self, support::share_mini(gst_buffer_list_get(list.get(), i)));
  publish(self);
  return push_ready(self);
}

/// Sends the access unit at hand as if it had ended.
void drain(RtpAicCompress* self) {
  self->stream->sender.flush(now_us(), self->stream->outputs);
  carry_out(self);
  publish(self);
  push_ready(self);
}

bool take_caps(RtpAicCompress* self, GstCaps* caps) {
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  const guint pt = self->settings.with([](const Settings& settings) { return settings.pt; });
  gint payload = -1;
  if (gst_structure_get_int(s, "payload", &payload) && payload == static_cast<gint>(pt)) {
    if (std::exchange(self->stream->refused, true)) return false;  // GStreamer tries caps again
    GST_ELEMENT_ERROR_WITH_DETAILS(self, STREAM, FORMAT,
                                   ("The stream already has the payload type of coded packets."),
                                   ("payload %d; set pt to another one on both ends", payload),
                                   ("cause", G_TYPE_STRING, "payload-type", nullptr));
    return false;
  }
  Stream& stream = *self->stream;
  if (payload >= 0) stream.sender.expect(static_cast<std::uint8_t>(payload));
  stream.sender.parameters(parameter_sets(s));
  stream.caps = support::share_mini(caps);
  if (const GstClockTime frame = frame_duration(caps); frame != self->frame.load()) {
    self->frame.store(frame);
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  }
  return push_caps(self, pt);
}

gboolean sink_event(GstPad* /*pad*/, GstObject* parent, GstEvent* event) noexcept {
  auto* self = reinterpret_cast<RtpAicCompress*>(parent);
  Owned<GstEvent> owned{event};
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      drain(self);
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event, &caps);
      return take_caps(self, caps) ? TRUE : FALSE;
    }
    case GST_EVENT_FLUSH_STOP:
      self->stream->sender.discard(self->stream->outputs);
      carry_out(self);
      break;
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT:
      drain(self);
      break;
    default:
      break;
  }
  return gst_pad_push_event(self->srcpad, owned.release());
}

void deliver(RtpAicCompress* self, const rtp::Feedback& feedback) {
  constexpr std::size_t kMost = 16;  // what a stranger can pile up between two packets
  self->mailbox.with([&](std::vector<rtp::Feedback>& box) {
    if (box.size() >= kMost) box.erase(box.begin());
    box.push_back(feedback);
  });
  self->published.with([](Published& p) { ++p.feedback; });
}

gboolean src_event(GstPad* /*pad*/, GstObject* parent, GstEvent* event) noexcept {
  auto* self = reinterpret_cast<RtpAicCompress*>(parent);
  Owned<GstEvent> owned{event};
  if (const auto feedback = read_feedback_event(event)) {
    deliver(self, *feedback);
    return TRUE;
  }
  return gst_pad_push_event(self->sinkpad,
                            owned.release());  // not to rtcp_sink, where the default would go too
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  auto* self = reinterpret_cast<RtpAicCompress*>(parent);
  const Settings s = self->settings.load();
  const GstClockTime added = s.mode == Mode::kOff ? 0 : self->frame.load() + s.deadline_ms * GST_MSECOND;
  return add_latency(self->sinkpad, query, added) ? TRUE : FALSE;
}

GstFlowReturn rtcp_chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) noexcept {
  const Owned<GstBuffer> owned{buffer};
  const support::BufferMap map{buffer, GST_MAP_READ};
  if (const auto feedback = rtp::read_feedback(map.bytes()))
    deliver(reinterpret_cast<RtpAicCompress*>(parent), *feedback);
  return GST_FLOW_OK;
}

/// RTCP has a beginning and an end of its own, which are not the stream's.
gboolean rtcp_event(GstPad* /*pad*/, GstObject* /*parent*/, GstEvent* event) noexcept {
  gst_event_unref(event);
  return TRUE;
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, encoding-name=(string)H264"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, encoding-name=(string)H264"));
GstStaticPadTemplate rtcp_template = GST_STATIC_PAD_TEMPLATE("rtcp_sink", GST_PAD_SINK, GST_PAD_REQUEST,
                                                             GST_STATIC_CAPS("application/x-rtcp"));

GstPad* request_new_pad(GstElement* element, GstPadTemplate* templ, const gchar* /*name*/,
                        const GstCaps* /*caps*/) noexcept {
  if (const auto present = adopt(gst_element_get_static_pad(element, "rtcp_sink"))) return nullptr;
  GstPad* pad = gst_pad_new_from_template(templ, "rtcp_sink");
  gst_pad_set_chain_function(pad, rtcp_chain);
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
  auto* self = reinterpret_cast<RtpAicCompress*>(element);
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->stream = std::make_unique<Stream>();
    self->published.store({});
    self->mailbox.store({});
  }
  const auto result = GST_ELEMENT_CLASS(rtp_aic_compress_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) self->stream.reset();
  return result;
}

void finalize(GObject* object) noexcept {
  auto* self = reinterpret_cast<RtpAicCompress*>(object);
  std::destroy_at(&self->stream);
  std::destroy_at(&self->frame);
  std::destroy_at(&self->mailbox);
  std::destroy_at(&self->published);
  std::destroy_at(&self->settings);
  G_OBJECT_CLASS(rtp_aic_compress_parent_class)->finalize(object);
}

}  // namespace

static void rtp_aic_compress_init(RtpAicCompress* self) {
  std::construct_at(&self->settings);
  std::construct_at(&self->published);
  std::construct_at(&self->mailbox);
  std::construct_at(&self->frame, 40 * GST_MSECOND);
  std::construct_at(&self->stream);

  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_chain_list_function(self->sinkpad, chain_list);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_event_function(self->srcpad, src_event);
  gst_pad_set_query_function(self->srcpad, src_query);
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void rtp_aic_compress_class_init(RtpAicCompressClass* klass) {
  support::Properties<RtpAicCompress, Settings, kProps>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  element->request_new_pad = request_new_pad;
  element->release_pad = release_pad;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_add_static_pad_template(element, &rtcp_template);
  gst_element_class_set_static_metadata(element, "AIC compressor", "Filter/Network/RTP",
                                        "Codes H.264 over RTP losslessly in fewer bytes",
                                        "AuraLink contributors");
  gst_type_mark_as_plugin_api(support::enum_type<kModeType, kModes>(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(support::enum_type<kProfileType, kProfiles>(),
                              static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(support::enum_type<kVerifyType, kVerifies>(),
                              static_cast<GstPluginAPIFlags>(0));
}

}  // namespace auralink::aic

GST_ELEMENT_REGISTER_DEFINE(rtpaiccompress, "rtpaiccompress", GST_RANK_NONE,
                            auralink::aic::rtp_aic_compress_get_type())
