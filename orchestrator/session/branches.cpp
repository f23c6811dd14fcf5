// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>

#include "orchestrator/session/impl.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::session {
namespace {

bool is_file(const BranchSpec& spec) { return spec.kind == "file"; }

bool same_meaning(const BranchSpec& a, const BranchSpec& b) {
  return a.kind == b.kind && a.container == b.container && a.on_error == b.on_error &&
         a.resolved == b.resolved;
}

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

}  // namespace

Recording* Service::Impl::recording_of(const Branch& branch) {
  const auto at = recordings_.find(branch.recording);
  return at == recordings_.end() ? nullptr : &at->second;
}

bool Service::Impl::advance(Entry& entry, Branch& branch, BranchState to) {
  if (!may_advance(branch.state, to)) return false;
  auto& conference = edit(entry);
  branch.state = to;
  branch.stalled = branch.stalled && !is_final(to);
  ++conference.generation;
  if (to == BranchState::draining)
    entry.watch.draining_since.insert_or_assign(branch.name, clock_.monotonic());
  if (is_final(to)) {
    entry.watch.watches.erase(branch.name);
    entry.watch.draining_since.erase(branch.name);
  }
  emit("branch." + std::string{to_string(to)}, conference.id, "branch", to_json(branch));
  return true;
}

bool Service::Impl::advance(Recording& recording, RecordingState to) {
  if (!may_advance(recording.state, to)) return false;
  edit(recording);
  recording.state = to;
  if (to == RecordingState::active) recording.started_at = clock_.wall();
  if (is_final(to)) recording.ended_at = clock_.wall();
  emit("recording." + std::string{to_string(to)}, recording.conference, "recording", to_json(recording));
  return true;
}

Outcome<std::string> Service::Impl::prepare(Entry& entry, Branch& branch,
                                            const std::optional<std::string>& recording_id, bool may_rename) {
  if (!is_file(branch.spec)) return std::string{};
  auto& conference = edit(entry);
  if (const auto* ready = recording_of(branch); ready != nullptr && ready->epoch == conference.epoch)
    return ready->path;  // added while a restart was waiting

  unsigned number = 1;
  const auto stem = conference.id + "-" + branch.name + "-";
  while (recordings_.contains(stem + std::to_string(number))) ++number;
  const auto id = recording_id ? *recording_id : stem + std::to_string(number);
  const auto suffix = suffix_for(branch.spec.container);
  const auto relative = expand_path(template_of(branch.spec, settings_.default_path),
                                    {.conference = conference.id,
                                     .recording = id,
                                     .branch = branch.name,
                                     .pipeline = conference.pipeline,
                                     .epoch = conference.epoch,
                                     .seq = number,
                                     .wall = clock_.wall()},
                                    suffix);
  if (!relative) return tl::unexpected(invalid("the path is not usable", relative.error()));
  const bool folder = branch.spec.container == "segments";
  auto path = storage_.reserve(*relative, folder);
  constexpr unsigned kMostNames = 1000;
  for (unsigned next = 2;
       !path && may_rename && path.error().kind == Problem::Kind::conflict && next < kMostNames; ++next)
    path = storage_.reserve(numbered_path(*relative, next, suffix), folder);
  if (!path) return tl::unexpected(std::move(path.error()));
  if (undo_ != nullptr) undo_->reserved.push_back(*path);

  const auto& recording = insert({.id = id,
                                  .conference = conference.id,
                                  .branch = branch.name,
                                  .container = branch.spec.container,
                                  .path = *path,
                                  .epoch = conference.epoch,
                                  .created_at = clock_.wall()});
  branch.recording = id;
  emit("recording.starting", conference.id, "recording", to_json(recording));
  return path;
}

Outcome<Branch*> Service::Impl::attach(Entry& entry, BranchSpec spec,
                                       const std::optional<std::string>& recording_id) {
  auto& conference = edit(entry);
  const auto name = spec.name;
  if (entry.watch.leaving.contains(name))
    return tl::unexpected(conflict("the worker is still removing branch \"" + name + "\""));
  const auto in_use = std::count_if(conference.branches.begin(), conference.branches.end(),
                                    [](const auto& item) { return !is_final(item.second.state); });
  if (static_cast<std::size_t>(in_use) >= settings_.max_branches)
    return tl::unexpected(Problem{.kind = Problem::Kind::limit,
                                  .detail = "the conference has as many branches as this daemon allows",
                                  .reason = "branches"});
  auto& branch = conference.branches[name];
  branch = Branch{.name = name, .spec = std::move(spec)};
  auto path = prepare(entry, branch, recording_id, false);
  if (!path) return tl::unexpected(std::move(path.error()));
  ++conference.generation;
  entry.watch.watches.erase(name);
  emit("branch.adding", conference.id, "branch", to_json(branch));
  if (entry.watch.alive)
    later([this, id = conference.id, order = branch.spec, path = std::move(*path)] {
      host_.add_branch(id, order, path);
    });
  return &branch;
}

