// SPDX-License-Identifier: LGPL-2.1-or-later
// Levels: for each block how many there are, where they are from low to high frequency until none is left,
// and after each position its magnitude and sign. trailing_ones, total_zeros and run_before follow from
// these.
#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/quantities.hpp"

namespace auralink::aic::model {

using h264::kRasterOfCoding;
using h264::kZigzag;
using h264::Macroblock;
using h264::MbType;

namespace {

template <class T>
int magnitude(const T* levels, int k) noexcept {
  return levels != nullptr ? std::abs(int{levels[k]}) : 0;
}
template <class T>
int sign_of(const T* levels, int k) noexcept {
  return levels != nullptr ? sign(levels[k]) : 0;
}

/// Scan position of the raster position, to find neighbouring frequencies.
constexpr auto kScanOfRaster = [] {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t k = 0; k < 16; ++k) out[kZigzag[k]] = static_cast<std::uint8_t>(k);
  return out;
}();

/// The features that chroma has.
constexpr std::array kOfChroma{kPrediction, kLeft, kAbove, kAccumulated, kFromAbove, kStill};

/// JM's way, and openh264's and x264's after it, to find an 8x8 not worth coding: a level of one scores by
/// the zeros before it, a larger one is worth it by itself, and all of the 8x8 must score four.
constexpr int kWorthCoding = 4;
constexpr std::array<std::uint8_t, 16> kWorth{3, 2, 2, 1, 1, 1};

}  // namespace

template <Direction D>
void MacroblockCoder<D>::code_residual() {
  const bool inter = h264::is_inter(mb_->type);
  const bool whole = mb_->type == MbType::kIntra16x16;
  steps_ = pixels::Steps{mb_->qp};
  features_ = BlockFeatures{};
  std::array<std::int32_t, 16> dc{};
  if (whole) {
    code_luma_dc();
    if (slice_.pixels) dc = pixels::scale_luma_dc(mb_->dc, mb_->qp);
  }
  for (std::size_t order = 0; order < 16; ++order) {
    const std::size_t block = kRasterOfCoding[order];
    if (mb_->type == MbType::kIntra4x4) {
      code_intra4_mode(block, order);
      if (slice_.pixels)
        pixels::predict_intra4(luma_at(static_cast<int>(block & 3U) * 4, static_cast<int>(block >> 2U) * 4),
                               picture_.stride(0), mb_->intra4_mode[block], intra4_neighbours(block));
    }
    if ((order & 3U) == 0) eighth_total_ = 0, eighth_lacks_ = kWorthCoding;
    if ((mb_->cbp >> (order >> 2U) & 1) != 0)
      code_luma_block(block, order);
    else
      mb_->luma[block].fill(0);
    if (slice_.pixels && (mb_->total[block] != 0 || dc[block] != 0))
      add_luma(block, mb_->luma[block].data(), dc[block]);
    if (features_.whole && (mb_->cbp >> (order >> 2U) & 1) != 0)
      m_.block_estimator.learn(features_, mb_->luma[block].data());
  }
  features_ = BlockFeatures{};
  code_chroma();
  if (slice_.pixels) accumulate(inter && (mb_->cbp & 15) != 0);
}

template <Direction D>
void MacroblockCoder<D>::code_luma_dc() {
  BlockContext context;
  const auto whole = [](const auto* mb) { return mb != nullptr && mb->type == MbType::kIntra16x16; };
  if (whole(left_)) context.left = left_->dc.data(), context.left_total = left_->dc_total;
  if (whole(above_)) context.above = above_->dc.data(), context.above_total = above_->dc_total;
  if (whole(past_) && past_->dc_total != 0)
    context.past = past_->dc.data(), context.past_total = past_->dc_total;
  context.past_right_total = context.past_below_total = 0;
  running_total_ = 0;
  eighth_total_ = eighth_index_ = 0;
  mb_->dc_total = static_cast<std::uint8_t>(
      code_levels(Kind::kIntra16Dc, want_->dc.data(), want_->dc_total, mb_->dc.data(), 0, 16, context, 0));
}

