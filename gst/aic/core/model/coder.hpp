// SPDX-License-Identifier: LGPL-2.1-or-later
// The context-mixing binary coder: many predictions of one bit, mixed by learned weights, drive an arithmetic
// coder. Integers only; the fast paths (SSE4.1, AVX2, chosen at run time) equal the plain one bit for bit, so
// that two machines that saw the same bits hold the same state. Thread-compatible.
//
// For each decision the caller says its class, adds contexts, direct inputs and selectors, and codes one or
// several bits at the nodes of a small tree:
//
//   coder.begin(Class::kMvd);
//   coder.add(pack(a, b)); ...           // contexts in a fixed order: as many as kShapes says, or a prefix
//   of them coder.input(stretched); ...          // direct inputs in a fixed order, as many as kShapes says,
//   or a prefix coder.select(first, second);         // weight sets, 0..63 each; may change between the bits
//   of one decision bit = coder.code<Direction::kEncode>(bit, node);  // node 0..63; several times if the
//   element needs several bits
//
// Nodes 0..6, 7..13, ... share a cache line per context: give nodes that are coded together numbers in the
// same seven.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gst/aic/core/model/classes.hpp"

namespace auralink::aic::model {

using Bytes = std::span<const std::uint8_t>;

enum class Direction : std::uint8_t { kEncode, kDecode };

/// How much the coder spends per decision. May change from one access unit to the next; both ends must agree.
enum class Mixing : std::uint8_t {
  kFull,   ///< all weight sets, final refinement
  kLight,  ///< fewer
};

/// One word of several small numbers; distinct for |numbers| <= 128 and up to four of them.
template <class... T>
[[nodiscard]] constexpr std::uint32_t pack(int first, T... rest) noexcept {
  std::uint32_t word = static_cast<std::uint32_t>(first + 128);
  ((word = word * 257U + static_cast<std::uint32_t>(static_cast<int>(rest) + 128)), ...);
  return word;
}

class Coder final {
 public:
  static constexpr int kNodes = 64;
  static constexpr int kSelections = 64;

  /// The context table has 2^table_bits lines of 32 bytes.
  explicit Coder(int table_bits);
  void reset() noexcept;  ///< as constructed
  [[nodiscard]] std::size_t memory() const noexcept;

  /// Between start and finish the coder refers to `out` or `in`; copies are taken outside.
  void start_encoding(Mixing mixing, std::vector<std::uint8_t>& out) noexcept;
  void finish_encoding();
  void start_decoding(Mixing mixing, Bytes in) noexcept;
  /// So many bits were decoded from beyond the end of `in` that no encoder can have written it: stop.
  [[nodiscard]] bool exhausted() const noexcept;
  /// Bits coded since start_*().
  [[nodiscard]] std::uint32_t decisions() const noexcept;

  void begin(Class of) noexcept;
  void add(std::uint32_t context) noexcept;
  /// -2047..2047, 256 ln(p/(1-p)) if it is a probability.
  void input(int stretched) noexcept;
  /// Both 0..63; begin() makes them 0.
  void select(int first, int second) noexcept;
  /// Codes a bit: `bit` when encoding (ignored when decoding); the bit.
  template <Direction D>
  bool code(bool bit, int node);
};

}  // namespace auralink::aic::model
