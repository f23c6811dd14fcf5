// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands about recordings.
#include "orchestrator/session/impl.hpp"
#include "orchestrator/session/metadata.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::session {
namespace {

json::Value branch_for(const NewRecording& wanted, const std::string& path) {
  json::Value branch{{"kind", "file"}, {"container", wanted.container}, {"path", path}};
  if (!wanted.participant.empty()) branch["participant"] = wanted.participant;
  if (wanted.tracks != "both") branch["tracks"] = wanted.tracks;
  if (wanted.preset) branch["preset"] = *wanted.preset;
  return branch;
}

std::optional<Problem> unusable(const NewRecording& wanted, const std::string& path) {
  if (wanted.id && !is_identifier(*wanted.id))
    return invalid("the id is not usable",
                   {{"/id", "expected 1 to 64 of A-Z a-z 0-9 _ - . (not '.' first)"}});
  if (auto errors = check_path(path); !errors.empty())
    return invalid("the path is not usable", std::move(errors));
  if (auto errors = check_metadata(wanted.metadata, "/metadata"); !errors.empty())
    return invalid("the metadata is not usable", std::move(errors));
  if (wanted.preview_interval && *wanted.preview_interval < Millis{0})
    return invalid("the preview interval is not usable", {{"/previewInterval", "expected 0 or more"}});
  return std::nullopt;
}

}  // namespace

std::string template_of(const BranchSpec& spec, const std::string& fallback) {
  if (spec.resolved.is_object())
    if (const auto at = spec.resolved.find("path"); at != spec.resolved.end() && at->is_string())
      return at->get<std::string>();
  return fallback;
}

Problem conflict(std::string detail) {
  return {.kind = Problem::Kind::conflict, .detail = std::move(detail)};
}

Problem invalid(std::string detail, json::Violations errors) {
  return {.kind = Problem::Kind::invalid, .detail = std::move(detail), .errors = std::move(errors)};
}

std::optional<Problem> not_open(const Conference& conference, bool draining) {
  if (draining)
    return Problem{.kind = Problem::Kind::unavailable,
                   .detail = "the daemon is draining and starts nothing new",
                   .reason = "draining",
                   .retry_after_s = 30};
  const auto state = conference.state;
  if (state != ConferenceState::starting && state != ConferenceState::running)
    return conflict("the conference is " + std::string{to_string(state)} + " and takes no branches");
  return std::nullopt;
}

Recording* Service::Impl::recording_of(const Branch& branch) {
  const auto at = recordings_.find(branch.recording);
  return at == recordings_.end() ? nullptr : &at->second;
}

Branch* Service::Impl::branch_of(const Recording& recording) {
  auto* entry = find(recording.conference);
  if (entry == nullptr) return nullptr;
  const auto at = entry->conference.branches.find(recording.branch);
  const bool its = at != entry->conference.branches.end() && at->second.recording == recording.id;
  return its ? &at->second : nullptr;
}

bool Service::Impl::advance(Recording& recording, RecordingState to) {
  if (!may_advance(recording.state, to)) return false;
  edit(recording);
  recording.state = to;
  if (to == RecordingState::active) recording.started_at = clock_.wall();
  if (is_final(to))
    // The end of what was recorded, not of what was made of it.
    recording.ended_at = recording.pieces.empty() || recording.pieces.back().ended_at.count() == 0
                             ? clock_.wall()
                             : recording.pieces.back().ended_at;
  emit("recording." + std::string{to_string(to)}, recording.conference, "recording", to_json(recording));
  return true;
}

Outcome<Recording> Service::Impl::start_recording(const NewRecording& wanted) {
  return command<Recording>([&]() -> Outcome<Recording> {
    auto* entry = find(wanted.conference);
    if (entry == nullptr) return tl::unexpected(not_found("conference", wanted.conference));
    const auto path = wanted.path.value_or(settings_.default_path);
    if (auto problem = unusable(wanted, path)) return tl::unexpected(std::move(*problem));
    const auto order = branch_for(wanted, path);
    if (wanted.id)
      if (const auto known = recordings_.find(*wanted.id); known != recordings_.end()) {
        const auto& recording = known->second;
        const auto* of = branch_of(recording);
        // How it was to be encoded and named is only known while its branch is.
        const bool other_way = of != nullptr && of->spec.resolved != order &&
                               (template_of(of->spec, settings_.default_path) != path ||
                                of->spec.resolved.value("preset", "") != wanted.preset.value_or(""));
        const bool same = recording.conference == wanted.conference &&
                          recording.container == wanted.container && recording.tracks == wanted.tracks &&
                          recording.participant == wanted.participant && !other_way;
        if (same) return recording;
        return tl::unexpected(conflict("recording \"" + *wanted.id + "\" exists and differs"));
      }
    if (auto problem = not_open(entry->conference, draining_)) return tl::unexpected(std::move(*problem));
    if (auto problem = no_space()) return tl::unexpected(std::move(*problem));
    const auto& branches = entry->conference.branches;
    unsigned number = 1;
    while (branches.contains("recording" + std::to_string(number))) ++number;
    const auto name = "recording" + std::to_string(number);
    auto spec = catalog_.compile_branch(entry->conference.compiled, name, order);
    if (!spec) return tl::unexpected(std::move(spec.error()));
    spec->name = name;
    if (wanted.preview_interval) spec->preview_interval = wanted.preview_interval;
    Recording draft;
    draft.id = wanted.id.value_or("");
    draft.metadata = wanted.metadata;
    auto branch = attach(*entry, std::move(*spec), draft);
    if (!branch) return tl::unexpected(std::move(branch.error()));
    const auto* recording = recording_of(**branch);
    if (recording == nullptr) return tl::unexpected(conflict("the branch records nothing"));
    return *recording;
  });
}

