// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/ladder.hpp"

namespace auralink::session {

bool is_final(ConferenceState state) noexcept { return state == ConferenceState::ended; }

bool is_final(BranchState state) noexcept {
  return state == BranchState::removed || state == BranchState::failed;
}

bool is_final(RecordingState state) noexcept {
  return state == RecordingState::complete || state == RecordingState::interrupted ||
         state == RecordingState::failed;
}

bool in_work(const Recording& recording) noexcept {
  return recording.processing == ProcessingState::pending || recording.processing == ProcessingState::running;
}

bool may_advance(Rung from, Rung to) noexcept {
  if (is_final(from.state)) return false;
  if (to.epoch == from.epoch) return to.state > from.state;
  return to.epoch == from.epoch + 1 && to.state == ConferenceState::starting;
}

// The enumerators are declared in ladder order and the final ones stand together at the end, so "not final
// and greater" is the whole rule.
bool may_advance(BranchState from, BranchState to) noexcept { return !is_final(from) && to > from; }

bool may_advance(RecordingState from, RecordingState to) noexcept { return !is_final(from) && to > from; }

}  // namespace auralink::session
