// SPDX-License-Identifier: LGPL-2.1-or-later
// Predicting and reconstructing samples, and what is measured on them before a block's levels are coded.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/quantities.hpp"
#include "gst/aic/core/pixels/eight.hpp"

namespace auralink::aic::model {

using h264::kCodingOfRaster;
using h264::kZigzag;
using h264::MbType;
using h264::MotionVector;
using h264::Partition;

namespace {

/// A vector in whole samples.
int whole(int quarter) noexcept { return (quarter + 2) >> 2; }

/// A row of 4, 8 or 16: three quarters of `from`, and four times what `now` is more than `before`, if that is
/// given.
void fade(const std::int16_t* from, const std::uint8_t* now, const std::uint8_t* before, int columns,
          std::int16_t* to) noexcept {
  constexpr std::int16_t kLimit = 900;  // Steps::spectrum()'s
  if (columns == 4) {
    for (int i = 0; i < 4; ++i) {
      const int change = before != nullptr ? now[i] - before[i] : 0;
      to[i] = static_cast<std::int16_t>(std::clamp(from[i] * 3 / 4 + change * 4, -kLimit, +kLimit));
    }
    return;
  }
  for (int i = 0; i < columns; i += 8) {
    const Eight three = load(from + i) * 3;
    Eight value = (three + ((three >> 15) & 3)) >> 2;  // towards zero
    if (before != nullptr) value += (load(now + i) - load(before + i)) * 4;
    store(to + i, greatest(least(value, Eight{} + kLimit), Eight{} - kLimit));
  }
}

/// Of 4, 8 or 16 samples.
void copy_row(const std::uint8_t* from, int width, std::uint8_t* to) noexcept {
  if (width == 16)
    std::memcpy(to, from, 16);
  else if (width == 8)
    std::memcpy(to, from, 8);
  else
    std::memcpy(to, from, 4);
}

}  // namespace

template <Direction D>
const pixels::Frame& MacroblockCoder<D>::reference(int index) const noexcept {
  return *m_.references[std::min(static_cast<std::size_t>(std::max(index, 0)), m_.references.size() - 1)];
}

template <Direction D>
void MacroblockCoder<D>::predict_skip() {
  const pixels::Frame& from = reference(0);
  const MotionVector mv = mb_->mv[0];
  pixels::predict_luma(from, mx_ * 16, my_ * 16, 16, 16, mv, luma_at(0, 0), picture_.stride(0));
  for (int plane = 1; plane <= 2; ++plane) {
    const int stride = picture_.stride(plane);
    pixels::predict_chroma(from, plane, mx_ * 8, my_ * 8, 8, 8, mv,
                           picture_.plane(plane) + my_ * 8 * std::ptrdiff_t{stride} + mx_ * 8, stride);
  }
  accumulate(false);
}

template <Direction D>
void MacroblockCoder<D>::predict_inter() {
  const h264::Partitions parts = h264::partitions_of(*mb_);
  for (int i = 0; i < parts.count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const Partition& part = parts.at[index];
    const std::size_t block = std::size_t{part.y} * 4 + part.x;
    const MotionVector mv = mb_->mv[block];
    const pixels::Frame& from =
        reference(mb_->ref[static_cast<std::size_t>((part.y >> 1) * 2 + (part.x >> 1))]);
    const int x = part.x * 4;
    const int y = part.y * 4;
    const int width = part.width * 4;
    const int height = part.height * 4;
    auto& buffer = predicted_[index];
    pixels::predict_luma(from, mx_ * 16 + x - kMargin, my_ * 16 + y - kRowsAbove, width + kMargin,
                         height + kRowsAbove, mv, buffer.data(), kPredictedStride);
    for (int row = 0; row < height; ++row)
      copy_row(buffer.data() + (row + kRowsAbove) * kPredictedStride + kMargin, width, luma_at(x, y + row));
    for (int by = 0; by < part.height; ++by) {
      for (int bx = 0; bx < part.width; ++bx) {
        const std::size_t at = block + static_cast<std::size_t>(by * 4 + bx);
        part_of_[at] = static_cast<std::uint8_t>(i);
        predicted_block_[at] = buffer.data() + (by * 4 + kRowsAbove) * kPredictedStride + bx * 4 + kMargin;
      }
    }
    for (int plane = 1; plane <= 2; ++plane) {
      const int stride = picture_.stride(plane);
      pixels::predict_chroma(
          from, plane, mx_ * 8 + x / 2, my_ * 8 + y / 2, width / 2, height / 2, mv,
          picture_.plane(plane) + (my_ * 8 + y / 2) * std::ptrdiff_t{stride} + mx_ * 8 + x / 2, stride);
    }
  }
}

template <Direction D>
void MacroblockCoder<D>::make_alternatives() {
  if (alternatives_made_) return;
  alternatives_made_ = true;
  alternative_is_ = {};
  if (!slice_.thorough) return;
  std::array<MotionVector, 3> made;
  const auto make = [&](std::size_t which, MotionVector mv) {
    alternative_is_[which] = mb_->type != MbType::k16x16 || mv != mb_->mv[5];
    if (!alternative_is_[which]) return;
    made[which] = mv;
    for (std::size_t other = 0; other < which; ++other) {
      if (!alternative_is_[other] || made[other] != mv) continue;
      alternative_[which] = alternative_[other];
      return;
    }
    pixels::predict_luma(reference(0), mx_ * 16, my_ * 16, 16, 16, mv, alternative_[which].data(), 16);
  };
  if (left_ != nullptr && h264::is_inter(left_->type)) make(0, left_->mv[7]);
  if (above_ != nullptr && h264::is_inter(above_->type)) make(1, above_->mv[13]);
  make(2, MotionVector{});
}

template <Direction D>
void MacroblockCoder<D>::measure_block(std::size_t block) {
  BlockFeatures& f = features_;
  f = BlockFeatures{};
  f.whole = true;
  const int bx = static_cast<int>(block & 3U);
  const int by = static_cast<int>(block >> 2U);
  const int x = mx_ * 16 + bx * 4;
  const int y = my_ * 16 + by * 4;
  const std::uint8_t* p = predicted_block_[block];
  constexpr std::ptrdiff_t kStride = kPredictedStride;
  const std::uint8_t* r = luma_at(bx * 4, by * 4);
  const std::ptrdiff_t stride = picture_.stride(0);

  const pixels::Square prediction = pixels::samples4x4(p, kStride);
  f.value[kPrediction] = steps_.spectrum(prediction);

  // How wrong was the prediction just outside of this block?
  std::array<std::array<int, 4>, 5> wrong{};  // left, above, left of it, above it, above right
  if (x >= 4) {
    for (int j = 0; j < 4; ++j) {
      wrong[0][static_cast<std::size_t>(j)] = r[j * stride - 1] - p[j * kStride - 1];
      wrong[2][static_cast<std::size_t>(j)] = r[j * stride - 2] - p[j * kStride - 2];
    }
  }
  if (y >= 4) {
    for (int i = 0; i < 4; ++i) {
      wrong[1][static_cast<std::size_t>(i)] = r[i - stride] - p[i - kStride];
      wrong[3][static_cast<std::size_t>(i)] = r[i - 2 * stride] - p[i - 2 * kStride];
    }
    const bool right = bx < 3 && part_of_[block + 1] == part_of_[block] &&
                       (by == 0 || kCodingOfRaster[block - 3] < kCodingOfRaster[block]);
    for (int i = 0; i < 4; ++i)
      wrong[4][static_cast<std::size_t>(i)] = right ? r[4 + i - stride] - p[4 + i - kStride] : wrong[1][3];
    if (x >= 4) f.value[kCorner] = steps_.everywhere((r[-stride - 1] - p[-kStride - 1]) * 16);
  }
  open_left_ = pixels::transform4(wrong[0]);
  open_above_ = pixels::transform4(wrong[1]);
  f.value[kLeft] = steps_.spread(open_left_, true);
  f.value[kAbove] = steps_.spread(open_above_, false);
  if (slice_.thorough) {
    f.value[kLeft2] = steps_.spread(pixels::transform4(wrong[2]), true);
    f.value[kAbove2] = steps_.spread(pixels::transform4(wrong[3]), false);
    f.value[kAboveRight] = steps_.spread(pixels::transform4(wrong[4]), false);
  }

  const int width = m_.width * 16;
  const int ax = std::clamp(x + whole(mb_->mv[block].x), 0, width - 4);
  const int ay = std::clamp(y + whole(mb_->mv[block].y), 0, m_.height * 16 - 4);
  f.value[kAccumulated] =
      steps_.spectrum(pixels::samples4x4(m_.accumulated->data() + ay * std::ptrdiff_t{width} + ax, width));

  make_alternatives();
  for (std::size_t q = 0; q < 3; ++q) {
    if (!alternative_is_[q]) continue;
    auto& value = f.value[kFromLeft + q];
    value = steps_.spectrum(pixels::samples4x4(alternative_[q].data() + by * 64 + bx * 4, 16) - prediction);
    f.alternative_energy[q] = pixels::absolute_sum(value);
  }

  if (slice_.thorough) measure_gradients(block, prediction);

  estimator_ = &m_.block_estimator;
  estimator_->guess(f);
  f.prediction_energy = pixels::absolute_sum(f.value[kPrediction]) - std::abs(f.value[kPrediction][0]);
  f.boundary_energy = pixels::absolute_sum(f.value[kLeft]) + pixels::absolute_sum(f.value[kAbove]);
  f.accumulated_energy = pixels::absolute_sum(f.value[kAccumulated]);
  sum_up();
}

/// Central differences, one-sided where the partition ends.
template <Direction D>
void MacroblockCoder<D>::measure_gradients(std::size_t block, const pixels::Square& prediction) noexcept {
  const std::size_t bx = block & 3U;
  const std::size_t by = block >> 2U;
  const std::uint8_t* p = predicted_block_[block];
  constexpr std::ptrdiff_t kStride = kPredictedStride;
  const bool right = bx < 3 && part_of_[block + 1] == part_of_[block];
  const bool below = by < 3 && part_of_[block + 4] == part_of_[block];
  const pixels::Square left = pixels::samples4x4(p - 1, kStride);
  const pixels::Square next = pixels::samples4x4(p + 1, kStride);
  const Eight beyond = right ? Eight{} : Eight{0, 0, 0, -1, 0, 0, 0, -1};
  const auto across = [beyond](Eight here, Eight before, Eight after) {
    return ((after & ~beyond) | ((here * 2 - before) & beyond)) - before;
  };
  features_.gradient_x = steps_.spectrum(
      {across(prediction.upper, left.upper, next.upper), across(prediction.lower, left.lower, next.lower)});
  const Eight above = two_rows(p - kStride, kStride);
  const Eight middle = two_rows(p + kStride, kStride);
  const Eight under = two_rows(p + 3 * kStride, below ? kStride : 0);
  const Eight last{0, 0, 0, 0, -1, -1, -1, -1};
  const Eight ends = below ? under : (under & ~last) | ((prediction.lower * 2 - middle) & last);
  features_.gradient_y = steps_.spectrum({middle - above, ends - middle});
}

template <Direction D>
void MacroblockCoder<D>::measure_intra_block(std::size_t block) {
  BlockFeatures& f = features_;
  f = BlockFeatures{};
  const int bx = static_cast<int>(block & 3U);
  const int by = static_cast<int>(block >> 2U);
  const std::uint8_t* r = luma_at(bx * 4, by * 4);  // holds the prediction
  const std::ptrdiff_t stride = picture_.stride(0);
  f.value[kPrediction] = steps_.spectrum(pixels::samples4x4(r, stride));
  f.prediction_energy = pixels::absolute_sum(f.value[kPrediction]) - std::abs(f.value[kPrediction][0]);
  // How restless are the two rows and columns outside?
  int change = 0;
  if (mx_ * 16 + bx * 4 >= 4)
    for (int j = 0; j < 3; ++j)
      change += std::abs(r[(j + 1) * stride - 1] - r[j * stride - 1]) +
                std::abs(r[j * stride - 1] - r[j * stride - 2]);
  if (my_ * 16 + by * 4 >= 4)
    for (int i = 0; i < 3; ++i)
      change += std::abs(r[i + 1 - stride] - r[i - stride]) + std::abs(r[i - stride] - r[i - 2 * stride]);
  f.boundary_energy = change * 16 / (1 << (mb_->qp / 6)) * 4;
  soften(f);
  sum_up();
}

/// Before the level at k is coded.
template <Direction D>
void MacroblockCoder<D>::look_outside(std::size_t k) noexcept {
  open_left_here_ = steps_.of(open_left_[kZigzag[k] / 4U], k);
  open_above_here_ = steps_.of(open_above_[kZigzag[k] % 4U], k);
  if (level_last_ >= 0)
    estimator_->guess_again(features_, pixels::kInSpectrum[k], open_left_here_, open_above_here_);
}

/// After it. The first sample of each basis function, over its norm, says how much of a coefficient is at the
/// edge.
template <Direction D>
void MacroblockCoder<D>::fill_outside(std::size_t k, int level) noexcept {
  constexpr std::array<int, 4> kEdge{5, 4, 5, 2};  // in 1/20
  constexpr int kLimit = 16383;
  const std::size_t x = kZigzag[k] % 4U;
  const std::size_t y = kZigzag[k] / 4U;
  const int coefficient = level * steps_.level(k);
  open_left_[y] = std::clamp(open_left_[y] - coefficient * kEdge[x] / 20, -kLimit, kLimit);
  open_above_[x] = std::clamp(open_above_[x] - coefficient * kEdge[y] / 20, -kLimit, kLimit);
}

template <Direction D>
void MacroblockCoder<D>::sum_up() noexcept {
  const BlockFeatures& f = features_;
  pixels::Spectrum boundaries;  // NOLINT(*-member-init)
  pixels::Spectrum gradients;   // NOLINT(*-member-init)
  for (std::size_t i = 0; i < 16; i += 8) {
    const auto both = [](Eight a, Eight b) {
      constexpr std::int16_t kHalf = INT16_MAX / 2;
      return least(magnitude(a), Eight{} + kHalf) + least(magnitude(b), Eight{} + kHalf);
    };
    store(&boundaries[i], both(load(&f.value[kLeft][i]), load(&f.value[kAbove][i])));
    store(&gradients[i], both(load(&f.gradient_x[i]), load(&f.gradient_y[i])));
  }
  int prediction = 0;
  int boundary = 0;
  int gradient = 0;
  for (std::size_t k = 16; k-- > 0;) {
    const std::size_t at = pixels::kInSpectrum[k];
    rest_.prediction[k] = prediction;
    rest_.boundary[k] = boundary;
    rest_.gradient[k] = gradient;
    prediction += std::abs(f.value[kPrediction][at]);
    boundary += boundaries[at];
    gradient += gradients[at];
  }
}

template <Direction D>
void MacroblockCoder<D>::add_luma(std::size_t block, const std::int16_t* levels, std::int32_t dc) {
  h264::Block copy;  // NOLINT(*-member-init)
  std::copy_n(levels, 16, copy.begin());
  const bool whole_macroblock = mb_->type == MbType::kIntra16x16;
  pixels::Scaled scaled = pixels::scale(copy, mb_->qp, whole_macroblock ? 1 : 0);
  if (whole_macroblock) scaled[0] = dc;
  pixels::add_residual(scaled, luma_at(static_cast<int>(block & 3U) * 4, static_cast<int>(block >> 2U) * 4),
                       picture_.stride(0));
}

template <Direction D>
void MacroblockCoder<D>::accumulate(bool residual) {
  const std::ptrdiff_t width = m_.width * 16;
  if (h264::is_intra(mb_->type)) {
    for (int j = 0; j < 16; ++j)
      std::fill_n(m_.work->accumulating.data() + (my_ * 16 + j) * width + mx_ * 16, 16, std::int16_t{0});
    return;
  }
  const std::ptrdiff_t stride = picture_.stride(0);
  const h264::Partitions parts = h264::partitions_of(*mb_);
  for (int i = 0; i < parts.count; ++i) {
    const Partition& part = parts.at[static_cast<std::size_t>(i)];
    const std::size_t block = std::size_t{part.y} * 4 + part.x;
    const int x = mx_ * 16 + part.x * 4;
    const int y = my_ * 16 + part.y * 4;
    const int columns = part.width * 4;
    const int rows = part.height * 4;
    const int from_x = std::clamp(x + whole(mb_->mv[block].x), 0, m_.width * 16 - columns);
    const int from_y = std::clamp(y + whole(mb_->mv[block].y), 0, m_.height * 16 - rows);
    const std::int16_t* from = m_.accumulated->data() + from_y * width + from_x;
    std::int16_t* to = m_.work->accumulating.data() + y * width + x;
    const std::uint8_t* now = picture_.plane(0) + y * stride + x;
    const std::uint8_t* before = residual ? predicted_block_[block] : nullptr;
    for (int j = 0; j < rows; ++j, from += width, to += width, now += stride) {
      fade(from, now, before, columns, to);
      if (residual) before += kPredictedStride;
    }
  }
}

template <Direction D>
int MacroblockCoder<D>::place_energy(bool predicted) noexcept {
  const pixels::Frame& frame = predicted ? picture_ : reference(0);
  std::uint32_t sum = pixels::energy16x16(
      frame.plane(0) + my_ * 16 * std::ptrdiff_t{frame.stride(0)} + mx_ * 16, frame.stride(0));
  for (int plane = 1; plane <= 2; ++plane)
    sum += pixels::energy8x8(frame.plane(plane) + my_ * 8 * std::ptrdiff_t{frame.stride(plane)} + mx_ * 8,
                             frame.stride(plane));
  return static_cast<int>(std::min(sum, 1U << 30U));
}

template <Direction D>
int MacroblockCoder<D>::accumulated8x8(std::size_t eighth, MotionVector mv) const noexcept {
  const int x = std::clamp(mx_ * 16 + static_cast<int>(eighth & 1U) * 8 + whole(mv.x), 0, m_.width * 16 - 8);
  const int y =
      std::clamp(my_ * 16 + static_cast<int>(eighth >> 1U) * 8 + whole(mv.y), 0, m_.height * 16 - 8);
  const std::ptrdiff_t width = m_.width * 16;
  return pixels::absolute_sum8x8(m_.accumulated->data() + y * width + x, width);
}

template <Direction D>
int MacroblockCoder<D>::boundary8x8(std::size_t eighth) noexcept {
  const int x = static_cast<int>(eighth & 1U) * 8;
  const int y = static_cast<int>(eighth >> 1U) * 8;
  const std::size_t block = (eighth >> 1U) * 8 + (eighth & 1U) * 2;
  const std::ptrdiff_t stride = picture_.stride(0);
  int sum = 0;
  for (std::size_t half = 0; half < 2; ++half) {
    const int step = static_cast<int>(half) * 4;
    if (mx_ * 16 + x > 0) {
      const std::uint8_t* p = predicted_block_[block + half * 4];
      const std::uint8_t* r = luma_at(x, y + step);
      for (int j = 0; j < 4; ++j) sum += std::abs(r[j * stride - 1] - p[j * kPredictedStride - 1]);
    }
    if (my_ * 16 + y > 0) {
      const std::uint8_t* p = predicted_block_[block + half];
      const std::uint8_t* r = luma_at(x + step, y);
      for (int i = 0; i < 4; ++i) sum += std::abs(r[i - stride] - p[i - kPredictedStride]);
    }
  }
  return sum;
}

template void MacroblockCoder<Direction::kEncode>::predict_skip();
template void MacroblockCoder<Direction::kDecode>::predict_skip();
template void MacroblockCoder<Direction::kEncode>::predict_inter();
template void MacroblockCoder<Direction::kDecode>::predict_inter();
template void MacroblockCoder<Direction::kEncode>::sum_up() noexcept;
template void MacroblockCoder<Direction::kDecode>::sum_up() noexcept;
template void MacroblockCoder<Direction::kEncode>::make_alternatives();
template void MacroblockCoder<Direction::kDecode>::make_alternatives();
template void MacroblockCoder<Direction::kEncode>::measure_block(std::size_t);
template void MacroblockCoder<Direction::kDecode>::measure_block(std::size_t);
template void MacroblockCoder<Direction::kEncode>::measure_intra_block(std::size_t);
template void MacroblockCoder<Direction::kDecode>::measure_intra_block(std::size_t);
template void MacroblockCoder<Direction::kEncode>::look_outside(std::size_t) noexcept;
template void MacroblockCoder<Direction::kDecode>::look_outside(std::size_t) noexcept;
template void MacroblockCoder<Direction::kEncode>::fill_outside(std::size_t, int) noexcept;
template void MacroblockCoder<Direction::kDecode>::fill_outside(std::size_t, int) noexcept;
template void MacroblockCoder<Direction::kEncode>::add_luma(std::size_t, const std::int16_t*, std::int32_t);
template void MacroblockCoder<Direction::kDecode>::add_luma(std::size_t, const std::int16_t*, std::int32_t);
template void MacroblockCoder<Direction::kEncode>::accumulate(bool);
template void MacroblockCoder<Direction::kDecode>::accumulate(bool);
template int MacroblockCoder<Direction::kEncode>::place_energy(bool) noexcept;
template int MacroblockCoder<Direction::kDecode>::place_energy(bool) noexcept;
template int MacroblockCoder<Direction::kEncode>::accumulated8x8(std::size_t, MotionVector) const noexcept;
template int MacroblockCoder<Direction::kDecode>::accumulated8x8(std::size_t, MotionVector) const noexcept;
template int MacroblockCoder<Direction::kEncode>::boundary8x8(std::size_t) noexcept;
template int MacroblockCoder<Direction::kDecode>::boundary8x8(std::size_t) noexcept;
template const pixels::Frame& MacroblockCoder<Direction::kEncode>::reference(int) const noexcept;
template const pixels::Frame& MacroblockCoder<Direction::kDecode>::reference(int) const noexcept;

}  // namespace auralink::aic::model
