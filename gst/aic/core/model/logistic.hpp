// SPDX-License-Identifier: LGPL-2.1-or-later
// Probabilities and their logarithmic odds, in integers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::model {

inline constexpr int kMaxStretch = 2047;

/// stretch() of the middle of each 1/4096, and squash() of -2048..2047. Computed from integers at compile
/// time.
extern const std::array<std::int16_t, 4096> kStretch;
extern const std::array<std::uint16_t, 4096> kSquash;

/// 256 ln(p / (1 - p)) of a probability in 1/65536, within -2047..2047.
[[nodiscard]] inline int stretch(std::uint32_t probability) noexcept {
  return kStretch[std::min<std::size_t>(probability >> 4U, 4095)];
}
/// Its inverse, 24..65512 in 1/65536, of -2047..2047.
[[nodiscard]] inline int squash_bounded(int stretched) noexcept {
  return kSquash[static_cast<unsigned>(stretched + 2048)];
}
/// The same; arguments outside -2047..2047 count as these.
[[nodiscard]] inline int squash(int stretched) noexcept {
  return squash_bounded(std::clamp(stretched, -kMaxStretch, kMaxStretch));
}

}  // namespace auralink::aic::model
