// SPDX-License-Identifier: LGPL-2.1-or-later
// When a conference whose worker failed may try again: exponentially later, with jitter, a bounded number of
// times.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

/// The failures another attempt can cure. A failing destination is not one of them: it would fail again.
[[nodiscard]] bool is_restartable(ExitClass) noexcept;

/// 1, 2, 4, ... seconds for `attempt` 0, 1, 2, ..., lengthened by up to half for jitter, never above 30 s.
/// `random` is uniform in [0, 1).
[[nodiscard]] Millis restart_delay(unsigned attempt, double random) noexcept;

/// Remembers when restarts happened, beyond the life of one daemon: a conference that brings its worker down
/// each time must not win new attempts by bringing the daemon down too.
class RestartLedger {
 public:
  RestartLedger() = default;
  /// What an earlier daemon counted. Times in the future are from before a reboot and count as new.
  RestartLedger(const std::vector<Millis>& times, Millis now);
  /// The delay before the next attempt, which is then counted; nullopt when `policy.max` within
  /// `policy.window` are used up. `now` is monotonic and must not go back.
  [[nodiscard]] std::optional<Millis> next(const RestartPolicy& policy, Millis now, double random);
  /// Restarts counted within the window of the last call.
  [[nodiscard]] std::size_t used() const noexcept { return times_.size(); }
  [[nodiscard]] std::vector<Millis> times() const { return {times_.begin(), times_.end()}; }

 private:
  std::deque<Millis> times_;
};

}  // namespace auralink::session