template <Direction D>
void MacroblockCoder<D>::code_luma_block(std::size_t block, std::size_t order) {
  const std::size_t x = block & 3U;
  const std::size_t y = block >> 2U;
  const auto take = [](const auto* mb, std::size_t at, auto& levels, int& total) {
    if (mb == nullptr) return;
    total = mb->total[at];
    if (total != 0 && mb->type != MbType::kPcm) levels = mb->luma[at].data();
  };
  BlockContext context;
  take(x > 0 ? mb_ : left_, x > 0 ? block - 1 : block + 3, context.left, context.left_total);
  take(y > 0 ? mb_ : above_, y > 0 ? block - 4 : block + 12, context.above, context.above_total);
  take(past_, block, context.past, context.past_total);
  std::size_t at = 0;
  const int bx = mx_ * 4 + static_cast<int>(x);
  const int by = my_ * 4 + static_cast<int>(y);
  const Past* moved = past_at(bx + ((mb_->mv[block].x + 8) >> 4), by + ((mb_->mv[block].y + 8) >> 4), at);
  take(moved, at, context.moved, context.moved_total);
  if (y == 0) {
    const Macroblock* from = x < 3 ? above_ : above_right_;
    if (from != nullptr) context.other_total = from->total[x < 3 ? 13 + x : 12];
  } else if (x < 3) {
    context.other_total = mb_->total[block - 3];
  }
  Kind kind = Kind::kInter;
  if (mb_->type == MbType::kIntra4x4) {
    kind = Kind::kIntra4;
    mode_ = 1 + mb_->intra4_mode[block];
    if (slice_.pixels) measure_intra_block(block);
  } else if (mb_->type == MbType::kIntra16x16) {
    kind = Kind::kIntra16Ac;
  } else if (slice_.pixels) {
    measure_block(block);
  }
  running_total_ = history_->total[block];
  eighth_index_ = static_cast<int>(order & 3U);
  const int first = kind == Kind::kIntra16Ac ? 1 : 0;
  const int total = code_levels(kind, want_->luma[block].data(), want_->total[block], mb_->luma[block].data(),
                                first, 16 - first, context, static_cast<int>(block));
  mb_->total[block] = static_cast<std::uint8_t>(total);
  eighth_total_ += total;
  luma_total_ += total;
}

template <Direction D>
int MacroblockCoder<D>::code_levels(Kind kind, const std::int16_t* source, int source_total,
                                    std::int16_t* levels, int first, int count, const BlockContext& context,
                                    int index) {
  const int end = first + count;
  const int total = code_total(kind, source_total, count, context, index);
  std::fill(levels, levels + end, std::int16_t{0});
  level_total_ = level_left_ = total;
  level_greater_ = level_sum_ = level_previous_ = level_before_ = 0;
  level_last_ = -1;
  level_map_ = 1;
  previous_sign_ = 0;
  levels_ = levels;
  level_end_ = end;
  for (level_position_ = first; level_position_ < end && level_left_ > 0; ++level_position_) {
    const int k = level_position_;
    const auto at = static_cast<std::size_t>(k);
    const bool measured = (kind == Kind::kInter || kind == Kind::kChromaAc) && features_.whole;
    open_left_here_ = open_above_here_ = 0;
    if (measured) look_outside(at);
    const bool forced = end - k <= level_left_;
    const bool significant =
        forced || code_significance(kind, D == Direction::kEncode && source[k] != 0, context, index);
    level_map_ = level_map_ * 2 + (significant ? 1 : 0);
    if (!significant) continue;
    const int value = D == Direction::kEncode ? source[k] : 0;
    eighth_lacks_ = std::max(0, eighth_lacks_ - kWorth[static_cast<std::size_t>(k - level_last_ - 1)]);
    const int size = code_magnitude(kind, std::abs(value), context, index);
    level_before_ = level_previous_;
    level_previous_ = size;
    const bool negative = code_sign(kind, value < 0, context);
    levels[k] = static_cast<std::int16_t>(negative ? -size : size);
    previous_sign_ = static_cast<std::int16_t>(negative ? -1 : 1);
    if (measured) fill_outside(at, levels[k]);
    level_sum_ += size;
    if (size > 1) ++level_greater_, eighth_lacks_ = 0;
    --level_left_;
    level_last_ = k;
  }
  return total;
}

