// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/branch_bin.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "orchestrator/pipeline/moof.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

constexpr std::size_t kMostHeld = 2000;  // audio buffers waiting for the first keyframe: over 30 s
constexpr GstClockTime kLongestGuess = GST_SECOND / 10;  // of a duration: pictures may have been missing

/// Signed running time of a timestamp; nullopt when it has none or lies in no segment.
std::optional<std::int64_t> running_time(const GstSegment& segment, GstClockTime timestamp) {
  if (segment.format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID(timestamp)) return std::nullopt;
  guint64 magnitude = 0;
  const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, timestamp, &magnitude);
  if (sign == 0) return std::nullopt;
  return sign * static_cast<std::int64_t>(magnitude);
}

/// Sound is decoded in the order in which it is heard. What RTP brings has the arrival of its packet as DTS.
GstClockTime decoding_time(Media media, GstBuffer* buffer) {
  return media == Media::audio && GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer)
                                                                  : GST_BUFFER_DTS(buffer);
}

GstClockTime shifted(std::optional<std::int64_t> time, std::int64_t origin) {
  return time ? static_cast<GstClockTime>(std::max<std::int64_t>(0, *time - origin)) : GST_CLOCK_TIME_NONE;
}

GstPadProbeReturn on_muxed(GstPad*, GstPadProbeInfo* info, gpointer) noexcept {
  auto* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  std::array<std::uint8_t, 8> front{};
  if (gst_buffer_extract(buffer, 0, front.data(), front.size()) < front.size() ||
      std::memcmp(front.data() + 4, "moof", 4) != 0)
    return GST_PAD_PROBE_OK;
  buffer = gst_buffer_make_writable(buffer);
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READWRITE)) {
    mend_moof({map.data, map.size});
    gst_buffer_unmap(buffer, &map);
  }
  return GST_PAD_PROBE_OK;
}

/// Without a rate in the stream h264parse gives pictures no duration, and mp4mux would cut the last one off
/// by its edit list: each lasts as long as the one before, as far as can be told. `data` is when that was
/// decoded.
GstPadProbeReturn on_parsed(GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& last = *static_cast<GstClockTime*>(data);
  auto* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime decoded = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!GST_BUFFER_DURATION_IS_VALID(buffer) && GST_CLOCK_TIME_IS_VALID(last) && decoded > last) {
    buffer = gst_buffer_make_writable(buffer);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    GST_BUFFER_DURATION(buffer) = std::min(decoded - last, kLongestGuess);
  }
  last = decoded;
  return GST_PAD_PROBE_OK;
}

void tell_durations_of(GstElement* parser) {
  const Owned<GstPad> src{gst_element_get_static_pad(parser, "src")};
  gst_pad_add_probe(src.get(), GST_PAD_PROBE_TYPE_BUFFER, on_parsed, new GstClockTime{GST_CLOCK_TIME_NONE},
                    [](gpointer data) { delete static_cast<GstClockTime*>(data); });
}

void mend_fragments_of(GstElement* muxer) {
  const Owned<GstPad> src{gst_element_get_static_pad(muxer, "src")};
  gst_pad_add_probe(src.get(), GST_PAD_PROBE_TYPE_BUFFER, on_muxed, nullptr, nullptr);
}

session::TrunkFacts facts_of(GstElement* compressor) {
  GstStructure* stats = nullptr;
  g_object_get(compressor, "stats", &stats, nullptr);
  session::TrunkFacts facts;
  const auto read = [stats](const char* field) {
    guint64 value = 0;
    if (stats != nullptr) gst_structure_get_uint64(stats, field, &value);
    return value;
  };
  facts.bytes_in = read("bytes-in");
  facts.bytes_out = read("bytes-out");
  facts.coded = read("coded");
  facts.native = read("native");
  facts.resyncs = read("resyncs");
  if (stats != nullptr) gst_structure_free(stats);
  return facts;
}

}  // namespace

/// One gated stream. Touched by its streaming thread only, except `queue`.
struct BranchBin::Input {
  BranchBin* branch = nullptr;
  Media media = Media::video;
  Owned<GstPad> pad;
  Owned<GstElement> queue;  // the fragment's first element
  guint64 queue_limit = 0;  // ns
  GstSegment segment{};
  std::deque<Owned<GstBuffer>> held;
  bool segment_sent = false, ended = false, adapted = false;

  /// The gate decides before the queue would block or leak.
  [[nodiscard]] bool room() const {
    if (queue_limit == 0) return true;
    guint64 level = 0;
    g_object_get(queue.get(), "current-level-time", &level, nullptr);
    return level < queue_limit / 10 * 9;
  }
};

tl::expected<std::unique_ptr<BranchBin>, BuildError> BranchBin::create(const Fragment& fragment,
                                                                       Options options) {
  auto bin = build_bin(fragment);
  if (!bin) return tl::unexpected(bin.error());
  return std::unique_ptr<BranchBin>{new BranchBin{std::move(*bin), fragment, std::move(options)}};
}

