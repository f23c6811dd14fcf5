// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's clock. Deadlines are about what others did not do in time, so time during which this process
// itself did not run must not count: after a SIGSTOP, a suspended machine or a disk that blocked the main
// loop, everybody would seem to have been silent, and every worker would be ended for it.
#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <utility>

#include "orchestrator/session/ports.hpp"

namespace auralink {

/// Belongs to the main loop's thread, which asks for monotonic() several times a second.
class AwakeClock final : public session::Clock {
 public:
  using Read = std::function<session::Millis()>;
  /// A pause between two looks at the clock that cannot be the loop's own.
  static constexpr session::Millis kLongestTurn{2'000};

  AwakeClock() : AwakeClock{[] { return now(CLOCK_REALTIME); }, [] { return now(CLOCK_BOOTTIME); }} {}
  AwakeClock(Read wall, Read boot) : wall_{std::move(wall)}, boot_{std::move(boot)} {}

  /// What people read; may jump either way and is never used for deadlines.
  [[nodiscard]] session::Millis wall() const override { return wall_(); }
  /// CLOCK_BOOTTIME less the times this process did not run. Never goes back.
  [[nodiscard]] session::Millis monotonic() const override {
    const auto now = boot_();
    if (last_ && now - *last_ > kLongestTurn) missed_ += now - *last_;
    last_ = now;
    return now - missed_;
  }
  /// All of those times together.
  [[nodiscard]] session::Millis missed() const { return missed_; }

 private:
  [[nodiscard]] static session::Millis now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::duration_cast<session::Millis>(std::chrono::seconds{time.tv_sec} +
                                                       std::chrono::nanoseconds{time.tv_nsec});
  }
  Read wall_, boot_;
  mutable std::optional<session::Millis> last_;
  mutable session::Millis missed_{0};
};

}  // namespace auralink
