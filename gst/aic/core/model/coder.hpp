// SPDX-License-Identifier: LGPL-2.1-or-later
// The context-mixing binary coder: many predictions of one bit, mixed by learned weights, drive an arithmetic
// coder. Integers only; the fast paths (SSE4.1, AVX2, chosen at run time) equal the plain one bit for bit, so
// that two machines that saw the same bits hold the same state. Thread-compatible.
//
// For each decision the caller says its class, adds contexts, direct inputs and selectors, and codes one or
// several bits at the nodes of a small tree:
//
//   coder.begin(Class::kMvd);
//   coder.add(pack(a, b));         // contexts in a fixed order, as many as kShapes says, or a prefix of them
//   coder.input(stretched);        // direct inputs in a fixed order, as many as kShapes says, or a prefix
//   coder.select(first, second);   // weight sets, 0..63 each; may change between the bits of one decision
//   bit = coder.code<Direction::kEncode>(bit, node);  // node 0..63; several times if there are several bits
//
// A context's counters for nodes 0..3, 4..7, ... share a line of memory, and looking a line up is a good part
// of the price: give nodes that are coded together numbers in the same four. The node need not be in the
// context too.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gst/aic/core/model/classes.hpp"
#include "gst/aic/core/model/context_table.hpp"
#include "gst/aic/core/model/mixer.hpp"
#include "gst/aic/core/model/range_coder.hpp"

namespace auralink::aic::model {

using Bytes = std::span<const std::uint8_t>;

enum class Direction : std::uint8_t { kEncode, kDecode };

/// How much the coder spends per decision. May change from one access unit to the next; both ends must agree.
enum class Mixing : std::uint8_t {
  kFull,   ///< weight sets by node and the selectors that kShapes names, and final refinement
  kLight,  ///< one weight set (node), and nothing of what followed a counter's state
};

/// One word of several small numbers; distinct for |numbers| <= 128 and up to four of them.
template <class... T>
[[nodiscard]] constexpr std::uint32_t pack(int first, T... rest) noexcept {
  auto word = static_cast<std::uint32_t>(first + 128);
  ((word = word * 257U + static_cast<std::uint32_t>(static_cast<int>(rest) + 128)), ...);
  return word;
}

class Coder final {
 public:
  static constexpr int kNodes = 64;
  static constexpr int kSelections = 64;

  /// The context table has 2^table_bits lines of 32 bytes (16: 2 MB). Any `kernels` give the same results.
  explicit Coder(int table_bits, const Kernels& kernels = best_kernels());
  void reset() noexcept;  ///< as constructed
  [[nodiscard]] std::size_t memory() const noexcept;
  /// The same state: the same future. Holds for coders of any kernels.
  [[nodiscard]] bool equals(const Coder& other) const noexcept;

  /// Between start and finish the coder refers to `out` or `in`: copy it before or after only.
  void start_encoding(Mixing mixing, std::vector<std::uint8_t>& out) noexcept;
  void finish_encoding();
  void start_decoding(Mixing mixing, Bytes in) noexcept;
  /// More was decoded than `in` can hold: it is not what an encoder wrote, and the caller stops.
  [[nodiscard]] bool exhausted() const noexcept { return decoder_.exhausted(); }
  /// Bits coded since start_*().
  [[nodiscard]] std::uint32_t decisions() const noexcept { return decisions_; }

