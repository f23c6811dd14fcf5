// SPDX-License-Identifier: LGPL-2.1-or-later
// sub_mb_type, ref_idx and mvd.
#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/quantities.hpp"

namespace auralink::aic::model {

using h264::Macroblock;
using h264::MbType;
using h264::Motion;
using h264::MotionVector;
using h264::Partition;

namespace {

constexpr int kNone = 99;  // in the place of a difference of vectors

std::int16_t component(const MotionVector& mv, bool vertical) noexcept { return vertical ? mv.y : mv.x; }

/// How far a neighbour's vector is from the prediction, within `limit`; kNone if it has none.
int apart(const Motion::Known& neighbour, bool vertical, int predicted, int limit) noexcept {
  return neighbour.ref < 0 ? kNone : std::clamp(component(neighbour.mv, vertical) - predicted, -limit, limit);
}
/// The same, coarser, for a context: within 9, and a value of its own for none.
int near(int difference) noexcept { return difference == kNone ? 59 : std::clamp(difference, -9, 9); }
/// Quarters, rounded away from zero.
int quarters(int guess) noexcept { return (guess + (guess < 0 ? -2 : 2)) / 4; }

}  // namespace

template <Direction D>
void MacroblockCoder<D>::code_sub_types() {
  const auto sub_of = [](const Macroblock* mb, std::size_t i) {
    return mb != nullptr && mb->type == MbType::k8x8 ? static_cast<int>(mb->sub[i]) : 5;
  };
  for (std::size_t i = 0; i < 4; ++i) {
    coder_.begin(Class::kSub);
    coder_.add(pack(static_cast<int>(i)));
    coder_.add(pack(i > 0 ? mb_->sub[i - 1] : 4, i > 1 ? mb_->sub[i - 2] : 4));
    coder_.add(pack(sub_of(left_, 1), sub_of(above_, 2)));
    mb_->sub[i] = static_cast<std::uint8_t>(unary(want_->sub[i], 0, 3, 0, 3));
  }
}

template <Direction D>
void MacroblockCoder<D>::code_references() {
  const int count = mb_->type == MbType::k16x16     ? 1
                    : mb_->type == MbType::k8x8     ? 4
                    : mb_->type == MbType::k8x8Ref0 ? 0
                                                    : 2;
  for (int i = 0; i < count; ++i) {
    const int eighth = mb_->type == MbType::k16x8 ? i * 2 : i;
    const int x = (eighth & 1) * 2;
    const int y = (eighth >> 1) * 2;
    const auto at = static_cast<std::size_t>(eighth);
    coder_.begin(Class::kReference);
    coder_.add(pack(motion_.at(x - 1, y).ref, motion_.at(x, y - 1).ref));
    coder_.add(pack(past_ != nullptr && h264::is_inter(past_->type) ? past_->ref[at] : -1,
                    static_cast<int>(mb_->type)));
    coder_.add(pack(i, references_));
    const auto ref = static_cast<std::int8_t>(unary(want_->ref[at], 0, references_ - 1, 0, 20));
    switch (mb_->type) {
      case MbType::k16x16:
        mb_->ref.fill(ref);
        break;
      case MbType::k16x8:
        mb_->ref[at] = mb_->ref[at + 1] = ref;
        break;
      case MbType::k8x16:
        mb_->ref[at] = mb_->ref[at + 2] = ref;
        break;
      default:
        mb_->ref[at] = ref;
    }
    // Later ref_idx of this macroblock look at it; its vector follows.
    motion_.set({static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 2, 2, 0}, ref, {});
  }
  motion_ = h264::Motion{m_.work->current, address_};
}

template <Direction D>
void MacroblockCoder<D>::code_motion() {
  const h264::Partitions parts = h264::partitions_of(*mb_);
  int sum = 0;
  for (int i = 0; i < parts.count; ++i) {
    const Partition& part = parts.at[static_cast<std::size_t>(i)];
    const int ref{mb_->ref[static_cast<std::size_t>((part.y >> 1) * 2 + (part.x >> 1))]};
    const MotionVector predicted = motion_.predict(mb_->type, part, ref);
    const int shape = mb_->type == MbType::k16x16     ? 0
                      : mb_->type < MbType::k8x8      ? 1
                      : part.width + part.height == 4 ? 2
                                                      : 3;
    pixels::Gradients gradients;
    if (slice_.pixels) {
      const pixels::Frame& frame = reference(0);
      const int width = part.width * 4;
      const int height = part.height * 4;
      const int x =
          std::clamp(mx_ * 16 + part.x * 4 + ((predicted.x + 2) >> 2), 0, frame.width() - width - 1);
      const int y =
          std::clamp(my_ * 16 + part.y * 4 + ((predicted.y + 2) >> 2), 0, frame.height() - height - 1);
      gradients = pixels::gradients(frame.plane(0) + y * std::ptrdiff_t{frame.stride(0)} + x, frame.stride(0),
                                    width, height);
    }
    const MotionVector want = want_->mvd[std::size_t{part.y} * 4 + part.x];
    const int dx = code_mvd(false, want.x, part, predicted, shape, 0, gradients);
    const int dy = code_mvd(true, want.y, part, predicted, shape, dx, gradients);
    const MotionVector mvd{static_cast<std::int16_t>(dx), static_cast<std::int16_t>(dy)};
    const MotionVector mv{static_cast<std::int16_t>(predicted.x + dx),
                          static_cast<std::int16_t>(predicted.y + dy)};
    motion_.set(part, ref, mv);
    for (std::size_t y = part.y; y < std::size_t{part.y} + part.height; ++y) {
      for (std::size_t x = part.x; x < std::size_t{part.x} + part.width; ++x) {
        mb_->mvd[y * 4 + x] = mvd;
        mb_->mv[y * 4 + x] = mv;
      }
    }
    sum += std::abs(dx) + std::abs(dy);
  }
  motion_size_ = bucket(sum);
  if (mb_->type == MbType::k16x16)
    skip_like_ =
        mb_->ref[0] == 0 && h264::Motion{m_.work->current, address_}.predict_skip() == mb_->mv[5] ? 2 : 1;
  if (past_ != nullptr && h264::is_inter(past_->type)) past_motion_ = past_->mv[5] == mb_->mv[5] ? 2 : 1;
}

template <Direction D>
int MacroblockCoder<D>::code_mvd(bool vertical, int value, const Partition& part, MotionVector predicted,
                                 int shape, int dx, const pixels::Gradients& gradients) {
  const int k = vertical ? 1 : 0;
  const auto axis = static_cast<std::size_t>(k);
  const int mvp = component(predicted, vertical);
  const Motion::Known& a = motion_.at(part.x - 1, part.y);
  const Motion::Known& b = motion_.at(part.x, part.y - 1);
  const Motion::Known& c = motion_.diagonal(part);
  const int from_left = apart(a, vertical, mvp, 24);
  const int from_above = apart(b, vertical, mvp, 24);
  const std::size_t centre = std::size_t{part.y + part.height / 2U} * 4 + part.x + part.width / 2U;
  const bool past_moved = past_ != nullptr && h264::is_inter(past_->type);
  const int past_mv = past_moved ? component(past_->mv[centre], vertical) : 0;
  const int from_past = past_moved ? std::clamp(past_mv - mvp, -24, 24) : kNone;

  // |mvd| of the neighbours
  const auto mvd_at = [&](int x, int y) -> int {
    const Macroblock* from = mb_;
    if (x < 0) from = left_ != nullptr && left_->slice == mb_->slice ? left_ : nullptr;
    if (y < 0) from = above_ != nullptr && above_->slice == mb_->slice ? above_ : nullptr;
    return from != nullptr ? std::abs(int{component(
                                 from->mvd[static_cast<std::size_t>((y & 3) * 4 + (x & 3))], vertical)})
                           : 0;
  };
  const int around = mvd_at(part.x - 1, part.y) + mvd_at(part.x, part.y - 1);
  const int spread =
      bucket(a.mv.x - b.mv.x) + bucket(a.mv.y - b.mv.y) + bucket(c.mv.x - b.mv.x) + bucket(c.mv.y - b.mv.y);

  // A learned guess from all vectors around, now and before.
  const auto feature = [&](int mv) { return std::clamp(mv - mvp, -64, 64) * 16; };
  const auto near_now = [&](const Motion::Known& n) {
    return n.ref < 0 ? 0 : feature(component(n.mv, vertical));
  };
  const auto near_past = [&](const Past* mb, std::size_t block) {
    return mb != nullptr && h264::is_inter(mb->type) ? feature(component(mb->mv[block], vertical)) : 0;
  };
  std::size_t moved_block = 0;
  const Past* moved = past_at(mx_ * 4 + part.x + part.width / 2 + ((predicted.x + 8) >> 4),
                              my_ * 4 + part.y + part.height / 2 + ((predicted.y + 8) >> 4), moved_block);
  auto& estimator = m_.motion_estimator[axis];
  const int guess =
      estimator.guess({near_now(a), near_now(b), near_now(motion_.at(part.x + part.width, part.y - 1)),
                       near_now(motion_.at(part.x - 1, part.y - 1)), near_past(past_, centre),
                       near_past(past_right_, 4), near_past(past_below_, 1), near_past(past_left_, 7),
                       near_past(past_above_, 13), near_past(moved, moved_block)});

  // Along an edge a vector is free, across it is not.
  const int area = part.width * part.height * 16;
  const std::array<int, 2> slope{log64(gradients.dx * 64 / area) / 24, log64(gradients.dy * 64 / area) / 24};
  const int xx = gradients.xx * 4 / area;
  const int xy = gradients.xy * 4 / area;
  const int yy = gradients.yy * 4 / area;
  const int coherence = xx + yy > 0 ? std::abs(xy) * 32 / (xx + yy + 1) : 0;

  coder_.begin(Class::kMvd);
  coder_.add(pack(k, near(from_left), near(from_above)));
  coder_.add(pack(k, mvp & 3, shape, 4, bucket(around) > 2 ? 1 : 0));
  coder_.add(pack(k, near(from_past), near(from_left), 5));
  coder_.add(pack(k, std::clamp(mvp, -60, 60), past_moved ? std::clamp(past_mv, -60, 60) : kNone));
  coder_.add(static_cast<std::uint32_t>(address_ * 2 + k));
  coder_.add(pack(k, std::clamp(quarters(guess), -120, 120), 30));
  if (slice_.thorough) {
    coder_.add(pack(k, std::clamp(dx, -20, 20), shape, 3));
    coder_.add(pack(k, slope[axis], mvp & 3, 45, shape));
    coder_.add(pack(k, log64(vertical ? yy : xx) / 32, coherence, vertical ? signed_bucket(dx) : 0, 46));
  }
  coder_.input(256);
  coder_.input(slope[axis] * 16);
  coder_.input(slope[1 - axis] * 16);
  coder_.input(std::min(around, 32) * 16);
  coder_.input(std::min(spread, 16) * 16);
  coder_.input(std::clamp(guess, -512, 512));
  coder_.input(std::min(std::abs(guess), 512));
  coder_.input(std::min(m_.motion_error[axis], 512));
  coder_.select(k * 32 + std::min(3, bucket(around)) * 8 + std::min(spread / 2, 7),
                shape * 16 + (from_past == kNone ? 15 : bucket(from_past)));

  constexpr int kUnary = 14;  // longer ones have an Exp-Golomb tail
  int out = 0;
  if (bit(value != 0, 0)) {
    const bool negative = bit(value < 0, 1);
    const int base = negative ? 32 : 2;
    const int magnitude = std::abs(value);
    out = unary(magnitude, 1, kUnary, base, kUnary);
    if (out == kUnary) out += exp_golomb(std::max(magnitude - kUnary, 0), base + 14, 8);
    if (out > 8192) bad_ = true;
    out = std::min(out, 8192);
    if (negative) out = -out;
  }
  const int error = std::abs(std::clamp(out, -64, 64) * 16 - guess);
  m_.motion_error[axis] += (std::min(error * 4, 4000) - m_.motion_error[axis]) / 16;
  estimator.learn(std::clamp(out, -64, 64) * 16);
  return out;
}

template void MacroblockCoder<Direction::kEncode>::code_sub_types();
template void MacroblockCoder<Direction::kDecode>::code_sub_types();
template void MacroblockCoder<Direction::kEncode>::code_references();
template void MacroblockCoder<Direction::kDecode>::code_references();
template void MacroblockCoder<Direction::kEncode>::code_motion();
template void MacroblockCoder<Direction::kDecode>::code_motion();

}  // namespace auralink::aic::model
