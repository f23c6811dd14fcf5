// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole slices: NAL unit -> header and macroblocks -> the same NAL unit. Untrusted input; bounded; no
// exceptions.
#pragma once

#include <cstdint>
#include <vector>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/h264/slice.hpp"

namespace auralink::aic::h264 {

/// Where a slice ends: the address after its last macroblock.
struct ReadSlice {
  SliceHeader header;
  const Sps* sps = nullptr;
  const Pps* pps = nullptr;
  int end = 0;
};

/// Reads a NAL unit of type 1 or 5 (header byte included, no start code) into `picture`, whose macroblocks
/// from first_mb get the slice number `slice`. `picture` is resized as the SPS says; the caller has told it
/// of the beginning of a picture. Anything but kNone leaves macroblocks of this slice undefined and nothing
/// else changed.
[[nodiscard]] Refusal read_slice(Bytes nal, const ParameterSets& parameters, std::int32_t slice,
                                 MacroblockMap& picture, ReadSlice& out) noexcept;

/// Appends the NAL unit, header byte and emulation prevention included.
void write_slice(const SliceHeader& header, const Sps& sps, const Pps& pps, int end,
                 const MacroblockMap& picture, std::vector<std::uint8_t>& out);

/// read_slice, then write_slice into `scratch`, then a comparison of every byte.
[[nodiscard]] Refusal read_exactly(Bytes nal, const ParameterSets& parameters, std::int32_t slice,
                                   MacroblockMap& picture, ReadSlice& out,
                                   std::vector<std::uint8_t>& scratch);

}  // namespace auralink::aic::h264
