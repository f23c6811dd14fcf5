// SPDX-License-Identifier: LGPL-2.1-or-later
// residual_block_cavlc() (H.264 7.3.5.3.2, 9.2). Pure; thread-safe.
#pragma once

#include <cstdint>

#include "gst/aic/core/h264/bits.hpp"

namespace auralink::aic::h264 {

/// nC of a chroma DC block.
inline constexpr int kChromaDc = -1;

/// Reads a block of up to `max` (4, 15, 16) levels in scan order; all of them are set. TotalCoeff, or -1 for
/// bits that are no block.
[[nodiscard]] int read_block(BitReader& bits, std::int16_t* levels, int max, int nc) noexcept;
/// Writes the block that read_block() would read. |levels| below 2^22.
void write_block(BitWriter& bits, const std::int16_t* levels, int max, int nc);

}  // namespace auralink::aic::h264
