// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/roster.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace auralink::pipeline {

Roster::Id Roster::join(std::string name, std::size_t rank, std::int64_t timeout) {
  const auto at = std::ranges::upper_bound(inputs_, rank, {}, &Input::rank) - inputs_.begin();
  members_.insert(members_.begin() + at, {next_, std::move(name), false});
  inputs_.insert(inputs_.begin() + at, {rank, timeout, {}, {}});
  return next_++;
}

void Roster::leave(Id id) noexcept {
  const auto it =
      std::find_if(members_.begin(), members_.end(), [id](const Member& m) { return m.id == id; });
  if (it == members_.end()) return;
  changed_ = changed_ || it->present;
  inputs_.erase(inputs_.begin() + (it - members_.begin()));
  members_.erase(it);
}

void Roster::on_data(Id id, std::int64_t running_time) noexcept {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].id != id) continue;
    auto& [rank, timeout, first, last] = inputs_[i];
    // After a silence the next picture counts as a first one: the stale picture must not flash up before it.
    const bool was_silent = timeout > 0 && last && running_time - *last > timeout;
    if (!first || was_silent) first = running_time;
    last = running_time;
  }
}

bool Roster::present(const Input& input, std::int64_t running_time) noexcept {
  if (!input.first || running_time < *input.first) return false;
  return input.timeout == 0 || running_time - *input.last <= input.timeout;
}

bool Roster::update(std::int64_t running_time) noexcept {
  bool changed = std::exchange(changed_, false);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const bool now = present(inputs_[i], running_time);
    changed = changed || now != members_[i].present;
    members_[i].present = now;
  }
  return changed;
}

}  // namespace auralink::pipeline
