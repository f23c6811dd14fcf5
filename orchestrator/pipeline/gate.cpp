// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/gate.hpp"

#include <algorithm>

namespace auralink::pipeline {

Gate::Action Gate::on_buffer(Media media, std::int64_t running_time, bool keyframe, bool room) {
  if (closed_) return Action::drop;
  if (end_ && running_time >= *end_) {
    video_over_ = video_over_ || media == Media::video;
    return Action::end;
  }
  if (media == Media::video) return on_video(running_time, keyframe, room);
  const auto action = on_audio(running_time, room);
  return action == Action::hold && video_over_ ? Action::drop : action;
}

Gate::Action Gate::on_video(std::int64_t running_time, bool keyframe, bool room) {
  if (!origin_) {
    if (paused_unopened_ || running_time < start_) return Action::drop;
    if (!keyframe) {
      want_keyframe(running_time);
      return Action::drop;
    }
    origin_ = running_time;
  }
  if (const auto action = lead(running_time, keyframe); action != Action::pass) return action;
  if (room && (keyframe || !skipping_to_keyframe_)) {
    skipping_to_keyframe_ = false;
    return Action::pass;
  }
  // Everything up to the next keyframe would reference what is lost here.
  skipping_to_keyframe_ = true;
  if (room) want_keyframe(running_time);
  ++dropped_;
  return Action::drop;
}

Gate::Action Gate::on_audio(std::int64_t running_time, bool room) {
  if (!origin_) {
    if (paused_unopened_ || running_time < start_) return Action::drop;
    if (has_video_) return Action::hold;
    origin_ = running_time;
  }
  if (running_time < *origin_) return Action::drop;
  const auto action = has_video_ ? follow(running_time) : lead(running_time, true);
  if (action != Action::pass) return action;
  if (room) return Action::pass;
  ++dropped_;
  return Action::drop;
}

Gate::Action Gate::lead(std::int64_t running_time, bool keyframe) {
  if (pauses_.empty()) return Action::pass;
  Pause& last = pauses_.back();
  if (last.again || running_time < last.asked) return Action::pass;
  if (!last.cut) last.cut = running_time;
  if (!last.wanted || running_time < *last.wanted) return Action::drop;
  if (!keyframe) {
    want_keyframe(running_time);
    return Action::drop;
  }
  last.again = running_time;
  skipping_to_keyframe_ = false;
  return Action::pass;
}

Gate::Action Gate::follow(std::int64_t running_time) const {
  for (auto it = pauses_.rbegin(); it != pauses_.rend(); ++it) {
    if (running_time < it->asked) continue;
    if (!it->cut) return Action::hold;  // the next picture may still belong to the time before
    if (running_time < *it->cut) continue;
    if (it->again) return running_time < *it->again ? Action::drop : Action::pass;
    return it->wanted && running_time >= *it->wanted ? Action::hold : Action::drop;
  }
  return Action::pass;
}

std::int64_t Gate::origin(std::int64_t running_time) const noexcept {
  std::int64_t left_out = forgotten_;
  for (const Pause& pause : pauses_)
    if (pause.again && running_time >= *pause.again) left_out += *pause.again - *pause.cut;
  return origin_.value_or(0) + left_out;
}

void Gate::pause(std::int64_t running_time) {
  if (!origin_) {
    paused_unopened_ = true;
    return;
  }
  if (!pauses_.empty() && !pauses_.back().again) {
    pauses_.back().wanted.reset();  // not even resumed: the same pause goes on
    return;
  }
  forget_old_pauses();
  // Never back into what the last pause left out.
  const auto earliest = pauses_.empty() ? running_time : *pauses_.back().again;
  pauses_.push_back({std::max(running_time, earliest), {}, {}, {}});
}

void Gate::resume(std::int64_t running_time) {
  if (!origin_ && paused_unopened_) {
    paused_unopened_ = false;
    start_ = std::max(start_, running_time);
  }
  if (pauses_.empty() || pauses_.back().again || pauses_.back().wanted) return;
  pauses_.back().wanted = std::max(running_time, pauses_.back().asked);
  keyframe_asked_.reset();  // for the new beginning it may be asked at once
}

bool Gate::paused() const noexcept {
  return paused_unopened_ || (!pauses_.empty() && !pauses_.back().wanted);
}

void Gate::forget_old_pauses() {
  // The streams are seconds apart at most, and nobody presses a button so often in that time.
  constexpr std::size_t kRemembered = 64;
  while (pauses_.size() > kRemembered) {
    forgotten_ += *pauses_.front().again - *pauses_.front().cut;
    pauses_.pop_front();
  }
}

void Gate::end_at(std::int64_t running_time) noexcept {
  end_ = end_ ? std::min(*end_, running_time) : running_time;
}

void Gate::want_keyframe(std::int64_t running_time) noexcept {
  constexpr std::int64_t kPatience = 500'000'000;
  if (keyframe_asked_ && running_time - *keyframe_asked_ < kPatience) return;
  keyframe_asked_ = running_time;
  keyframe_wanted_ = true;
}

bool Gate::take_keyframe_request() noexcept {
  const bool wanted = keyframe_wanted_;
  keyframe_wanted_ = false;
  return wanted;
}

}  // namespace auralink::pipeline
