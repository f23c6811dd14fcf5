// SPDX-License-Identifier: LGPL-2.1-or-later
// When a branch starts and ends, decided on coded buffers. Pure; thread-compatible: the caller locks.
//
// A branch that joins a running conference must begin with a video keyframe, its audio must begin at the same
// moment, and both must end at the same moment. Audio that arrives before the keyframe did is held, not lost:
// encoders have different delays. A branch whose disk is too slow loses whole groups of pictures, never
// single reference frames.
#pragma once

#include <cstdint>
#include <optional>

#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

class Gate {
 public:
  enum class Action {
    hold,  ///< keep the buffer and ask again when the next one of this stream arrives
    pass,
    drop,
    end,  ///< this stream is over: send EOS once and drop the rest
  };

  /// `start`: running time in ns before which nothing is taken.
  Gate(bool has_video, std::int64_t start) noexcept : has_video_{has_video}, start_{start} {}

  /// `running_time` is the decoding time of the buffer; `room` says whether the branch's queue can take it.
  [[nodiscard]] Action on_buffer(Media, std::int64_t running_time, bool keyframe, bool room) noexcept;

  /// Both streams end before the first buffer at or after `running_time`. The earliest request wins.
  void end_at(std::int64_t running_time) noexcept;
  /// The branch failed or its stream ended upstream: nothing passes any more.
  void close() noexcept { closed_ = true; }

  [[nodiscard]] bool open() const noexcept { return origin_.has_value(); }
  /// Running time that becomes zero in the file; only when open().
  [[nodiscard]] std::int64_t origin() const noexcept { return origin_.value_or(0); }
  /// Buffers that were refused for want of room, and the frames that depended on them.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// True when somebody should ask the encoder for a keyframe; at most every half second of media.
  [[nodiscard]] bool take_keyframe_request() noexcept;

 private:
  [[nodiscard]] Action on_video(std::int64_t running_time, bool keyframe, bool room) noexcept;
  [[nodiscard]] Action on_audio(std::int64_t running_time, bool room) noexcept;
  void want_keyframe(std::int64_t running_time) noexcept;

  bool has_video_;
  std::int64_t start_;
  std::optional<std::int64_t> origin_, end_;
  bool closed_ = false;
  bool skipping_to_keyframe_ = false, keyframe_wanted_ = false;
  std::optional<std::int64_t> keyframe_asked_;
  std::uint64_t dropped_ = 0;
};

}  // namespace auralink::pipeline
