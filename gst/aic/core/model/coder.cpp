// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/coder.hpp"

#include <algorithm>

#include "gst/aic/core/model/coder_layout.hpp"
#include "gst/aic/core/model/coder_prior.hpp"
#include "gst/aic/core/model/counter.hpp"
#include "gst/aic/core/model/logistic.hpp"

namespace auralink::aic::model {

Coder::Coder(int table_bits, const Kernels& kernels)
    : table_{table_bits},
      weights_(kFirstVector[kClasses]),
      uses_(kFirstVector[kClasses]),
      maps_(kMaps[kClasses]),
      final_(kClasses * kNodes * kMaxSets),
      refinements_(kClasses * kRows),
      steps_{&steps_of(kernels.processor)} {
  set(Mixing::kFull);
  reset();
}

void Coder::reset() noexcept {
  table_.reset();
  for (std::size_t c = 0; c < kClasses; ++c)
    std::fill(weights_.begin() + kFirstVector[c], weights_.begin() + kFirstVector[c + 1], kFirstWeights[c]);
  std::fill(uses_.begin(), uses_.end(), std::uint16_t{0});
  for (std::size_t i = 0; i < maps_.size(); ++i) maps_[i] = Counter::kPrior[i % Counter::kStates];
  for (std::size_t i = 0; i < final_.size(); ++i)
    final_[i] = 65536U / (kShapes[i / (kNodes * kMaxSets)].sets == Sets::kBoth ? 3 : 2);
  for (Refinement& r : refinements_)
    for (std::size_t i = 0; i < r.point.size(); ++i)
      r.point[i] =
          static_cast<std::uint16_t>(squash(static_cast<int>(i * 4096 / (r.point.size() - 1)) - 2048));
  tick_ = 0;
}

std::size_t Coder::memory() const noexcept {
  return sizeof *this + table_.memory() + weights_.size() * sizeof(Mixed) +
         (uses_.size() + maps_.size()) * sizeof(std::uint16_t) + final_.size() * sizeof(std::uint32_t) +
         refinements_.size() * sizeof(Refinement);
}

bool Coder::equals(const Coder& other) const noexcept {
  return tick_ == other.tick_ && table_ == other.table_ && weights_ == other.weights_ &&
         uses_ == other.uses_ && maps_ == other.maps_ && final_ == other.final_ &&
         refinements_ == other.refinements_;
}

void Coder::start_encoding(Mixing mixing, std::vector<std::uint8_t>& out) noexcept {
  set(mixing);
  decisions_ = 0;
  encoder_.start(out);
}
void Coder::finish_encoding() { encoder_.finish(); }
void Coder::start_decoding(Mixing mixing, Bytes in) noexcept {
  set(mixing);
  decisions_ = 0;
  decoder_.start(in);
}

void Coder::find_lines(unsigned group) noexcept {
  group_ = group;
  const unsigned contexts = contexts_ = std::min<unsigned>(contexts_, kShapes[class_].contexts);
  for (unsigned i = 0; i < contexts; ++i) line_[i] = table_.find(hash_[i], group);
}

void Coder::set(Mixing mixing) noexcept {
  if (mixing == Mixing::kFull)
    variants_ = {kFullTwo, kFullThree};
  else
    variants_ = {kLightOne, kLightOne};
}

}  // namespace auralink::aic::model
