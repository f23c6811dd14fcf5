// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/restart.hpp"

#include <algorithm>
#include <cmath>

namespace auralink::session {

bool is_restartable(ExitClass how) noexcept {
  switch (how) {
    case ExitClass::failed_source:
    case ExitClass::stalled:
    case ExitClass::oom:
    case ExitClass::crashed:
    case ExitClass::killed:
      return true;
    case ExitClass::completed:
    case ExitClass::stopped:
    case ExitClass::limit:
    case ExitClass::failed_sink:
      return false;
  }
  return false;
}

Millis restart_delay(unsigned attempt, double random) noexcept {
  // 20 s before jitter makes 30 s the longest wait while even the longest waits still differ between
  // conferences.
  constexpr double kFirst = 1000, kCap = 20'000;
  const double base = std::min(kCap, std::ldexp(kFirst, static_cast<int>(std::min(attempt, 16U))));
  return Millis{std::llround(base * (1.0 + std::clamp(random, 0.0, 1.0) / 2))};
}

RestartLedger::RestartLedger(const std::vector<Millis>& times, Millis now) {
  for (const auto at : times) times_.push_back(std::min(at, now));
  std::sort(times_.begin(), times_.end());
}

std::optional<Millis> RestartLedger::next(const RestartPolicy& policy, Millis now, double random) {
  while (!times_.empty() && now - times_.front() >= policy.window) times_.pop_front();
  if (!policy.on_failure || times_.size() >= policy.max) return std::nullopt;
  const auto delay = restart_delay(static_cast<unsigned>(times_.size()), random);
  times_.push_back(now);
  return delay;
}

}  // namespace auralink::session
