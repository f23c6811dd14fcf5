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
constexpr int kFirstWeight = 9175;             // 0.56 shared by the counters' probabilities
constexpr int kSecondWeight = 7864;            // 0.48 shared by what followed their states
constexpr std::size_t kShares = kMaxSets + 2;  // weights of three sets, and of two
constexpr int kRate = 250;                     // of learning; more at first
constexpr int kMaxRate = 1023;                 // an error of 1 times this fits 16 bits
constexpr std::uint16_t kManyUses = 1000;
constexpr auto kRates = [] {
  std::array<std::int32_t, kManyUses + 1> out{};
  for (int uses = 0; uses < kManyUses; ++uses)
    out[static_cast<std::size_t>(uses)] = std::min(kRate + kRate * 96 / (uses + 16), kMaxRate);

  out[kManyUses] = kRate;
  return out;
}();

// Refinement: rows of each of the two maps of a class.
constexpr std::size_t kRows = 256;

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
      final_(kClasses * kNodes * kShares),
      refinements_(kClasses * 2 * kRows),
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
  for (std::size_t i = 0; i < final_.size(); ++i)
    final_[i] = i % kShares < kMaxSets ? 65536U / 3 : 65536U / 2;
  for (Refinement& r : refinements_)
    for (std::size_t i = 0; i < r.point.size(); ++i)
      r.point[i] =
          static_cast<std::uint16_t>(squash(static_cast<int>(i * 4096 / (r.point.size() - 1)) - 2048));
  tick_ = 0;
}

std::size_t Coder::memory() const noexcept {
  return sizeof *this + table_.memory() + weights_.size() * sizeof(Lane) +
         (uses_.size() + maps_.size()) * sizeof(std::uint16_t) + final_.size() * sizeof(std::uint32_t) +
         refinements_.size() * sizeof(Refinement);
}

bool Coder::equals(const Coder& other) const noexcept {
  return tick_ == other.tick_ && table_ == other.table_ && weights_ == other.weights_ &&
         uses_ == other.uses_ && maps_ == other.maps_ && final_ == other.final_ &&
         refinements_ == other.refinements_;
}

void Coder::start_encoding(Mixing mixing, std::vector<std::uint8_t>& out) noexcept {
  mixing_ = mixing;
  decisions_ = 0;
  encoder_.start(out);
}
void Coder::finish_encoding() { encoder_.finish(); }
void Coder::start_decoding(Mixing mixing, Bytes in) noexcept {
  mixing_ = mixing;
  decisions_ = 0;
  decoder_.start(in);
}

/// Where everything about a node lies; what is far is fetched while the lines are looked up.
template <std::size_t kSets, bool kRefine>
void Coder::choose(unsigned node) noexcept {
  const Layout& layout = kLayouts[class_];
  slot_ = node % kGroup;
  map_ = &maps_[layout.maps];
  share_ = &final_[(class_ * kNodes + node) * kShares + (kSets == 2 ? kMaxSets : 0)];
  const std::array<std::size_t, kMaxSets> chosen{node, kNodes + selected_[0], 2 * kNodes + selected_[1]};
  for (std::size_t s = 0; s < kSets; ++s) {
    row_[s] = &weights_[layout.weights + chosen[s] * layout.lanes];
    use_[s] = &uses_[class_ * kWeightVectors + chosen[s]];
    for (std::size_t l = 0; l < layout.lanes; l += 2) __builtin_prefetch(row_[s] + l, 1);
  }
  if constexpr (!kRefine) return;
  const std::array<std::uint32_t, 2> keys{node << 6U | selected_[1], hash_[0] + node};
  for (std::size_t i = 0; i < 2; ++i) {
    refinement_[i] = &refinements_[(class_ * 2 + i) * kRows + (keys[i] * 0x9E3779B1U >> 24U)];
    __builtin_prefetch(refinement_[i], 1);
  }
}

void Coder::find_lines(unsigned group) noexcept {
  group_ = group;
  const unsigned contexts = contexts_ = std::min<unsigned>(contexts_, kShapes[class_].contexts);
  for (unsigned i = 0; i < contexts; ++i) line_[i] = table_.find(hash_[i], group);
}

/// What the counters and maps say, as inputs of the mixer.
void Coder::gather() noexcept {
  const std::size_t contexts = contexts_;
  const unsigned slot = slot_;
  const std::uint16_t* map = map_;
  for (std::size_t i = 0; i < contexts; ++i, map += Counter::kStates) {
    const Line& line = *line_[i];
    const std::uint8_t state = line.state[slot];
    const std::uint32_t probability = line.probability[slot];
    const std::uint32_t mapped = map[state];
    state_[i] = state;
    rate_[i] = Counter::kRate[state];
    probability_[i] = static_cast<std::uint16_t>(probability);
    mapped_[i] = static_cast<std::uint16_t>(mapped);
    x_[2 * i] = kStretch[probability >> 4U];
    x_[2 * i + 1] = kStretch[mapped >> 4U];
  }
}

