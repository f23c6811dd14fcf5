// SPDX-License-Identifier: LGPL-2.1-or-later
// coded_block_pattern and mb_qp_delta.
#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/quantities.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::model {

using h264::Macroblock;
using h264::MbType;

namespace {

/// The first 4x4 block of an 8x8, raster.
constexpr std::size_t first_block(std::size_t eighth) noexcept {
  return (eighth >> 1U) * 8 + (eighth & 1U) * 2;
}

template <class Mb>
int total_at(const Mb* mb, std::size_t block) noexcept {
  return mb != nullptr ? mb->total[block] : 0;
}
int luma_bit(const Macroblock* mb, std::size_t eighth) noexcept {
  return mb == nullptr ? 2 : (mb->cbp >> eighth & 1);
}
template <class Mb>
int chroma_of(const Mb* mb) noexcept {
  return mb == nullptr ? 3 : mb->cbp >> 4;
}

}  // namespace

template <Direction D>
void MacroblockCoder<D>::code_cbp() {
  if (mb_->type == MbType::kIntra16x16) {
    coder_.begin(Class::kCbpChroma);
    coder_.add(1);
    coder_.add(pack(1, left_ != nullptr && left_->type == MbType::kIntra16x16 ? left_->cbp & 15 : 16));
    mb_->cbp = bit((want_->cbp & 15) != 0, 0) ? 15 : 0;
  } else {
    code_cbp_luma();
  }
  code_cbp_chroma();
}

template <Direction D>
void MacroblockCoder<D>::code_cbp_luma() {
  const bool measured = slice_.pixels && h264::is_inter(mb_->type);
  const int step = pixels::step_of(qp_);
  int cbp = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t block = first_block(i);
    const int index = static_cast<int>(i);
    const int left = (i & 1U) != 0 ? cbp >> (i - 1) & 1 : luma_bit(left_, i + 1);
    const int above = i >= 2 ? cbp >> (i - 2) & 1 : luma_bit(above_, i + 2);
    const int left_sum = (i & 1U) != 0 ? 0 : total_at(left_, block + 3) + total_at(left_, block + 7);
    const int above_sum =
        i >= 2 ? 0 : total_at(above_, 12 + (block & 3U)) + total_at(above_, 13 + (block & 3U));
    const int x0 = mx_ * 4 + static_cast<int>(i & 1U) * 2 + ((mb_->mv[block].x + 2) >> 2) / 4;
    const int y0 = my_ * 4 + static_cast<int>(i >> 1U) * 2 + ((mb_->mv[block].y + 2) >> 2) / 4;
    int moved_sum = 0;
    for (int j = 0; j < 4; ++j) {
      std::size_t at = 0;
      const Past* moved = past_at(x0 + (j & 1), y0 + (j >> 1), at);
      moved_sum += total_at(moved, at);
    }
    const auto& running = history_->total;
    const int lately = running[block] + running[block + 1] + running[block + 4] + running[block + 5];

    // What the samples say: texture of the prediction, residual in the past, mismatch at the borders, and how
    // much other vectors would have predicted something else.
    int texture = 0;
    int residual = 0;
    int mismatch = 0;
    int others = 0;
    int still = 0;
    if (measured) {
      const std::uint8_t* at = luma_at(static_cast<int>(i & 1U) * 8, static_cast<int>(i >> 1U) * 8);
      const std::ptrdiff_t stride = picture_.stride(0);
      texture = log64(pixels::texture8x8(at, stride) * 64 / step) / 32;
      residual = log64(accumulated8x8(i, mb_->mv[block]) * 16 / step) / 32;
      if (i < 3) mismatch = log64(boundary8x8(i) * 64 / step) / 32;
      make_alternatives();
      std::array<int, 3> sad{};
      for (std::size_t q = 0; q < 3; ++q)
        if (alternative_is_[q])
          sad[q] = pixels::sad8x8(at, stride, alternative_[q].data() + (i >> 1U) * 128 + (i & 1U) * 8, 16);
      others = log64((sad[0] + sad[1]) * 16 / step) / 32;
      still = log64(sad[2] * 16 / step) / 32;
    }

    coder_.begin(Class::kCbpLuma, mb_->type >= MbType::kIntra4x4 ? 4 + index : index);
    coder_.add(pack(skip_like_, cbp, left, above));
    coder_.add(pack(skip_like_, cbp, lately >> 4, crowd(moved_sum)));
    coder_.add(pack(residual, lately >> 4, crowd(moved_sum)));
    if (slice_.pixels) {
      coder_.add(pack(texture, left, above));
      coder_.add(pack(residual, texture >> 1, left + above));
      coder_.add(pack(mismatch, left, above));
    }
    if (slice_.thorough) coder_.add(pack(others, still));
    coder_.input(256);
    coder_.input(texture * 16);
    coder_.input(residual * 16);
    coder_.input(mismatch * 16);
    coder_.input(std::min(lately, 512));
    coder_.input(32 * std::min(moved_sum, 16));
    coder_.input(32 * std::min(left_sum + above_sum, 16));
    coder_.input((left + above) * 128);
    coder_.input(others * 16);
    coder_.input(still * 16);
    coder_.input(motion_size_ * 32);
    coder_.select(index * 9 + left * 3 + above, std::min(63, lately >> 2));
    const bool coded = bit((want_->cbp >> i & 1) != 0, mb_->type >= MbType::kIntra4x4 ? 4 + index : index);
    cbp |= (coded ? 1 : 0) << i;
  }
  mb_->cbp = static_cast<std::uint8_t>(cbp);
}

