// SPDX-License-Identifier: LGPL-2.1-or-later
// Eight 16-bit numbers at once, in the compilers' portable notation: one register on every x86-64 and ARMv8,
// and the same results as eight single numbers everywhere (sums and products wrap).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace auralink::aic {

using Eight [[gnu::vector_size(16)]] = std::int16_t;
#if defined(__SSE2__)
[[nodiscard]] inline __m128i intrinsic(Eight v) noexcept { return __builtin_bit_cast(__m128i, v); }
#endif

[[nodiscard]] inline Eight load(const std::int16_t* from) noexcept {
  Eight v;  // NOLINT(*-member-init,*-init-variables)
  std::memcpy(&v, from, sizeof v);
  return v;
}
/// Of bytes.
[[nodiscard]] inline Eight load(const std::uint8_t* from) noexcept {
  using EightBytes [[gnu::vector_size(8)]] = std::uint8_t;
  EightBytes v;  // NOLINT(*-member-init,*-init-variables)
  std::memcpy(&v, from, sizeof v);
  return __builtin_convertvector(v, Eight);
}
inline void store(std::int16_t* to, Eight v) noexcept { std::memcpy(to, &v, sizeof v); }
/// Two rows of four samples, `stride` apart.
[[nodiscard]] inline Eight two_rows(const std::uint8_t* from, std::ptrdiff_t stride) noexcept {
  std::array<std::uint8_t, 8> both;  // NOLINT(*-member-init)
  std::memcpy(both.data(), from, 4);
  std::memcpy(both.data() + 4, from + stride, 4);
  return load(both.data());
}
[[nodiscard]] inline Eight two_rows(const std::int16_t* from, std::ptrdiff_t stride) noexcept {
  Eight v;  // NOLINT(*-member-init,*-init-variables)
  std::memcpy(&v, from, 8);
  std::memcpy(static_cast<char*>(static_cast<void*>(&v)) + 8, from + stride, 8);
  return v;
}
/// The lower `count` (1..8) as bytes, cut to 0..255.
inline void store(std::uint8_t* to, Eight v, int count) noexcept {
#if defined(__SSE2__)
  const auto bytes = intrinsic(v);
  const auto all = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(bytes, bytes)));
#else
  std::uint64_t all = 0;
  for (int i = 0; i < 8; ++i)
    all |= static_cast<std::uint64_t>(std::clamp<int>(v[i], 0, 255)) << static_cast<unsigned>(8 * i);
#endif
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  if (count == 8)
    std::memcpy(to, &all, 8);
  else if (count == 4)
    std::memcpy(to, &all, 4);
  else
    std::memcpy(to, &all, static_cast<std::size_t>(count));
}
[[nodiscard]] inline Eight least(Eight a, Eight b) noexcept { return a < b ? a : b; }
[[nodiscard]] inline Eight greatest(Eight a, Eight b) noexcept { return a > b ? a : b; }
/// Saturated.
[[nodiscard]] inline Eight sum(Eight a, Eight b) noexcept {
#if defined(__SSE2__)
  return __builtin_bit_cast(Eight, _mm_adds_epi16(intrinsic(a), intrinsic(b)));
#else
  Eight out{};
  for (int i = 0; i < 8; ++i)
    out[i] = static_cast<std::int16_t>(std::clamp(a[i] + b[i], INT16_MIN, INT16_MAX));
  return out;
#endif
}
[[nodiscard]] inline Eight magnitude(Eight v) noexcept { return greatest(v, -v); }

using Four [[gnu::vector_size(16)]] = std::int32_t;
/// Sums of neighbouring products: 0 and 1, 2 and 3, ...
[[nodiscard]] inline Four pair_products(Eight a, Eight b) noexcept {
#if defined(__SSE2__)
  return __builtin_bit_cast(Four, _mm_madd_epi16(intrinsic(a), intrinsic(b)));
#else
  Four out{};
  for (int i = 0; i < 4; ++i) out[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return out;
#endif
}
[[nodiscard]] inline int sum_of(Four v) noexcept { return v[0] + v[1] + v[2] + v[3]; }

/// Eight sums of products that need 32 bits. Compilers do not find the instructions for these by themselves.
struct EightSums {
#if defined(__SSE2__)
  __m128i low{}, high{};
  void add(Eight a, Eight x, Eight b, Eight y) noexcept {
    low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(intrinsic(a), intrinsic(b)),
                                            _mm_unpacklo_epi16(intrinsic(x), intrinsic(y))));
    high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(intrinsic(a), intrinsic(b)),
                                              _mm_unpackhi_epi16(intrinsic(x), intrinsic(y))));
  }
  [[nodiscard]] Eight shifted(int by) const noexcept {
    return __builtin_bit_cast(Eight, _mm_packs_epi32(_mm_srai_epi32(low, by), _mm_srai_epi32(high, by)));
  }
#else
  std::array<std::int32_t, 8> sum{};
  void add(Eight a, Eight x, Eight b, Eight y) noexcept {
    for (int i = 0; i < 8; ++i) sum[static_cast<std::size_t>(i)] += a[i] * x[i] + b[i] * y[i];
  }
  [[nodiscard]] Eight shifted(int by) const noexcept {
    Eight out{};
    for (int i = 0; i < 8; ++i)
      out[i] = static_cast<std::int16_t>(std::clamp(sum[static_cast<std::size_t>(i)] >> by,
                                                    std::int32_t{INT16_MIN}, std::int32_t{INT16_MAX}));
    return out;
  }
#endif
};
[[nodiscard]] inline bool all_zero(Eight v) noexcept {
  using Halves [[gnu::vector_size(16)]] = std::uint64_t;
  const auto halves = std::bit_cast<Halves>(v);
  return (halves[0] | halves[1]) == 0;
}
/// Sum of eight numbers.
[[nodiscard]] inline int sum_of(Eight v) noexcept {
  return sum_of(pair_products(v, Eight{} + std::int16_t{1}));
}

}  // namespace auralink::aic
