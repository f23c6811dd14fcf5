// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled with -msse4.1: nothing here but what mixer.cpp calls after asking the processor, and no inline
// function of the library that other files could share.
#include <immintrin.h>

#include "gst/aic/core/model/mixer.hpp"

namespace auralink::aic::model {
namespace {

/// Half a lane: values 0..7 or 8..15.
const __m128i* half(const Lane* lane, std::size_t i) noexcept {
  return reinterpret_cast<const __m128i*>(lane) + i;
}

template <std::size_t kSets>
void dot(const Lane* x, const Lane* const* row, std::size_t lanes, std::int32_t* out) noexcept {
  __m128i sum[kSets];
  for (std::size_t s = 0; s < kSets; ++s) sum[s] = _mm_setzero_si128();
  for (std::size_t i = 0; i < 2 * lanes; ++i) {
    const __m128i in = _mm_load_si128(half(x, i));
    for (std::size_t s = 0; s < kSets; ++s)
      sum[s] = _mm_add_epi32(sum[s], _mm_madd_epi16(in, _mm_load_si128(half(row[s], i))));
  }
  for (std::size_t s = 0; s < kSets; ++s) {
    __m128i four = _mm_add_epi32(sum[s], _mm_shuffle_epi32(sum[s], _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    out[s] = _mm_cvtsi128_si32(four);
  }
}

template <std::size_t kSets>
void train(const Lane* x, Lane* const* row, std::size_t lanes, const std::int16_t* error) noexcept {
  for (std::size_t s = 0; s < kSets; ++s) {
    const __m128i e = _mm_set1_epi16(error[s]);
    for (std::size_t i = 0; i < 2 * lanes; ++i) {
      auto* w = const_cast<__m128i*>(half(row[s], i));
      _mm_store_si128(w, _mm_adds_epi16(_mm_load_si128(w), _mm_mulhrs_epi16(_mm_load_si128(half(x, i)), e)));
    }
  }
}

}  // namespace

extern constexpr Kernels kSse41Kernels{"sse4.1", {dot<1>, dot<2>, dot<3>}, {train<1>, train<2>, train<3>}};

}  // namespace auralink::aic::model