namespace {
std::optional<Problem> not_open(const Service::Impl::Entry& entry, bool draining) {
  if (draining)
    return Problem{.kind = Problem::Kind::unavailable,
                   .detail = "the daemon is draining and starts nothing new",
                   .reason = "draining",
                   .retry_after_s = 30};
  const auto state = entry.conference.state;
  if (state != ConferenceState::starting && state != ConferenceState::running)
    return conflict("the conference is " + std::string{to_string(state)} + " and takes no branches");
  return std::nullopt;
}
}  // namespace

Outcome<Branch> Service::Impl::add_branch(std::string_view id, std::string_view name,
                                          const json::Value& wanted) {
  return command<Branch>([&]() -> Outcome<Branch> {
    auto* entry = find(id);
    if (entry == nullptr) return tl::unexpected(not_found("conference", id));
    if (!is_identifier(name))
      return tl::unexpected(
          invalid("the branch name is not usable", {{"", "expected 1 to 64 of A-Z a-z 0-9 _ - ."}}));
    auto spec = catalog_.compile_branch(entry->conference.compiled, name, wanted);
    if (!spec) return tl::unexpected(std::move(spec.error()));
    spec->name = std::string{name};
    const auto known = entry->conference.branches.find(std::string{name});
    if (known != entry->conference.branches.end() && !is_final(known->second.state)) {
      const bool same =
          same_meaning(known->second.spec, *spec) && known->second.state != BranchState::draining;
      if (same) return known->second;
      return tl::unexpected(
          conflict("branch \"" + std::string{name} + "\" exists and differs, or is draining"));
    }
    if (auto problem = not_open(*entry, draining_)) return tl::unexpected(std::move(*problem));
    if (is_file(*spec))
      if (auto errors = check_path(template_of(*spec, settings_.default_path)); !errors.empty())
        return tl::unexpected(invalid("the path is not usable", std::move(errors)));
    auto branch = attach(*entry, std::move(*spec), std::nullopt);
    if (!branch) return tl::unexpected(std::move(branch.error()));
    return **branch;
  });
}

void Service::Impl::detach(Entry& entry, Branch& branch) {
  if (!entry.watch.alive) {
    advance(entry, branch, BranchState::removed);
    if (auto* recording = recording_of(branch); recording != nullptr && !is_final(recording->state))
      interrupt_recording(*recording, "removed before anything was recorded");
    return;
  }
  if (!advance(entry, branch, BranchState::draining)) return;
  if (auto* recording = recording_of(branch)) advance(*recording, RecordingState::finalising);
  later([this, id = entry.conference.id, name = branch.name] { host_.remove_branch(id, name); });
}

Outcome<Branch> Service::Impl::remove_branch(std::string_view id, std::string_view name) {
  return command<Branch>([&]() -> Outcome<Branch> {
    auto* entry = find(id);
    if (entry == nullptr) return tl::unexpected(not_found("conference", id));
    const auto at = entry->conference.branches.find(std::string{name});
    if (at == entry->conference.branches.end()) return tl::unexpected(not_found("branch", name));
    edit(*entry);
    if (at->second.state == BranchState::adding || at->second.state == BranchState::active)
      detach(*entry, at->second);
    return at->second;
  });
}

