// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 7741 section 4.2 (payload descriptor) and 4.3 (payload header).
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {

std::optional<Fragment> read_vp8(Bytes payload) noexcept {
  if (payload.empty()) return std::nullopt;
  const unsigned required = payload[0];
  const bool extended = (required & 0x80U) != 0;
  const bool first = (required & 0x10U) != 0 && (required & 0x07U) == 0;  // S, and partition 0

  Fragment out;
  out.discardable = (required & 0x20U) != 0;
  out.may_start = first;
  out.end = FrameEnd::kWithMarker;  // section 4.1; the descriptor itself has no such bit
  Bytes rest = payload.subspan(1);
  if (extended) {
    if (rest.empty()) return std::nullopt;
    const unsigned flags = rest[0];
    rest = rest.subspan(1);
    std::size_t skip = 0;
    if ((flags & 0x80U) != 0) {  // I: picture id of one or two bytes
      if (rest.empty()) return std::nullopt;
      skip += (rest[0] & 0x80U) != 0 ? 2 : 1;
    }
    if ((flags & 0x40U) != 0) ++skip;  // L: TL0PICIDX
    if ((flags & 0x30U) != 0) {        // T or K share a byte
      if (rest.size() <= skip) return std::nullopt;
      if ((flags & 0x20U) != 0) out.temporal_layer = static_cast<std::uint8_t>(rest[skip] >> 6U);
      ++skip;
    }
    if (rest.size() < skip) return std::nullopt;
    rest = rest.subspan(skip);
  }
  if (rest.empty()) return std::nullopt;
  out.key = first && (rest[0] & 0x01U) == 0;
  return out;
}

}  // namespace auralink::rtphdrext
