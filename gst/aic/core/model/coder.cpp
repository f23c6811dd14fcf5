// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/coder.hpp"

#include <algorithm>

#include "gst/aic/core/model/counter.hpp"
#include "gst/aic/core/model/logistic.hpp"

namespace auralink::aic::model {
namespace {

constexpr std::size_t kWeightVectors = kMaxSets * Coder::kNodes;  // of a class
static_assert(Coder::kNodes == Coder::kSelections);

/// Where the parts of a class lie in the Coder's vectors, and how its weights begin.
struct Layout {
  std::uint32_t lanes = 0;    ///< of a weight vector
  std::uint32_t weights = 0;  ///< index of its first Lane
  std::uint32_t maps = 0;     ///< index of its first map
};
constexpr auto kLayouts = [] {
  std::array<Layout, kClasses + 1> out{};
  for (std::size_t c = 0; c < kClasses; ++c) {
    const std::size_t values = std::size_t{2} * kShapes[c].contexts + kShapes[c].inputs;
    out[c].lanes = static_cast<std::uint32_t>((values + kLane - 1) / kLane);
    out[c + 1].weights = out[c].weights + out[c].lanes * static_cast<std::uint32_t>(kWeightVectors);
    out[c + 1].maps = out[c].maps + kShapes[c].contexts * static_cast<std::uint32_t>(Counter::kStates);
  }
  return out;
}();

// Mixing. Weights are in 1/16384, of the sets in 1/65536.
constexpr int kWeightBits = 14;
constexpr int kFirstWeight = 9175;   // 0.56 shared by the counters' probabilities
constexpr int kSecondWeight = 7864;  // 0.48 shared by what followed their states
constexpr int kRate = 250;           // of learning; more at first
constexpr std::uint16_t kManyUses = 1000;
constexpr auto kRates = [] {
  std::array<std::int32_t, kManyUses + 1> out{};
  for (int uses = 0; uses < kManyUses; ++uses)
    out[static_cast<std::size_t>(uses)] = kRate + kRate * 96 / (uses + 16);
  out[kManyUses] = kRate;
  return out;
}();

// Refinement: interpolation between points of the mixed probability, in steps of 128 of its stretched value.
constexpr std::size_t kPoints = 33;
constexpr std::size_t kRows = 256;
constexpr int kStep = 128;

constexpr std::uint32_t kLowest = 16;  // no decision costs nothing, and none costs more than 12 bits
constexpr std::uint32_t kHighest = 65536 - kLowest;

/// A probability in 1/65536, `toward` all ones or all zeros, a step of 1/2^shift.
void approach(std::uint16_t& probability, std::uint32_t toward, unsigned shift) noexcept {
  const std::uint32_t distance = probability ^ toward;
  probability = static_cast<std::uint16_t>((distance - (distance >> shift)) ^ toward);
}

}  // namespace

Coder::Coder(int table_bits, const Kernels& kernels)
    : table_{table_bits},
      weights_(kLayouts[kClasses].weights),
      uses_(kClasses * kWeightVectors),
      maps_(kLayouts[kClasses].maps),
      final_(kClasses * kNodes * kMaxSets),
      refinements_(kClasses * 2 * kRows * kPoints),
      kernels_{&kernels} {
  reset();
}

void Coder::reset() noexcept {
  table_.reset();
  std::fill(weights_.begin(), weights_.end(), Lane{});
  for (std::size_t c = 0; c < kClasses; ++c) {
    const int contexts = kShapes[c].contexts;
    for (std::size_t v = 0; v < kWeightVectors; ++v)
      for (std::size_t i = 0; i < std::size_t{2} * kShapes[c].contexts; ++i)
        weights_[kLayouts[c].weights + v * kLayouts[c].lanes + i / kLane].value[i % kLane] =
            static_cast<std::int16_t>((i % 2 == 0 ? kFirstWeight : kSecondWeight) / contexts);
  }
  std::fill(uses_.begin(), uses_.end(), std::uint16_t{0});
  for (std::size_t i = 0; i < maps_.size(); ++i) maps_[i] = Counter::kPrior[i % Counter::kStates];
  std::fill(final_.begin(), final_.end(), 65536 / static_cast<int>(kMaxSets));
  for (std::size_t i = 0; i < refinements_.size(); ++i)
    refinements_[i] = static_cast<std::uint16_t>(squash((static_cast<int>(i % kPoints) - 16) * kStep));
  tick_ = 0;
}

std::size_t Coder::memory() const noexcept {
  return sizeof *this + table_.memory() + weights_.size() * sizeof(Lane) +
         (uses_.size() + maps_.size() + refinements_.size()) * sizeof(std::uint16_t) +
         final_.size() * sizeof(std::int32_t);
}

bool Coder::equals(const Coder& other) const noexcept {
  return tick_ == other.tick_ && table_ == other.table_ && weights_ == other.weights_ &&
         uses_ == other.uses_ && maps_ == other.maps_ && final_ == other.final_ &&
         refinements_ == other.refinements_;
}

void Coder::start_encoding(Mixing mixing, std::vector<std::uint8_t>& out) noexcept {
  sets_ = mixing == Mixing::kFull ? 3 : mixing == Mixing::kMedium ? 2 : 1;
  refine_ = mixing == Mixing::kFull;
  decisions_ = 0;
  encoder_.start(out);
}
void Coder::finish_encoding() { encoder_.finish(); }
void Coder::start_decoding(Mixing mixing, Bytes in) noexcept {
  sets_ = mixing == Mixing::kFull ? 3 : mixing == Mixing::kMedium ? 2 : 1;
  refine_ = mixing == Mixing::kFull;
  decisions_ = 0;
  decoder_.start(in);
}

void Coder::find_lines(unsigned group) noexcept {
  group_ = group;
  contexts_ = std::min<unsigned>(contexts_, kShapes[class_].contexts);
  for (unsigned i = 0; i < contexts_; ++i) line_[i] = table_.find(hash_[i], group);
}

/// The probability of a one.
std::uint32_t Coder::predict(unsigned node) noexcept {
  node_ = node;
  const Layout& layout = kLayouts[class_];
  const std::array<std::size_t, kMaxSets> chosen{node, kNodes + selected_[0], 2 * kNodes + selected_[1]};
  for (std::size_t s = 0; s < sets_; ++s) {
    row_[s] = &weights_[layout.weights + chosen[s] * layout.lanes];
    use_[s] = &uses_[class_ * kWeightVectors + chosen[s]];
  }
  const unsigned slot = node % kGroup;
  auto* x = reinterpret_cast<std::int16_t*>(x_.data());
  const std::uint16_t* map = &maps_[layout.maps];
  for (unsigned i = 0; i < contexts_; ++i, map += Counter::kStates) {
    const Line& line = *line_[i];
    x[2 * i] = kStretch[(line.probability[slot] ^ Line::kHalf) >> 4U];
    x[2 * i + 1] = kStretch[map[line.state[slot]] >> 4U];
  }

  std::array<std::int32_t, kMaxSets> sum{};
  kernels_->dot(x_.data(), row_.data(), sets_, layout.lanes, sum.data());
  for (std::size_t s = 0; s < sets_; ++s)
    stretched_[s] = std::clamp(sum[s] >> kWeightBits, -kMaxStretch, kMaxStretch);
  mixed_ = stretched_[0];
  if (sets_ > 1) {
    const std::int32_t* share = &final_[(class_ * kNodes + node) * kMaxSets];
    std::int64_t total = 0;
    for (std::size_t s = 0; s < sets_; ++s) total += std::int64_t{share[s]} * stretched_[s];
    mixed_ = static_cast<int>(std::clamp<std::int64_t>(total >> 16, -kMaxStretch, kMaxStretch));
  }
  auto probability = static_cast<std::uint32_t>(squash(mixed_));
  if (refine_) {
    const auto position = static_cast<std::uint32_t>(mixed_ + 2048);
    const std::uint32_t weight = position % kStep;
    const std::array<std::uint32_t, 2> keys{node << 6U | selected_[1], hash_[0] + node};
    std::uint32_t refined = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t row = (class_ * 2 + i) * kRows + (keys[i] * 0x9E3779B1U >> 24U);
      std::uint16_t* at = &refinements_[row * kPoints + position / kStep];
      refined += (at[0] * (kStep - weight) + at[1] * weight) / kStep;
      refinement_[i] = at + (weight >= kStep / 2 ? 1 : 0);
    }
    probability = (2 * probability + refined + 2) / 4;
  }
  return std::clamp(probability, kLowest, kHighest);
}

