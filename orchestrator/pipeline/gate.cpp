// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/gate.hpp"

#include <algorithm>

namespace auralink::pipeline {

Gate::Action Gate::on_buffer(Media media, std::int64_t running_time, bool keyframe, bool room) noexcept {
  if (closed_) return Action::drop;
  if (end_ && running_time >= *end_) return Action::end;
  return media == Media::video ? on_video(running_time, keyframe, room) : on_audio(running_time, room);
}

Gate::Action Gate::on_video(std::int64_t running_time, bool keyframe, bool room) noexcept {
  if (!origin_) {
    if (running_time < start_) return Action::drop;
    if (!keyframe) {
      want_keyframe(running_time);
      return Action::drop;
    }
    origin_ = running_time;
  }
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

Gate::Action Gate::on_audio(std::int64_t running_time, bool room) noexcept {
  if (!origin_) {
    if (running_time < start_) return Action::drop;
    if (has_video_) return Action::hold;
    origin_ = running_time;
  }
  if (running_time < *origin_) return Action::drop;
  if (room) return Action::pass;
  ++dropped_;
  return Action::drop;
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
