// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/composer.hpp"

namespace auralink::rtphdrext {

bool Composer::arrives(const Header& header) noexcept {
  first_ = !any_ || header.timestamp != timestamp_ || header.ssrc != ssrc_;
  if (first_) ++au_seq_;
  any_ = true;
  timestamp_ = header.timestamp;
  ssrc_ = header.ssrc;
  return first_;
}

Edits Composer::compose(const Assignment& assignment, const Header& header,
                        const PacketFacts& facts) noexcept {
  count_ = 0;
  written_ = 0;
  if (assignment.raw) put(assignment.raw->id(), assignment.raw->data());
  if (assignment.mid) put(assignment, Kind::kMid, assignment.mid->data());
  if (assignment.id(Kind::kAbsSendTime) != 0) {
    send_time_ = encode_abs_send_time(facts.now);
    put(assignment, Kind::kAbsSendTime, send_time_);
  }
  if (first_ && facts.captured && assignment.id(Kind::kAbsCaptureTime) != 0) {
    capture_time_ = encode_abs_capture_time(*facts.captured);
    put(assignment, Kind::kAbsCaptureTime, capture_time_);
  }
  const auto& level = facts.level ? facts.level : assignment.level;
  if (level && assignment.id(Kind::kAudioLevel) != 0) {
    level_ = encode(*level);
    put(assignment, Kind::kAudioLevel, level_);
  }
  if (facts.fragment && assignment.id(Kind::kFrameInfo) != 0) {
    frame_info_ = encode(tracker_.next(header, *facts.fragment));
    put(assignment, Kind::kFrameInfo, Bytes{frame_info_.bytes}.first(frame_info_.size));
  }
  if (first_ && assignment.id(Kind::kAic) != 0) {
    AicMetadata aic = facts.aic.value_or(assignment.aic);
    if (!facts.aic) aic.au_seq = au_seq_;
    aic_ = encode(aic);
    put(assignment, Kind::kAic, aic_);
  }
  return {.set = std::span{set_}.first(count_), .remove = assignment.remove};
}

}  // namespace auralink::rtphdrext
