// SPDX-License-Identifier: LGPL-2.1-or-later
// What a previous daemon left: conferences whose workers live or not, and recordings nobody finished.
#include <algorithm>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {
constexpr std::string_view kDaemonEnded = "the daemon ended while this conference ran";
}  // namespace

void Service::Impl::recover() {
  for (auto& recording : store_.recordings()) recordings_.insert_or_assign(recording.id, recording);
  for (auto& conference : store_.conferences()) {
    const auto id = conference.id;
    conferences_.insert_or_assign(id, Entry{.conference = std::move(conference), .watch = {}});
  }
  fact([&] {
    for (auto& [id, entry] : conferences_)
      if (!is_final(entry.conference.state)) recover(entry);
    for (auto& [id, recording] : recordings_) {
      const auto* branch = branch_of(recording);
      const bool goes_on = branch != nullptr && !is_final(branch->state) && !concluded(recording);
      if (goes_on) continue;
      // Of conferences that ended or were forgotten in the very moment the daemon did.
      if (!concluded(recording))
        conclude(recording, {.why = std::string{kDaemonEnded}});
      else if (!is_final(recording.state) && finisher_ == nullptr)
        abandon(recording, "nobody is there to finish it");
      else if ((!is_final(recording.state) || in_work(recording)) && !finishing_.contains(id))
        order_finish(id);
    }
  });
}

void Service::Impl::recover(Entry& entry) {
  const auto& conference = entry.conference;
  const auto now = clock_.monotonic();
  auto& watch = entry.watch;
  watch.restarts = RestartLedger{conference.restarted_at, now};
  watch.late_before = conference.late_frames;
  if (conference.started_at.count() != 0)
    // Only wall time outlives a daemon; a clock set back must not make the run longer than it was.
    watch.running_since = now - std::max(Millis{0}, clock_.wall() - conference.started_at);
  const bool waits = conference.awaits_worker || conference.state == ConferenceState::pending;
  if (waits && conference.desired == Desired::running) {
    // No worker of this epoch ever ran, and the end of one before is accounted for: the daemon's death is not
    // another failure of this conference.
    watch.launch_at = now;
    return;
  }
  if (conference.epoch > 0 && conference.compiled.policies.orphans == Orphans::go_on &&
      host_.adopt(conference.id, conference.epoch)) {
    adopt(entry);
    return;
  }
  if (conference.epoch > 0 && host_.lingers(conference.id, conference.epoch, conference.worker_pid)) {
    watch.lingers_until =
        now + conference.compiled.policies.eos_timeout + settings_.term_grace + settings_.term_grace;
    return;
  }
  worker_gone(entry, {ExitClass::killed, std::string{kDaemonEnded}});
}

/// It goes on as it was; its Hello tells whether it really does.
void Service::Impl::adopt(Entry& entry) {
  auto& watch = entry.watch;
  watch.alive = watch.adopted = true;
  watch.greeted = watch.beating = false;
  watch.spawned_at = watch.heard_at = clock_.monotonic();
  watch.late_before = 0;
}

/// What was asked of it before may not have reached it; every one of these may be said twice.
void Service::Impl::greet_adopted(Entry& entry) {
  const auto& conference = entry.conference;
  entry.watch.adopted = false;
  for (const auto& [name, branch] : conference.branches)
    if (branch.state == BranchState::draining)
      later([this, id = conference.id, gone = name] { host_.remove_branch(id, gone); });
  tell_pauses(entry);
  if (conference.state == ConferenceState::stopping || conference.desired == Desired::stopped)
    begin_stop(entry, {.how = ExitClass::stopped, .reason = "stopped on request"}, StopReason::requested);
}

void Service::Impl::wait_for_lingering(Entry& entry, Millis now) {
  auto& watch = entry.watch;
  if (!watch.lingers_until) return;
  const auto& conference = entry.conference;
  if (now < *watch.lingers_until && host_.lingers(conference.id, conference.epoch, conference.worker_pid))
    return;
  watch.lingers_until.reset();
  if (const auto intent = std::exchange(watch.intent, std::nullopt))
    end(entry, intent->how, intent->reason);
  else
    worker_gone(entry, {ExitClass::killed, std::string{kDaemonEnded}});
}

}  // namespace auralink::session
