// SPDX-License-Identifier: LGPL-2.1-or-later
// One bit: what the contexts say, the mixed prediction, the arithmetic coder, and what all learn from it.
#include <algorithm>

#include "gst/aic/core/model/coder.hpp"
#include "gst/aic/core/model/coder_layout.hpp"
#include "gst/aic/core/model/counter.hpp"
#include "gst/aic/core/model/logistic.hpp"
#include "gst/aic/core/model/mixers.hpp"

namespace auralink::aic::model {
namespace {

constexpr int kWeightBits = 14;
constexpr int kRate = 250;      // of learning; more at first
constexpr int kMaxRate = 1023;  // an error of 1 times this fits 16 bits
constexpr std::uint16_t kManyUses = 1000;
constexpr auto kRates = [] {
  std::array<std::int32_t, kManyUses + 1> out{};
  for (int uses = 0; uses < kManyUses; ++uses)
    out[static_cast<std::size_t>(uses)] = std::min(kRate + kRate * 96 / (uses + 16), kMaxRate);

  out[kManyUses] = kRate;
  return out;
}();

constexpr std::uint32_t kLowest = 16;  // no decision costs nothing, and none costs more than 12 bits
constexpr std::uint32_t kHighest = 65536 - kLowest;

/// A probability in 1/65536, `toward` all ones or all zeros, a step of 1/2^shift.
void approach(std::uint16_t& probability, std::uint32_t toward, unsigned shift) noexcept {
  const std::uint32_t distance = probability ^ toward;
  probability = static_cast<std::uint16_t>((distance - (distance >> shift)) ^ toward);
}

}  // namespace

template <class Mixer, Direction D, std::size_t kSets, bool kRefine>
[[gnu::always_inline]] inline bool Coder::step(bool bit, unsigned node) {
  if (node / kGroup != group_) find_lines(node / kGroup);

  // Where everything about the node lies.
  std::uint32_t* const share = &final_[(class_ * kNodes + node) * kMaxSets];
  std::array<std::size_t, kMaxSets> chosen{node, kNodes + selected_[0], 2 * kNodes + selected_[1]};
  if (kSets == 2 && kShapes[class_].sets == Sets::kSecond) chosen[1] = kNodes + selected_[1];
  std::array<Mixed*, kSets> row;          // NOLINT(*-member-init)
  std::array<std::uint16_t*, kSets> use;  // NOLINT(*-member-init)
  for (std::size_t s = 0; s < kSets; ++s) {
    row[s] = &weights_[kFirstVector[class_] + chosen[s]];
    use[s] = &uses_[kFirstVector[class_] + chosen[s]];
    __builtin_prefetch(row[s], 1);
  }
  Refinement* refinement = nullptr;
  if constexpr (kRefine) {
    refinement = &refinements_[class_ * kRows + ((hash_[0] + node) * 0x9E3779B1U >> (32 - kRowBits))];
    __builtin_prefetch(refinement, 1);
  }

  // What the counters and maps say, as inputs of the mixer; gathered, so that all are updated at once.
  const unsigned slot = node % kGroup;
  const std::size_t contexts = contexts_;
  std::uint16_t* const first_map = &maps_[kMaps[class_]];
  alignas(32) std::array<std::uint16_t, kMaxContexts> probability{};
  alignas(32) std::array<std::uint16_t, kMaxContexts> rate{};
  alignas(32) std::array<std::uint16_t, kMaxContexts> mapped{};
  const std::uint16_t* map = first_map;
  for (std::size_t i = 0; i < contexts; ++i, map += Counter::kStates) {
    const Line& line = *line_[i];
    const std::size_t state = line.state[slot];
    const std::size_t here = line.probability[slot];
    rate[i] = Counter::kRate[state];
    probability[i] = static_cast<std::uint16_t>(here);
    x_.value[2 * i] = kStretch[here >> 4U];
    if constexpr (kRefine) {
      const std::size_t there = map[state];
      mapped[i] = static_cast<std::uint16_t>(there);
      x_.value[2 * i + 1] = kStretch[there >> 4U];
    } else {
      x_.value[2 * i + 1] = x_.value[2 * i];
    }
  }

  // The probability of a one.
  std::array<std::int32_t, kSets> sum;  // NOLINT(*-member-init)
  Mixer::template dot<kSets>(x_, row.data(), sum.data());
  std::array<int, kSets> stretched;  // NOLINT(*-member-init)
  for (std::size_t s = 0; s < kSets; ++s)
    stretched[s] = std::clamp(sum[s] >> kWeightBits, -kMaxStretch, kMaxStretch);
  int mixed = stretched[0];
  if constexpr (kSets > 1) {
    std::int64_t total = 0;
    for (std::size_t s = 0; s < kSets; ++s)
      total += std::int64_t{static_cast<std::int32_t>(share[s])} * stretched[s];
    mixed = static_cast<int>(std::clamp<std::int64_t>(total >> 16, -kMaxStretch, kMaxStretch));
  }
  const int confidence = squash_bounded(mixed);
  auto one = static_cast<std::uint32_t>(confidence);
  std::uint16_t* point = nullptr;
  if constexpr (kRefine) {
    const std::uint32_t position = static_cast<std::uint32_t>(mixed + 2048) * 31;
    const std::uint32_t weight = position % 4096;
    std::uint16_t* const at = &refinement->point[position / 4096];
    const std::uint32_t refined = (at[0] * (4096 - weight) + at[1] * weight) / 4096;
    point = at + (weight >= 2048 ? 1 : 0);
    one = (3 * one + refined + 2) / 4;
  }
  one = std::clamp(one, kLowest, kHighest);

  if constexpr (D == Direction::kEncode)
    encoder_.code(bit, one);
  else
    bit = decoder_.code(one);
  ++decisions_;

  // What all learn from it.
  const std::int32_t target = bit ? 65536 : 0;
  const std::uint16_t toward = bit ? 0xFFFF : 0;
  if constexpr (kSets > 1) {
    const int error = (target - confidence) >> 4;
    for (std::size_t s = 0; s < kSets; ++s)
      share[s] += static_cast<std::uint32_t>((stretched[s] * error + (1 << 13)) >> 14);
  }
  std::array<std::int16_t, kSets> errors;  // NOLINT(*-member-init)
  for (std::size_t s = 0; s < kSets; ++s) {
    const std::uint16_t uses = *use[s];
    errors[s] = static_cast<std::int16_t>(((target - squash_bounded(stretched[s])) * kRates[uses]) >> 11);
    *use[s] = static_cast<std::uint16_t>(uses + (uses < kManyUses ? 1 : 0));
  }
  Mixer::template train<kSets>(x_, row.data(), errors.data());
  // Fixed trip counts: the compiler makes a few vector instructions of these.
  for (std::size_t i = 0; i < kMaxContexts; ++i) {
    const std::uint32_t distance = static_cast<std::uint16_t>(probability[i] ^ toward);
    const auto step = static_cast<std::uint16_t>(distance * rate[i] >> 16U);
    probability[i] = static_cast<std::uint16_t>(static_cast<std::uint16_t>(distance - step) ^ toward);
  }
  for (std::size_t i = 0; kRefine && i < kMaxContexts; ++i) {
    const auto distance = static_cast<std::uint16_t>(mapped[i] ^ toward);
    mapped[i] = static_cast<std::uint16_t>(static_cast<std::uint16_t>(distance - (distance >> 6U)) ^ toward);
  }
  const auto& next = Counter::kNext[Counter::chance_of(++tick_)][bit ? 1 : 0];
  std::uint16_t* to_map = first_map;
  for (std::size_t i = 0; i < contexts; ++i, to_map += Counter::kStates) {
    Line& line = *line_[i];
    const std::size_t state = line.state[slot];
    if constexpr (kRefine) to_map[state] = mapped[i];
    line.probability[slot] = probability[i];
    line.state[slot] = next[state];
  }
  if constexpr (kRefine) approach(*point, toward, 6);
  return bit;
}

/// The same step for every processor.
struct Coder::Processors {
  template <Direction D, std::size_t kSets, bool kRefine>
  static bool plain(Coder& coder, bool bit, unsigned node) {
    return coder.step<PlainMixer, D, kSets, kRefine>(bit, node);
  }
#if defined(__x86_64__)
  template <Direction D, std::size_t kSets, bool kRefine>
  [[gnu::target("sse4.1")]] static bool sse41(Coder& coder, bool bit, unsigned node) {
    return coder.step<Sse41Mixer, D, kSets, kRefine>(bit, node);
  }
  template <Direction D, std::size_t kSets, bool kRefine>
  [[gnu::target("avx2")]] static bool avx2(Coder& coder, bool bit, unsigned node) {
    return coder.step<Avx2Mixer, D, kSets, kRefine>(bit, node);
  }
#endif
};

const Coder::Steps& Coder::steps_of(Processor processor) noexcept {
  using P = Processors;
  constexpr auto kE = Direction::kEncode;
  constexpr auto kD = Direction::kDecode;
  static constexpr Steps kPlain{{{{P::plain<kE, 3, true>, P::plain<kE, 2, true>, P::plain<kE, 1, false>},
                                  {P::plain<kD, 3, true>, P::plain<kD, 2, true>, P::plain<kD, 1, false>}}}};
#if defined(__x86_64__)
  static constexpr Steps kSse41{{{{P::sse41<kE, 3, true>, P::sse41<kE, 2, true>, P::sse41<kE, 1, false>},
                                  {P::sse41<kD, 3, true>, P::sse41<kD, 2, true>, P::sse41<kD, 1, false>}}}};
  static constexpr Steps kAvx2{{{{P::avx2<kE, 3, true>, P::avx2<kE, 2, true>, P::avx2<kE, 1, false>},
                                 {P::avx2<kD, 3, true>, P::avx2<kD, 2, true>, P::avx2<kD, 1, false>}}}};
  if (processor == Processor::kAvx2) return kAvx2;
  if (processor == Processor::kSse41) return kSse41;
#endif
  static_cast<void>(processor);
  return kPlain;
}

}  // namespace auralink::aic::model
