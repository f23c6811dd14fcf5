// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/block_estimator.hpp"

#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/pixels/eight.hpp"

namespace auralink::aic::model {
namespace {

constexpr int kRate = 15;
constexpr int kFloor = 512;
constexpr std::int16_t kMaxGuess = 2000;
constexpr int kStepBits = 6;   // of a step behind the point
constexpr int kMaxStep = 511;  // times kMaxSoft it fits 16 bits
constexpr std::int16_t kMaxWeight = 32000;

/// Saturates slowly: the least of some straight lines that touch 64 v / (48 + v), half of which is reached at
/// one level.
constexpr std::int16_t kMaxSoft = 60;
Eight soft(Eight v) noexcept {
  const Eight sign = v >> 15;
  const Eight a = least((v ^ sign) - sign, Eight{} + std::int16_t{1023});
  const Eight quarter = a >> 2;
  const Eight low = least(a + quarter, 4 + a - quarter);
  const Eight high = least(16 + quarter + (a >> 4), 32 + (a >> 3));
  return (least(least(low, high), Eight{} + kMaxSoft) ^ sign) - sign;
}

/// kRate * 2^22 / n by n / 64: a norm is wanted to a few per cent only, and dividing by it costs more than
/// all the rest.
constexpr std::size_t kNorms = (kFloor + kFeatures * kMaxSoft * kMaxSoft) / 64 + 1;
constexpr auto kReciprocal = [] {
  std::array<std::int32_t, kNorms> table{};
  for (std::size_t i = 0; i < kNorms; ++i)
    table[i] = static_cast<std::int32_t>((std::uint32_t{kRate} << 22U) / (i * 64 + 32));
  return table;
}();

}  // namespace

void soften(BlockFeatures& features) noexcept {
  for (std::size_t j = 0; j < kFeatures; ++j)
    for (std::size_t k = 0; k < 16; k += 8) {
      const Eight value = load(&features.value[j][k]);
      if (all_zero(value)) {
        store(&features.softened[j][k], value);
        continue;
      }
      store(&features.softened[j][k], soft(j == kAccumulated ? value >> 2 : value));
    }
}

void BlockEstimator::guess(BlockFeatures& features) const noexcept {
  soften(features);
  Eight energy{};
  for (std::size_t k = 0; k < 16; k += 8) {
    const auto weight = [&](std::size_t j) { return j < kFeatures ? load(&weights_[j][k]) : Eight{}; };
    const auto value = [&](std::size_t j) {
      return j < kFeatures ? load(&features.softened[j][k]) : Eight{};
    };
    EightSums sums;
    for (std::size_t j = 0; j < kFeatures; j += 2) sums.add(weight(j), value(j), weight(j + 1), value(j + 1));
    const Eight guess = greatest(least(sums.shifted(10), Eight{} + kMaxGuess), Eight{} - kMaxGuess);
    store(&features.guess[k], guess);
    energy += magnitude(guess);
  }
  features.guess_energy = sum_of(energy);
}

std::int16_t soft(int value) noexcept {
  return soft(Eight{} + static_cast<std::int16_t>(std::clamp(value, -1023, 1023)))[0];
}

void BlockEstimator::guess_again(BlockFeatures& features, std::size_t k, int left, int above) const noexcept {
  std::int16_t& soft_left = features.softened[kLeft][k];
  std::int16_t& soft_above = features.softened[kAbove][k];
  const std::int16_t new_left = soft(left);
  const std::int16_t new_above = soft(above);
  const int change =
      weights_[kLeft][k] * (new_left - soft_left) + weights_[kAbove][k] * (new_above - soft_above);
  soft_left = new_left;
  soft_above = new_above;
  features.guess[k] =
      static_cast<std::int16_t>(std::clamp<int>(features.guess[k] + (change >> 10), -kMaxGuess, kMaxGuess));
}

void BlockEstimator::learn(const BlockFeatures& features, const std::int16_t* levels) noexcept {
  std::array<std::int16_t, 16> wanted;  // NOLINT(*-member-init)
  for (std::size_t k = 0; k < 16; ++k)
    wanted[pixels::kInSpectrum[k]] = static_cast<std::int16_t>(std::clamp<int>(levels[k], -4, 4) * 128);
  for (std::size_t k = 0; k < 16; k += 8) {
    Eight norm = Eight{} + std::int16_t{kFloor / 64};
    Eight squares{};  // of two features at most: 7200
    for (std::size_t j = 0; j < kFeatures; ++j) {
      const Eight s = load(&features.softened[j][k]);
      squares += s * s;
      if (j % 2 == 1 || j + 1 == kFeatures) norm += squares >> 6, squares = Eight{};
    }
    std::array<std::int16_t, 8> steps;  // NOLINT(*-member-init)
    for (std::size_t i = 0; i < 8; ++i) {
      const int error = wanted[k + i] - features.guess[k + i];
      const int step = (error * kReciprocal[static_cast<std::size_t>(norm[i])]) >> (22 - kStepBits);
      steps[i] = static_cast<std::int16_t>(std::clamp(step, -kMaxStep, kMaxStep));
    }
    const Eight step = load(steps.data());
    for (std::size_t j = 0; j < kFeatures; ++j) {
      const Eight change = (step * load(&features.softened[j][k]) + (1 << (kStepBits - 1))) >> kStepBits;
      const Eight weight = load(&weights_[j][k]) + change;
      store(&weights_[j][k], greatest(least(weight, Eight{} + kMaxWeight), Eight{} - kMaxWeight));
    }
  }
}

}  // namespace auralink::aic::model
