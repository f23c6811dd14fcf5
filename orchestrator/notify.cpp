// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/notify.hpp"

#include <cstdint>

#ifdef AURALINK_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace auralink {
namespace {

void tell([[maybe_unused]] const std::string& state) {
#ifdef AURALINK_HAVE_SYSTEMD
  ::sd_notify(0, state.c_str());
#endif
}

[[nodiscard]] std::uint64_t watchdog_microseconds() {
  std::uint64_t usec = 0;
#ifdef AURALINK_HAVE_SYSTEMD
  if (::sd_watchdog_enabled(0, &usec) <= 0) usec = 0;
#endif
  return usec;
}

}  // namespace

// Half of what systemd waits for: one late turn of the loop is no reason to be ended.
Notifier::Notifier() : interval_{watchdog_microseconds() / 2'000} {}

void Notifier::ready() { tell("READY=1"); }

void Notifier::stopping() { tell("STOPPING=1"); }

void Notifier::status(const std::string& sentence) {
  if (sentence == said_) return;
  said_ = sentence;
  tell("STATUS=" + sentence);
}

void Notifier::alive(std::chrono::milliseconds now) {
  if (interval_.count() == 0 || now < next_) return;
  next_ = now + interval_;
  tell("WATCHDOG=1");
}

}  // namespace auralink
