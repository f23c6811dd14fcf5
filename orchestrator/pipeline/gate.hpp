// SPDX-License-Identifier: LGPL-2.1-or-later
// When a branch starts, pauses and ends, decided on coded buffers. Pure; thread-compatible: the caller locks.
//
// A branch that joins a running conference must begin with a video keyframe, its audio must begin at the same
// moment, and both must end at the same moment. Audio that arrives before the keyframe did is held, not lost:
// encoders have different delays. A branch whose disk is too slow loses whole groups of pictures, never
// single reference frames. A pause cuts both streams at the same moment, the first picture that is left out,
// and the keyframe after it takes exactly that picture's place.
#pragma once

#include <cstdint>
#include <deque>
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
  [[nodiscard]] Action on_buffer(Media, std::int64_t running_time, bool keyframe, bool room);

  /// Nothing from `running_time` on is taken. Repeating it is harmless.
  void pause(std::int64_t running_time);
  /// Taking goes on with the first keyframe from `running_time` on. Repeating it is harmless.
  void resume(std::int64_t running_time);
  [[nodiscard]] bool paused() const noexcept;

  /// Both streams end before the first buffer at or after `running_time`. The earliest request wins.
  void end_at(std::int64_t running_time) noexcept;
  /// No picture will come any more: sound no longer waits for one.
  void video_over() noexcept { video_over_ = true; }
  /// The branch failed or its stream ended upstream: nothing passes any more.
  void close() noexcept { closed_ = true; }

  [[nodiscard]] bool open() const noexcept { return origin_.has_value(); }
  /// Running time that becomes zero in the file for buffers at `running_time`: later after each pause. Only
  /// when open(), and for buffers that pass.
  [[nodiscard]] std::int64_t origin(std::int64_t running_time) const noexcept;
  /// Buffers that were refused for want of room, and the frames that depended on them.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// True when somebody should ask the encoder for a keyframe; at most every half second of media.
  [[nodiscard]] bool take_keyframe_request() noexcept;

 private:
  /// One pause. The stream that leads (video, else audio) finds out `cut` and `again`; the other follows.
  struct Pause {
    std::int64_t asked = 0;              ///< when it was asked for
    std::optional<std::int64_t> wanted;  ///< when going on was asked for
    std::optional<std::int64_t> cut;     ///< first buffer that was left out
    std::optional<std::int64_t> again;   ///< first buffer after it; takes the place of `cut`
  };
  [[nodiscard]] Action on_video(std::int64_t running_time, bool keyframe, bool room);
  [[nodiscard]] Action on_audio(std::int64_t running_time, bool room);
  /// The leading stream against the pauses; pass when none is in the way.
  [[nodiscard]] Action lead(std::int64_t running_time, bool keyframe);
  [[nodiscard]] Action follow(std::int64_t running_time) const;
  void forget_old_pauses();
  void want_keyframe(std::int64_t running_time) noexcept;

  bool has_video_;
  std::int64_t start_;
  std::optional<std::int64_t> origin_, end_;
  std::deque<Pause> pauses_;    // by `asked`; all but the last have `again`
  std::int64_t forgotten_ = 0;  // ns taken out by pauses that no buffer can concern any more
  bool closed_ = false, paused_unopened_ = false, video_over_ = false;
  bool skipping_to_keyframe_ = false, keyframe_wanted_ = false;
  std::optional<std::int64_t> keyframe_asked_;
  std::uint64_t dropped_ = 0;
};

}  // namespace auralink::pipeline
