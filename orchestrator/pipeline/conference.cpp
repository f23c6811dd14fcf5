// SPDX-License-Identifier: LGPL-2.1-or-later
// Life and death of a conference, and its bus. Branches: conference_branches.cpp; participants:
// conference_participants.cpp.
#include "orchestrator/pipeline/conference.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "orchestrator/pipeline/conference_parts.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

constexpr const char* kApplication = "auralink";  // our own messages on the bus

/// GError's sentence, with the system's own words that GStreamer hides behind the source line in `debug`.
std::string sentence(const GError* error, const char* debug) {
  std::string text = error->message;
  // filesink keeps to itself what the system said.
  if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT))
    text += std::string{" "} + g_strerror(ENOSPC) + ".";
  if (debug == nullptr) return text;
  const std::string detail = debug;
  const auto newline = detail.find('\n');
  if (newline != std::string::npos && newline + 1 < detail.size()) text += " " + detail.substr(newline + 1);
  return text;
}

}  // namespace

Conference::Conference(Description description, std::map<std::string, std::string> paths,
                       std::chrono::milliseconds eos_timeout, ConferenceObserver& observer)
    : description_{std::move(description)},
      plan_{make_plan(description_, paths)},
      paths_{std::move(paths)},
      eos_timeout_{eos_timeout},
      observer_{observer},
      pipeline_{GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(description_.name.c_str())))} {
  if (receives_together(description_)) plan_.participants.clear();  // the stage plans whom it seats
  // A branch's own end of stream reaches us only as a forwarded message: the pipeline never ends by itself.
  g_object_set(pipeline_.get(), "message-forward", TRUE, nullptr);
  const Owned<GstClock> clock{gst_system_clock_obtain()};
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
  const Owned<GstBus> bus{gst_element_get_bus(pipeline_.get())};
  bus_watch_ = gst_bus_add_watch(bus.get(), on_bus, this);
}

