// SPDX-License-Identifier: LGPL-2.1-or-later
// The rules of the state ladders as pure functions: which step may follow which. Nothing ever goes back.
#pragma once

#include <cstdint>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

/// Where a conference stands. Ordered: a step is legal only when it is strictly upwards.
struct Rung {
  std::uint32_t epoch = 0;
  ConferenceState state = ConferenceState::pending;
  bool operator==(const Rung&) const = default;
};

/// Inside an epoch the state grows; the next epoch opens at `starting`. `ended` is final in every epoch.
[[nodiscard]] bool may_advance(Rung from, Rung to) noexcept;

/// adding -> active -> draining -> removed | failed, steps may be skipped.
[[nodiscard]] bool may_advance(BranchState from, BranchState to) noexcept;

/// starting -> active -> finalising -> complete | interrupted | failed, steps may be skipped.
[[nodiscard]] bool may_advance(RecordingState from, RecordingState to) noexcept;

[[nodiscard]] bool is_final(ConferenceState) noexcept;
[[nodiscard]] bool is_final(BranchState) noexcept;
[[nodiscard]] bool is_final(RecordingState) noexcept;

/// Pictures or the hook of a recording are still to be done.
[[nodiscard]] bool in_work(const Recording&) noexcept;

}  // namespace auralink::session
