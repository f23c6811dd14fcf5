// SPDX-License-Identifier: LGPL-2.1-or-later
// Intra modes. The sixteen modes of Intra4x4 are coded with the residual, block by block (residual.cpp): each
// then sees the real samples around it, though the bit stream has them all in front.
#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/quantities.hpp"

namespace auralink::aic::model {

using h264::Macroblock;
using h264::MbType;

namespace {

constexpr int kNoMode = 5;

int mode16(const Macroblock* mb) noexcept {
  return mb != nullptr && mb->type == MbType::kIntra16x16 ? mb->intra16_mode : kNoMode;
}
int chroma_mode(const Macroblock* mb) noexcept {
  return mb != nullptr && h264::is_intra(mb->type) ? mb->chroma_mode : kNoMode;
}

/// How much the samples beside a chroma block change along the row above and the column to the left, and how
/// far their means are apart.
struct ChromaEdges {
  int above = 0, left = 0, apart = 0;
};
ChromaEdges chroma_edges(const pixels::Frame& frame, int mx, int my) noexcept {
  ChromaEdges out;
  for (int plane = 1; plane <= 2; ++plane) {
    const std::ptrdiff_t stride = frame.stride(plane);
    const std::uint8_t* at = frame.plane(plane) + my * 8 * stride + mx * 8;
    int sum = 0;
    for (int i = 0; my > 0 && i < 7; ++i) out.above += std::abs(at[i + 1 - stride] - at[i - stride]);
    for (int i = 0; mx > 0 && i < 7; ++i) out.left += std::abs(at[(i + 1) * stride - 1] - at[i * stride - 1]);
    for (int i = 0; mx > 0 && my > 0 && i < 8; ++i) sum += at[i - stride] - at[i * stride - 1];
    out.apart += std::abs(sum);
  }
  return out;
}

}  // namespace

template <Direction D>
bool MacroblockCoder<D>::intra_neighbour(const Macroblock* mb) const noexcept {
  return mb != nullptr && mb->slice == mb_->slice &&
         (!slice_.pps.constrained_intra || h264::is_intra(mb->type));
}

template <Direction D>
pixels::Neighbours MacroblockCoder<D>::intra4_neighbours(std::size_t block) const noexcept {
  const std::size_t x = block & 3U;
  const std::size_t y = block >> 2U;
  pixels::Neighbours have;
  have.left = x > 0 || intra_neighbour(left_);
  have.above = y > 0 || intra_neighbour(above_);
  have.above_left = have.left && have.above;
  if (y == 0)
    have.above_right = x < 3 ? intra_neighbour(above_) : intra_neighbour(above_right_);
  else
    have.above_right = x < 3 && h264::kCodingOfRaster[block - 3] < h264::kCodingOfRaster[block];
  return have;
}

template <Direction D>
void MacroblockCoder<D>::code_intra_modes() {
  const bool whole = mb_->type == MbType::kIntra16x16;
  if (whole) {
    pixels::Orientation around;
    if (slice_.pixels)
      around = pixels::orientation(picture_.plane(0), picture_.stride(0), picture_.width(), my_ * 16 + 16,
                                   mx_ * 16, my_ * 16, 16, true, true);
    coder_.begin(Class::kIntraMode);
    coder_.add(pack(1, around.direction, octave(around.strength >> 4)));
    coder_.add(pack(1, mode16(left_), mode16(above_)));
    coder_.add(pack(1, type_of(left_), type_of(above_)));
    coder_.add(pack(1, octave(around.above >> 2), octave(around.left >> 2)));
    coder_.add(pack(1, mx_ == 0 ? 1 : 0, my_ == 0 ? 1 : 0, intra_neighbour(left_) ? 1 : 0,
                    intra_neighbour(above_) ? 1 : 0));
    coder_.add(pack(1, octave(around.above >> 2), octave(around.left >> 2), around.direction));
    coder_.select(1, 0);
    unsigned mode = 1;
    mode = mode * 2 + (bit((want_->intra16_mode >> 1) != 0, 1) ? 1 : 0);
    mode = mode * 2 + (bit((want_->intra16_mode & 1) != 0, static_cast<int>(mode)) ? 1 : 0);
    mb_->intra16_mode = mode & 3U;
    mode_ = mb_->intra16_mode;
  }
  const int luma = whole ? mb_->intra16_mode : 4;
  ChromaEdges edges;
  if (slice_.pixels) edges = chroma_edges(picture_, mx_, my_);
  coder_.begin(Class::kIntraMode, 8);
  coder_.add(pack(2, luma));
  coder_.add(pack(2, chroma_mode(left_), chroma_mode(above_)));
  coder_.add(pack(2, luma, chroma_mode(left_)));
  coder_.add(pack(2, octave(edges.above), octave(edges.left), luma));
  coder_.add(pack(2, octave(edges.above), octave(edges.left), octave(edges.apart >> 1)));
  coder_.add(pack(2, intra_neighbour(left_) ? 1 : 0, intra_neighbour(above_) ? 1 : 0, luma));
  coder_.select(whole ? 2 + mb_->intra16_mode : 6, 0);
  const int want = want_->chroma_mode;
  if (bit(want != 0, 8)) mb_->chroma_mode = bit(want != 1, 9) ? (bit(want == 3, 10) ? 3 : 2) : 1;

  if (!slice_.pixels) return;
  const pixels::Neighbours have{.left = intra_neighbour(left_), .above = intra_neighbour(above_)};
  if (whole) pixels::predict_intra16(luma_at(0, 0), picture_.stride(0), mb_->intra16_mode, have);
  for (int plane = 1; plane <= 2; ++plane) {
    const int stride = picture_.stride(plane);
    pixels::predict_intra_chroma(picture_.plane(plane) + my_ * 8 * std::ptrdiff_t{stride} + mx_ * 8, stride,
                                 mb_->chroma_mode, have);
  }
}

template <Direction D>
void MacroblockCoder<D>::code_intra4_mode(std::size_t block, std::size_t order) {
  const std::size_t x = block & 3U;
  const std::size_t y = block >> 2U;
  // 8.3.1.1: -1 where the predicted mode is DC because a neighbour is missing.
  const auto mode_of = [this](const Macroblock* mb, std::size_t at) -> int {
    if (mb == nullptr || mb->slice != mb_->slice) return -1;
    if (mb->type != MbType::kIntra4x4)
      return h264::is_inter(mb->type) && slice_.pps.constrained_intra ? -1 : 2;
    return mb->intra4_mode[at];
  };
  const int left = x > 0 ? mb_->intra4_mode[block - 1] : mode_of(left_, block + 3);
  const int above = y > 0 ? mb_->intra4_mode[block - 4] : mode_of(above_, block + 12);
  const int predicted = left < 0 || above < 0 ? 2 : std::min(left, above);
  const int past = past_ != nullptr && past_->type == MbType::kIntra4x4 ? past_->intra4_mode[block] : 9;
  pixels::Orientation around;
  if (slice_.pixels)
    around = pixels::orientation(picture_.plane(0), picture_.stride(0), picture_.width(), my_ * 16 + 16,
                                 mx_ * 16 + static_cast<int>(x) * 4, my_ * 16 + static_cast<int>(y) * 4, 4,
                                 true, true);
  const int i = static_cast<int>(block);
  coder_.begin(Class::kIntra4Mode);
  coder_.add(pack(left, above));
  coder_.add(pack(predicted, i));
  coder_.add(pack(past, predicted));
  coder_.add(pack(x > 0 && y > 0 ? mb_->intra4_mode[block - 5] : 9, left, above));
  coder_.add(pack(around.direction, octave(around.strength >> 3), predicted));
  coder_.add(pack(octave(around.above >> 1), octave(around.left >> 1), predicted, around.direction));
  coder_.add(pack(i, predicted, mb_->intra4_symbol[order > 0 ? order - 1 : 0]));
  coder_.add(pack(around.direction, left, above));
  coder_.add(pack(type_of(left_), type_of(above_), predicted, i));
  coder_.select(predicted, i);
  const int want = want_->intra4_symbol[order];
  int mode = predicted;
  if (bit(want != 0, 0)) {
    unsigned rest = 1;
    for (int b = 2; b >= 0; --b)
      rest = rest * 2 + (bit(((want - 1) >> b & 1) != 0, static_cast<int>(rest)) ? 1 : 0);
    rest -= 8;
    mb_->intra4_symbol[order] = static_cast<std::uint8_t>(1 + rest);
    mode = static_cast<int>(rest) + (static_cast<int>(rest) >= predicted ? 1 : 0);
  }
  mb_->intra4_mode[block] = static_cast<std::uint8_t>(mode);
}

template bool MacroblockCoder<Direction::kEncode>::intra_neighbour(const Macroblock*) const noexcept;
template bool MacroblockCoder<Direction::kDecode>::intra_neighbour(const Macroblock*) const noexcept;
template pixels::Neighbours MacroblockCoder<Direction::kEncode>::intra4_neighbours(
    std::size_t) const noexcept;
template pixels::Neighbours MacroblockCoder<Direction::kDecode>::intra4_neighbours(
    std::size_t) const noexcept;
template void MacroblockCoder<Direction::kEncode>::code_intra_modes();
template void MacroblockCoder<Direction::kDecode>::code_intra_modes();
template void MacroblockCoder<Direction::kEncode>::code_intra4_mode(std::size_t, std::size_t);
template void MacroblockCoder<Direction::kDecode>::code_intra4_mode(std::size_t, std::size_t);

}  // namespace auralink::aic::model
