// SPDX-License-Identifier: LGPL-2.1-or-later
// Residual of the chroma planes. It comes after luma, so that a block sees what luma turned out to be at the
// same place; the second plane sees the first, and each block what is around it, already reconstructed.
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::model {

using h264::MbType;
using h264::MotionVector;
using pixels::Spectrum;

namespace {

std::int16_t cut(int value) noexcept {
  return static_cast<std::int16_t>(std::clamp(value, INT16_MIN + 1, int{INT16_MAX}));
}

/// |values| from position 0 or 1 on.
int energy(const Spectrum& spectrum, std::size_t first) noexcept {
  return pixels::absolute_sum(spectrum) - (first == 0 ? 0 : std::abs(int{spectrum[0]}));
}

/// The transform of the DC of a plane's four blocks (8.5.11.1).
constexpr std::array<int, 4> transform2x2(const std::array<int, 4>& v) noexcept {
  return {v[0] + v[1] + v[2] + v[3], v[0] - v[1] + v[2] - v[3], v[0] + v[1] - v[2] - v[3],
          v[0] - v[1] - v[2] + v[3]};
}

/// The first of the four luma blocks at the place of a chroma block.
constexpr std::size_t first_luma(std::size_t block) noexcept { return (block >> 1U) * 8 + (block & 1U) * 2; }

/// The features of chroma, in the places of those of luma (Feature) that BlockEstimator knows.
constexpr int kMaxLuma = 900;            // Steps::spectrum()'s
constexpr Feature kLuma = kAccumulated;  // four times luma's residual (intra: luma itself), at half the size
constexpr Feature kFirstPlane = kFromAbove;  // levels of the other plane

}  // namespace

template <Direction D>
void MacroblockCoder<D>::code_chroma() {
  if ((mb_->cbp & 0x30) == 0) return;
  const int qp = pixels::chroma_qp(mb_->qp, slice_.pps.chroma_qp_offset);
  if (slice_.pixels) steps_ = pixels::Steps{qp};
  std::array<std::array<std::int32_t, 4>, 2> dc{};
  for (std::size_t plane = 0; plane < 2; ++plane) {
    code_chroma_dc(plane);
    dc[plane] = pixels::scale_chroma_dc(mb_->chroma_dc[plane], qp);
  }
  const bool ac = (mb_->cbp & 0x20) != 0;
  for (std::size_t plane = 0; plane < 2; ++plane) {
    eighth_total_ = 0;
    for (std::size_t block = 0; block < 4; ++block) {
      if (ac) code_chroma_ac(plane, block, dc[plane][block]);
      if (!slice_.pixels) continue;
      pixels::Scaled scaled{};
      if (ac && mb_->chroma_total[plane][block] != 0)
        scaled = pixels::scale(mb_->chroma_ac[plane][block], qp, 1);
      scaled[0] = dc[plane][block];
      pixels::add_residual(scaled, chroma_at(plane, block), picture_.stride(static_cast<int>(plane) + 1));
    }
  }
}

template <Direction D>
std::uint8_t* MacroblockCoder<D>::chroma_at(std::size_t plane, std::size_t block) noexcept {
  const int number = static_cast<int>(plane) + 1;
  const int x = mx_ * 8 + static_cast<int>(block & 1U) * 4;
  const int y = my_ * 8 + static_cast<int>(block >> 1U) * 4;
  return picture_.plane(number) + y * std::ptrdiff_t{picture_.stride(number)} + x;
}

template <Direction D>
typename MacroblockCoder<D>::ChromaSurroundings MacroblockCoder<D>::chroma_surroundings(std::size_t plane,
                                                                                        std::size_t block,
                                                                                        bool inner,
                                                                                        int known) {
  ChromaSurroundings out;
  const int number = static_cast<int>(plane) + 1;
  const std::ptrdiff_t stride = picture_.stride(number);
  const std::uint8_t* at = chroma_at(plane, block);
  const int bx = static_cast<int>(block & 1U);
  const int by = static_cast<int>(block >> 1U);
  const int x = mx_ * 8 + bx * 4;
  const int y = my_ * 8 + by * 4;
  const std::size_t first = first_luma(block);
  const bool inter = h264::is_inter(mb_->type);
  const bool left = bx > 0 ? inner : x > 0;
  const bool above = by > 0 ? inner : y > 0;

  std::array<std::uint8_t, 4> column{};
  std::array<std::uint8_t, 4> row{};
  if (inter) {
    const pixels::Frame& from = reference(mb_->ref[block]);
    if (left) pixels::predict_chroma(from, number, x - 1, y, 1, 4, mb_->mv[first], column.data(), 1);
    if (above) pixels::predict_chroma(from, number, x, y - 1, 4, 1, mb_->mv[first], row.data(), 4);
  } else {
    for (std::ptrdiff_t i = 0; i < 4; ++i) {
      column[static_cast<std::size_t>(i)] = at[i * stride];
      row[static_cast<std::size_t>(i)] = at[i];
    }
  }
  for (std::ptrdiff_t i = 0; i < 4; ++i) {
    const auto to = static_cast<std::size_t>(i);
    if (left) out.left[to] = at[i * stride - 1] - column[to] - known;
    if (above) out.above[to] = at[i - stride] - row[to] - known;
  }

  out.has_luma = !inter || (mb_->cbp >> block & 1) != 0;
  if (!out.has_luma) return out;
  const std::ptrdiff_t luma_stride = picture_.stride(0);
  const std::uint8_t* luma = luma_at(bx * 8, by * 8);
  for (std::size_t j = 0; j < 4; ++j) {
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t* p = luma + static_cast<std::ptrdiff_t>(2 * j) * luma_stride + 2 * i;
      int sum = p[0] + p[1] + p[luma_stride] + p[luma_stride + 1];
      if (inter) {
        const std::uint8_t* q = predicted_block_[first + (j >> 1U) * 4 + (i >> 1U)] +
                                (j & 1U) * 2 * kPredictedStride + (i & 1U) * 2;
        sum -= q[0] + q[1] + q[kPredictedStride] + q[kPredictedStride + 1];
      }
      out.luma[j * 4 + i] = static_cast<std::int16_t>(std::clamp(sum, -kMaxLuma, kMaxLuma));
    }
  }
  return out;
}

