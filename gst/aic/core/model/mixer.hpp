// SPDX-License-Identifier: LGPL-2.1-or-later
// The arithmetic of mixing: dot products of 16-bit inputs and weights, and the step of the weights towards
// less error. One definition (plain C++) and two fast versions of it that give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::model {

/// Inputs and weights come in lanes of 16 values; weights are in 1/16384.
inline constexpr std::size_t kLane = 16;
struct alignas(32) Lane {
  std::array<std::int16_t, kLane> value{};
  bool operator==(const Lane&) const = default;
};
inline constexpr std::size_t kMaxSets = 3;
inline constexpr std::size_t kMaxLanes = 3;

/// Plain pointers, so that the files for one processor share no inline function with others: `row` are the
/// weight vectors of the sets, each `lanes` long like `x`, which is aligned like a Lane. Indexed by the
/// number of sets, less one.
struct Kernels {
  const char* name;
  /// out[s] = sum of x * row[s], modulo 2^32.
  using Dot = void(const std::int16_t* x, const Lane* const* row, std::size_t lanes,
                   std::int32_t* out) noexcept;
  std::array<Dot*, kMaxSets> dot;
  /// row[s] += (x * error[s] + 2^14) >> 15, saturated to 16 bits. |x| <= 2047, |error| <= 32767.
  using Train = void(const std::int16_t* x, Lane* const* row, std::size_t lanes,
                     const std::int16_t* error) noexcept;
  std::array<Train*, kMaxSets> train;
};

extern const Kernels kPlainKernels;
/// Those that this processor can run, the plain ones first, the fastest last.
struct KernelList {
  std::array<const Kernels*, 3> at{};
  std::size_t count = 0;
};
[[nodiscard]] KernelList available_kernels() noexcept;
[[nodiscard]] const Kernels& best_kernels() noexcept;

#if defined(__x86_64__)
extern const Kernels kSse41Kernels;
extern const Kernels kAvx2Kernels;
#endif

}  // namespace auralink::aic::model
