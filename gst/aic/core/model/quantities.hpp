// SPDX-License-Identifier: LGPL-2.1-or-later
// Coarse views of numbers: contexts want few values, finer near zero. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>

namespace auralink::aic::model {

/// 0, 1, 2, 3..4, 5..7, 8..13, 14..25, 26..59, more: 0..8, of |v|.
[[nodiscard]] constexpr int bucket(int v) noexcept {
  v = v < 0 ? -v : v;
  return v < 3 ? v : v < 5 ? 3 : v < 8 ? 4 : v < 14 ? 5 : v < 26 ? 6 : v < 60 ? 7 : 8;
}
[[nodiscard]] constexpr int signed_bucket(int v) noexcept { return v < 0 ? -bucket(v) : bucket(v); }

/// 0 for nothing, else one more than the binary logarithm, at most 9.
[[nodiscard]] constexpr int octave(int v) noexcept {
  return v <= 0 ? 0 : std::min(static_cast<int>(std::bit_width(static_cast<unsigned>(v))), 9);
}

/// 64 log2(v + 1), the fraction linear.
[[nodiscard]] constexpr int log64(int v) noexcept {
  if (v <= 0) return 0;
  const auto x = static_cast<std::uint32_t>(v) + 1;
  const int whole = static_cast<int>(std::bit_width(x)) - 1;
  return whole * 64 + static_cast<int>(((std::uint64_t{x} << 6U) >> static_cast<unsigned>(whole)) & 63U);
}

/// How many coefficients: none, 1..2, 3..5, 6..11, 12..23, 24..47, more.
[[nodiscard]] constexpr int crowd(int count) noexcept {
  return count == 0   ? 0
         : count < 3  ? 1
         : count < 6  ? 2
         : count < 12 ? 3
         : count < 24 ? 4
         : count < 48 ? 5
                      : 6;
}

[[nodiscard]] constexpr int sign(int v) noexcept { return (v > 0 ? 1 : 0) - (v < 0 ? 1 : 0); }

/// Saturates softly towards +-64: half of that at 48 eighths of a step, where one level is due.
[[nodiscard]] constexpr int soft(int v) noexcept {
  const int a = v < 0 ? -v : v;
  const int s = a * 64 / (48 + a);
  return v < 0 ? -s : s;
}

}  // namespace auralink::aic::model