template <Direction D>
void MacroblockCoder<D>::code_cbp_chroma() {
  const int left = chroma_of(left_);
  const int above = chroma_of(above_);
  const int past = chroma_of(past_);
  const int luma = mb_->cbp & 15;
  const int type = mb_->type == MbType::kIntra16x16 ? (luma != 0 ? 10 : 11) : static_cast<int>(mb_->type);
  coder_.begin(Class::kCbpChroma);
  coder_.add(pack(left, above, type));
  coder_.add(pack(past, left + above));
  coder_.add(pack(luma, type, past));
  coder_.add(pack(qp_, type));
  coder_.add(static_cast<std::uint32_t>(address_));
  coder_.add(pack(chroma_of(past_right_), chroma_of(past_below_), past));
  coder_.add(pack(motion_size_, luma, left, above));
  coder_.add(pack(skip_like_, luma, left + above, past));
  coder_.select(left * 16 + above * 4 + past, 0);
  const int want = want_->cbp >> 4;
  int chroma = 0;
  if (bit(want > 0, 1)) chroma = bit(want > 1, 2) ? 2 : 1;
  mb_->cbp = static_cast<std::uint8_t>(mb_->cbp | chroma << 4);
}

template <Direction D>
void MacroblockCoder<D>::code_qp_delta() {
  const int slice_qp = slice_.header.qp(slice_.pps);
  const int offset = qp_ - slice_qp;
  const auto difference = [this](const auto* mb) { return mb != nullptr ? mb->qp - qp_ : 99; };
  const int past = difference(past_);
  const int left = difference(left_);
  const int above = difference(above_);
  // Adaptive quantisation follows the texture, so the texture gives it away.
  const int energy = slice_.pixels ? log64(place_energy(h264::is_inter(mb_->type))) : 0;
  const auto scaled = [](const Macroblock* mb, int from) { return mb != nullptr ? (mb->qp - from) * 32 : 0; };
  const int guess = m_.qp_estimator.guess({256, energy - 600, history_->qp_offset * 32,
                                           scaled(left_, slice_qp), scaled(above_, slice_qp), offset * 32,
                                           left_ != nullptr ? history_[-1].qp_offset * 32 : 0,
                                           above_ != nullptr ? history_[-m_.width].qp_offset * 32 : 0});
  const int ahead = std::clamp((guess - offset * 32 + 4) >> 3, -100, 100);
  coder_.begin(Class::kQpDelta);
  coder_.add(pack(ahead, 1));
  coder_.add(pack(ahead >> 1, std::clamp(past, -20, 20), 2));
  coder_.add(pack(std::clamp(history_->qp_offset - offset, -40, 40), energy >> 5));
  coder_.add(pack(ahead >> 2, static_cast<int>(mb_->type), last_qp_delta_));
  coder_.add(pack(last_qp_delta_));
  coder_.add(pack(past));
  coder_.add(pack(left, above));
  coder_.add(pack(past, left));
  coder_.add(static_cast<std::uint32_t>(address_));
  coder_.add(pack(qp_, last_qp_delta_));
  coder_.add(pack(difference(above_right_), above, past));
  coder_.select(std::clamp(past == 99 ? 8 : past, -7, 8) + 7, std::clamp((ahead >> 2) + 32, 0, 63));
  int delta = 0;
  const int want = want_->qp_delta;
  if (bit(want != 0, 0)) {
    const bool negative = bit(want < 0, 1);
    delta = unary(std::abs(want), 1, 26, negative ? 32 : 2, 25);
    if (negative) delta = -delta;
    if (delta > 25) bad_ = true;
  }
  mb_->qp_delta = static_cast<std::int8_t>(delta);
  last_qp_delta_ = delta;
  qp_ = (qp_ + delta + 52) % 52;
  mb_->qp = static_cast<std::uint8_t>(qp_);
  m_.qp_estimator.learn((qp_ - slice_qp) * 32);
  history_->qp_offset = static_cast<std::int8_t>(qp_ - slice_qp);
}

template void MacroblockCoder<Direction::kEncode>::code_cbp();
template void MacroblockCoder<Direction::kDecode>::code_cbp();
template void MacroblockCoder<Direction::kEncode>::code_qp_delta();
template void MacroblockCoder<Direction::kDecode>::code_qp_delta();

}  // namespace auralink::aic::model
