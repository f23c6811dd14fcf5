// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/logistic.hpp"

namespace auralink::aic::model {
namespace {

/// exp(-i/512) in 2^-32, i = 0..4096: powers of one constant, whose error grows to 2^-20 at most.
constexpr auto kExponential = [] {
  std::array<std::uint64_t, 4097> out{};
  constexpr std::uint64_t kStep = 4286586875;  // 2^32 exp(-1/512)
  std::uint64_t value = std::uint64_t{1} << 32U;
  for (auto& e : out) {
    e = value;
    value = (value * kStep + (std::uint64_t{1} << 31U)) >> 32U;
  }
  return out;
}();

/// 1 / (1 + exp(-half/512)) in 1/65536, rounded.
constexpr std::uint64_t logistic(int half) {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 32U;
  const std::uint64_t whole = kOne + kExponential[static_cast<std::size_t>(half < 0 ? -half : half)];
  const std::uint64_t likely = ((kOne << 16U) + whole / 2) / whole;
  return half < 0 ? 65536 - likely : likely;
}

constexpr auto squash_table() {
  std::array<std::uint16_t, 4096> out{};
  for (int i = 0; i < 4096; ++i)
    out[static_cast<std::size_t>(i)] =
        static_cast<std::uint16_t>(std::clamp<std::uint64_t>(logistic(2 * (i - 2048)), 24, 65536 - 24));
  return out;
}

/// Whether 1 / (1 + exp(-half/512)) is at most (2i + 1) / 8192; half > 0.
constexpr bool at_most(int half, std::size_t i) {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 32U;
  return (kOne << 13U) <= (2 * i + 1) * (kOne + kExponential[static_cast<std::size_t>(half)]);
}

/// The largest x whose lower rounding border, x - 1/2, is not above the probability; an odd function of the
/// logarithm.
constexpr auto stretch_table() {
  std::array<std::int16_t, 4096> out{};
  int x = 0;
  for (std::size_t i = 2048; i < 4096; ++i) {
    while (x < kMaxStretch && at_most(2 * x + 1, i)) ++x;
    out[i] = static_cast<std::int16_t>(x);
    out[4095 - i] = static_cast<std::int16_t>(-x);
  }
  return out;
}

}  // namespace

constexpr std::array<std::int16_t, 4096> kStretch = stretch_table();
constexpr std::array<std::uint16_t, 4096> kSquash = squash_table();

}  // namespace auralink::aic::model