BranchBin::BranchBin(Owned<GstElement> bin, const Fragment& fragment, Options options)
    : bin_{std::move(bin)},
      ports_{fragment.inputs},
      options_{std::move(options)},
      gate_{std::ranges::any_of(fragment.inputs, [](const Port& p) { return p.media == Media::video; }),
            options_.start},
      last_arrival_{g_get_monotonic_time()} {
  for (const Node& node : fragment.nodes) {
    Owned<GstElement> element{gst_bin_get_by_name(GST_BIN(bin_.get()), node.id.c_str())};
    if (node.factory == "h264parse") tell_durations_of(element.get());
    if (node.factory == "mp4mux") mend_fragments_of(element.get());
    if (node.factory == "rtpaiccompress") compressor_ = std::move(element);
  }
  for (const Port& port : ports_) {
    auto input = std::make_unique<Input>();
    input->branch = this;
    input->media = port.media;
    input->pad.reset(gst_element_get_static_pad(bin_.get(), port.name.c_str()));
    input->queue.reset(gst_bin_get_by_name(GST_BIN(bin_.get()), port.node.c_str()));
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(input->queue.get()), "current-level-time"))
      g_object_get(input->queue.get(), "max-size-time", &input->queue_limit, nullptr);
    gst_segment_init(&input->segment, GST_FORMAT_UNDEFINED);
    gst_pad_set_chain_function_full(input->pad.get(), chain, input.get(), nullptr);
    gst_pad_set_event_function_full(input->pad.get(), event, input.get(), nullptr);
    gst_pad_set_query_function(input->pad.get(), query);
    inputs_.push_back(std::move(input));
  }
}

BranchBin::~BranchBin() { gst_element_set_state(bin_.get(), GST_STATE_NULL); }

GstFlowReturn BranchBin::chain(GstPad* pad, GstObject* parent, GstBuffer* buffer) noexcept {
  auto& input = *static_cast<Input*>(pad->chaindata);
  if (!input.ended) input.branch->last_arrival_ = g_get_monotonic_time();
  input.held.emplace_back(buffer);
  if (input.held.size() > kMostHeld) input.held.pop_front();
  return input.branch->take(input, pad, parent);
}

GstFlowReturn BranchBin::take(Input& input, GstPad* pad, GstObject* parent) {
  while (!input.held.empty() && !input.ended) {
    auto* buffer = input.held.front().get();
    auto time = decoding_time(input.media, buffer);
    if (!GST_CLOCK_TIME_IS_VALID(time)) time = GST_BUFFER_PTS(buffer);
    const auto decode_time = running_time(input.segment, time);
    if (!decode_time) {  // cannot be placed in the file
      input.held.pop_front();
      continue;
    }
    const bool keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    const bool room = input.room();
    Gate::Action action{};
    std::int64_t origin = 0;
    bool ask_for_keyframe = false;
    {
      const std::scoped_lock lock{mutex_};
      action = gate_.on_buffer(input.media, *decode_time, keyframe, room);
      origin = gate_.origin(*decode_time);
      ask_for_keyframe = gate_.take_keyframe_request();
    }
    if (ask_for_keyframe)
      gst_pad_push_event(pad, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
    if (action == Gate::Action::hold) break;
    auto owned = std::move(input.held.front());
    input.held.pop_front();
    if (action == Gate::Action::pass) write(input, pad, parent, std::move(owned), origin);
    if (action == Gate::Action::end) finish(input, pad, parent);
  }
  if (input.ended) input.held.clear();
  return GST_FLOW_OK;  // whatever happens inside: the others go on; failures arrive on the bus
}

void BranchBin::write(Input& input, GstPad* pad, GstObject* parent, Owned<GstBuffer> owned,
                      std::int64_t origin) {
  auto* buffer = gst_buffer_make_writable(owned.release());
  const auto dts = running_time(input.segment, decoding_time(input.media, buffer));
  auto pts = running_time(input.segment, GST_BUFFER_PTS(buffer));
  if (!pts) pts = dts;  // AVI knows only decoding times
  GST_BUFFER_PTS(buffer) = shifted(pts, origin);
  GST_BUFFER_DTS(buffer) = shifted(dts, origin);
  if (!std::exchange(input.segment_sent, true)) {
    GstSegment fresh;
    gst_segment_init(&fresh, GST_FORMAT_TIME);
    gst_pad_event_default(pad, parent, gst_event_new_segment(&fresh));
  }
  bytes_ += gst_buffer_get_size(buffer);
  const auto duration = GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0;
  if (GST_BUFFER_PTS_IS_VALID(buffer))
    media_ns_ = std::max(media_ns_.load(), static_cast<std::int64_t>(GST_BUFFER_PTS(buffer) + duration));
  gst_proxy_pad_chain_default(pad, parent, buffer);
  if (!opened_.exchange(true)) options_.on_open();
}

void BranchBin::finish(Input& input, GstPad* pad, GstObject* parent) {
  if (input.media == Media::video) {
    const std::scoped_lock lock{input.branch->mutex_};
    input.branch->gate_.video_over();
  }
  if (!std::exchange(input.ended, true)) gst_pad_event_default(pad, parent, gst_event_new_eos());
}

gboolean BranchBin::event(GstPad* pad, GstObject* parent, GstEvent* event) noexcept {
  auto& input = *static_cast<Input*>(pad->eventdata);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT:  // the branch gets one segment of its own, starting at zero
      gst_event_copy_segment(event, &input.segment);
      break;
    case GST_EVENT_CAPS: {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event, &caps);
      input.branch->adapt(input, caps);
      return gst_pad_event_default(pad, parent, event);
    }
    case GST_EVENT_EOS:
      finish(input, pad, parent);
      break;
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_GAP:
      break;
    default:
      return gst_pad_event_default(pad, parent, event);
  }
  gst_event_unref(event);
  return TRUE;
}