  /// `first_node` is where the first bit will be coded; only speed depends on it.
  void begin(Class of, int first_node = 0) noexcept {
    class_ = static_cast<std::size_t>(of);
    salt_ = std::uint64_t{class_ * kMaxContexts + 1} << 32U;
    first_group_ = static_cast<unsigned>(first_node) / kGroup % kGroups;
    group_ = kGroups;
    contexts_ = 0;
    input_ = 2U * kShapes[class_].contexts;
    input_end_ = input_ + kShapes[class_].inputs;
    selected_ = {};
    x_ = {};
    variant_ = variants_[kShapes[class_].sets == Sets::kBoth ? 1 : 0];
  }
  void add(std::uint32_t context) noexcept {
    if (contexts_ >= kMaxContexts) return;
    const std::uint64_t product = (salt_ | context) * 0x9E3779B97F4A7C15U;
    salt_ += std::uint64_t{1} << 32U;
    const auto hash = static_cast<std::uint32_t>(product >> 32U);
    hash_[contexts_++] = hash;
    table_.prefetch(hash, first_group_);
  }
  /// -2047..2047, 256 ln(p/(1-p)) if it is a probability; larger ones are cut.
  void input(int stretched) noexcept {
    if (input_ >= input_end_) return;
    x_.value[input_++] = static_cast<std::int16_t>(std::clamp(stretched, -2047, 2047));
  }
  /// Both 0..63; begin() makes them 0.
  void select(int first, int second) noexcept {
    selected_ = {static_cast<unsigned>(first) % kSelections, static_cast<unsigned>(second) % kSelections};
  }
  /// Codes a bit: `bit` when encoding (ignored when decoding); the bit.
  template <Direction D>
  bool code(bool bit, int node) {
    return steps_->of[D == Direction::kEncode ? 0 : 1][variant_](*this, bit,
                                                                 static_cast<unsigned>(node) % kNodes);
  }

 private:
  /// Codes one bit, in one function for each direction, mixing and processor: everything is at hand in it.
  using Step = bool(Coder& coder, bool bit, unsigned node);
  enum Variant : std::uint8_t { kFullThree, kFullTwo, kLightOne, kVariants };
  struct Steps {
    std::array<std::array<Step*, kVariants>, 2> of;  // by direction
  };
  struct Processors;
  [[nodiscard]] static const Steps& steps_of(Processor processor) noexcept;
  template <class Mixer, Direction D, std::size_t kSets, bool kRefine>
  bool step(bool bit, unsigned node);
  void set(Mixing mixing) noexcept;

  /// Probabilities at 32 points of the stretched one; a cache line.
  struct alignas(64) Refinement {
    std::array<std::uint16_t, 32> point{};
    bool operator==(const Refinement&) const = default;
  };

  static constexpr unsigned kGroup = 4;  // nodes of a line
  static constexpr unsigned kGroups = kNodes / kGroup;

  void find_lines(unsigned group) noexcept;

  // What a snapshot keeps.
  ContextTable table_;
  std::vector<Mixed> weights_;           // of each class, set and selection
  std::vector<std::uint16_t> uses_;      // of each of these weight vectors, saturated
  std::vector<std::uint16_t> maps_;      // of each class and context: what followed a state of its counter
  std::vector<std::uint32_t> final_;     // of each class and node: the weights of the sets
  std::vector<Refinement> refinements_;  // of each class: an interpolated map of the mixed probability

  // One access unit.
  const Steps* steps_;
  std::array<Variant, 2> variants_{};  // of classes with two sets in full mixing, and with three
  RangeEncoder encoder_;
  RangeDecoder decoder_;

  // One decision: its contexts and inputs.
  Mixed x_;
  std::array<std::uint32_t, kMaxContexts> hash_{};
  std::array<Line*, kMaxContexts> line_{};
  std::size_t class_ = 0;
  std::uint64_t salt_ = 0;  // class and number of the next context, above its bits
  unsigned first_group_ = 0;
  unsigned group_ = kGroups;  // whose lines are in line_; kGroups: none
  unsigned contexts_ = 0;
  unsigned input_ = 0;      // where the next direct input goes in x_
  unsigned input_end_ = 0;  // behind the last
  std::array<unsigned, 2> selected_{};

  Variant variant_ = kFullThree;

  std::uint32_t tick_ = 0;  // decisions since reset: kept like the vectors
  std::uint32_t decisions_ = 0;
};

}  // namespace auralink::aic::model