template <Direction D>
int MacroblockCoder<D>::code_total(Kind kind, int value, int most, const BlockContext& c, int index) {
  const int cl = static_cast<int>(kind);
  const bool luma = kind < Kind::kChromaDc;
  const int type = static_cast<int>(mb_->type);
  const int first_node = kind == Kind::kChromaDc ? 32 : kind == Kind::kIntra16Dc ? 40 : 0;
  coder_.begin(luma ? Class::kTotal : Class::kChromaTotal, first_node);
  if (luma) {
    const auto& f = features_;
    const int prediction = octave(f.prediction_energy >> 3);
    const int boundary = octave(f.boundary_energy >> 4);
    const int left = std::max(0, c.left_total);
    const int above = std::max(0, c.above_total);
    const int past = std::max(0, c.past_total);
    const int others = f.alternative_energy[0] + f.alternative_energy[1] + f.alternative_energy[2];
    coder_.add(pack(cl, eighth_total_, eighth_index_, mb_->cbp & 15, eighth_lacks_));
    coder_.add(static_cast<std::uint32_t>(address_ * 32 + index + cl * 7919));
    if (slice_.pixels) {
      coder_.add(pack(cl, octave(f.guess_energy >> 4), std::min(3, c.left_total), std::min(3, c.above_total),
                      eighth_index_));
      coder_.add(pack(cl, boundary, prediction, octave(f.accumulated_energy >> 4)));
      coder_.add(pack(cl, prediction, std::min(c.moved_total, 7), std::min(left + above, 12)));
      if (slice_.thorough) {
        coder_.add(pack(cl, prediction, eighth_lacks_, eighth_index_, boundary));
        coder_.add(pack(cl, octave(f.guess_energy >> 5), boundary, octave(others >> 4)));
      }
    } else {
      coder_.add(pack(cl, c.left_total, c.above_total));
      coder_.add(pack(cl, (left + above + 1) / 2, eighth_total_, eighth_index_, running_total_ >> 5));
      coder_.add(pack(cl, running_total_ >> 3, std::min(c.moved_total, 7), c.other_total));
    }
    coder_.input(256);
    coder_.input(log64(f.boundary_energy));
    coder_.input(log64(f.prediction_energy));
    coder_.input(log64(f.guess_energy));
    for (const int energy : f.alternative_energy) coder_.input(log64(energy));
    coder_.input(log64(f.accumulated_energy));
    coder_.input(64 * left);
    coder_.input(64 * above);
    coder_.input(64 * past);
    coder_.input(running_total_ * 2);
    coder_.input(64 * eighth_total_);
    coder_.input(16 * mb_->qp - 256);
    coder_.select(std::min(7, (left + above + 1) / 2) * 8 + std::min(7, past),
                  eighth_index_ * 16 + std::min(15, log64(f.guess_energy) / 48));
  } else {
    coder_.add(pack(cl, c.left_total, c.above_total));
    coder_.add(pack(cl, c.past_total, c.past_right_total, c.past_below_total));
    coder_.add(pack(cl, c.other_total, index));
    coder_.add(pack(cl, c.other_total, c.left_total, c.above_total));
    coder_.add(pack(cl, crowd(luma_total_), mb_->cbp));
    coder_.add(pack(cl, mb_->qp, type, motion_size_));
    coder_.add(pack(cl, index, c.past_total, c.other_total, running_total_ >> 4));
    coder_.add(pack(cl, eighth_index_, eighth_total_, c.other_total));
    coder_.add(static_cast<std::uint32_t>(address_ * 16 + index + cl * 7919));
    coder_.add(pack(cl, c.moved_total, c.left_total));
    coder_.select((cl & 1) * 32 + std::clamp(c.past_total, 0, 3) * 8 + std::clamp(c.other_total, 0, 7),
                  index);
    if (slice_.thorough) {
      const auto& f = features_;
      const int prediction = octave(f.prediction_energy >> 2);
      const int boundary = octave(f.boundary_energy >> 3);
      const int in_luma = octave(f.accumulated_energy >> 4);
      coder_.add(pack(cl, octave(f.guess_energy >> 4), c.other_total));
      coder_.add(pack(cl, prediction, boundary, in_luma));
      coder_.input(256);
      coder_.input(log64(f.boundary_energy));
      coder_.input(log64(f.prediction_energy));
      coder_.input(log64(f.guess_energy));
      coder_.input(log64(f.accumulated_energy));
      coder_.input(log64(f.alternative_energy[2]));
      coder_.input(64 * (std::max(c.left_total, 0) + std::max(c.above_total, 0)));
      coder_.input(64 * (c.other_total > 16 ? 0 : c.other_total));
    }
  }
  return unary(value, 0, most, first_node, 16);
}

