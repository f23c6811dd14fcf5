// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/mixer.hpp"

#include <algorithm>

namespace auralink::aic::model {
namespace {

template <std::size_t kSets>
void dot(const std::int16_t* x, const Lane* const* row, std::size_t lanes, std::int32_t* out) noexcept {
  for (std::size_t s = 0; s < kSets; ++s) {
    std::uint32_t sum = 0;
    for (std::size_t l = 0; l < lanes; ++l)
      for (std::size_t i = 0; i < kLane; ++i)
        sum += static_cast<std::uint32_t>(x[l * kLane + i] * row[s][l].value[i]);
    out[s] = static_cast<std::int32_t>(sum);
  }
}

template <std::size_t kSets>
void train(const std::int16_t* x, Lane* const* row, std::size_t lanes, const std::int16_t* error) noexcept {
  for (std::size_t s = 0; s < kSets; ++s)
    for (std::size_t l = 0; l < lanes; ++l)
      for (std::size_t i = 0; i < kLane; ++i) {
        const int step = (x[l * kLane + i] * error[s] + (1 << 14)) >> 15;
        row[s][l].value[i] = static_cast<std::int16_t>(std::clamp(row[s][l].value[i] + step, -32768, 32767));
      }
}

}  // namespace

constexpr Kernels kPlainKernels{"plain", {dot<1>, dot<2>, dot<3>}, {train<1>, train<2>, train<3>}};

KernelList available_kernels() noexcept {
  KernelList list;
  list.at[list.count++] = &kPlainKernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.1")) list.at[list.count++] = &kSse41Kernels;
  if (__builtin_cpu_supports("avx2")) list.at[list.count++] = &kAvx2Kernels;
#endif
  return list;
}

const Kernels& best_kernels() noexcept {
  static const Kernels& best = []() -> const Kernels& {
    const KernelList list = available_kernels();
    return *list.at[list.count - 1];
  }();
  return best;
}

}  // namespace auralink::aic::model
