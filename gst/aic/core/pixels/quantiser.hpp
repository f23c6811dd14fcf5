// SPDX-License-Identifier: LGPL-2.1-or-later
// The quantiser's tables (H.264 8.5.9 and the forward multipliers that match them).
#pragma once

#include <array>
#include <cstdint>

namespace auralink::aic::pixels {

/// Which of three factors a raster position of a 4x4 block has: 0 even row and column, 1 both odd, 2 other.
inline constexpr std::array<std::uint8_t, 16> kPositionClass{0, 2, 0, 2, 2, 1, 2, 1, 0, 2, 0, 2, 2, 1, 2, 1};
/// normAdjust4x4 by qp % 6.
inline constexpr std::array<std::array<std::uint8_t, 3>, 6> kLevelScale{
    {{10, 16, 13}, {11, 18, 14}, {13, 20, 16}, {14, 23, 18}, {16, 25, 20}, {18, 29, 23}}};
/// Multipliers of a forward quantiser: level = (coefficient * multiplier) >> (15 + qp / 6).
inline constexpr std::array<std::array<std::int32_t, 3>, 6> kQuantiser{{{13107, 5243, 8066},
                                                                        {11916, 4660, 7490},
                                                                        {10082, 4194, 6554},
                                                                        {9362, 3647, 5825},
                                                                        {8192, 3355, 5243},
                                                                        {7282, 2893, 4559}}};
/// The quantiser's step at `qp`, in units that the features are scaled by.
[[nodiscard]] constexpr int step_of(int qp) noexcept {
  return kLevelScale[static_cast<std::size_t>(qp % 6)][0] << (qp / 6);
}

}  // namespace auralink::aic::pixels