template <Direction D>
bool MacroblockCoder<D>::code_significance(Kind kind, bool value, const BlockContext& c, int /*index*/) {
  const int k = level_position_;
  const std::size_t at = pixels::kInSpectrum[static_cast<std::size_t>(k)];
  const int cl = static_cast<int>(kind);
  const int rem = level_left_;
  const int node = kind == Kind::kChromaDc ? k + 16 : k;
  const int left = magnitude(c.left, k);
  const int above = magnitude(c.above, k);
  const int past = magnitude(c.past, k);
  const int moved = magnitude(c.moved, k);
  const bool luma = kind < Kind::kChromaDc;
  const auto one = [](int v) { return std::min(v, 1); };
  coder_.begin(luma ? Class::kSignificance : Class::kChromaSignificance, node);
  if (luma) {
    const auto& f = features_;
    int next = 0;  // the same at the next position
    if (k + 1 < level_end_)
      next = one(magnitude(c.left, k + 1)) | one(magnitude(c.above, k + 1)) << 1 |
             one(magnitude(c.past, k + 1)) << 2 | one(magnitude(c.moved, k + 1)) << 3;
    coder_.add(pack(cl, one(left) | one(above) << 1 | one(past) << 2 | one(moved) << 3, rem, next));
    coder_.add(pack(cl, level_total_, mode_, level_last_));
    coder_.add(pack(cl, eighth_lacks_, eighth_index_, std::min(rem, 4), k - level_last_));

    if (slice_.pixels) {
      const int boundary = std::abs(open_left_here_) + std::abs(open_above_here_);

      const int guess = std::abs(f.guess[at]);
      const int gx = std::abs(f.gradient_x[at]);
      const int gy = std::abs(f.gradient_y[at]);
      coder_.add(pack(cl, bucket(f.value[kPrediction][at]),
                      octave(rest_.prediction[static_cast<std::size_t>(k)]), rem));
      coder_.add(pack(cl, bucket(boundary / 2), octave(rest_.boundary[static_cast<std::size_t>(k)]), rem));
      if (slice_.thorough) {
        coder_.add(
            pack(cl, log64(gx + gy) / 32, log64(rest_.gradient[static_cast<std::size_t>(k)]) / 64, rem));
        coder_.add(pack(cl, rem));
      }
      coder_.input(256);
      for (std::size_t j = 0; j < kCorner; ++j) coder_.input(8 * std::abs(f.softened[j][at]));
      coder_.input(4 * guess);
    } else {
      coder_.add(level_map_ * 8 + static_cast<std::uint32_t>(cl));
      coder_.add(pack(cl, c.left_total, c.above_total, rem));
      coder_.add(pack(cl, running_total_ >> 4, c.moved_total, rem));
      coder_.input(256);
      coder_.input(128 * std::min(left + above, 8));
      coder_.input(128 * std::min(past + moved, 8));
    }
    coder_.select(std::min(rem - 1, 3) * 16 + k,
                  std::min(rem - 1, 7) * 8 + (slice_.pixels ? std::min(7, bucket(features_.guess[at] / 4))
                                                            : std::min(7, left + above + past + moved)));
  } else {
    const int other = magnitude(c.other, k);
    coder_.add(pack(cl, level_total_, rem));
    coder_.add(pack(cl, std::min(other, 3), rem));
    coder_.add(pack(cl, std::min(past, 2) * 9 + std::min(left, 2) * 3 + std::min(above, 2), rem));
    coder_.add(level_map_ * 8 + static_cast<std::uint32_t>(cl));
    coder_.add(pack(cl, mb_->qp, rem));
    coder_.add(pack(cl, std::min(level_previous_, 3) * 4 + std::min(level_before_, 3), rem, k - level_last_));
    coder_.add(pack(cl, mb_->mv[5].x & 3, mb_->mv[5].y & 3, rem));
    coder_.add(pack(cl, mode_, rem, level_total_));
    coder_.select(std::min(rem - 1, 2) * 20 + node, std::min(3, other) * 4 + std::min(3, left + above));
    if (slice_.thorough) {
      const auto& f = features_;
      const int boundary = std::abs(f.value[kLeft][at]) + std::abs(f.value[kAbove][at]);
      coder_.add(pack(cl, std::min(std::abs(f.guess[at]) >> 2, 40), rem));
      coder_.add(pack(cl, bucket(f.value[kPrediction][at]),
                      octave(rest_.prediction[static_cast<std::size_t>(k)]), rem));
      coder_.add(pack(cl, bucket(f.value[kAccumulated][at] / 4), bucket(boundary / 2), rem));
      coder_.input(256);
      for (const Feature j : kOfChroma) coder_.input(8 * std::abs(f.softened[j][at]));
      coder_.input(2 * std::abs(f.guess[at]));
    }
  }
  return bit(value, node);
}