Conference::~Conference() {
  if (stage_) stage_->halt();
  for (const guint id : timers_) g_source_remove(id);
  g_source_remove(bus_watch_);
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

tl::expected<void, BuildError> Conference::start() {
  if (plan_.custom) {
    auto bin = build_bin(*plan_.custom);
    if (!bin) return tl::unexpected(bin.error());
    gst_bin_add(GST_BIN(pipeline_.get()), bin->get());
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
      return tl::unexpected(BuildError{"the graph does not start"});
    return {};
  }
  if (auto built = build_mixers(); !built) return built;
  // Branches before participants, and all of it paused: nothing may be mixed that nobody records.
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
    return tl::unexpected(BuildError{"the mixers do not start"});
  for (const auto& [media, mixer] : mixers_) mixer->prime();
  if (passes_through()) hold_trunks();
  for (const auto& [name, unused] : plan_.branches)
    add_branch(name, description_.branches.at(name), paths_[name]);  // only files have one
  if (auto opened = open_stage(); !opened) return opened;
  follow_speaker();
  for (const auto& participant : plan_.participants) {
    auto& seat = *(seats_[participant.name] = std::make_unique<Seat>());
    seat.plan = &participant;
    // Who comes first sits first; together: as described.
    seat.rank =
        static_cast<std::size_t>(std::ranges::count_if(plan_.participants, [&](const Participant& other) {
          return other.join < participant.join || (other.join == participant.join && &other < &participant);
        }));
    if (participant.join.count() == 0)
      seat_participant(participant.name);
    else
      after(std::chrono::duration_cast<std::chrono::milliseconds>(participant.join), "join",
            participant.name);
  }
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return tl::unexpected(BuildError{"the pipeline does not start"});
  return {};
}

tl::expected<void, BuildError> Conference::build_mixers() {
  for (const auto& [media, fragment] : plan_.mixers) {
    const auto elements = build_into(GST_BIN(pipeline_.get()), fragment);
    if (!elements) return tl::unexpected(elements.error());
    for (const Node& node : fragment.nodes) {
      auto* element = elements->at(node.id);
      if (node.factory == "tee") trunks_[media] = element;
      if (node.factory != "compositor" && node.factory != "audiomixer") continue;
      const char* released = media == Media::video ? "released-video" : "released-audio";
      mixers_[media] = std::make_unique<Mixer>(
          element, media, description_, [this, released](const std::string& name) { post(released, name); });
    }
  }
  return {};
}

tl::expected<void, BuildError> Conference::open_stage() {
  if (!receives_together(description_)) return {};
  stage_ = std::make_unique<Stage>(
      description_, pipeline_.get(), mixers_,
      Stage::Hooks{[this](const char* what, const std::string& name) { post(what, name); },
                   [this](std::chrono::milliseconds delay, const char* what, const std::string& name) {
                     after(delay, what, name);
                   },
                   [this](const std::string& name, const std::string& error) {
                     observer_.on_participant_failed(name, error);
                   }});
  return stage_->open();
}

void Conference::follow_speaker() {
  const auto video = mixers_.find(Media::video), audio = mixers_.find(Media::audio);
  if (stage_ || video == mixers_.end() || audio == mixers_.end()) return;
  if (description_.video.layout == Layout::grid) return;
  std::vector<std::string> names;
  for (const auto& participant : plan_.participants) names.push_back(participant.name);
  spotlight_ = std::make_unique<Spotlight>(*audio->second, *video->second, names);
}

void Conference::stop() { finish(EndClass::stopped, "stopped"); }

void Conference::finish(EndClass end_class, const std::string& reason) {
  if (std::exchange(finishing_, true)) return;
  end_class_ = end_class;
  end_reason_ = reason;
  if (plan_.custom) {
    gst_element_send_event(pipeline_.get(), gst_event_new_eos());
    after(eos_timeout_, "give-up", {});
    return;
  }
  for (const auto& [name, branch] : std::exchange(waiting_, {}))
    fail_branch(name, "ended before any media arrived");
  std::vector<std::string> names;
  for (const auto& [name, slot] : branches_) names.push_back(name);
  for (const auto& name : names) drain_branch(name);
  finish_if_drained();
}

void Conference::finish_if_drained() {
  if (finishing_ && branches_.empty() && !std::exchange(ended_, true)) post("ended", {});
}

bool Conference::passes_through() const {
  return description_.video.mode == VideoMode::passthrough ||
         description_.audio.mode == AudioMode::passthrough;
}

std::int64_t Conference::now() const {
  const auto time = gst_element_get_current_running_time(pipeline_.get());
  return GST_CLOCK_TIME_IS_VALID(time) ? static_cast<std::int64_t>(time) : 0;
}

ConferenceStats Conference::stats() {
  ConferenceStats stats;
  for (const auto& [name, slot] : branches_)
    stats.branches.emplace(name, slot->bin ? slot->bin->facts() : slot->facts);
  for (const auto& [name, branch] : waiting_) stats.branches[name].paused = paused_.contains(name);
  if (stage_) stats.participants = stage_->report();
  for (const auto& [name, seat] : seats_) {
    if (seat->state != Seat::State::playing) continue;
    stats.participants.push_back({name, seat->audio && !mixers_.contains(Media::audio),
                                  seat->video && !mixers_.contains(Media::video)});
  }
  for (const auto& [media, mixer] : mixers_) {
    const auto late = mixer->late();
    stats.late_frames += late.inputs + late.outputs;
    if (stage_) continue;
    for (const auto& member : mixer->present(now() - description_.audio.latency.count())) {
      const auto info = std::ranges::find(stats.participants, member.name, &session::ParticipantInfo::name);
      if (info != stats.participants.end())
        (media == Media::video ? info->video : info->audio) = member.present;
    }
  }
  return stats;
}

std::string Conference::dot() const {
  constexpr auto kNoProperties = GstDebugGraphDetails(
      GST_DEBUG_GRAPH_SHOW_MEDIA_TYPE | GST_DEBUG_GRAPH_SHOW_CAPS_DETAILS | GST_DEBUG_GRAPH_SHOW_STATES);
  const Owned<gchar> text{gst_debug_bin_to_dot_data(GST_BIN(pipeline_.get()), kNoProperties)};
  return text.get();
}

void Conference::post(const char* what, const std::string& name) const {
  auto* body = gst_structure_new(kApplication, "what", G_TYPE_STRING, what, "name", G_TYPE_STRING,
                                 name.c_str(), nullptr);
  gst_element_post_message(pipeline_.get(), gst_message_new_application(GST_OBJECT(pipeline_.get()), body));
}

void Conference::after(std::chrono::milliseconds delay, const char* what, const std::string& name) {
  struct Timer {
    Conference* self;
    const char* what;
    std::string name;
  };
  const auto fire = [](gpointer data) -> gboolean {
    auto& timer = *static_cast<Timer*>(data);
    auto* source = g_main_current_source();
    std::erase(timer.self->timers_, g_source_get_id(source));
    timer.self->post(timer.what, timer.name);
    return G_SOURCE_REMOVE;
  };
  timers_.push_back(g_timeout_add_full(G_PRIORITY_DEFAULT, static_cast<guint>(delay.count()), fire,
                                       new Timer{this, what, name},
                                       [](gpointer data) { delete static_cast<Timer*>(data); }));
}

gboolean Conference::on_bus(GstBus*, GstMessage* message, gpointer self) noexcept {
  static_cast<Conference*>(self)->on_message(message);
  return G_SOURCE_CONTINUE;
}

void Conference::on_message(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
      on_error(message);
      break;
    case GST_MESSAGE_STREAM_COLLECTION:
      on_collection(message);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
      break;
    case GST_MESSAGE_STATE_CHANGED: {
      GstState state{};
      gst_message_parse_state_changed(message, nullptr, &state, nullptr);
      if (GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline_.get()) && state == GST_STATE_PLAYING &&
          !std::exchange(running_, true)) {
        observer_.on_running();
        if (stage_) stage_->start();
      }
      break;
    }
    case GST_MESSAGE_EOS:
      if (plan_.custom && !std::exchange(ended_, true)) {
        if (!std::exchange(finishing_, true))
          end_class_ = EndClass::completed, end_reason_ = "the graph ended";
        post("ended", {});
      }
      break;
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name(message, "GstBinForwarded")) {
        GstMessage* inner = nullptr;
        gst_structure_get(gst_message_get_structure(message), "message", GST_TYPE_MESSAGE, &inner, nullptr);
        const Owned<GstMessage> owned{inner};
        if (inner && GST_MESSAGE_TYPE(inner) == GST_MESSAGE_EOS) {
          const auto owner = owner_of(GST_MESSAGE_SRC(inner));
          if (owner.starts_with("branch-") && branches_.contains(owner.substr(7)))
            branch_finished(owner.substr(7));
        }
      }
      break;
    case GST_MESSAGE_APPLICATION:
      on_application(gst_message_get_structure(message));
      break;
    default:
      break;
  }
}

