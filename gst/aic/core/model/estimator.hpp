// SPDX-License-Identifier: LGPL-2.1-or-later
// Normalised least mean squares: a number is guessed as a weighted sum of features, and the weights follow
// the error.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace auralink::aic::model {

/// `kRate` / 65536 of the error is corrected per step; `kFloor` keeps weak features from being trusted too
/// much. Features and guesses are within +-2^15.
template <std::size_t kFeatures, int kRate, int kFloor>
class Estimator final {
 public:
  using Features = std::array<int, kFeatures>;

  [[nodiscard]] int guess(const Features& features) noexcept {
    features_ = features;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kFeatures; ++i) sum += std::int64_t{weights_[i]} * features[i];
    guess_ = static_cast<int>(std::clamp<std::int64_t>(sum >> 16, -32768, 32767));
    return guess_;
  }
  void learn(int truth) noexcept {
    std::int64_t norm = kFloor;
    for (const int f : features_) norm += std::int64_t{f} * f;
    const std::int64_t step = (std::int64_t{truth - guess_} * kRate << 16) / norm;
    for (std::size_t i = 0; i < kFeatures; ++i)
      weights_[i] = static_cast<std::int32_t>(
          std::clamp<std::int64_t>(weights_[i] + ((step * features_[i]) >> 16), -(1 << 24), 1 << 24));
  }

 private:
  std::array<std::int32_t, kFeatures> weights_{};
  Features features_{};
  int guess_ = 0;
};

}  // namespace auralink::aic::model
