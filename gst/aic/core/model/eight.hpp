// SPDX-License-Identifier: LGPL-2.1-or-later
// Eight 16-bit numbers at once, in the compilers' portable notation: one register on every x86-64 and ARMv8,
// and the same results as eight single numbers everywhere (sums and products wrap).
#pragma once

#include <cstdint>
#include <cstring>

namespace auralink::aic::model {

using Eight [[gnu::vector_size(16)]] = std::int16_t;

[[nodiscard]] inline Eight load(const std::int16_t* from) noexcept {
  Eight v;  // NOLINT(*-member-init,*-init-variables)
  std::memcpy(&v, from, sizeof v);
  return v;
}
/// Of bytes.
[[nodiscard]] inline Eight load(const std::uint8_t* from) noexcept {
  using Bytes [[gnu::vector_size(8)]] = std::uint8_t;
  Bytes v;  // NOLINT(*-member-init,*-init-variables)
  std::memcpy(&v, from, sizeof v);
  return __builtin_convertvector(v, Eight);
}
inline void store(std::int16_t* to, Eight v) noexcept { std::memcpy(to, &v, sizeof v); }
[[nodiscard]] inline Eight least(Eight a, Eight b) noexcept { return a < b ? a : b; }
[[nodiscard]] inline Eight greatest(Eight a, Eight b) noexcept { return a > b ? a : b; }

}  // namespace auralink::aic::model