void Conference::on_application(const GstStructure* body) {
  const std::string what = gst_structure_get_string(body, "what");
  const std::string name = gst_structure_get_string(body, "name");
  const auto branch = branches_.find(name);
  if (stage_ && stage_->handle(what, name)) return;
  if (what == "join") {
    seat_participant(name);
  } else if (what == "leave" || what == "participant-ended") {
    unseat(name, {});
  } else if (what == "loop") {
    if (const auto seat = seats_.find(name); seat != seats_.end() && seat->second->bin)
      seat->second->bin->loop(now());
  } else if (what == "participant-not-started") {
    unseat(name, "could not be started");
  } else if (what == "released-video" || what == "released-audio") {
    unseated(name);
  } else if (what == "flows") {
    participant_flows(name);
  } else if (what == "settled") {
    participant_settled(name);
  } else if (what == "ended") {
    observer_.on_ended(end_class_, end_reason_);
  } else if (what == "give-up" && !std::exchange(ended_, true)) {
    observer_.on_ended(end_class_, end_reason_ + "; the graph did not finish in time");
  } else if (branch == branches_.end()) {
    return;  // about a branch that has gone meanwhile
  } else if (what == "branch-open" && branch->second->state == session::BranchState::adding) {
    branch->second->state = session::BranchState::active;
    observer_.on_branch(name, session::BranchState::active, {}, branch->second->bin->facts());
  } else if (what == "branch-end-now") {
    end_quiet_branch(name);
  } else if (what == "branch-silent") {
    end_if_silent(name);
  } else if (what == "branch-overdue") {
    branch_overdue(name);
  } else if (what == "branch-not-opened") {
    fail_branch(name, "could not be opened");
  } else if (what == "branch-unlinked" && --branch->second->still_linked == 0) {
    retire(name);
  } else if (what == "branch-closed") {
    branch_gone(name);
  }
}

std::string Conference::owner_of(GstObject* object) const {
  for (auto* at = object; at != nullptr; at = GST_OBJECT_PARENT(at))
    if (GST_OBJECT_PARENT(at) == GST_OBJECT(pipeline_.get())) return GST_OBJECT_NAME(at);
  return {};
}

void Conference::on_error(GstMessage* message) {
  GError* raw_error = nullptr;
  gchar* raw_debug = nullptr;
  gst_message_parse_error(message, &raw_error, &raw_debug);
  const Owned<GError> error{raw_error};
  const Owned<gchar> debug{raw_debug};
  const auto text = sentence(error.get(), debug.get());
  const auto owner = owner_of(GST_MESSAGE_SRC(message));
  const bool from_the_pipeline_itself = GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline_.get());
  // A source that fails says so twice (its own reason, then "Internal data stream error"); when the second
  // word arrives, who said it may be out of the pipeline already, alone and without a parent.
  if (owner.empty() && !from_the_pipeline_itself) return;
  if (owner.starts_with("branch-")) {
    if (branches_.contains(owner.substr(7))) fail_branch(owner.substr(7), text);
  } else if (stage_ && stage_->failed(owner, text)) {
    return;
  } else if (owner.starts_with("participant-")) {
    unseat(owner.substr(12), text);
  } else if (plan_.custom) {
    end_class_ = EndClass::failed_source, end_reason_ = text;
    if (!std::exchange(ended_, true)) post("ended", {});
  } else {
    finish(EndClass::failed_source, text);
  }
}

}  // namespace auralink::pipeline
