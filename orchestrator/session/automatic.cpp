// SPDX-License-Identifier: LGPL-2.1-or-later
// Branches that record by themselves: from enough participants on, until nobody was there for a while.
#include <algorithm>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {

std::size_t people(const Conference& conference) {
  return static_cast<std::size_t>(std::count_if(conference.participants.begin(),
                                                conference.participants.end(),
                                                [](const auto& who) { return who.audio || who.video; }));
}

}  // namespace

void Service::Impl::apply_rules(Entry& entry, Millis now) {
  if (draining_) return;
  const auto there = people(entry.conference);
  // By index: starting a branch touches the conference, not this list.
  for (std::size_t i = 0; i < entry.conference.compiled.branches.size(); ++i) {
    const auto& spec = entry.conference.compiled.branches[i];
    if (!spec.automatic) continue;
    auto& rule = entry.watch.rules[spec.name];
    if (there > 0)
      rule.empty_since.reset();
    else if (!rule.empty_since)
      rule.empty_since = now;
    const auto known = entry.conference.branches.find(spec.name);
    const bool present = known != entry.conference.branches.end();
    if (present && known->second.held && there == 0) {
      edit(entry);
      known->second.held = false;
    }
    if (!present || is_final(known->second.state)) {
      const bool held = present && known->second.held;
      if (!held && there >= std::max(1U, spec.automatic->min_participants)) start_by_rule(entry, spec, now);
      continue;
    }
    const bool open =
        known->second.state == BranchState::adding || known->second.state == BranchState::active;
    // One that was added by request under the rule's name is not the rule's to end.
    if (open && known->second.spec.automatic && rule.empty_since &&
        now - *rule.empty_since >= spec.automatic->empty_for)
      detach(entry, known->second);
  }
}

void Service::Impl::start_by_rule(Entry& entry, const BranchSpec& spec, Millis now) {
  auto& rule = entry.watch.rules[spec.name];
  if (rule.retry_at && now < *rule.retry_at) return;
  constexpr Millis kRetry{10'000};  // a full disk is not asked five times a second
  rule.retry_at = now + kRetry;
  if (entry.watch.leaving.contains(spec.name) || no_space()) return;
  Recording draft;
  draft.automatic = true;
  const auto before = entry.conference.branches.contains(spec.name)
                          ? std::optional{entry.conference.branches.at(spec.name)}
                          : std::nullopt;
  if (const auto started = attach(entry, spec, draft); started) {
    rule.retry_at.reset();
    return;
  }
  // Not a command, so nothing else puts back what the attempt left.
  if (before)
    entry.conference.branches[spec.name] = *before;
  else
    entry.conference.branches.erase(spec.name);
}

}  // namespace auralink::session
