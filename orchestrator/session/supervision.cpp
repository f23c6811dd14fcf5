// SPDX-License-Identifier: LGPL-2.1-or-later
// What workers say, and what happens when they do not.
#include <algorithm>
#include <csignal>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {

std::string seconds_text(Millis duration) {
  const auto ms = duration.count();
  auto text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(1000 + ms % 1000).substr(1);
  return text + " s";
}

}  // namespace

/// The conference this message is about, or nullptr when it is late, unknown or of another epoch.
Service::Impl::Entry* Service::Impl::live(std::string_view id, std::uint32_t epoch) {
  auto* entry = find(id);
  if (entry == nullptr || !entry->watch.alive || entry->conference.epoch != epoch) return nullptr;
  return entry;
}

void Service::Impl::hello(std::string_view id, std::uint32_t epoch, std::int64_t pid) {
  fact([&] {
    auto* entry = live(id, epoch);
    if (entry == nullptr) return;
    entry->watch.heard_at = clock_.monotonic();
    if (entry->watch.greeted) return;
    entry->watch.greeted = true;
    entry->watch.greeted_at = clock_.monotonic();
    edit(*entry).worker_pid = pid;
    if (entry->watch.adopted) greet_adopted(*entry);
  });
}

void Service::Impl::running(std::string_view id, std::uint32_t epoch) {
  fact([&] {
    auto* entry = live(id, epoch);
    if (entry == nullptr) return;
    const auto now = clock_.monotonic();
    entry->watch.heard_at = now;
    if (entry->conference.state != ConferenceState::starting) return;
    auto& conference = edit(*entry);
    if (conference.started_at.count() == 0) conference.started_at = clock_.wall();
    if (!entry->watch.running_since) entry->watch.running_since = now;
    if (!anybody_there(conference)) entry->watch.alone_since = now;
    advance(*entry, {epoch, ConferenceState::running});
    launch_due();
  });
}

void Service::Impl::stats(std::string_view id, std::uint32_t epoch, const WorkerStats& stats) {
  fact([&] {
    auto* entry = live(id, epoch);
    if (entry == nullptr) return;
    const auto now = clock_.monotonic();
    auto& watch = entry->watch;
    watch.heard_at = now;
    watch.beating = true;
    auto& conference = edit(*entry);
    conference.worker_memory_bytes = stats.memory_bytes;
    conference.worker_cpu_seconds = stats.cpu_seconds;
    conference.late_frames = std::max(conference.late_frames, watch.late_before + stats.late_frames);
    take_cpu(*entry, stats.cpu_seconds, now);
    participants_changed(*entry, stats.participants);
    if (anybody_there(conference))
      watch.alone_since.reset();
    else if (!watch.alone_since)
      watch.alone_since = now;
    for (const auto& sample : stats.branches) {
      const auto at = conference.branches.find(sample.name);
      if (at == conference.branches.end() || is_final(at->second.state)) continue;
      auto& branch = at->second;
      branch.bytes = std::max(branch.bytes, sample.bytes);
      branch.dropped = std::max(branch.dropped, sample.dropped);
      branch.media_ns = std::max(branch.media_ns, sample.media_ns);
      if (sample.trunk) branch.trunk = sample.trunk;
      if (auto* recording = recording_of(branch); recording != nullptr && !concluded(*recording))
        measure(*recording, branch.bytes, branch.media_ns);
      auto& progress = watch.watches.try_emplace(sample.name, now).first->second;
      if (!progress.sample(now, sample.bytes, sample.media_ns)) continue;
      branch.progressed_at = clock_.wall();
      if (std::exchange(branch.stalled, false))
        emit("branch." + std::string{to_string(branch.state)}, conference.id, "branch", to_json(branch));
    }
  });
}

void Service::Impl::branch_event(std::string_view id, std::uint32_t epoch, std::string_view branch,
                                 BranchState state, std::string_view error, std::uint64_t bytes,
                                 std::int64_t duration_ns) {
  fact([&] {
    auto* entry = live(id, epoch);
    if (entry == nullptr) return;
    entry->watch.heard_at = clock_.monotonic();
    const auto at = entry->conference.branches.find(std::string{branch});
    if (at != entry->conference.branches.end())
      branch_report(*entry, at->second, state, error, bytes, duration_ns);
  });
}

void Service::Impl::graph_event(std::string_view id, std::uint32_t epoch, std::string dot) {
  fact([&] {
    auto* entry = live(id, epoch);
    if (entry == nullptr) return;
    entry->watch.graph = std::move(dot);
    emit("conference.graph", id, "conference", to_json(entry->conference));
  });
}

void Service::Impl::exit_event(std::string_view id, std::uint32_t epoch, const WorkerExit& exit) {
  fact([&] {
    if (auto* entry = live(id, epoch)) worker_gone(*entry, judge_exit(exit, entry->watch.intent));
    launch_due();
  });
}