Outcome<Recording> Service::Impl::start_recording(const NewRecording& wanted) {
  return command<Recording>([&]() -> Outcome<Recording> {
    auto* entry = find(wanted.conference);
    if (entry == nullptr) return tl::unexpected(not_found("conference", wanted.conference));
    if (wanted.id && !is_identifier(*wanted.id))
      return tl::unexpected(invalid("the id is not usable",
                                    {{"/id", "expected 1 to 64 of A-Z a-z 0-9 _ - . (not '.' first)"}}));
    const auto path = wanted.path.value_or(settings_.default_path);
    if (auto errors = check_path(path); !errors.empty())
      return tl::unexpected(invalid("the path is not usable", std::move(errors)));
    const auto& branches = entry->conference.branches;
    if (wanted.id)
      if (const auto known = recordings_.find(*wanted.id); known != recordings_.end()) {
        const auto& recording = known->second;
        const auto of = branches.find(recording.branch);
        const bool other_path = of != branches.end() && of->second.recording == recording.id &&
                                template_of(of->second.spec, settings_.default_path) != path;
        if (recording.conference == wanted.conference && recording.container == wanted.container &&
            !other_path)
          return recording;
        return tl::unexpected(conflict("recording \"" + *wanted.id + "\" exists and differs"));
      }
    if (auto problem = not_open(*entry, draining_)) return tl::unexpected(std::move(*problem));
    unsigned number = 1;
    while (branches.contains("recording" + std::to_string(number))) ++number;
    const auto name = "recording" + std::to_string(number);
    auto spec = catalog_.compile_branch(entry->conference.compiled, name,
                                        {{"kind", "file"}, {"container", wanted.container}, {"path", path}});
    if (!spec) return tl::unexpected(std::move(spec.error()));
    spec->name = name;
    auto branch = attach(*entry, std::move(*spec), wanted.id);
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
    if (is_final(recording.state) || entry == nullptr) return recording;
    const auto of = entry->conference.branches.find(recording.branch);
    if (of == entry->conference.branches.end() || of->second.recording != recording.id) return recording;
    edit(*entry);
    if (of->second.state == BranchState::adding || of->second.state == BranchState::active)
      detach(*entry, of->second);
    return recording;
  });
}

void Service::Impl::complete_recording(Recording& recording, std::uint64_t reported_bytes) {
  edit(recording);
  // The file on disk is the truth; what the worker counted stands in when the disk cannot be asked.
  recording.bytes = storage_.size(recording.path).value_or(reported_bytes);
  if (recording.bytes == 0) {
    recording.error = "nothing was recorded";
    advance(recording, RecordingState::failed);
    return;
  }
  advance(recording, RecordingState::complete);
}

void Service::Impl::interrupt_recording(Recording& recording, const std::string& why) {
  edit(recording);
  recording.bytes = storage_.size(recording.path).value_or(0);
  recording.error = why;
  advance(recording, recording.bytes > 0 ? RecordingState::interrupted : RecordingState::failed);
}

void Service::Impl::fail_branch(Entry& entry, Branch& branch, const std::string& error) {
  if (is_final(branch.state)) return;
  edit(entry);
  branch.error = error.empty() ? "the branch failed" : error;
  const auto name = branch.name;
  const auto reason = "branch \"" + name + "\" failed: " + branch.error;
  const bool ends_all = branch.spec.on_error == OnError::fail_pipeline;
  if (auto* recording = recording_of(branch); recording != nullptr && !is_final(recording->state)) {
    edit(*recording);
    recording->bytes = storage_.size(recording->path).value_or(0);
    recording->error = branch.error;
    advance(*recording, RecordingState::failed);
  }
  advance(entry, branch, BranchState::failed);
  if (ends_all) begin_stop(entry, {.how = ExitClass::failed_sink, .reason = reason}, StopReason::requested);
}

void Service::Impl::branch_report(Entry& entry, Branch& branch, BranchState state, std::string_view error,
                                  std::uint64_t bytes, std::int64_t duration_ns) {
  const bool last = is_final(state);
  if (last) entry.watch.leaving.erase(branch.name);
  if (!may_advance(branch.state, state)) return;
  edit(entry);
  auto* recording = recording_of(branch);
  if (last) {
    branch.bytes = std::max(branch.bytes, bytes);
    branch.media_ns = std::max(branch.media_ns, duration_ns);
    if (recording != nullptr) edit(*recording).duration_ns = std::max(recording->duration_ns, duration_ns);
  }
  if (state == BranchState::failed) {
    fail_branch(entry, branch, std::string{error});
    return;
  }
  if (recording != nullptr) {
    if (state == BranchState::active) advance(*recording, RecordingState::active);
    if (state == BranchState::draining) advance(*recording, RecordingState::finalising);
    if (state == BranchState::removed && !is_final(recording->state)) complete_recording(*recording, bytes);
  }
  advance(entry, branch, state);
}

}  // namespace auralink::session
