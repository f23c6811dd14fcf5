// SPDX-License-Identifier: LGPL-2.1-or-later
// The versions of the mixer, to be inlined into what is compiled for the same processor. Functions ask for
// its instructions one by one, so that nothing in this file makes other code need them.
#pragma once

#include <algorithm>

#include "gst/aic/core/model/mixer.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace auralink::aic::model {

struct PlainMixer {
  template <std::size_t kSets>
  static void dot(const Mixed& x, const Mixed* const* row, std::int32_t* out) noexcept {
    for (std::size_t s = 0; s < kSets; ++s) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < kMixed; ++i)
        sum += static_cast<std::uint32_t>(x.value[i] * row[s]->value[i]);
      out[s] = static_cast<std::int32_t>(sum);
    }
  }
  template <std::size_t kSets>
  static void train(const Mixed& x, Mixed* const* row, const std::int16_t* error) noexcept {
    for (std::size_t s = 0; s < kSets; ++s)
      for (std::size_t i = 0; i < kMixed; ++i) {
        const int step = (x.value[i] * error[s] + (1 << 14)) >> 15;
        row[s]->value[i] = static_cast<std::int16_t>(std::clamp(row[s]->value[i] + step, -32768, 32767));
      }
  }
};

#if defined(__x86_64__)
struct Sse41Mixer {
  template <std::size_t kSets>
  [[gnu::target("sse4.1")]] static void dot(const Mixed& x, const Mixed* const* row,
                                            std::int32_t* out) noexcept {
    const auto* in = vectors(&x);
    for (std::size_t s = 0; s < kSets; ++s) {
      const auto* weights = vectors(row[s]);
      __m128i four = _mm_madd_epi16(_mm_load_si128(in), _mm_load_si128(weights));
      for (std::size_t i = 1; i < kMixed / 8; ++i)
        four = _mm_add_epi32(four, _mm_madd_epi16(_mm_load_si128(in + i), _mm_load_si128(weights + i)));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
      out[s] = _mm_cvtsi128_si32(four);
    }
  }
  template <std::size_t kSets>
  [[gnu::target("sse4.1")]] static void train(const Mixed& x, Mixed* const* row,
                                              const std::int16_t* error) noexcept {
    const auto* in = vectors(&x);
    for (std::size_t s = 0; s < kSets; ++s) {
      auto* weights = vectors(row[s]);
      const __m128i e = _mm_set1_epi16(error[s]);
      for (std::size_t i = 0; i < kMixed / 8; ++i)
        _mm_store_si128(weights + i, _mm_adds_epi16(_mm_load_si128(weights + i),
                                                    _mm_mulhrs_epi16(_mm_load_si128(in + i), e)));
    }
  }

 private:
  static const __m128i* vectors(const void* mixed) noexcept { return static_cast<const __m128i*>(mixed); }
  static __m128i* vectors(void* mixed) noexcept { return static_cast<__m128i*>(mixed); }
};

struct Avx2Mixer {
  template <std::size_t kSets>
  [[gnu::target("avx2")]] static void dot(const Mixed& x, const Mixed* const* row,
                                          std::int32_t* out) noexcept {
    const auto* in = vectors(&x);
    const __m256i first = _mm256_load_si256(in);
    const __m256i second = _mm256_load_si256(in + 1);
    for (std::size_t s = 0; s < kSets; ++s) {
      const auto* weights = vectors(row[s]);
      const __m256i eight = _mm256_add_epi32(_mm256_madd_epi16(first, _mm256_load_si256(weights)),
                                             _mm256_madd_epi16(second, _mm256_load_si256(weights + 1)));
      __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
      out[s] = _mm_cvtsi128_si32(four);
    }
  }
  template <std::size_t kSets>
  [[gnu::target("avx2")]] static void train(const Mixed& x, Mixed* const* row,
                                            const std::int16_t* error) noexcept {
    const auto* in = vectors(&x);
    const __m256i first = _mm256_load_si256(in);
    const __m256i second = _mm256_load_si256(in + 1);
    for (std::size_t s = 0; s < kSets; ++s) {
      auto* weights = vectors(row[s]);
      const __m256i e = _mm256_set1_epi16(error[s]);
      _mm256_store_si256(weights,
                         _mm256_adds_epi16(_mm256_load_si256(weights), _mm256_mulhrs_epi16(first, e)));
      _mm256_store_si256(weights + 1,
                         _mm256_adds_epi16(_mm256_load_si256(weights + 1), _mm256_mulhrs_epi16(second, e)));
    }
  }

 private:
  static const __m256i* vectors(const void* mixed) noexcept { return static_cast<const __m256i*>(mixed); }
  static __m256i* vectors(void* mixed) noexcept { return static_cast<__m256i*>(mixed); }
};
#endif

}  // namespace auralink::aic::model