template <Direction D>
int MacroblockCoder<D>::code_magnitude(Kind kind, int value, const BlockContext& c, int index) {
  const int k = level_position_;
  const std::size_t at = pixels::kInSpectrum[static_cast<std::size_t>(k)];
  const int cl = static_cast<int>(kind);
  const int place = kind == Kind::kChromaDc ? k + 16 : k;
  const int left = std::min(magnitude(c.left, k), 12);
  const int above = std::min(magnitude(c.above, k), 12);
  const bool luma = kind < Kind::kChromaDc;
  const int low = std::min(k, 6);
  coder_.begin(luma ? Class::kMagnitude : Class::kChromaMagnitude, 1);
  coder_.add(pack(cl, std::min(level_previous_, 15), std::min(level_before_, 15)));
  coder_.add(pack(cl, low, left, above));
  if (luma) coder_.add(pack(cl, eighth_lacks_, eighth_index_, std::min(level_left_, 4)));
  if (luma && slice_.pixels) {
    const auto& f = features_;
    const int boundary = bucket((f.value[kLeft][at] + f.value[kAbove][at]) / 2);
    coder_.add(pack(cl, bucket(f.value[kAccumulated][at] / 4), low, boundary));
    coder_.add(pack(cl, std::min(std::abs(f.guess[at]) >> 3, 40), low));
    if (slice_.thorough) {
      coder_.add(pack(cl, bucket(open_left_here_), bucket(open_above_here_), low));
      coder_.add(pack(cl, place, std::min(level_total_, 8)));
    }
    coder_.input(256);
    for (std::size_t j = 0; j < kCorner; ++j) coder_.input(8 * std::abs(f.softened[j][at]));
    coder_.input(4 * std::abs(f.guess[at]));

  } else {
    const int other = std::min(magnitude(c.other, k), 12);
    coder_.add(pack(cl, place, std::min(level_total_, 8)));
    coder_.add(pack(cl, c.left_total, c.above_total, k < 3 ? 1 : 0));
    coder_.add(pack(cl, other, std::min(k, 3), index));
    if (!luma) {
      const int past = std::min(magnitude(c.past, k), 12);
      coder_.add(pack(cl, place, past, std::min(magnitude(c.moved, k), 12)));
      coder_.add(pack(cl, mb_->qp, std::min(k, 3)));
      coder_.add(pack(cl, level_left_, level_greater_, level_total_));
      coder_.add(pack(cl, std::min(level_sum_, 40), k));
      coder_.add(pack(cl, running_total_ >> 3, c.past_total, k < 3 ? 1 : 0));
    }
    if (!luma && slice_.thorough) {
      const auto& f = features_;
      coder_.add(pack(cl, std::min(std::abs(f.guess[at]) >> 3, 40), low));
      coder_.input(256);
      for (const Feature j : kOfChroma) coder_.input(8 * std::abs(f.softened[j][at]));
      coder_.input(2 * std::abs(f.guess[at]));
    }
  }
  coder_.select(std::min(k, 7) * 8 + std::min(level_greater_, 7),
                std::min(7, level_total_ - 1) * 8 + std::min(7, level_previous_));
  constexpr int kUnary = 20;  // larger ones have an Exp-Golomb tail
  int out = unary(value, 1, kUnary, 1, kUnary);
  if (out == kUnary) out += exp_golomb(std::max(value - kUnary, 0), 22, 16);
  if (out > INT16_MAX) bad_ = true;
  return std::min(out, int{INT16_MAX});
}

