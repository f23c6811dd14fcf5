// SPDX-License-Identifier: LGPL-2.1-or-later
// The classes of decisions and how many contexts and direct inputs each has. The only place that knows: the
// coder sizes its tables by it, the model of elements adds exactly as many (or, in cheaper profiles, a
// prefix).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

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

struct Shape {
  std::uint8_t contexts;  ///< 1..16
  std::uint8_t inputs;    ///< direct ones, 0..16
};
inline constexpr int kMaxContexts = 16;
inline constexpr int kMaxInputs = 16;

/// By Class.
inline constexpr std::array<Shape, kClasses> kShapes{{
    {2, 0},    // kHeader
    {7, 8},    // kType
    {4, 0},    // kTypeIntra
    {3, 0},    // kReference
    {11, 8},   // kMvd
    {10, 0},   // kIntra4Mode
    {6, 0},    // kIntraMode
    {8, 11},   // kCbpLuma
    {9, 0},    // kCbpChroma
    {12, 0},   // kQpDelta
    {8, 14},   // kTotal
    {12, 11},  // kSignificance
    {9, 0},    // kMagnitude
    {11, 11},  // kSign
    {10, 0},   // kChromaTotal
    {9, 0},   // kChromaSignificance
    {10, 0},   // kChromaMagnitude
    {4, 0},    // kChromaSign
    {2, 0},    // kRaw
    {3, 0},    // kSub
}};
static_assert([] {
  for (const Shape& s : kShapes)
    if (s.contexts < 1 || s.contexts > kMaxContexts || s.inputs > kMaxInputs) return false;
  return true;
}());

}  // namespace auralink::aic::model