void Service::Impl::tick() {
  fact([&] {
    const auto now = clock_.monotonic();
    // Silence while this daemon itself was suspended is nobody's fault.
    constexpr Millis kSuspended{3'000}, kTick{200};
    if (last_tick_ && now - *last_tick_ > kSuspended) forgive(now - *last_tick_ - kTick);
    last_tick_ = now;
    for (auto& [id, entry] : conferences_) supervise(entry, now);
    launch_due();
    give_due_orders(now);
    keep_house(now);
  });
}

/// Moves every deadline of workers by the time nobody looked. What happened since then stays in the past.
void Service::Impl::forgive(Millis missed) {
  const auto now = clock_.monotonic();
  const auto shift = [&](Millis& at) { at = std::min(at + missed, now); };
  for (auto& [id, entry] : conferences_) {
    auto& watch = entry.watch;
    shift(watch.spawned_at);
    shift(watch.heard_at);
    watch.stage_ends += missed;
    if (watch.alone_since) shift(*watch.alone_since);
    for (auto& [name, progress] : watch.watches) progress.forgive(missed, now);
    for (auto& [name, since] : watch.draining_since) shift(since);
    for (auto& [name, rule] : watch.rules)
      if (rule.empty_since) shift(*rule.empty_since);
  }
}

void Service::Impl::supervise(Entry& entry, Millis now) {
  if (is_final(entry.conference.state)) return;
  auto& watch = entry.watch;
  if (!watch.alive) {
    wait_for_lingering(entry, now);
    return;
  }
  if (watch.stage != StopStage::none) {
    climb(entry, now);
    return;
  }
  if (start_is_late(entry, now) || limits_reached(entry, now)) return;
  if (entry.conference.state != ConferenceState::running) return;
  watch_branches(entry, now);
  if (watch.stage == StopStage::none) apply_rules(entry, now);
}

/// EOS, then SIGTERM, then SIGKILL, each with its time.
void Service::Impl::climb(Entry& entry, Millis now) {
  auto& watch = entry.watch;
  if (now < watch.stage_ends) return;
  const bool polite = watch.stage == StopStage::graph || watch.stage == StopStage::eos;
  watch.stage = polite ? StopStage::term : StopStage::kill;
  watch.stage_ends = now + settings_.term_grace;
  if (watch.intent) watch.intent->forced = true;
  later([this, id = entry.conference.id, signo = polite ? SIGTERM : SIGKILL] { host_.signal(id, signo); });
}

bool Service::Impl::start_is_late(Entry& entry, Millis now) {
  const auto& watch = entry.watch;
  const auto waited = now - watch.spawned_at;
  if (!watch.greeted && waited >= settings_.hello_timeout) {
    if (watch.adopted) {
      later([this, id = entry.conference.id] { host_.signal(id, SIGKILL); });
      worker_gone(entry, {ExitClass::killed, "the worker that a previous daemon left did not report"});
      return true;
    }
    give_up(entry, {.how = ExitClass::stalled,
                    .reason = "the worker did not report within " + seconds_text(settings_.hello_timeout)});
    return true;
  }
  const auto limit = entry.conference.compiled.policies.start_timeout;
  if (entry.conference.state == ConferenceState::starting && limit > Millis{0} && waited >= limit) {
    give_up(entry, {.how = ExitClass::failed_source,
                    .reason = "the pipeline did not play within " + seconds_text(limit)});
    return true;
  }
  return false;
}

bool Service::Impl::limits_reached(Entry& entry, Millis now) {
  const auto& watch = entry.watch;
  const auto& policies = entry.conference.compiled.policies;
  if (!watch.greeted && watch.adopted) return false;
  const bool expects_beats = watch.beating || entry.conference.state == ConferenceState::running;
  if (expects_beats && now - watch.heard_at >= settings_.heartbeat_timeout) {
    give_up(entry, {.how = ExitClass::stalled,
                    .reason = "the worker was silent for " + seconds_text(settings_.heartbeat_timeout)});
    return true;
  }
  if (policies.max_duration > Millis{0} && watch.running_since &&
      now - *watch.running_since >= policies.max_duration) {
    begin_stop(entry,
               {.how = ExitClass::limit,
                .reason = "ran for its longest time, " + seconds_text(policies.max_duration)},
               StopReason::limit);
    return true;
  }
  const bool playing = entry.conference.state == ConferenceState::running;
  if (playing && policies.idle_timeout > Millis{0} && watch.alone_since &&
      now - *watch.alone_since >= policies.idle_timeout) {
    begin_stop(
        entry,
        {.how = ExitClass::limit, .reason = "nobody was there for " + seconds_text(policies.idle_timeout)},
        StopReason::idle);
    return true;
  }
  return false;
}

void Service::Impl::watch_branches(Entry& entry, Millis now) {
  auto& conference = entry.conference;
  auto& watch = entry.watch;
  const auto& policies = conference.compiled.policies;
  for (auto& [name, branch] : conference.branches) {
    if (watch.stage != StopStage::none) return;  // a branch before this one ended the conference
    if (is_final(branch.state)) continue;
    if (branch.state == BranchState::draining) {
      const auto since = watch.draining_since.try_emplace(name, now).first->second;
      if (now - since < policies.eos_timeout) continue;
      watch.leaving.insert(name);
      edit(entry);
      const std::string why = "was not finalised within " + seconds_text(policies.eos_timeout);
      if (auto* recording = recording_of(branch)) conclude(*recording, {.why = why});
      fail_branch(entry, branch, why);
      continue;
    }
    auto& progress = watch.watches.try_emplace(name, now).first->second;
    // With nobody in the room a branch may rightly be quiet, and a paused one shall be.
    if (!anybody_there(conference) || branch.paused) progress.hold(now);
    const auto verdict = progress.verdict(now, settings_.stall_warning, policies.stall_timeout);
    if (verdict == Progress::stalled && branch.state == BranchState::active && !branch.stalled) {
      edit(entry);
      branch.stalled = true;
      emit("branch.stalled", conference.id, "branch", to_json(branch));
    }
    if (verdict != Progress::failed) continue;
    edit(entry);
    watch.leaving.insert(name);
    const std::string why = "no progress for " + seconds_text(policies.stall_timeout);
    if (auto* recording = recording_of(branch)) conclude(*recording, {.why = why});
    later([this, id = conference.id, gone = name] { host_.remove_branch(id, gone); });
    fail_branch(entry, branch, why);
  }
}

}  // namespace auralink::session
