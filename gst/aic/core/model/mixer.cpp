// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/mixer.hpp"

#include "gst/aic/core/model/mixers.hpp"

namespace auralink::aic::model {
namespace {

template <class Mixer>
constexpr Kernels kernels(const char* name, Processor processor) noexcept {
  return {name,
          processor,
          {Mixer::template dot<1>, Mixer::template dot<2>, Mixer::template dot<3>},
          {Mixer::template train<1>, Mixer::template train<2>, Mixer::template train<3>}};
}

#if defined(__x86_64__)
constexpr Kernels kSse41Kernels = kernels<Sse41Mixer>("sse4.1", Processor::kSse41);
constexpr Kernels kAvx2Kernels = kernels<Avx2Mixer>("avx2", Processor::kAvx2);
#endif

}  // namespace

constexpr Kernels kPlainKernels = kernels<PlainMixer>("plain", Processor::kAny);

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
