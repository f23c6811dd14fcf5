// SPDX-License-Identifier: LGPL-2.1-or-later
// What is kept of the bits that were seen in one context at one node: a probability and a state of eight
// bits. A state is the exact history while that is at most four bits long, and then a level (how many bits,
// roughly) with the last three bits. Zero is a counter that has seen nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::model {

struct Counter {
  static constexpr std::size_t kStates = 256;
  /// Levels stand for 5..255 bits; a step between them is taken at one of 2^k times. `kChances` classes of
  /// times.
  static constexpr std::size_t kChances = 6;
  /// The next state: [chance][bit][state]. `chance_of` a number of the decision chooses the first index.
  static const std::array<std::array<std::array<std::uint8_t, kStates>, 2>, kChances> kNext;
  /// How fast the probability moves, in 1/65536: 1 / (n + 1.8).
  static const std::array<std::uint16_t, kStates> kRate;
  /// The probability of a one after a state, in 1/65536, before anything was learned: recent bits count more.
  static const std::array<std::uint16_t, kStates> kPrior;

  /// Index k with probability 2^-(k+1), the rest in the last; successive decisions are decorrelated by a
  /// multiplication.
  [[nodiscard]] static std::size_t chance_of(std::uint32_t decision) noexcept {
    return static_cast<std::size_t>(__builtin_ctz((decision * 0x9E3779B1U >> 16U) | (1U << (kChances - 1))));
  }
};

}  // namespace auralink::aic::model
