// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/retention.hpp"

#include <algorithm>
#include <tuple>

#include "orchestrator/session/ladder.hpp"

namespace auralink::session {

std::uint64_t bytes_of(const Recording& recording) noexcept {
  std::uint64_t sum = recording.bytes;
  for (const auto& artifact : recording.artifacts) sum += artifact.bytes;
  return sum;
}

std::vector<Removal> choose_removals(const std::vector<const Recording*>& recordings, Millis now,
                                     std::optional<std::uint64_t> free, const RetentionRules& rules) {
  std::uint64_t used = 0;
  std::vector<const Recording*> old;
  for (const auto* recording : recordings) {
    used += bytes_of(*recording);
    if (is_final(recording->state) && !in_work(*recording)) old.push_back(recording);
  }
  std::sort(old.begin(), old.end(), [](const Recording* a, const Recording* b) {
    return std::tie(a->ended_at, a->id) < std::tie(b->ended_at, b->id);
  });
  std::vector<Removal> removals;
  std::uint64_t freed = 0;
  for (const auto* recording : old) {
    const auto age = std::max(Millis{0}, now - recording->ended_at);
    const auto bytes = bytes_of(*recording);
    const bool narrow = rules.make_room && rules.floor > 0 && free && *free + freed < rules.floor;
    std::string reason;
    if (rules.keep > Millis{0} && age > rules.keep)
      reason = "age";
    else if (rules.quota > 0 && used > rules.quota && bytes > 0)
      reason = "quota";
    else if (narrow && bytes > 0)
      reason = "space";
    if (reason.empty()) continue;
    used -= bytes;
    freed += bytes;
    removals.push_back({.recording = recording->id, .reason = std::move(reason)});
  }
  return removals;
}

}  // namespace auralink::session
