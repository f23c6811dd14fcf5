// SPDX-License-Identifier: LGPL-2.1-or-later
// Branches of a running conference: attach, drain, detach, and the encoders they share.
#include <gst/video/video.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "orchestrator/pipeline/conference_parts.hpp"

namespace auralink::pipeline {

using session::BranchState;
using support::Owned;

namespace {
/// Longer than the latency of any mixer, encoder or queue in a healthy conference.
constexpr std::chrono::milliseconds kQuiet{500};
}  // namespace

tl::expected<GstElement*, BuildError> Conference::source_of(const Stream& stream) const {
  if (stream.participant.empty()) {
    const auto trunk = trunks_.find(stream.media);
    if (trunk == trunks_.end())
      return tl::unexpected("nothing is mixed that \"" + stream.source + "\" could take");
    return trunk->second;
  }
  const auto seat = seats_.find(stream.participant);
  if (seat == seats_.end() || !seat->second->bin)
    return tl::unexpected("\"" + stream.participant + "\" is not there");
  auto* tee = seat->second->bin->tap(stream.media);
  if (tee == nullptr) return tl::unexpected("\"" + stream.participant + "\" has no such stream");
  return tee;
}

tl::expected<Conference::Hub*, BuildError> Conference::hub(const Stream& stream) {
  const auto name = stream.name();
  if (const auto it = hubs_.find(name); it != hubs_.end()) return it->second.get();
  const auto source = source_of(stream);
  if (!source) return tl::unexpected(source.error());
  auto hub = std::make_unique<Hub>();
  if (!encode_of(description_, stream)) {  // coded already
    hub->tee.reset(GST_ELEMENT(gst_object_ref(*source)));
    return (hubs_[name] = std::move(hub)).get();
  }
  const Fragment fragment = plan_encode(description_, stream);
  const auto elements = build_into(GST_BIN(pipeline_.get()), fragment);
  if (!elements) return tl::unexpected(elements.error());
  for (const Node& node : fragment.nodes) {
    hub->elements.push_back(elements->at(node.id));
    if (node.factory == "tee") hub->tee.reset(GST_ELEMENT(gst_object_ref(elements->at(node.id))));
  }
  // Last to first, so that every element is ready for what the one before it sends.
  for (auto it = hub->elements.rbegin(); it != hub->elements.rend(); ++it)
    gst_element_sync_state_with_parent(*it);
  const Port& entry = fragment.inputs.front();
  const Owned<GstPad> sink{gst_element_get_static_pad(elements->at(entry.node), entry.pad.c_str())};
  hub->feed = tap_of(*source);
  if (gst_pad_link(hub->feed.get(), sink.get()) != GST_PAD_LINK_OK)
    return tl::unexpected("encoder \"" + name + "\" does not take what is there");
  return (hubs_[name] = std::move(hub)).get();
}

void Conference::release_hub(const std::string& stream) {
  const auto it = hubs_.find(stream);
  if (it == hubs_.end() || --it->second->users > 0) return;
  auto hub = std::move(it->second);
  hubs_.erase(it);
  if (!hub->feed) return;
  // The encoder goes when its feed is idle. It owns nothing anybody waits for, so the probe can do it all but
  // the state change, which must not happen on the streaming thread it would join.
  struct Retiring {
    Owned<GstElement> pipeline;
    std::vector<Owned<GstElement>> elements;
    Owned<GstPad> feed;
  };
  auto* retiring =
      new Retiring{Owned<GstElement>{GST_ELEMENT(gst_object_ref(pipeline_.get()))}, {}, std::move(hub->feed)};
  for (auto* element : hub->elements) retiring->elements.emplace_back(GST_ELEMENT(gst_object_ref(element)));
  const auto unlink = [](GstPad* pad, GstPadProbeInfo*, gpointer data) -> GstPadProbeReturn {
    if (const Owned<GstPad> peer{gst_pad_get_peer(pad)}; peer) gst_pad_unlink(pad, peer.get());
    const auto take_away = [](gpointer d) -> gboolean {
      auto& r = *static_cast<Retiring*>(d);
      give_back(r.feed.get());
      for (const auto& element : r.elements) {
        gst_element_set_locked_state(element.get(), TRUE);
        gst_element_set_state(element.get(), GST_STATE_NULL);
        if (GST_OBJECT_PARENT(element.get()) == GST_OBJECT(r.pipeline.get()))
          gst_bin_remove(GST_BIN(r.pipeline.get()), element.get());
      }
      return G_SOURCE_REMOVE;
    };
    g_idle_add_full(G_PRIORITY_DEFAULT, take_away, data,
                    [](gpointer d) { delete static_cast<Retiring*>(d); });
    return GST_PAD_PROBE_REMOVE;
  };
  gst_pad_add_probe(retiring->feed.get(), GST_PAD_PROBE_TYPE_IDLE, unlink, retiring, nullptr);
}

tl::expected<void, BuildError> Conference::attach(const std::string& name, const Branch& branch,
                                                  const std::vector<Stream>& streams) {
  // From the start everything counts, also what a clip's decoding times place before zero.
  const auto start = joins_late() ? now() : std::numeric_limits<std::int64_t>::min();
  BranchBin::Options options;
  options.start = start;
  options.on_open = [this, name] { post("branch-open", name); };
  const auto& participant = participant_of(branch);
  const auto* file = as_file(branch);
  if (file != nullptr && (passes_through() || (!participant.empty() && sends_coded(description_))))
    options.adapter = adapter_for(*file), options.adapt_video = file->preset.has_value();
  auto bin = BranchBin::create(plan_branch(description_, name, branch, streams, paths_.at(name)),
                               std::move(options));
  if (!bin) return tl::unexpected(bin.error());
  auto& slot = *(branches_[name] = std::make_unique<BranchSlot>());
  slot.bin = std::move(*bin);
  slot.participant = participant;
  if (paused_.contains(name)) slot.bin->pause(true, start);
  auto* element = slot.bin->element();
  gst_bin_add(GST_BIN(pipeline_.get()), element);
  if (!gst_element_sync_state_with_parent(element)) {
    post("branch-not-opened", name);  // after the bus message that says why
    return {};
  }
  for (const Stream& stream : streams) {
    auto source = hub(stream);
    if (!source) return tl::unexpected(source.error());
    ++(*source)->users;
    const auto port = stream.name();
    const Owned<GstPad> sink{gst_element_get_static_pad(element, port.c_str())};
    slot.taps.push_back({port, tap_of((*source)->tee.get())});
    if (gst_pad_link(slot.taps.back().tee_pad.get(), sink.get()) != GST_PAD_LINK_OK)
      return tl::unexpected("\"" + port + "\" does not fit this branch");
    slot.taps.back().media = stream.media;
    // Asked for now, not when the first picture has come through the encoder: the file begins at the request.
    if (joins_late()) ask_for_keyframe(slot, start);
  }
  if (!participant.empty()) end_if_silent(name);
  return {};
}

void Conference::ask_for_keyframe(const BranchSlot& slot, std::int64_t running_time) {
  for (const auto& tap : slot.taps)
    if (tap.media == Media::video)
      gst_pad_send_event(tap.tee_pad.get(), gst_video_event_new_upstream_force_key_unit(
                                                static_cast<GstClockTime>(running_time), TRUE, 0));
}

std::function<Fragment(Media, const std::string&)> Conference::adapter_for(const FileBranch& branch) const {
  // What has to be encoded for this branch alone is encoded as the conference would.
  std::map<Media, Encode> encodes;
  for (const auto& input : branch.inputs) {
    const Stream as_mixed{{}, input, branch.preset, Media::video};
    if (const auto encode = encode_of(description_, as_mixed)) encodes[media_of(encode->codec)] = *encode;
  }
  return [encodes, container = branch.container, must_encode = branch.preset.has_value(),
          fps = description_.video.fps](Media media, const std::string& caps_name) {
    const auto encode = encodes.find(media);
    return plan_adapter(container, media, caps_name, fps,
                        encode != encodes.end() ? std::optional{encode->second} : std::nullopt,
                        must_encode && media == Media::video);
  };
}

void Conference::add_branch(const std::string& name, const Branch& branch, const std::string& path) {
  if (finishing_ || branches_.contains(name) || waiting_.contains(name)) return;
  paths_[name] = path;
  const auto& participant = participant_of(branch);
  const bool known = participant.empty() ? !passes_through() || streams_known_ : is_there(participant);
  if (known)
    attach_existing(name, branch);
  else
    waiting_.insert_or_assign(name, branch);
}

void Conference::attach_existing(const std::string& name, const Branch& branch) {
  auto streams = streams_of(description_, branch);
  const auto& participant = participant_of(branch);
  std::erase_if(streams, [&](const Stream& stream) {
    if (participant.empty()) return absent_.contains(stream.source);
    const auto& seat = *seats_.at(participant);
    return stream.media == Media::video ? !seat.video_flows : !seat.audio_flows;
  });
  if (streams.empty()) return fail_branch(name, "the participant has none of the streams this branch takes");
  if (auto attached = attach(name, branch, streams); !attached) fail_branch(name, attached.error());
}

void Conference::pause_branch(const std::string& name, bool paused) {
  const bool changes = paused ? paused_.insert(name).second : paused_.erase(name) > 0;
  const auto it = branches_.find(name);
  if (!changes || it == branches_.end() || !it->second->bin) return;
  const auto at = now();
  it->second->bin->pause(paused, at);
  if (!paused) ask_for_keyframe(*it->second, at);
}

bool Conference::joins_late() const { return running_ && (streams_known_ || !passes_through()); }

void Conference::hold_trunks() {
  // A muxer must not be told of a stream that never comes: it would wait for it, or (mp4mux) write a track
  // without description. So nothing flows until it is known what there is.
  const auto stay = [](GstPad*, GstPadProbeInfo*, gpointer) -> GstPadProbeReturn { return GST_PAD_PROBE_OK; };
  for (const auto& [media, tee] : trunks_) {
    const Owned<GstPad> sink{gst_element_get_static_pad(tee, "sink")};
    Owned<GstPad> feed{gst_pad_get_peer(sink.get())};
    const auto id =
        gst_pad_add_probe(feed.get(), GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, stay, nullptr, nullptr);
    held_.emplace_back(std::move(feed), id);
  }
}

void Conference::release_trunks() {
  if (streams_known_) return;
  // A conference that passes media through has no branches of one participant alone.
  for (const auto& [name, branch] : std::exchange(waiting_, {})) attach_existing(name, branch);
  streams_known_ = true;
  for (const auto& [pad, id] : held_) gst_pad_remove_probe(pad.get(), id);
  held_.clear();
}

void Conference::remove_branch(const std::string& name) {
  if (waiting_.erase(name) > 0) return fail_branch(name, "ended before any media arrived");
  drain_branch(name);
}

void Conference::drain_branch(const std::string& name) {
  const auto it = branches_.find(name);
  if (it == branches_.end() || it->second->state > BranchState::active) return;
  BranchSlot& slot = *it->second;
  slot.state = BranchState::draining;
  observer_.on_branch(name, BranchState::draining, {}, slot.bin->facts());
  const bool sources_ended = finishing_ && end_class_ == EndClass::completed && passes_through();
  if (!sources_ended) slot.bin->end_at(now());
  after(kQuiet, "branch-end-now", name);
  after(eos_timeout_, "branch-overdue", name);
}

void Conference::branch_finished(const std::string& name) {
  if (!branches_.at(name)->bin) return;
  if (branches_.at(name)->bin->opened())
    detach(name, BranchState::removed, {});
  else
    fail_branch(name, "ended before any media arrived");
}

void Conference::end_quiet_branch(const std::string& name) {
  // A stream that sends nothing any more never reaches its end by itself; one whose encoder only lags still
  // does.
  if (!branches_.at(name)->bin) return;
  BranchBin& bin = *branches_.at(name)->bin;
  if (bin.quiet_for() < kQuiet) return after(kQuiet, "branch-end-now", name);
  if (!bin.opened()) return fail_branch(name, "ended before any media arrived");
  bin.end_now();
}

void Conference::fail_branch(const std::string& name, const std::string& error) {
  if (branches_.contains(name)) {
    detach(name, BranchState::failed, error);
  } else {
    paused_.erase(name);
    observer_.on_branch(name, BranchState::failed, error, {});
    finish_if_drained();
  }
}

void Conference::detach(const std::string& name, BranchState state, const std::string& error) {
  BranchSlot& slot = *branches_.at(name);
  if (slot.state >= BranchState::removed) return;
  slot.state = state;
  slot.error = error;
  slot.bin->close();
  slot.still_linked = slot.taps.size();
  if (slot.taps.empty()) {
    slot.still_linked = 1;
    post("branch-unlinked", name);
  }
  struct Letting {
    Conference* self;
    std::string name;
  };
  const auto let_go = [](GstPad* pad, GstPadProbeInfo*, gpointer data) -> GstPadProbeReturn {
    const auto& letting = *static_cast<Letting*>(data);
    if (const Owned<GstPad> peer{gst_pad_get_peer(pad)}; peer) gst_pad_unlink(pad, peer.get());
    letting.self->post("branch-unlinked", letting.name);
    return GST_PAD_PROBE_REMOVE;
  };
  for (const auto& tap : slot.taps)
    gst_pad_add_probe(tap.tee_pad.get(), GST_PAD_PROBE_TYPE_IDLE, let_go, new Letting{this, name},
                      [](gpointer data) { delete static_cast<Letting*>(data); });
}

void Conference::retire(const std::string& name) {
  BranchSlot& slot = *branches_.at(name);
  for (const auto& tap : slot.taps) {
    give_back(tap.tee_pad.get());
    release_hub(tap.hub);
  }
  slot.taps.clear();
  slot.facts = slot.bin->facts();
  gst_element_set_locked_state(slot.bin->element(), TRUE);
  gst_bin_remove(GST_BIN(pipeline_.get()), slot.bin->element());
  // On a thread of its own, because a disk that does not answer would hold it for ever, and with it the
  // conference. The thread owns all it touches.
  std::thread{[bin = std::shared_ptr<BranchBin>{std::move(slot.bin)}, name,
               pipeline = std::shared_ptr<GstElement>{GST_ELEMENT(gst_object_ref(pipeline_.get())),
                                                      [](GstElement* p) { gst_object_unref(p); }}]() mutable {
    bin.reset();
    auto* body = gst_structure_new("auralink", "what", G_TYPE_STRING, "branch-closed", "name", G_TYPE_STRING,
                                   name.c_str(), nullptr);
    gst_element_post_message(pipeline.get(), gst_message_new_application(GST_OBJECT(pipeline.get()), body));
  }}.detach();
  if (slot.state == BranchState::failed) branch_gone(name);
}

void Conference::branch_gone(const std::string& name) {
  const auto slot = std::move(branches_.at(name));
  branches_.erase(name);
  paused_.erase(name);
  observer_.on_branch(name, slot->state, slot->error, slot->facts);
  finish_if_drained();
}

void Conference::branch_overdue(const std::string& name) {
  BranchSlot& slot = *branches_.at(name);
  if (slot.bin) return fail_branch(name, "did not finish its file in time");
  slot.state = BranchState::failed;
  slot.error = "the file was written, but could not be closed in time";
  branch_gone(name);
}

}  // namespace auralink::pipeline