template <Direction D>
void MacroblockCoder<D>::measure_chroma_ac(std::size_t plane, std::size_t block, std::int32_t dc) {
  BlockFeatures& f = features_;
  f = BlockFeatures{};
  const std::ptrdiff_t stride = picture_.stride(static_cast<int>(plane) + 1);
  const std::uint8_t* at = chroma_at(plane, block);  // holds the prediction
  // DC is known, and what it puts right is not wrong any more.
  const ChromaSurroundings around =
      chroma_surroundings(plane, block, true, std::clamp((dc + 32) >> 6, -255, 255));
  const pixels::Square prediction = pixels::samples4x4(at, stride);
  f.value[kPrediction] = steps_.spectrum(prediction);
  open_left_ = pixels::transform4(around.left);
  open_above_ = pixels::transform4(around.above);
  f.value[kLeft] = steps_.spread(open_left_, true);
  f.value[kAbove] = steps_.spread(open_above_, false);
  f.whole = true;
  if (around.has_luma) f.value[kLuma] = steps_.spectrum(pixels::samples4x4(around.luma.data(), 4));
  if (const std::uint8_t* still = still_chroma(plane, block))
    f.value[kStill] = steps_.spectrum(pixels::samples4x4(still, stride) - prediction);
  if (plane == 1 && mb_->chroma_total[0][block] != 0)
    for (std::size_t k = 1; k < 16; ++k)
      f.value[kFirstPlane][pixels::kInSpectrum[k]] = cut(mb_->chroma_ac[0][block][k] * 8);
  finish_chroma_features(m_.chroma_estimators[2 + plane], 1);
}

template <Direction D>
void MacroblockCoder<D>::measure_chroma_dc(std::size_t plane) {
  BlockFeatures& f = features_;
  f = BlockFeatures{};
  const std::ptrdiff_t stride = picture_.stride(static_cast<int>(plane) + 1);
  const auto sum_of = [stride](const std::uint8_t* at) {
    int sum = 0;
    for (std::ptrdiff_t j = 0; j < 4; ++j)
      for (std::ptrdiff_t i = 0; i < 4; ++i) sum += at[j * stride + i];
    return sum;
  };
  std::array<std::array<int, 4>, kFeatures> sums{};
  for (std::size_t block = 0; block < 4; ++block) {
    const ChromaSurroundings around = chroma_surroundings(plane, block, false, 0);
    sums[kPrediction][block] = sum_of(chroma_at(plane, block));
    sums[kLeft][block] = 4 * std::accumulate(around.left.begin(), around.left.end(), 0);
    sums[kAbove][block] = 4 * std::accumulate(around.above.begin(), around.above.end(), 0);
    sums[kLuma][block] = std::accumulate(around.luma.begin(), around.luma.end(), 0);
    if (const std::uint8_t* still = still_chroma(plane, block))
      sums[kStill][block] = sum_of(still) - sums[kPrediction][block];
  }
  for (const Feature j : {kPrediction, kLeft, kAbove, kLuma, kStill}) {
    const std::array<int, 4> dc = transform2x2(sums[j]);
    for (std::size_t k = 0; k < 4; ++k) f.value[j][pixels::kInSpectrum[k]] = cut(steps_.of(dc[k] / 8, 0));
  }
  if (h264::is_intra(mb_->type)) f.value[kLuma][0] = 0;
  if (plane == 1)
    for (std::size_t k = 0; k < 4; ++k)
      f.value[kFirstPlane][pixels::kInSpectrum[k]] = cut(mb_->chroma_dc[0][k] * 8);
  finish_chroma_features(m_.chroma_estimators[plane], 0);
}