template <Direction D>
bool MacroblockCoder<D>::code_sign(Kind kind, bool value, const BlockContext& c) {
  const int k = level_position_;
  const std::size_t at = pixels::kInSpectrum[static_cast<std::size_t>(k)];
  const int cl = static_cast<int>(kind);
  // Frequencies differ less in signs than it costs to learn them apart.
  const int node = kind == Kind::kChromaDc ? 4 + k : std::min(k, 3);
  const bool luma = kind < Kind::kChromaDc;
  const int size = std::min(level_previous_, 2);
  // The levels at the next lower frequencies of this block.
  const unsigned raster = kind == Kind::kChromaDc ? 0 : kZigzag[static_cast<std::size_t>(k)];
  const int lower_x = (raster & 3U) != 0 ? levels_[kScanOfRaster[raster - 1]] : 0;
  const int lower_y = raster >= 4 ? levels_[kScanOfRaster[raster - 4]] : 0;
  coder_.begin(luma ? Class::kSign : Class::kChromaSign, node);
  coder_.add(pack(cl, sign_of(c.left, k), sign_of(c.above, k), sign_of(c.other, k)));
  if (!luma) coder_.add(pack(cl, sign_of(c.past, k), sign_of(c.moved, k), past_motion_));
  if (!luma || !slice_.pixels) {
    coder_.add(pack(cl, sign(lower_x), sign(lower_y)));
    coder_.add(pack(cl, previous_sign_, mode_, size));
  }
  if (luma && slice_.pixels) {
    const auto& f = features_;
    const int boundary = signed_bucket((open_left_here_ + open_above_here_) / 2);
    const int prediction = signed_bucket(f.value[kPrediction][at] / 4);
    const int guess = std::clamp(f.guess[at] / 4, -60, 60);
    coder_.add(pack(cl, signed_bucket(open_left_here_), signed_bucket(open_above_here_)));
    coder_.add(pack(cl, guess, size));
    coder_.add(pack(cl, signed_bucket(f.value[kAccumulated][at] / 2), prediction));
    coder_.add(pack(cl, prediction, boundary, size));
    if (slice_.thorough) {
      coder_.add(pack(cl, sign(lower_x), sign(lower_y)));
      coder_.add(pack(cl, prediction, signed_bucket(f.value[kFromLeft][at]),
                      signed_bucket(f.value[kFromAbove][at])));
    }
    for (std::size_t j = 0; j < kFeatures; ++j) coder_.input(8 * f.softened[j][at]);
    coder_.input(4 * f.guess[at]);

    coder_.select(node, (size - 1) * 32 + std::min(7, std::abs(f.guess[at]) >> 5) * 4 +
                            std::min(3, bucket(open_left_here_ + open_above_here_) / 2));
  } else {
    coder_.select(node, 0);
    if (!luma && slice_.thorough) {
      const auto& f = features_;
      const int guess = std::clamp(f.guess[at] / 4, -60, 60);
      coder_.add(pack(cl, guess, size));
      coder_.add(pack(cl, signed_bucket(f.value[kLeft][at]), signed_bucket(f.value[kAbove][at])));
      coder_.add(pack(cl, signed_bucket(f.value[kAccumulated][at] / 4), sign_of(c.other, k), size));
      for (const Feature j : kOfChroma) coder_.input(8 * f.softened[j][at]);
      coder_.input(2 * f.guess[at]);
      coder_.select(node, std::min(60, std::abs(f.guess[at]) >> 3));
    }
  }
  return bit(value, node);
}

template int MacroblockCoder<Direction::kEncode>::code_levels(Kind, const std::int16_t*, int, std::int16_t*,
                                                              int, int, const BlockContext&, int);
template int MacroblockCoder<Direction::kDecode>::code_levels(Kind, const std::int16_t*, int, std::int16_t*,
                                                              int, int, const BlockContext&, int);
template void MacroblockCoder<Direction::kEncode>::code_residual();
template void MacroblockCoder<Direction::kDecode>::code_residual();

}  // namespace auralink::aic::model
