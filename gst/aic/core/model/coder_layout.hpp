// SPDX-License-Identifier: LGPL-2.1-or-later
// How the Coder's vectors are laid out by class, node and selection, and with what they begin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gst/aic/core/model/coder.hpp"
#include "gst/aic/core/model/counter.hpp"

namespace auralink::aic::model {

static_assert(Coder::kNodes == Coder::kSelections);

/// Where the weight vectors of a class begin: of its nodes, and of each selector that it uses.
inline constexpr auto kFirstVector = [] {
  std::array<std::uint32_t, kClasses + 1> out{};
  for (std::size_t c = 0; c < kClasses; ++c)
    out[c + 1] = out[c] + (kShapes[c].sets == Sets::kBoth ? 3 : 2) * std::uint32_t{Coder::kNodes};
  return out;
}();

/// Where the maps of a class begin.
inline constexpr auto kMaps = [] {
  std::array<std::uint32_t, kClasses + 1> out{};
  for (std::size_t c = 0; c < kClasses; ++c)
    out[c + 1] = out[c] + kShapes[c].contexts * static_cast<std::uint32_t>(Counter::kStates);
  return out;
}();

// Refinement: rows of each class.
inline constexpr std::size_t kRowBits = 6;
inline constexpr std::size_t kRows = 1U << kRowBits;

}  // namespace auralink::aic::model
