// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled with -mavx2: nothing here but what is called after asking the processor, and no inline function
// that other files could share.
#include <immintrin.h>

#include "gst/aic/core/model/mixer.hpp"

namespace auralink::aic::model {
namespace {

struct Vector {
  __m256i value;
};

__m256i load(const void* lane) noexcept { return _mm256_load_si256(static_cast<const __m256i*>(lane)); }
void store(Lane* lane, __m256i value) noexcept {
  _mm256_store_si256(static_cast<__m256i*>(static_cast<void*>(lane)), value);
}

template <std::size_t kSets>
void dot(const std::int16_t* x, const Lane* const* row, std::size_t lanes, std::int32_t* out) noexcept {
  std::array<Vector, kSets> sum{};
  const __m256i first = load(x);
  for (std::size_t s = 0; s < kSets; ++s) sum[s].value = _mm256_madd_epi16(first, load(row[s]));
  for (std::size_t l = 1; l < lanes; ++l) {
    const __m256i in = load(x + kLane * l);
    for (std::size_t s = 0; s < kSets; ++s)
      sum[s].value = _mm256_add_epi32(sum[s].value, _mm256_madd_epi16(in, load(row[s] + l)));
  }
  for (std::size_t s = 0; s < kSets; ++s) {
    __m128i four =
        _mm_add_epi32(_mm256_castsi256_si128(sum[s].value), _mm256_extracti128_si256(sum[s].value, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    out[s] = _mm_cvtsi128_si32(four);
  }
}

template <std::size_t kSets>
void train(const std::int16_t* x, Lane* const* row, std::size_t lanes, const std::int16_t* error) noexcept {
  for (std::size_t s = 0; s < kSets; ++s) {
    const __m256i e = _mm256_set1_epi16(error[s]);
    for (std::size_t l = 0; l < lanes; ++l)
      store(row[s] + l, _mm256_adds_epi16(load(row[s] + l), _mm256_mulhrs_epi16(load(x + kLane * l), e)));
  }
}

}  // namespace

extern constexpr Kernels kAvx2Kernels{"avx2", {dot<1>, dot<2>, dot<3>}, {train<1>, train<2>, train<3>}};

}  // namespace auralink::aic::model