/// The probability of a one.
template <std::size_t kSets, bool kRefine>
std::uint32_t Coder::predict() noexcept {
  std::array<std::int32_t, kSets> sum{};
  kernels_->dot[kSets - 1](x_.data(), row_.data(), kLayouts[class_].lanes, sum.data());
  for (std::size_t s = 0; s < kSets; ++s)
    stretched_[s] = std::clamp(sum[s] >> kWeightBits, -kMaxStretch, kMaxStretch);
  mixed_ = stretched_[0];
  if constexpr (kSets > 1) {
    std::int64_t total = 0;
    for (std::size_t s = 0; s < kSets; ++s)
      total += std::int64_t{static_cast<std::int32_t>(share_[s])} * stretched_[s];
    mixed_ = static_cast<int>(std::clamp<std::int64_t>(total >> 16, -kMaxStretch, kMaxStretch));
  }
  auto probability = static_cast<std::uint32_t>(squash_bounded(mixed_));
  if constexpr (kRefine) {
    const std::uint32_t position = static_cast<std::uint32_t>(mixed_ + 2048) * 31;
    const std::uint32_t weight = position % 4096;
    std::uint32_t refined = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::uint16_t* at = &refinement_[i]->point[position / 4096];
      refined += (at[0] * (4096 - weight) + at[1] * weight) / 4096;
      point_[i] = position / 4096 + (weight >= 2048 ? 1 : 0);
    }
    probability = (2 * probability + refined + 2) / 4;
  }
  return std::clamp(probability, kLowest, kHighest);
}

template <std::size_t kSets, bool kRefine>
void Coder::learn(bool bit) noexcept {
  const std::int32_t target = bit ? 65536 : 0;
  const std::uint16_t toward = bit ? 0xFFFF : 0;
  if constexpr (kSets > 1) {
    const int error = (target - squash_bounded(mixed_)) >> 4;
    for (std::size_t s = 0; s < kSets; ++s)
      share_[s] += static_cast<std::uint32_t>((stretched_[s] * error * 2 + (1 << 13)) >> 14);
  }
  std::array<std::int16_t, kSets> errors{};
  for (std::size_t s = 0; s < kSets; ++s) {
    std::uint16_t& uses = *use_[s];
    const int error = ((target - squash_bounded(stretched_[s])) * kRates[uses]) >> 11;
    uses = static_cast<std::uint16_t>(uses + (uses < kManyUses ? 1 : 0));
    errors[s] = static_cast<std::int16_t>(error);
  }
  kernels_->train[kSets - 1](x_.data(), row_.data(), kLayouts[class_].lanes, errors.data());

  // Fixed trip counts: the compiler makes a few vector instructions of these.
  for (std::size_t i = 0; i < kMaxContexts; ++i) {
    const std::uint32_t distance = static_cast<std::uint16_t>(probability_[i] ^ toward);
    const auto step = static_cast<std::uint16_t>(distance * rate_[i] >> 16U);
    probability_[i] = static_cast<std::uint16_t>(static_cast<std::uint16_t>(distance - step) ^ toward);
  }
  for (std::size_t i = 0; i < kMaxContexts; ++i) {
    const auto distance = static_cast<std::uint16_t>(mapped_[i] ^ toward);
    mapped_[i] = static_cast<std::uint16_t>(static_cast<std::uint16_t>(distance - (distance >> 6U)) ^ toward);
  }
  const auto& next = Counter::kNext[Counter::chance_of(++tick_)][bit ? 1 : 0];
  const unsigned contexts = contexts_;
  const unsigned slot = slot_;
  std::uint16_t* map = map_;
  for (unsigned i = 0; i < contexts; ++i, map += Counter::kStates) {
    Line& line = *line_[i];
    const std::uint8_t state = state_[i];
    map[state] = mapped_[i];
    line.probability[slot] = probability_[i];
    line.state[slot] = next[state];
  }
  if constexpr (kRefine) {
    approach(refinement_[0]->point[point_[0]], toward, 6);
    approach(refinement_[1]->point[point_[1]], toward, 5);
  }
}

template <Direction D, std::size_t kSets, bool kRefine>
bool Coder::code_mixed(bool bit, unsigned node) {
  choose<kSets, kRefine>(node);
  if (node / kGroup != group_) find_lines(node / kGroup);
  gather();
  const std::uint32_t one = predict<kSets, kRefine>();
  if constexpr (D == Direction::kEncode)
    encoder_.code(bit, one);
  else
    bit = decoder_.code(one);
  learn<kSets, kRefine>(bit);
  ++decisions_;
  return bit;
}

template <Direction D>
bool Coder::code(bool bit, int node) {
  const unsigned at = static_cast<unsigned>(node) % kNodes;
  switch (mixing_) {
    case Mixing::kFull:
      return code_mixed<D, 3, true>(bit, at);
    case Mixing::kMedium:
      return code_mixed<D, 2, false>(bit, at);
    case Mixing::kLight:
      break;
  }
  return code_mixed<D, 1, false>(bit, at);
}
template bool Coder::code<Direction::kEncode>(bool, int);
template bool Coder::code<Direction::kDecode>(bool, int);

}  // namespace auralink::aic::model