gboolean BranchBin::query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  // A branch takes what comes and adapts inside: were it asked, the tee would offer its other branches only
  // what all of them can take.
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CAPS: {
      GstCaps* filter = nullptr;
      gst_query_parse_caps(query, &filter);
      const Owned<GstCaps> any{filter ? gst_caps_ref(filter) : gst_caps_new_any()};
      gst_query_set_caps_result(query, any.get());
      return TRUE;
    }
    case GST_QUERY_ACCEPT_CAPS:
      gst_query_set_accept_caps_result(query, TRUE);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      return FALSE;
    default:
      return gst_pad_query_default(pad, parent, query);
  }
}

void BranchBin::pause(bool paused, std::int64_t running_time) {
  const std::scoped_lock lock{mutex_};
  if (paused)
    gate_.pause(running_time);
  else
    gate_.resume(running_time);
}

void BranchBin::end_at(std::int64_t running_time) {
  const std::scoped_lock lock{mutex_};
  gate_.end_at(running_time);
}

void BranchBin::end_now() {
  // Serialised with data by the pad's stream lock, which is never held long: the queue behind never fills.
  // Not gst_pad_send_event(): that marks the ghost pad EOS, the tee gets GST_FLOW_EOS and stops its other
  // branches.
  for (const auto& input : inputs_) finish_locked(*input);
}

void BranchBin::finish_locked(Input& input) {
  GST_PAD_STREAM_LOCK(input.pad.get());
  const Owned<GstObject> parent{gst_pad_get_parent(input.pad.get())};
  finish(input, input.pad.get(), parent.get());
  GST_PAD_STREAM_UNLOCK(input.pad.get());
}

void BranchBin::adapt(Input& input, GstCaps* caps) {
  if (!options_.adapter || input.adapted) return;
  const Owned<GstPad> queued{gst_element_get_static_pad(input.queue.get(), "src")};
  const Owned<GstPad> consumer{gst_pad_get_peer(queued.get())};
  const bool must = options_.adapt_video && input.media == Media::video;
  if (!must && gst_pad_query_accept_caps(consumer.get(), caps)) return;
  input.adapted = true;
  const auto adapter =
      build_bin(options_.adapter(input.media, gst_structure_get_name(gst_caps_get_structure(caps, 0))));
  if (!adapter) {
    GST_ELEMENT_ERROR(bin_.get(), STREAM, CODEC_NOT_FOUND, ("%s", adapter.error().c_str()), (nullptr));
    return;
  }
  // Behind the queue, which has seen no data yet: an encoder must not hold up the tee.
  gst_bin_add(GST_BIN(bin_.get()), adapter->get());
  const Owned<GstPad> in{gst_element_get_static_pad(adapter->get(), "in")};
  const Owned<GstPad> out{gst_element_get_static_pad(adapter->get(), "out")};
  gst_pad_unlink(queued.get(), consumer.get());
  gst_pad_link(out.get(), consumer.get());
  gst_element_sync_state_with_parent(adapter->get());
  gst_pad_link(queued.get(), in.get());
}

std::chrono::milliseconds BranchBin::quiet_for() const noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::microseconds{g_get_monotonic_time() - last_arrival_});
}

void BranchBin::close() {
  const std::scoped_lock lock{mutex_};
  gate_.close();
}

BranchFacts BranchBin::facts() const {
  std::optional<session::TrunkFacts> trunk;
  if (compressor_) trunk = facts_of(compressor_.get());
  const std::scoped_lock lock{mutex_};
  return {bytes_, gate_.dropped(), media_ns_, gate_.paused(), trunk};
}

}  // namespace auralink::pipeline
