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
      {on_stream, [this, name] { post("participant-ended", name); }, [this, name] { post("loop", name); },
       [this, name] { post("streams-known", name); }});
  seat.state = Seat::State::playing;
  if (!bin) {
    unseat(name, bin.error());
    return;
  }
  seat.bin = std::move(*bin);
  gst_bin_add(GST_BIN(pipeline_.get()), seat.bin->element());
  seat.bin->report_static_streams();
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

void Conference::note_absent_streams(const std::string& name) {
  const Seat& seat = *seats_.at(name);
  if (!passes_through()) return;  // mixers always deliver
  for (const auto& [media, input] : {std::pair{Media::video, "video"}, std::pair{Media::audio, "audio"}}) {
    const bool exists = media == Media::video ? seat.video : seat.audio;
    if (exists || mixers_.contains(media)) continue;
    absent_.insert(input);
    for (const auto& [branch, slot] : branches_) slot->bin->end_input(input);
  }
}

void Conference::unseat(const std::string& name, const std::string& error) {
  const auto it = seats_.find(name);
  if (it == seats_.end() || it->second->state != Seat::State::playing) return;
  Seat& seat = *it->second;
  seat.state = Seat::State::leaving;
  seat.error = error;
  if (!error.empty()) observer_.on_participant_failed(name, error);
  if (seat.bin) seat.bin->mute();
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