template <Direction D>
const std::uint8_t* MacroblockCoder<D>::still_chroma(std::size_t plane, std::size_t block) const noexcept {
  if (!h264::is_inter(mb_->type) || mb_->mv[first_luma(block)] == MotionVector{}) return nullptr;
  const int number = static_cast<int>(plane) + 1;
  const int x = mx_ * 8 + static_cast<int>(block & 1U) * 4;
  const int y = my_ * 8 + static_cast<int>(block >> 1U) * 4;
  return reference(0).plane(number) + y * std::ptrdiff_t{reference(0).stride(number)} + x;
}

template <Direction D>
void MacroblockCoder<D>::finish_chroma_features(const BlockEstimator& estimator, std::size_t first) noexcept {
  BlockFeatures& f = features_;
  estimator_ = &estimator;
  estimator.guess(f);
  f.prediction_energy = energy(f.value[kPrediction], 1);
  f.boundary_energy = energy(f.value[kLeft], first) + energy(f.value[kAbove], first);
  f.accumulated_energy = energy(f.value[kLuma], first);
  f.alternative_energy = {0, energy(f.value[kFirstPlane], first), energy(f.value[kStill], first)};
  sum_up();
}

template <Direction D>
void MacroblockCoder<D>::code_chroma_dc(std::size_t plane) {
  const auto take = [plane](const auto* mb, auto& levels, int& total) {
    if (mb == nullptr) return;
    total = mb->type == MbType::kPcm ? 4 : mb->chroma_dc_total[plane];
    if (total != 0 && mb->type != MbType::kPcm) levels = mb->chroma_dc[plane].data();
  };
  BlockContext context;
  take(left_, context.left, context.left_total);
  take(above_, context.above, context.above_total);
  take(past_, context.past, context.past_total);
  context.other_total = plane == 0 ? 9 : mb_->chroma_dc_total[0];
  if (plane == 1 && mb_->chroma_dc_total[0] != 0) context.other = mb_->chroma_dc[0].data();
  if (past_right_ != nullptr) context.past_right_total = past_right_->chroma_dc_total[plane];
  if (past_below_ != nullptr) context.past_below_total = past_below_->chroma_dc_total[plane];
  running_total_ = history_->chroma[plane];
  mode_ = h264::is_intra(mb_->type) ? 1 + mb_->chroma_mode : 0;
  eighth_total_ = 0;
  eighth_index_ = static_cast<int>(plane);
  if (slice_.thorough) measure_chroma_dc(plane);
  mb_->chroma_dc_total[plane] = static_cast<std::uint8_t>(
      code_levels(Kind::kChromaDc, want_->chroma_dc[plane].data(), want_->chroma_dc_total[plane],
                  mb_->chroma_dc[plane].data(), 0, 4, context, static_cast<int>(plane)));
  if (!slice_.thorough) return;
  h264::Block levels{};
  std::copy_n(mb_->chroma_dc[plane].begin(), 4, levels.begin());
  m_.chroma_estimators[plane].learn(features_, levels.data());
}

template <Direction D>
void MacroblockCoder<D>::code_chroma_ac(std::size_t plane, std::size_t block, std::int32_t dc) {
  const std::size_t x = block & 1U;
  const std::size_t y = block >> 1U;
  const auto take = [plane](const auto* mb, std::size_t at, auto& levels, int& total) {
    if (mb == nullptr) return;
    total = mb->chroma_total[plane][at];
    if (total != 0 && mb->type != MbType::kPcm) levels = mb->chroma_ac[plane][at].data();
  };
  BlockContext context;
  take(x > 0 ? mb_ : left_, x > 0 ? block - 1 : block + 1, context.left, context.left_total);
  take(y > 0 ? mb_ : above_, y > 0 ? block - 2 : block + 2, context.above, context.above_total);
  take(past_, block, context.past, context.past_total);
  if (past_right_ != nullptr) context.past_right_total = past_right_->chroma_total[plane][block];
  if (past_below_ != nullptr) context.past_below_total = past_below_->chroma_total[plane][block];
  context.other_total = plane == 0 ? 17 : mb_->chroma_total[0][block];
  if (plane == 1 && mb_->chroma_total[0][block] != 0) context.other = mb_->chroma_ac[0][block].data();
  const std::size_t first = first_luma(block);
  context.moved_total =
      (mb_->total[first] + mb_->total[first + 1] + mb_->total[first + 4] + mb_->total[first + 5] + 1) / 2;
  running_total_ = history_->chroma[plane];
  eighth_index_ = static_cast<int>(plane * 4 + block);
  if (slice_.thorough) measure_chroma_ac(plane, block, dc);
  const int total =
      code_levels(Kind::kChromaAc, want_->chroma_ac[plane][block].data(), want_->chroma_total[plane][block],
                  mb_->chroma_ac[plane][block].data(), 1, 15, context, static_cast<int>(plane * 4 + block));
  mb_->chroma_total[plane][block] = static_cast<std::uint8_t>(total);
  eighth_total_ += total;
  if (slice_.thorough) m_.chroma_estimators[2 + plane].learn(features_, mb_->chroma_ac[plane][block].data());
}

template void MacroblockCoder<Direction::kEncode>::code_chroma();
template void MacroblockCoder<Direction::kDecode>::code_chroma();

}  // namespace auralink::aic::model
