// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>

#include "orchestrator/session/impl.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::session {
namespace {

bool is_file(const BranchSpec& spec) { return spec.kind == "file"; }

std::string text_member(const json::Value& branch, const char* name, const std::string& fallback) {
  if (!branch.is_object()) return fallback;
  const auto at = branch.find(name);
  return at != branch.end() && at->is_string() ? at->get<std::string>() : fallback;
}

bool same_meaning(const BranchSpec& a, const BranchSpec& b) {
  return a.kind == b.kind && a.container == b.container && a.on_error == b.on_error &&
         a.resolved == b.resolved;
}

}  // namespace

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

/// "x.mp4" and "x.mkv" would have the same sidecar and the same pictures beside them.
Outcome<std::string> Service::Impl::reserve(const std::string& relative, const std::string& suffix,
                                            bool folder) {
  if (!folder) {
    const auto stem = stem_of(relative, suffix);
    for (const auto& [id, other] : recordings_)
      if (!is_folder(other.container) && stem_of(other.relative, suffix_for(other.container)) == stem)
        return tl::unexpected(
            Problem{.kind = Problem::Kind::conflict,
                    .detail = "the path is taken",
                    .errors = {{"/path", "another recording has that name, but for its suffix"}}});
  }
  return storage_.reserve(relative, folder);
}

Outcome<std::string> Service::Impl::prepare(Entry& entry, Branch& branch, const Recording& draft,
                                            bool may_rename) {
  if (!is_file(branch.spec)) return std::string{};
  auto& conference = edit(entry);
  if (auto* open = recording_of(branch); open != nullptr && !concluded(*open))
    return next_piece(entry, *open);

  unsigned number = 1;
  const auto stem = conference.id + "-" + branch.name + "-";
  while (recordings_.contains(stem + std::to_string(number))) ++number;
  const auto id = draft.id.empty() ? stem + std::to_string(number) : draft.id;
  const auto suffix = suffix_for(branch.spec.container);
  const auto expanded = expand_path(template_of(branch.spec, settings_.default_path),
                                    {.conference = conference.id,
                                     .recording = id,
                                     .branch = branch.name,
                                     .pipeline = conference.pipeline,
                                     .epoch = conference.epoch,
                                     .seq = number,
                                     .wall = clock_.wall()},
                                    suffix);
  if (!expanded) return tl::unexpected(invalid("the path is not usable", expanded.error()));
  const bool folder = is_folder(branch.spec.container);
  auto relative = *expanded;
  auto path = reserve(relative, suffix, folder);
  constexpr unsigned kMostNames = 1000;
  for (unsigned next = 2;
       !path && may_rename && path.error().kind == Problem::Kind::conflict && next < kMostNames; ++next) {
    relative = numbered_path(*expanded, next, suffix);
    path = reserve(relative, suffix, folder);
  }
  if (!path) return tl::unexpected(std::move(path.error()));
  if (undo_ != nullptr) undo_->reserved.push_back(*path);

  auto fresh = draft;
  fresh.id = id;
  fresh.conference = conference.id;
  fresh.branch = branch.name;
  fresh.container = branch.spec.container;
  fresh.participant = text_member(branch.spec.resolved, "participant", "");
  fresh.tracks = text_member(branch.spec.resolved, "tracks", "both");
  fresh.preview_interval = branch.spec.preview_interval;
  fresh.path = *path;
  fresh.relative = std::move(relative);
  fresh.created_at = clock_.wall();
  auto& recording = insert(std::move(fresh));
  open_piece(recording, conference.epoch, *path);
  branch.recording = id;
  emit("recording.starting", conference.id, "recording", to_json(recording));
  return path;
}

Outcome<Branch*> Service::Impl::attach(Entry& entry, BranchSpec spec, const Recording& draft) {
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
  auto path = prepare(entry, branch, draft, draft.automatic);
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
    if (auto problem = not_open(entry->conference, draining_)) return tl::unexpected(std::move(*problem));
    if (is_file(*spec))
      if (auto errors = check_path(template_of(*spec, settings_.default_path)); !errors.empty())
        return tl::unexpected(invalid("the path is not usable", std::move(errors)));
    auto branch = attach(*entry, std::move(*spec), {});
    if (!branch) return tl::unexpected(std::move(branch.error()));
    return **branch;
  });
}

void Service::Impl::detach(Entry& entry, Branch& branch) {
  if (!entry.watch.alive && !entry.watch.lingers_until) {
    advance(entry, branch, BranchState::removed);
    if (auto* recording = recording_of(branch); recording != nullptr)
      conclude(*recording, {.why = "removed before anything was recorded"});
    return;
  }
  if (!advance(entry, branch, BranchState::draining)) return;
  if (auto* recording = recording_of(branch); recording != nullptr && !concluded(*recording))
    advance(*recording, RecordingState::finalising);
  later([this, id = entry.conference.id, name = branch.name] { host_.remove_branch(id, name); });
}

Outcome<Branch> Service::Impl::remove_branch(std::string_view id, std::string_view name) {
  return command<Branch>([&]() -> Outcome<Branch> {
    auto* entry = find(id);
    if (entry == nullptr) return tl::unexpected(not_found("conference", id));
    const auto at = entry->conference.branches.find(std::string{name});
    if (at == entry->conference.branches.end()) return tl::unexpected(not_found("branch", name));
    edit(*entry);
    if (!is_final(at->second.state)) at->second.held = at->second.spec.automatic.has_value();
    if (at->second.state == BranchState::adding || at->second.state == BranchState::active)
      detach(*entry, at->second);
    return at->second;
  });
}

void Service::Impl::fail_branch(Entry& entry, Branch& branch, const std::string& error) {
  if (is_final(branch.state)) return;
  edit(entry);
  branch.error = error.empty() ? "the branch failed" : error;
  branch.held = branch.spec.automatic.has_value();
  const auto name = branch.name;
  const auto reason = "branch \"" + name + "\" failed: " + branch.error;
  const bool ends_all = branch.spec.on_error == OnError::fail_pipeline;
  if (auto* recording = recording_of(branch); recording != nullptr)
    conclude(*recording, {.why = branch.error, .refused = true});
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
    if (recording != nullptr && !concluded(*recording)) measure(*recording, bytes, duration_ns);
  }
  if (state == BranchState::failed) {
    fail_branch(entry, branch, std::string{error});
    return;
  }
  if (recording != nullptr) {
    if (state == BranchState::active && !concluded(*recording)) {
      piece_started(*recording);
      advance(*recording, RecordingState::active);
      if (branch.paused) tell_pauses(entry);
    }
    if (state == BranchState::draining && !concluded(*recording))
      advance(*recording, RecordingState::finalising);
    if (state == BranchState::removed) conclude(*recording, {.clean = true, .reported = bytes});
  }
  advance(entry, branch, state);
}

}  // namespace auralink::session
