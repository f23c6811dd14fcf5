// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/block_estimator.hpp"

#include <algorithm>
#include <cstdlib>

#include "gst/aic/core/model/quantities.hpp"

namespace auralink::aic::model {
namespace {

constexpr int kRate = 60;
constexpr int kFloor = 512;
constexpr int kMaxGuess = 2000;
constexpr int kMaxWeight = 1 << 22;

/// soft() of -1023..1023, beyond which it hardly grows.
constexpr int kSoftLimit = 1023;
constexpr auto kSoft = [] {
  std::array<std::int8_t, 2 * kSoftLimit + 1> table{};
  for (int v = -kSoftLimit; v <= kSoftLimit; ++v)
    table[static_cast<std::size_t>(v + kSoftLimit)] = static_cast<std::int8_t>(soft(v));
  return table;
}();

/// 2^22 / n by n / 64: a norm is wanted to a few per cent only, and dividing by it costs more than all the
/// rest.
constexpr std::size_t kNorms = (kFloor + kFeatures * 64 * 64) / 64 + 1;
constexpr auto kReciprocal = [] {
  std::array<std::int32_t, kNorms> table{};
  for (std::size_t i = 0; i < kNorms; ++i) table[i] = static_cast<std::int32_t>((1U << 22U) / (i * 64 + 32));
  return table;
}();

}  // namespace

void soften(BlockFeatures& features) noexcept {
  for (std::size_t j = 0; j < kFeatures; ++j)
    for (std::size_t k = 0; k < 16; ++k) {
      const int value = j == kAccumulated ? features.value[j][k] >> 2 : features.value[j][k];
      features.softened[j][k] =
          kSoft[static_cast<std::size_t>(std::clamp(value, -kSoftLimit, kSoftLimit) + kSoftLimit)];
    }
}

void BlockEstimator::guess(BlockFeatures& features) const noexcept {
  soften(features);
  std::array<std::int32_t, 16> sum{};
  for (std::size_t j = 0; j < kFeatures; ++j)
    for (std::size_t k = 0; k < 16; ++k) sum[k] += weights_[j][k] * features.softened[j][k];
  features.guess_energy = 0;
  for (std::size_t k = 0; k < 16; ++k) {
    features.guess[k] = static_cast<std::int16_t>(std::clamp(sum[k] >> 12, -kMaxGuess, kMaxGuess));
    features.guess_energy += std::abs(features.guess[k]);
  }
}

void BlockEstimator::learn(const BlockFeatures& features, const std::int16_t* levels) noexcept {
  std::array<std::int32_t, 16> norm{};
  norm.fill(kFloor);
  for (const auto& row : features.softened)
    for (std::size_t k = 0; k < 16; ++k) norm[k] += row[k] * row[k];
  std::array<std::int32_t, 16> step;  // NOLINT(*-member-init)
  for (std::size_t k = 0; k < 16; ++k) {
    const int error = std::clamp<int>(levels[k], -4, 4) * 128 - features.guess[k];
    step[k] = (error * kRate * kReciprocal[static_cast<std::size_t>(norm[k]) / 64]) >> 12;
  }
  for (std::size_t j = 0; j < kFeatures; ++j)
    for (std::size_t k = 0; k < 16; ++k)
      weights_[j][k] =
          std::clamp(weights_[j][k] + ((step[k] * features.softened[j][k]) >> 10), -kMaxWeight, kMaxWeight);
}

}  // namespace auralink::aic::model
