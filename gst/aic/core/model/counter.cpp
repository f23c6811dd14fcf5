// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/counter.hpp"

#include <bit>

namespace auralink::aic::model {
namespace {

constexpr std::size_t kExact = 32;  // states below are histories with a leading one; 0 counts as 1
/// The number of bits that each level stands for. Steps are powers of two, but for the last.
constexpr std::array<std::uint8_t, 28> kLevels{5,  6,  7,  8,  9,  10, 11, 12, 14,  16,  18,  20,  24,  28,
                                               32, 36, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 255};
static_assert(kExact + kLevels.size() * 8 == Counter::kStates);

constexpr std::size_t history_of(std::size_t state) {
  return state < kExact ? (state == 0 ? 1 : state) : state & 7U;
}

constexpr std::size_t bits_seen(std::size_t state) {
  if (state >= kExact) return kLevels[(state - kExact) / 8];
  return static_cast<std::size_t>(std::bit_width(history_of(state))) - 1;
}

constexpr std::size_t next(std::size_t chance, std::size_t bit, std::size_t state) {
  const std::size_t history = history_of(state) * 2 + bit;
  if (state < kExact / 2) return history;
  if (state < kExact) return kExact + (history & 7U);
  std::size_t level = (state - kExact) / 8;
  if (level + 1 < kLevels.size()) {
    const auto gap = static_cast<unsigned>(kLevels[level + 1] - kLevels[level]);
    if (chance >= static_cast<std::size_t>(std::bit_width(gap - 1))) ++level;
  }
  return kExact + level * 8 + (history & 7U);
}

/// Each bit of the history weighs 0.85 of the one after it; both values start with 0.4.
constexpr std::uint16_t prior(std::size_t state) {
  std::size_t history = state < kExact ? history_of(state) : 8U | (state & 7U);
  std::uint64_t ones = 26214;  // 0.4 in 1/65536
  std::uint64_t zeros = ones;
  std::uint64_t weight = 65536;
  for (; history > 1; history >>= 1U) {
    ((history & 1U) != 0 ? ones : zeros) += weight;
    weight = weight * 85 / 100;
  }
  return static_cast<std::uint16_t>(65535 * ones / (ones + zeros));
}

constexpr auto next_table() {
  std::array<std::array<std::array<std::uint8_t, Counter::kStates>, 2>, Counter::kChances> out{};
  for (std::size_t chance = 0; chance < Counter::kChances; ++chance)
    for (std::size_t bit = 0; bit < 2; ++bit)
      for (std::size_t state = 0; state < Counter::kStates; ++state)
        out[chance][bit][state] = static_cast<std::uint8_t>(next(chance, bit, state));
  return out;
}
constexpr auto rate_table() {
  std::array<std::uint16_t, Counter::kStates> out{};
  for (std::size_t state = 0; state < out.size(); ++state)
    out[state] = static_cast<std::uint16_t>(655360 / (10 * bits_seen(state) + 18));
  return out;
}
constexpr auto prior_table() {
  std::array<std::uint16_t, Counter::kStates> out{};
  for (std::size_t state = 0; state < out.size(); ++state) out[state] = prior(state);
  return out;
}

}  // namespace

constexpr std::array<std::array<std::array<std::uint8_t, Counter::kStates>, 2>, Counter::kChances>
    Counter::kNext = next_table();
constexpr std::array<std::uint16_t, Counter::kStates> Counter::kRate = rate_table();
constexpr std::array<std::uint16_t, Counter::kStates> Counter::kPrior = prior_table();

}  // namespace auralink::aic::model
