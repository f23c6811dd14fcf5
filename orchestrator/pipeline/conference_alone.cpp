// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings of one participant alone: they wait for it, take its media before it is mixed, and end with it.
#include <algorithm>
#include <array>
#include <utility>

#include "orchestrator/pipeline/conference_parts.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

/// How long after a participant's first stream its others may take: over the network a picture can only begin
/// with a keyframe.
constexpr std::chrono::milliseconds kSettle{500}, kSettleRtp{1500};
constexpr std::chrono::milliseconds kLook{500};  // between two looks whether somebody fell silent

/// What a tee in a participant's bin hands out begins anew whenever the participant starts over; an encoder
/// or muxer gets running times in one segment instead, and hears nothing of ends and flushes.
struct Retimed {
  GstSegment segment;
  bool sent = false;
};

GstClockTime running(const GstSegment& segment, GstClockTime timestamp) {
  return GST_CLOCK_TIME_IS_VALID(timestamp) && segment.format == GST_FORMAT_TIME
             ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME, timestamp)
             : GST_CLOCK_TIME_NONE;
}

GstPadProbeReturn on_tapped(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& retimed = *static_cast<Retimed*>(data);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    auto* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_BUFFER_DTS(buffer) = running(retimed.segment, GST_BUFFER_DTS(buffer));
    GST_BUFFER_PTS(buffer) = running(retimed.segment, GST_BUFFER_PTS(buffer));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_BUFFER_PTS_IS_VALID(buffer) || GST_BUFFER_DTS_IS_VALID(buffer) ? GST_PAD_PROBE_OK
                                                                              : GST_PAD_PROBE_DROP;
  }
  switch (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info))) {
    case GST_EVENT_EOS:
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_GAP:  // its time would be of the wrong segment
      return GST_PAD_PROBE_DROP;
    case GST_EVENT_SEGMENT: {
      gst_event_copy_segment(GST_PAD_PROBE_INFO_EVENT(info), &retimed.segment);
      if (std::exchange(retimed.sent, true)) return GST_PAD_PROBE_DROP;
      GstSegment fresh;
      gst_segment_init(&fresh, GST_FORMAT_TIME);
      gst_event_unref(GST_PAD_PROBE_INFO_EVENT(info));
      GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&fresh);
      return GST_PAD_PROBE_OK;
    }
    default:
      return GST_PAD_PROBE_OK;
  }
  (void)pad;
}

}  // namespace

Owned<GstPad> Conference::tap_of(GstElement* tee) const {
  Owned<GstPad> inner{gst_element_request_pad_simple(tee, "src_%u")};
  const Owned<GstObject> bin{gst_object_get_parent(GST_OBJECT(tee))};
  if (bin.get() == GST_OBJECT(pipeline_.get())) return inner;
  // A participant's own tee: its bin has to hand the stream out.
  Owned<GstPad> outer{GST_PAD(gst_object_ref_sink(gst_ghost_pad_new(nullptr, inner.get())))};
  gst_pad_set_active(outer.get(), TRUE);
  gst_element_add_pad(GST_ELEMENT(bin.get()), outer.get());
  auto* retimed = new Retimed;
  gst_segment_init(&retimed->segment, GST_FORMAT_UNDEFINED);
  constexpr auto kMask = GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                         GST_PAD_PROBE_TYPE_EVENT_FLUSH);
  gst_pad_add_probe(outer.get(), kMask, on_tapped, retimed,
                    [](gpointer data) { delete static_cast<Retimed*>(data); });
  return outer;
}

void Conference::give_back(GstPad* tapped) {
  Owned<GstPad> inner{GST_PAD(gst_object_ref(tapped))};
  if (GST_IS_GHOST_PAD(tapped)) {
    inner.reset(gst_ghost_pad_get_target(GST_GHOST_PAD(tapped)));
    if (const Owned<GstElement> bin{gst_pad_get_parent_element(tapped)}; bin)
      gst_element_remove_pad(bin.get(), tapped);
  }
  if (!inner) return;
  // The tee of a participant may have left with it.
  if (const Owned<GstElement> tee{gst_pad_get_parent_element(inner.get())}; tee)
    gst_element_release_request_pad(tee.get(), inner.get());
}

void Conference::watch_taps(Seat& seat) {
  struct Watch {
    Conference* self;
    Seat* seat;
    Media media;
  };
  const auto first = [](GstPad*, GstPadProbeInfo*, gpointer data) -> GstPadProbeReturn {
    const auto& watch = *static_cast<Watch*>(data);
    (watch.media == Media::video ? watch.seat->video_flows : watch.seat->audio_flows) = true;
    watch.self->post("flows", watch.seat->plan->name);
    return GST_PAD_PROBE_REMOVE;
  };
  for (const auto& [media, node] : seat.plan->taps) {
    auto* tee = seat.bin->tap(media);
    if (tee == nullptr) continue;
    const Owned<GstPad> sink{gst_element_get_static_pad(tee, "sink")};
    gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_BUFFER, first, new Watch{this, &seat, media},
                      [](gpointer data) { delete static_cast<Watch*>(data); });
  }
}

void Conference::participant_flows(const std::string& name) {
  Seat& seat = *seats_.at(name);
  if (seat.streams_known || seat.state != Seat::State::playing) return;
  const std::array flowing{std::pair{Media::video, seat.video_flows.load()},
                           std::pair{Media::audio, seat.audio_flows.load()}};
  const bool all = std::ranges::all_of(
      flowing, [&](const auto& stream) { return stream.second || !seat.plan->taps.contains(stream.first); });
  if (all) return participant_settled(name);
  after(sends_coded(description_) ? kSettleRtp : kSettle, "settled", name);
}

void Conference::participant_settled(const std::string& name) {
  Seat& seat = *seats_.at(name);
  if (seat.state != Seat::State::playing || std::exchange(seat.streams_known, true)) return;
  std::vector<std::string> coming;
  for (const auto& [branch, what] : waiting_)
    if (participant_of(what) == name) coming.push_back(branch);
  for (const auto& branch : coming) {
    const Branch what = std::move(waiting_.at(branch));
    waiting_.erase(branch);
    attach_existing(branch, what);
  }
}

bool Conference::is_there(const std::string& participant) const {
  const auto seat = seats_.find(participant);
  return seat != seats_.end() && seat->second->state == Seat::State::playing && seat->second->streams_known;
}

void Conference::participant_left(const std::string& name) {
  std::vector<std::string> theirs;
  for (const auto& [branch, slot] : branches_)
    if (slot->participant == name) theirs.push_back(branch);
  for (const auto& branch : theirs) drain_branch(branch);
  // Who never sent anything will not come any more.
  std::vector<std::string> in_vain;
  for (const auto& [branch, what] : waiting_)
    if (participant_of(what) == name) in_vain.push_back(branch);
  for (const auto& branch : in_vain) {
    waiting_.erase(branch);
    fail_branch(branch, "\"" + name + "\" left before any media arrived");
  }
}

void Conference::end_if_silent(const std::string& branch) {
  // Nobody says goodbye over RTP: who sent nothing for the source's timeout has left.
  const auto it = branches_.find(branch);
  if (it == branches_.end() || it->second->state > session::BranchState::active) return;
  const auto seat = seats_.find(it->second->participant);
  if (seat == seats_.end() || seat->second->plan->timeout.count() == 0) return;
  if (it->second->bin->opened() && it->second->bin->quiet_for() >= seat->second->plan->timeout)
    return drain_branch(branch);
  after(kLook, "branch-silent", branch);
}

}  // namespace auralink::pipeline
