// SPDX-License-Identifier: LGPL-2.1-or-later
// Does a branch still make progress? Samples in, a verdict out; time is an argument.
#pragma once

#include <algorithm>
#include <cstdint>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

enum class Progress { ok, stalled, failed };

class ProgressWatch {
 public:
  explicit ProgressWatch(Millis now) noexcept : since_{now} {}

  /// Counters of the branch. Progress is growth of either; returns true when there was some.
  bool sample(Millis now, std::uint64_t bytes, std::int64_t media_ns) noexcept;
  /// Nothing can be expected right now (nobody is in the room): the clock starts again from here.
  void hold(Millis now) noexcept { since_ = now; }
  /// Nobody looked for so long (the daemon itself was suspended): that time does not count.
  void forgive(Millis missed, Millis now) noexcept { since_ = std::min(since_ + missed, now); }
  /// `stalled` after `warning` without progress, `failed` after `timeout`; a zero duration never fires.
  [[nodiscard]] Progress verdict(Millis now, Millis warning, Millis timeout) const noexcept;

 private:
  Millis since_;
  std::uint64_t bytes_ = 0;
  std::int64_t media_ns_ = 0;
};

}  // namespace auralink::session
