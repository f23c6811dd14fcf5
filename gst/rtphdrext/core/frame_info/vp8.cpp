// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 7741 section 4.2 (payload descriptor) and 4.3 (payload header).
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {

namespace {

/// Takes the optional fields from the front of `rest`; false when they break off.
bool take_fields(Bytes& rest, std::optional<std::uint8_t>& temporal_layer) noexcept {
  if (rest.empty()) return false;
  const unsigned flags = rest[0];
  rest = rest.subspan(1);
  std::size_t size = 0;
  if ((flags & 0x80U) != 0) {  // I: picture id of one or two bytes
    if (rest.empty()) return false;
    size += (rest[0] & 0x80U) != 0 ? 2 : 1;
  }
  if ((flags & 0x40U) != 0) ++size;  // L: TL0PICIDX
  if ((flags & 0x30U) != 0) {        // T or K share a byte
    if (rest.size() <= size) return false;
    if ((flags & 0x20U) != 0) temporal_layer = static_cast<std::uint8_t>(rest[size] >> 6U);
    ++size;
  }
  if (rest.size() < size) return false;
  rest = rest.subspan(size);
  return true;
}

}  // namespace

std::optional<Fragment> read_vp8(Bytes payload) noexcept {
  if (payload.empty()) return std::nullopt;
  const unsigned required = payload[0];
  const bool first = (required & 0x10U) != 0 && (required & 0x07U) == 0;  // S, and partition 0

  Fragment out;
  Bytes rest = payload.subspan(1);
  if ((required & 0x80U) != 0 && !take_fields(rest, out.temporal_layer)) return std::nullopt;
  if (rest.empty()) return std::nullopt;
  out.may_start = first;
  out.end = FrameEnd::kWithMarker;  // section 4.1; the descriptor itself has no such bit
  out.discardable = (required & 0x20U) != 0;
  out.key = first && (rest[0] & 0x01U) == 0;
  return out;
}

}  // namespace auralink::rtphdrext