Outcome<Recording> Service::Impl::stop_recording(std::string_view id) {
  return command<Recording>([&]() -> Outcome<Recording> {
    const auto at = recordings_.find(id);
    if (at == recordings_.end()) return tl::unexpected(not_found("recording", id));
    auto& recording = at->second;
    auto* entry = find(recording.conference);
    auto* branch = branch_of(recording);
    if (concluded(recording) || branch == nullptr) return recording;
    edit(*entry);
    branch->held = branch->spec.automatic.has_value();
    if (branch->state == BranchState::adding || branch->state == BranchState::active) detach(*entry, *branch);
    return recording;
  });
}

Outcome<Recording> Service::Impl::pause_recording(std::string_view id, bool paused) {
  return command<Recording>([&]() -> Outcome<Recording> {
    const auto at = recordings_.find(id);
    if (at == recordings_.end()) return tl::unexpected(not_found("recording", id));
    auto& recording = at->second;
    auto* entry = find(recording.conference);
    auto* branch = branch_of(recording);
    if (concluded(recording) || recording.state == RecordingState::finalising || branch == nullptr)
      return tl::unexpected(conflict("the recording is over"));
    if (recording.paused == paused) return recording;
    edit(*entry);
    edit(recording);
    recording.paused = branch->paused = paused;
    const auto wall = steady_wall(recording);
    const auto now = clock_.monotonic();
    const bool writing = !recording.pieces.empty() && recording.pieces.back().started_mono.count() != 0 &&
                         recording.pieces.back().ended_at.count() == 0;
    if (paused && writing && recording.pauses.size() < kMaxPauses)
      recording.pauses.push_back({.epoch = recording.pieces.back().epoch, .from = wall, .from_mono = now});
    if (!paused && !recording.pauses.empty() && recording.pauses.back().until.count() == 0) {
      recording.pauses.back().until = wall;
      recording.pauses.back().until_mono = now;
    }
    ++entry->conference.generation;
    emit(paused ? "recording.paused" : "recording.resumed", recording.conference, "recording",
         to_json(recording));
    if (entry->watch.alive)
      later([this, of = recording.conference, name = branch->name, paused] {
        host_.pause_branch(of, name, paused);
      });
    return recording;
  });
}

/// A new worker, or one that may have missed it, is told again what is paused.
void Service::Impl::tell_pauses(const Entry& entry) {
  for (const auto& [name, branch] : entry.conference.branches)
    if (branch.paused && !is_final(branch.state))
      later([this, id = entry.conference.id, of = name] { host_.pause_branch(id, of, true); });
}

Outcome<Recording> Service::Impl::update_metadata(std::string_view id, const json::Value& patch) {
  return command<Recording>([&]() -> Outcome<Recording> {
    const auto at = recordings_.find(id);
    if (at == recordings_.end()) return tl::unexpected(not_found("recording", id));
    auto merged = merge_metadata(at->second.metadata, patch);
    if (!merged) return tl::unexpected(invalid("the metadata is not usable", std::move(merged.error())));
    auto& recording = at->second;
    if (recording.metadata == *merged) return recording;
    edit(recording);
    recording.metadata = std::move(*merged);
    if (recording.sidecar.is_object()) recording.sidecar["metadata"] = recording.metadata;
    emit("recording.updated", recording.conference, "recording", to_json(recording));
    return recording;
  });
}

/// Files first: a row without files can be deleted again, files without a row are found by nobody.
Outcome<void> Service::Impl::remove_recording(const Recording& recording, const std::string& reason) {
  std::vector<std::string> paths;
  for (const auto& artifact : recording.artifacts) paths.push_back(artifact.path);
  for (const auto& piece : recording.pieces) paths.push_back(piece.path);
  paths.push_back(recording.path);
  for (const auto& path : paths)
    if (auto removed = storage_.remove(path); !removed) return tl::unexpected(std::move(removed.error()));
  finishing_.erase(recording.id);
  emit("recording.deleted", recording.conference, "recording", to_json(recording));
  outbox_.back().data["reason"] = reason;
  erase(recording);
  return {};
}

Outcome<void> Service::Impl::delete_recording(std::string_view id) {
  // Files cannot be put back: a store that is known to be away is asked first.
  if (!store_ok_ && !flush())
    return tl::unexpected(Problem{.kind = Problem::Kind::unavailable,
                                  .detail = "the store cannot be written; nothing was changed",
                                  .reason = "store",
                                  .retry_after_s = 5});
  return command<void>([&]() -> Outcome<void> {
    const auto at = recordings_.find(id);
    if (at == recordings_.end()) return tl::unexpected(not_found("recording", id));
    if (!is_final(at->second.state))
      return tl::unexpected(conflict("the recording is not over; stop it first"));
    if (in_work(at->second)) return tl::unexpected(conflict("the recording is being processed"));
    return remove_recording(at->second, "request");
  });
}

}  // namespace auralink::session
