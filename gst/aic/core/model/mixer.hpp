// SPDX-License-Identifier: LGPL-2.1-or-later
// The arithmetic of mixing: dot products of 16-bit inputs and weights, and the step of the weights towards
// less error. One definition (plain C++) and two fast versions of it that give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::model {

/// As many inputs, and weights in 1/16384, as a decision has at most: a cache line.
inline constexpr std::size_t kMixed = 32;
struct alignas(64) Mixed {
  std::array<std::int16_t, kMixed> value{};
  bool operator==(const Mixed&) const = default;
};
inline constexpr std::size_t kMaxSets = 3;

/// What the processor must be able to do.
enum class Processor : std::uint8_t { kAny, kSse41, kAvx2 };

/// Indexed by the number of sets of weights, less one; `row` are the sets.
struct Kernels {
  const char* name;
  Processor processor;
  /// out[s] = sum of x * row[s], modulo 2^32.
  using Dot = void(const Mixed& x, const Mixed* const* row, std::int32_t* out) noexcept;
  std::array<Dot*, kMaxSets> dot;
  /// row[s] += (x * error[s] + 2^14) >> 15, saturated to 16 bits. |x| <= 2047, |error| <= 32767.
  using Train = void(const Mixed& x, Mixed* const* row, const std::int16_t* error) noexcept;
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

}  // namespace auralink::aic::model
