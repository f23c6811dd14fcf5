// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {

constexpr std::string_view kDrained = "the daemon is shutting down";

Problem refused(Problem::Kind kind, std::string detail) {
  return {.kind = kind, .detail = std::move(detail)};
}

/// Complaints about parameters are told as members of the request they came with.
Problem beneath_parameters(Problem problem) {
  for (auto& error : problem.errors) error.pointer.insert(0, "/parameters");
  return problem;
}

WorkerStart order_for(const Conference& conference) {
  WorkerStart order{.conference = conference.id,
                    .epoch = conference.epoch,
                    .resolved = conference.compiled.resolved,
                    .paths = {},
                    .orphans = conference.compiled.policies.orphans,
                    .memory_limit = conference.compiled.policies.memory_bytes.value_or(0)};
  if (!order.resolved.is_object()) order.resolved = json::Value::object();
  auto branches = json::Value::object();
  for (const auto& [name, branch] : conference.branches)
    if (branch.state == BranchState::adding) branches[name] = branch.spec.resolved;
  if (!branches.empty() || order.resolved.contains("branches"))
    order.resolved["branches"] = std::move(branches);
  return order;
}

}  // namespace

bool is_identifier(std::string_view id) noexcept {
  if (id.empty() || id.size() > 64 || id.front() == '.') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Problem not_found(std::string_view what, std::string_view id) {
  return refused(Problem::Kind::not_found,
                 "there is no " + std::string{what} + " \"" + std::string{id} + "\"");
}

bool anybody_there(const Conference& conference) noexcept {
  return std::any_of(conference.participants.begin(), conference.participants.end(),
                     [](const auto& who) { return who.audio || who.video; });
}

Service::Impl::Impl(Settings settings, Clock& clock, Store& store, Catalog& catalog, WorkerHost& host,
                    Storage& storage)
    : settings_{std::move(settings)},
      clock_{clock},
      store_{store},
      catalog_{catalog},
      host_{host},
      storage_{storage} {}

Service::Impl::Entry* Service::Impl::find(std::string_view id) {
  const auto at = conferences_.find(id);
  return at == conferences_.end() ? nullptr : &at->second;
}

std::size_t Service::Impl::count_live() const {
  return static_cast<std::size_t>(
      std::count_if(conferences_.begin(), conferences_.end(),
                    [](const auto& item) { return !is_final(item.second.conference.state); }));
}

bool Service::Impl::advance(Entry& entry, Rung to) {
  const Rung from{entry.conference.epoch, entry.conference.state};
  if (!may_advance(from, to)) return false;
  auto& conference = edit(entry);
  conference.epoch = to.epoch;
  conference.state = to.state;
  emit("conference." + std::string{to_string(to.state)}, conference.id, "conference", to_json(conference));
  return true;
}

Outcome<Conference> Service::Impl::create(const NewConference& wanted) {
  if (wanted.id && !is_identifier(*wanted.id))
    return tl::unexpected(
        Problem{.kind = Problem::Kind::invalid,
                .detail = "the id is not usable",
                .errors = {{"/id", "expected 1 to 64 of A-Z a-z 0-9 _ - . (not '.' first)"}}});
  if (wanted.id)
    if (const auto* known = find(*wanted.id)) {
      if (known->conference.pipeline == wanted.pipeline && known->conference.parameters == wanted.parameters)
        return known->conference;
      return tl::unexpected(
          refused(Problem::Kind::conflict,
                  "conference \"" + *wanted.id + "\" exists with another pipeline or parameters"));
    }
  std::string id;
  auto made = command<Conference>([&]() -> Outcome<Conference> {
    if (draining_)
      return tl::unexpected(Problem{.kind = Problem::Kind::unavailable,
                                    .detail = "the daemon is draining and takes no new conferences",
                                    .reason = "draining",
                                    .retry_after_s = 30});
    auto compiled = catalog_.compile(wanted.pipeline, wanted.parameters);
    if (!compiled) return tl::unexpected(beneath_parameters(std::move(compiled.error())));
    if (compiled->branches.size() > settings_.max_branches)
      return tl::unexpected(Problem{.kind = Problem::Kind::limit,
                                    .detail = "the pipeline has more branches than this daemon allows",
                                    .reason = "branches"});
    if (count_live() >= settings_.max_conferences)
      return tl::unexpected(Problem{.kind = Problem::Kind::limit,
                                    .detail = "as many conferences run as this daemon allows",
                                    .reason = "conferences",
                                    .retry_after_s = 30});
    if (auto problem = not_admitted(*compiled)) return tl::unexpected(std::move(*problem));
    id = wanted.id ? *wanted.id : fresh_id();
    remember(id);
    auto& entry = conferences_[id];
    auto& conference = entry.conference;
    conference.id = id;
    conference.pipeline = wanted.pipeline;
    conference.pipeline_version = compiled->version;
    conference.parameters = wanted.parameters;
    conference.compiled = std::move(*compiled);
    conference.created_at = clock_.wall();
    for (const auto& spec : conference.compiled.branches)
      if (!spec.automatic) conference.branches[spec.name] = Branch{.name = spec.name, .spec = spec};
    entry.watch.launch_at = clock_.monotonic();
    emit("conference.created", id, "conference", to_json(conference));
    for (const auto& [name, branch] : conference.branches)
      emit("branch.adding", id, "branch", to_json(branch));
    return conference;
  });
  if (!made) return made;
  fact([&] { launch_due(); });
  const auto* entry = find(id);
  return entry != nullptr ? Outcome<Conference>{entry->conference} : made;
}

std::string Service::Impl::fresh_id() {
  constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  for (;;) {
    std::string id = "c-";
    while (id.size() < 12)
      id += kAlphabet[static_cast<std::size_t>(settings_.random() * static_cast<double>(kAlphabet.size())) %
                      kAlphabet.size()];
    if (find(id) == nullptr) return id;
  }
}

/// What starts takes a CPU for a moment. All at once would take it from each other, from the conferences that
/// run and from this daemon, and none would be there earlier.
void Service::Impl::launch_due() {
  const auto now = clock_.monotonic();
  std::vector<Entry*> due;
  double under_way = 0;
  for (auto& [id, entry] : conferences_) {
    const auto& watch = entry.watch;
    if (!watch.alive && !watch.lingers_until && watch.launch_at && now >= *watch.launch_at)
      due.push_back(&entry);
    if (!watch.alive || entry.conference.state != ConferenceState::starting) continue;
    // One that has greeted and does not play waits for its sources, not for a CPU.
    if (!watch.greeted || now - watch.greeted_at < settings_.longest_start) ++under_way;
  }
  if (due.empty()) return;
  const auto limit = machine_ != nullptr && settings_.starts_per_cpu > 0
                         ? std::max(1.0, settings_.starts_per_cpu * machine_->load().cpus)
                         : std::numeric_limits<double>::infinity();
  std::stable_sort(due.begin(), due.end(), [](const Entry* one, const Entry* other) {
    return one->watch.launch_at < other->watch.launch_at;
  });
  for (auto* entry : due) {
    if (under_way + 1 > limit) return;
    launch(*entry);
    ++under_way;
  }
}

void Service::Impl::launch(Entry& entry) {
  auto& watch = entry.watch;
  watch.launch_at.reset();
  const bool first = entry.conference.state == ConferenceState::pending;
  if (first && !advance(entry, {entry.conference.epoch + 1, ConferenceState::starting})) return;
  auto& conference = edit(entry);
  conference.awaits_worker = false;
  std::map<std::string, std::string> paths;
  for (auto& [name, branch] : conference.branches) {
    if (branch.state != BranchState::adding) continue;
    auto path = prepare(entry, branch, {}, true);
    if (path) {
      if (!path->empty()) paths[name] = std::move(*path);
      continue;
    }
    fail_branch(entry, branch, path.error().detail);
    if (is_final(conference.state)) return;
  }
  watch.alive = true;
  watch.greeted = watch.beating = watch.adopted = false;
  watch.spawned_at = watch.heard_at = clock_.monotonic();
  watch.stage = StopStage::none;
  watch.intent.reset();
  watch.alone_since.reset();
  watch.watches.clear();
  watch.draining_since.clear();
  watch.leaving.clear();
  watch.graph.reset();
  watch.late_before = conference.late_frames;
  watch.measured_at.reset();
  watch.cpus.reset();
  for (auto& [name, rule] : watch.rules) rule.empty_since.reset();
  auto order = order_for(conference);
  order.paths = std::move(paths);
  later([this, order = std::move(order)] { spawn(order); });
  tell_pauses(entry);
}

void Service::Impl::spawn(const WorkerStart& order) {
  const auto started = host_.start(order);
  if (started) return;
  fact([&] {
    if (auto* entry = live(order.conference, order.epoch))
      worker_gone(*entry, {ExitClass::crashed, "the worker could not be started: " + started.error().detail});
  });
}

void Service::Impl::begin_stop(Entry& entry, Intent intent, StopReason why) {
  auto& watch = entry.watch;
  if (is_final(entry.conference.state)) return;
  if (watch.lingers_until) {
    watch.intent = std::move(intent);  // its files are still being written
    return;
  }
  if (!watch.alive) {
    end(entry, intent.how, std::move(intent.reason));
    return;
  }
  if (watch.stage != StopStage::none) return;
  watch.intent = std::move(intent);
  watch.stage = StopStage::eos;
  watch.stage_ends = clock_.monotonic() + entry.conference.compiled.policies.eos_timeout;
  advance(entry, {entry.conference.epoch, ConferenceState::stopping});
  later([this, id = entry.conference.id, why] { host_.stop(id, why); });
}

void Service::Impl::give_up(Entry& entry, Intent intent) {
  // A last look inside is worth a second: the graph says where the worker hangs.
  constexpr Millis kGraphGrace{1'000};
  auto& watch = entry.watch;
  watch.intent = std::move(intent);
  watch.stage = StopStage::graph;
  watch.stage_ends = clock_.monotonic() + kGraphGrace;
  advance(entry, {entry.conference.epoch, ConferenceState::stopping});
  later([this, id = entry.conference.id] { host_.dump_graph(id); });
}

void Service::Impl::end(Entry& entry, ExitClass how, std::string reason) {
  auto& conference = edit(entry);
  auto& watch = entry.watch;
  for (auto& [name, branch] : conference.branches) {
    if (auto* recording = recording_of(branch)) conclude(*recording, {.why = reason});
    if (is_final(branch.state)) continue;
    const bool wanted_end =
        how == ExitClass::completed || how == ExitClass::stopped || how == ExitClass::limit;
    if (!wanted_end) branch.error = reason;
    advance(entry, branch, wanted_end ? BranchState::removed : BranchState::failed);
  }
  participants_changed(entry, {});
  conference.worker_pid = 0;
  conference.awaits_worker = false;
  conference.exit = how;
  conference.reason = std::move(reason);
  conference.ended_at = clock_.wall();
  watch.alive = false;
  watch.stage = StopStage::none;
  watch.launch_at.reset();
  advance(entry, {conference.epoch, ConferenceState::ended});
}

void Service::Impl::worker_gone(Entry& entry, const Verdict& verdict) {
  auto& conference = edit(entry);
  entry.watch.alive = entry.watch.adopted = false;
  entry.watch.stage = StopStage::none;
  entry.watch.lingers_until.reset();
  conference.worker_pid = 0;
  std::vector<std::string> wanted;
  for (const auto& [name, branch] : conference.branches)
    if (branch.state == BranchState::adding || branch.state == BranchState::active) wanted.push_back(name);
  if (verdict.clean)
    for (const auto& [name, branch] : conference.branches)
      if (auto* recording = recording_of(branch))
        conclude(*recording, {.why = "the worker ended without confirming that the file is finalised"});
  if (!restart(entry, verdict, wanted)) end(entry, verdict.how, verdict.reason);
}

bool Service::Impl::restart(Entry& entry, const Verdict& verdict, const std::vector<std::string>& wanted) {
  if (draining_ || entry.conference.desired != Desired::running || !is_restartable(verdict.how)) return false;
  const auto& policy = entry.conference.compiled.policies.restart;
  const auto now = clock_.monotonic();
  const auto delay = entry.watch.restarts.next(policy, now, settings_.random());
  if (!delay) return false;
  auto& conference = edit(entry);
  conference.restarted_at = entry.watch.restarts.times();
  for (auto& [name, branch] : conference.branches) {
    auto* recording = recording_of(branch);
    const bool goes_on = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    // One recording over several workers needs somebody who joins its pieces.
    const bool keeps = goes_on && finisher_ != nullptr && recording != nullptr && !concluded(*recording) &&
                       !recording->relative.empty();
    if (keeps)
      suspend(*recording, verdict.reason);
    else if (recording != nullptr)
      conclude(*recording, {.why = verdict.reason});
    if (is_final(branch.state)) continue;
    if (!goes_on) {  // was on its way out already
      advance(entry, branch, BranchState::removed);
      continue;
    }
    branch = Branch{.name = name,
                    .spec = branch.spec,
                    .recording = keeps ? branch.recording : std::string{},
                    .paused = keeps && branch.paused};
    ++conference.generation;
  }
  participants_changed(entry, {});
  conference.exit = verdict.how;
  conference.reason = verdict.reason + "; attempt " + std::to_string(entry.watch.restarts.used()) + " of " +
                      std::to_string(policy.max) + " to start again";
  advance(entry, {conference.epoch + 1, ConferenceState::starting});
  for (const auto& name : wanted)
    emit("branch.adding", conference.id, "branch", to_json(conference.branches.at(name)));
  conference.awaits_worker = true;
  entry.watch.launch_at = now + *delay;
  return true;
}

Outcome<Conference> Service::Impl::stop(std::string_view id) {
  return command<Conference>([&]() -> Outcome<Conference> {
    auto* entry = find(id);
    if (entry == nullptr) return tl::unexpected(not_found("conference", id));
    if (is_final(entry->conference.state) || entry->conference.desired == Desired::stopped)
      return entry->conference;
    auto& conference = edit(*entry);
    conference.desired = Desired::stopped;
    ++conference.generation;
    begin_stop(*entry, {.how = ExitClass::stopped, .reason = "stopped on request"}, StopReason::requested);
    return conference;
  });
}

Outcome<void> Service::Impl::forget(std::string_view id) {
  return command<void>([&]() -> Outcome<void> {
    const auto* entry = find(id);
    if (entry == nullptr) return tl::unexpected(not_found("conference", id));
    if (!is_final(entry->conference.state))
      return tl::unexpected(
          refused(Problem::Kind::conflict, "the conference has not ended yet; stop it first"));
    remember(entry->conference.id);
    conferences_.erase(conferences_.find(id));
    return {};
  });
}

Outcome<void> Service::Impl::request_graph(std::string_view id) {
  const auto* entry = find(id);
  if (entry == nullptr) return tl::unexpected(not_found("conference", id));
  if (!entry->watch.alive || !entry->watch.greeted)
    return tl::unexpected(refused(Problem::Kind::conflict, "the conference has no worker to draw"));
  host_.dump_graph(id);
  return {};
}

void Service::Impl::drain() {
  if (draining_) return;
  fact([&] {
    draining_ = true;
    for (auto& [id, entry] : conferences_)
      begin_stop(entry, {.how = ExitClass::stopped, .reason = std::string{kDrained}}, StopReason::drain);
  });
}

void Service::Impl::participants_changed(Entry& entry, std::vector<ParticipantInfo> now) {
  // Once a second, of a thousand participants: by name, not by search.
  const auto by_name = [](const std::vector<ParticipantInfo>& all) {
    std::unordered_map<std::string_view, const ParticipantInfo*> index;
    for (const auto& who : all) index.emplace(who.name, &who);
    return index;
  };
  const auto present = [](const auto& index, const std::string& name) {
    const auto at = index.find(name);
    return at != index.end() && (at->second->audio || at->second->video);
  };
  auto& conference = entry.conference;
  const auto before = std::exchange(edit(entry).participants, std::move(now));
  const auto were = by_name(before), are = by_name(conference.participants);
  const auto log = [&](const std::string& name, bool joined) {
    auto& presence = conference.presence;
    if (presence.size() >= kMaxPresence) presence.erase(presence.begin());
    presence.push_back({.name = name,
                        .joined = joined,
                        .epoch = conference.epoch,
                        .at = clock_.wall(),
                        .at_mono = clock_.monotonic()});
  };
  for (const auto& who : before)
    if ((who.audio || who.video) && !present(are, who.name)) {
      log(who.name, false);
      const auto at = are.find(who.name);
      emit("participant.left", conference.id, "participant",
           to_json(at != are.end() ? *at->second : ParticipantInfo{.name = who.name}));
    }
  for (const auto& who : conference.participants)
    if ((who.audio || who.video) && !present(were, who.name)) {
      log(who.name, true);
      emit("participant.joined", conference.id, "participant", to_json(who));
    }
}

}  // namespace auralink::session
