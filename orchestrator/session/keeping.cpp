// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping house: what is admitted, what is deleted, what is forgotten.
#include <algorithm>
#include <cmath>

#include "orchestrator/session/admission.hpp"
#include "orchestrator/session/impl.hpp"
#include "orchestrator/session/retention.hpp"

namespace auralink::session {
namespace {

double expected_cpus(const CompiledPipeline& pipeline) {
  return pipeline.policies.cpus.value_or(pipeline.estimated_cpus);
}

bool records(const CompiledPipeline& pipeline) {
  return std::any_of(pipeline.branches.begin(), pipeline.branches.end(),
                     [](const BranchSpec& spec) { return spec.kind == "file" && !spec.automatic; });
}

}  // namespace

std::optional<Problem> Service::Impl::no_space() {
  if (settings_.free_space_floor == 0) return std::nullopt;
  const auto free = storage_.free_bytes();
  if (!free || *free >= settings_.free_space_floor) return std::nullopt;
  retention_due_ = retention_due_ || settings_.make_room;
  return Problem{.kind = Problem::Kind::unavailable,
                 .detail = std::to_string(*free >> 20U) + " MiB are free for recordings, less than the " +
                           std::to_string(settings_.free_space_floor >> 20U) + " MiB that shall stay free",
                 .reason = "disk",
                 .retry_after_s = settings_.make_room ? 5U : 60U};
}

std::optional<Problem> Service::Impl::not_admitted(const CompiledPipeline& pipeline) {
  if (records(pipeline))
    if (auto problem = no_space()) return problem;
  if (machine_ == nullptr) return std::nullopt;
  const auto now = clock_.monotonic();
  std::vector<Cost> running;
  for (const auto& [id, entry] : conferences_) {
    if (is_final(entry.conference.state)) continue;
    const auto& compiled = entry.conference.compiled;
    running.push_back(
        {.expected_cpus = expected_cpus(compiled),
         .cpus = entry.watch.cpus,
         .expected_memory = compiled.policies.memory_bytes.value_or(kUsualMemory),
         .memory = entry.watch.alive ? entry.conference.worker_memory_bytes : 0,
         .reserved = !entry.watch.alive || now - entry.watch.spawned_at < settings_.reservation});
  }
  return refuse_admission(machine_->load(), running,
                          {.expected_cpus = expected_cpus(pipeline),
                           .expected_memory = pipeline.policies.memory_bytes.value_or(kUsualMemory)},
                          {.cpu_ceiling = settings_.cpu_ceiling,
                           .memory_headroom = settings_.memory_headroom,
                           .reservation = settings_.reservation});
}

/// Averages over about ten seconds, whatever the distance of the reports.
void Service::Impl::take_cpu(Entry& entry, double cpu_seconds, Millis now) {
  auto& watch = entry.watch;
  const auto before = std::exchange(watch.measured_cpu_seconds, cpu_seconds);
  const auto since = std::exchange(watch.measured_at, now);
  if (!since || now <= *since || cpu_seconds < before) return;
  const double passed = static_cast<double>((now - *since).count()) / 1000;
  const double rate = (cpu_seconds - before) / passed;
  const double weight = 1 - std::exp(-passed / 10);
  watch.cpus = watch.cpus ? *watch.cpus + weight * (rate - *watch.cpus) : rate;
}

void Service::Impl::keep_house(Millis now) {
  constexpr Millis kRound{60'000}, kForget{1'000};
  if (now >= next_forget_) {
    next_forget_ = now + kForget;
    forget_old();
  }
  if (now < next_round_ && !retention_due_) return;
  next_round_ = now + kRound;
  retention_due_ = false;
  // Nothing is deleted that the store could not be told of.
  if (store_ok_) apply_retention();
}

void Service::Impl::apply_retention() {
  const RetentionRules rules{.keep = settings_.keep_recordings,
                             .quota = settings_.recordings_quota,
                             .floor = settings_.free_space_floor,
                             .make_room = settings_.make_room};
  if (rules.keep == Millis{0} && rules.quota == 0 && !rules.make_room) return;
  std::vector<const Recording*> all;
  for (const auto& [id, recording] : recordings_) all.push_back(&recording);
  for (const auto& removal : choose_removals(all, clock_.wall(), storage_.free_bytes(), rules))
    if (const auto at = recordings_.find(removal.recording); at != recordings_.end())
      // One that cannot be removed now is chosen again in the next round.
      (void)remove_recording(at->second, removal.reason);
}

void Service::Impl::forget_old() {
  if (settings_.forget_ended == Millis{0}) return;
  const auto wall = clock_.wall();
  std::vector<std::string> old;
  for (const auto& [id, entry] : conferences_)
    if (is_final(entry.conference.state) &&
        std::max(Millis{0}, wall - entry.conference.ended_at) >= settings_.forget_ended)
      old.push_back(id);
  for (const auto& id : old) {
    emit("conference.forgotten", id, "conference", to_json(conferences_.at(id).conference));
    remember(id);
    conferences_.erase(id);
  }
}

}  // namespace auralink::session
