// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled with -msse4.1: nothing here but what is called after asking the processor, and no inline function
// that other files could share.
#include <immintrin.h>

#include "gst/aic/core/model/mixer.hpp"

namespace auralink::aic::model {
namespace {

struct Vector {
  __m128i value;
};

/// Half a lane: values 0..7 of even `i`, 8..15 of odd.
__m128i load(const void* lane, std::size_t i) noexcept {
  return _mm_load_si128(static_cast<const __m128i*>(lane) + i);
}
void store(Lane* lane, std::size_t i, __m128i value) noexcept {
  _mm_store_si128(static_cast<__m128i*>(static_cast<void*>(lane)) + i, value);
}

template <std::size_t kSets>
void dot(const std::int16_t* x, const Lane* const* row, std::size_t lanes, std::int32_t* out) noexcept {
  std::array<Vector, kSets> sum{};
  const __m128i first = load(x, 0);
  for (std::size_t s = 0; s < kSets; ++s) sum[s].value = _mm_madd_epi16(first, load(row[s], 0));
  for (std::size_t i = 1; i < 2 * lanes; ++i) {
    const __m128i in = load(x, i);
    for (std::size_t s = 0; s < kSets; ++s)
      sum[s].value = _mm_add_epi32(sum[s].value, _mm_madd_epi16(in, load(row[s], i)));
  }
  for (std::size_t s = 0; s < kSets; ++s) {
    __m128i four = sum[s].value;
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    out[s] = _mm_cvtsi128_si32(four);
  }
}

template <std::size_t kSets>
void train(const std::int16_t* x, Lane* const* row, std::size_t lanes, const std::int16_t* error) noexcept {
  for (std::size_t s = 0; s < kSets; ++s) {
    const __m128i e = _mm_set1_epi16(error[s]);
    for (std::size_t i = 0; i < 2 * lanes; ++i)
      store(row[s], i, _mm_adds_epi16(load(row[s], i), _mm_mulhrs_epi16(load(x, i), e)));
  }
}

}  // namespace

extern constexpr Kernels kSse41Kernels{"sse4.1", {dot<1>, dot<2>, dot<3>}, {train<1>, train<2>, train<3>}};

}  // namespace auralink::aic::model