void Coder::learn(bool bit) noexcept {
  const std::int32_t target = bit ? 65536 : 0;
  const std::uint32_t toward = bit ? 0xFFFF : 0;
  if (sets_ > 1) {
    const int error = (target - squash(mixed_)) >> 4;
    std::int32_t* share = &final_[(class_ * kNodes + node_) * kMaxSets];
    for (std::size_t s = 0; s < sets_; ++s) share[s] += (stretched_[s] * error * 2 + (1 << 13)) >> 14;
  }
  std::array<std::int16_t, kMaxSets> errors{};
  for (std::size_t s = 0; s < sets_; ++s) {
    std::uint16_t& uses = *use_[s];
    const int error = ((target - squash(stretched_[s])) * kRates[uses]) >> 11;
    uses = static_cast<std::uint16_t>(uses + (uses < kManyUses ? 1 : 0));
    errors[s] = static_cast<std::int16_t>(std::clamp(error, -32767, 32767));
  }
  kernels_->train(x_.data(), row_.data(), sets_, kLayouts[class_].lanes, errors.data());

  const unsigned slot = node_ % kGroup;
  const auto& next = Counter::kNext[Counter::chance_of(++tick_)][bit ? 1 : 0];
  std::uint16_t* map = &maps_[kLayouts[class_].maps];
  for (unsigned i = 0; i < contexts_; ++i, map += Counter::kStates) {
    Line& line = *line_[i];
    const std::uint8_t state = line.state[slot];
    approach(map[state], toward, 6);
    line.state[slot] = next[state];
    const std::uint32_t distance = line.probability[slot] ^ Line::kHalf ^ toward;
    line.probability[slot] = static_cast<std::uint16_t>(
        (distance - (distance * Counter::kRate[state] >> 16U)) ^ Line::kHalf ^ toward);
  }
  if (refine_) {
    approach(*refinement_[0], toward, 6);
    approach(*refinement_[1], toward, 5);
  }
}

template <Direction D>
bool Coder::code(bool bit, int node) {
  const unsigned at = static_cast<unsigned>(node) % kNodes;
  if (at / kGroup != group_) find_lines(at / kGroup);
  const std::uint32_t one = predict(at);
  if constexpr (D == Direction::kEncode)
    encoder_.code(bit, one);
  else
    bit = decoder_.code(one);
  learn(bit);
  ++decisions_;
  return bit;
}
template bool Coder::code<Direction::kEncode>(bool, int);
template bool Coder::code<Direction::kDecode>(bool, int);

}  // namespace auralink::aic::model
