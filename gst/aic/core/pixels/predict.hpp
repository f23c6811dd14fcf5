// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoding process of H.264 clause 8 as far as it makes samples: inter (8.4.2.2) and intra (8.3)
// prediction, inverse transforms (8.5), deblocking (8.7). Fast paths equal the plain ones bit for bit
// (simd.hpp chooses at run time).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/pixels/frame.hpp"

namespace auralink::aic::pixels {

/// Luma prediction of width x height samples (4..20 each) at (x, y) displaced by `mv`; samples outside are
/// the border's.
void predict_luma(const Frame& reference, int x, int y, int width, int height, h264::MotionVector mv,
                  std::uint8_t* out, int out_stride) noexcept;
/// Both chroma planes; x, y, width, height in chroma samples, mv as for luma.
void predict_chroma(const Frame& reference, int plane, int x, int y, int width, int height,
                    h264::MotionVector mv, std::uint8_t* out, int out_stride) noexcept;

/// Which neighbours exist for intra prediction (slice and constrained_intra_pred_flag considered).
struct Neighbours {
  bool left = false, above = false, above_right = false, above_left = false;
};
/// Each reads the samples around `at` and writes the block there; unavailable neighbours fall back as 128.
void predict_intra4(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept;
void predict_intra16(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept;
void predict_intra_chroma(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept;

/// Scaled coefficients of one block, raster order.
using Scaled = std::array<std::int32_t, 16>;
/// Levels in scan order, from `first` on, times the level scale of `qp` (flat matrices).
[[nodiscard]] Scaled scale(const h264::Block& levels, int qp, int first) noexcept;
/// Inverse transform of the Intra16x16 DC levels: the DC of each luma block, raster order.
[[nodiscard]] std::array<std::int32_t, 16> scale_luma_dc(const h264::Block& levels, int qp) noexcept;
[[nodiscard]] std::array<std::int32_t, 4> scale_chroma_dc(const std::array<std::int16_t, 4>& levels,
                                                          int qp) noexcept;
/// Inverse 4x4 transform added to the samples at `at`.
void add_residual(const Scaled& coefficients, std::uint8_t* at, int stride) noexcept;

[[nodiscard]] int chroma_qp(int luma_qp, int offset) noexcept;

/// What deblocking must know of each slice, by Macroblock::slice.
struct SliceFilter {
  int disable = 0;                        ///< disable_deblocking_filter_idc
  int alpha_offset = 0, beta_offset = 0;  ///< FilterOffsetA, FilterOffsetB
  int chroma_qp_offset = 0;
};
void deblock(Frame& frame, const h264::MacroblockMap& macroblocks,
             std::span<const SliceFilter> slices) noexcept;

}  // namespace auralink::aic::pixels
