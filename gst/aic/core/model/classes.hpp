// SPDX-License-Identifier: LGPL-2.1-or-later
// The classes of decisions and how many contexts and direct inputs each has. The only place that knows: the
// coder sizes its tables by it, the model of elements adds exactly as many (or, in cheaper profiles, a
// prefix).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gst/aic/core/model/mixer.hpp"

namespace auralink::aic::model {

enum class Class : std::uint8_t {
  kHeader,
  kType,       ///< mb_type and mb_skip_run in P slices
  kTypeIntra,  ///< mb_type in I slices
  kReference,
  kMvd,
  kIntra4Mode,
  kIntraMode,  ///< Intra16x16PredMode and intra_chroma_pred_mode
  kCbpLuma,
  kCbpChroma,
  kQpDelta,
  kTotal,  ///< TotalCoeff of a luma block
  kSignificance,
  kMagnitude,
  kSign,
  kChromaTotal,
  kChromaSignificance,
  kChromaMagnitude,
  kChromaSign,
  kRaw,
  kSub,  ///< sub_mb_type
};
inline constexpr std::size_t kClasses = 20;

/// Which selectors choose a weight set in full mixing. A third set is worth its time in few classes.
enum class Sets : std::uint8_t { kFirst, kSecond, kBoth };
struct Shape {
  std::uint8_t contexts = 1;  ///< 1..16
  std::uint8_t inputs = 0;    ///< direct ones; with two for each context kMixed at most
  Sets sets = Sets::kFirst;
};
inline constexpr int kMaxContexts = 16;

/// By Class.
inline constexpr std::array<Shape, kClasses> kShapes{{
    {2, 0},                  // kHeader
    {7, 8},                  // kType
    {4, 0},                  // kTypeIntra
    {3, 0},                  // kReference
    {9, 8, Sets::kSecond},   // kMvd
    {9, 0},                  // kIntra4Mode
    {6, 0},                  // kIntraMode
    {7, 11, Sets::kSecond},  // kCbpLuma
    {8, 0},                  // kCbpChroma
    {11, 0, Sets::kSecond},  // kQpDelta
    {7, 14, Sets::kSecond},  // kTotal
    {7, 12, Sets::kSecond},  // kSignificance
    {7, 12, Sets::kBoth},    // kMagnitude
    {7, 12, Sets::kSecond},  // kSign
    {12, 8},                 // kChromaTotal
    {11, 8, Sets::kSecond},  // kChromaSignificance
    {11, 8, Sets::kBoth},    // kChromaMagnitude
    {7, 7, Sets::kSecond},   // kChromaSign
    {2, 0},                  // kRaw
    {3, 0},                  // kSub
}};
static_assert(std::ranges::all_of(kShapes, [](const Shape& s) {
  return s.contexts >= 1 && s.contexts <= kMaxContexts && 2U * s.contexts + s.inputs <= kMixed;
}));

}  // namespace auralink::aic::model
