// SPDX-License-Identifier: LGPL-2.1-or-later
// Participants of a running conference: taking a seat, leaving it, and what follows when the last one is
// gone.
#include <algorithm>
#include <utility>

#include "orchestrator/pipeline/conference_parts.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

/// A stream that nobody mixes must still flow, or its siblings from the same demuxer stall.
void discard(GstElement* pipeline, GstPad* source) {
  auto* sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(pipeline), sink);
  gst_element_sync_state_with_parent(sink);
  const Owned<GstPad> pad{gst_element_get_static_pad(sink, "sink")};
  gst_pad_link(source, pad.get());
}

}  // namespace

void Conference::seat_participant(const std::string& name) {
  Seat& seat = *seats_.at(name);
  if (seat.state != Seat::State::planned || finishing_) return;
  const auto on_stream = [this, &seat, name](Media media, GstPad* source) {
    (media == Media::video ? seat.video : seat.audio) = true;
    if (const auto mixer = mixers_.find(media); mixer != mixers_.end()) {
      mixer->second->add(name, source, seat.rank, seat.plan->timeout.count());
    } else if (const auto mix = plan_.mixers.find(media); mix != plan_.mixers.end()) {
      const Port& entry = mix->second.inputs.front();
      const auto element_name = mix->second.name + "." + entry.node;
      const Owned<GstElement> element{gst_bin_get_by_name(GST_BIN(pipeline_.get()), element_name.c_str())};
      const Owned<GstPad> sink{gst_element_get_static_pad(element.get(), entry.pad.c_str())};
      gst_pad_link(source, sink.get());
    } else {
      discard(pipeline_.get(), source);
    }
  };
  auto bin = ParticipantBin::create(
      *seat.plan, running_ ? now() : 0,
      {on_stream, [this, name] { post("participant-ended", name); }, [this, name] { post("loop", name); }});
  seat.state = Seat::State::playing;
  if (!bin) {
    unseat(name, bin.error());
    return;
  }
  seat.bin = std::move(*bin);
  gst_bin_add(GST_BIN(pipeline_.get()), seat.bin->element());
  watch_taps(seat);
  seat.bin->report_static_streams();
  expect_streams(seat);
  if (seat.unopened.empty()) {
    seat.has_video = seat.video, seat.has_audio = seat.audio;
    note_absent_streams(seat);
  }
  if (!gst_element_sync_state_with_parent(seat.bin->element())) {
    // Out of the way of the others' state changes; the bus message that says why is handled before ours.
    gst_element_set_locked_state(seat.bin->element(), TRUE);
    post("participant-not-started", name);
    return;
  }
  if (seat.plan->leave) {
    const auto stay = std::max(Nanos{0}, *seat.plan->leave - seat.plan->join);
    after(std::chrono::duration_cast<std::chrono::milliseconds>(stay), "leave", name);
  }
}

void Conference::expect_streams(Seat& seat) const {
  for (const Link& link : seat.plan->fragment.links)
    if (link.delayed) seat.unopened.insert(link.from);
}

void Conference::on_collection(GstMessage* message) {
  // parsebin (1.22) has no "no-more-pads": its stream collection is what says which streams there will be.
  const auto owner = owner_of(GST_MESSAGE_SRC(message));
  const auto it = owner.starts_with("participant-") ? seats_.find(owner.substr(12)) : seats_.end();
  if (it == seats_.end() || it->second->unopened.erase(GST_MESSAGE_SRC_NAME(message)) == 0) return;
  Seat& seat = *it->second;
  GstStreamCollection* raw = nullptr;
  gst_message_parse_stream_collection(message, &raw);
  const Owned<GstObject> collection{GST_OBJECT(raw)};
  for (guint i = 0; i < gst_stream_collection_get_size(raw); ++i) {
    const auto type = gst_stream_get_stream_type(gst_stream_collection_get_stream(raw, i));
    seat.has_video = seat.has_video || (type & GST_STREAM_TYPE_VIDEO) != 0;
    seat.has_audio = seat.has_audio || (type & GST_STREAM_TYPE_AUDIO) != 0;
  }
  if (seat.unopened.empty()) note_absent_streams(seat);
}

void Conference::note_absent_streams(const Seat& seat) {
  if (!passes_through()) return;  // mixers always deliver
  if (!seat.has_video) absent_.insert("video");
  if (!seat.has_audio) absent_.insert("audio");
  release_trunks();
}

void Conference::unseat(const std::string& name, const std::string& error) {
  const auto it = seats_.find(name);
  if (it == seats_.end() || it->second->state != Seat::State::playing) return;
  Seat& seat = *it->second;
  seat.state = Seat::State::leaving;
  seat.error = error;
  if (!error.empty()) observer_.on_participant_failed(name, error);
  if (seat.bin) seat.bin->mute();
  participant_left(name);
  for (const auto& [media, mixer] : mixers_)
    if (mixer->remove(name)) ++seat.inputs_to_release;
  if (seat.inputs_to_release == 0) {
    seat.inputs_to_release = 1;
    unseated(name);
  }
}

void Conference::unseated(const std::string& name) {
  const auto it = seats_.find(name);
  if (it == seats_.end()) return;  // the mixer's primer
  Seat& seat = *it->second;
  if (seat.state != Seat::State::leaving || --seat.inputs_to_release > 0) return;
  seat.state = Seat::State::gone;
  if (seat.bin) {
    gst_element_set_locked_state(seat.bin->element(), TRUE);
    gst_element_set_state(seat.bin->element(), GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_.get()), seat.bin->element());
    seat.bin.reset();
  }
  const bool all_gone =
      std::ranges::all_of(seats_, [](const auto& s) { return s.second->state == Seat::State::gone; });
  if (!all_gone) return;
  const auto failed = std::ranges::find_if(seats_, [](const auto& s) { return !s.second->error.empty(); });
  const bool none_played =
      std::ranges::all_of(seats_, [](const auto& s) { return !s.second->error.empty(); });
  if (none_played)
    finish(EndClass::failed_source, "no participant could be played: " + failed->second->error);
  else
    finish(EndClass::completed, "every participant has ended");
}

}  // namespace auralink::pipeline
