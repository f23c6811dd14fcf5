// SPDX-License-Identifier: LGPL-2.1-or-later
// What is measured around a luma block of an inter macroblock, and a guess of its levels learned from that.
#pragma once

#include <array>
#include <cstdint>

#include "gst/aic/core/pixels/spectrum.hpp"

namespace auralink::aic::model {

/// Measurements that are worth something for one coefficient each, in eighths of a quantiser step.
enum Feature : std::uint8_t {
  kPrediction,  ///< spectrum of the prediction
  kLeft,    ///< transform of how wrong the prediction is in the column to the left, at the vertical frequency
  kAbove,   ///< and in the row above, at the horizontal frequency
  kLeft2,   ///< one sample further away
  kAbove2,  //
  kAccumulated,  ///< spectrum of the fading sum of residuals at this place, a quarter
  kFromLeft,     ///< spectrum of what the left neighbour's vector predicts, less the prediction
  kFromAbove,    ///< the same of the upper neighbour
  kStill,        ///< the same of no motion
  kAboveRight,   ///< as kAbove, of the block to the right
  kCorner,       ///< the sample above and to the left
};
inline constexpr std::size_t kFeatures = 11;

struct BlockFeatures {
  bool whole = false;  ///< all measured (inter); else only kPrediction and two energies (intra), or nothing
  std::array<pixels::Spectrum, kFeatures> value{};
  std::array<pixels::Spectrum, kFeatures> softened{};  ///< each between -60 and 60
  pixels::Spectrum gradient_x{};                       ///< spectrum of the prediction's horizontal gradient
  pixels::Spectrum gradient_y{};
  pixels::Spectrum guess{};   ///< of the levels, in 1/128
  int prediction_energy = 0;  ///< sum of |kPrediction| but the first
  int boundary_energy = 0;    ///< of |kLeft| and |kAbove|
  int accumulated_energy = 0;
  std::array<int, 3> alternative_energy{};  ///< of kFromLeft, kFromAbove, kStill
  int guess_energy = 0;
};

/// Guesses levels from the softened features, one set of weights per coefficient.
class BlockEstimator final {
 public:
  /// Fills `softened`, `guess` and `guess_energy` from `value`.
  void guess(BlockFeatures& features) const noexcept;
  /// Guesses the coefficient at `k` of the spectra again after its kLeft and kAbove have changed.
  void guess_again(BlockFeatures& features, std::size_t k, int left, int above) const noexcept;
  /// `levels` in scan order.
  void learn(const BlockFeatures& features, const std::int16_t* levels) noexcept;

 private:
  std::array<pixels::Spectrum, kFeatures> weights_{};  // 1024 is 1/128 level per unit
};

/// What `softened` holds of a value.
[[nodiscard]] std::int16_t soft(int value) noexcept;
/// Fills `softened` alone.
void soften(BlockFeatures& features) noexcept;

}  // namespace auralink::aic::model
