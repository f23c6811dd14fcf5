// SPDX-License-Identifier: LGPL-2.1-or-later
// "RTP Payload Format For AV1" 1.0 section 4.4 (aggregation header); AV1 bitstream specification 5.3 and 5.9.
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr unsigned kContinues = 0x80;    // Z: the first element continues one of the packet before
constexpr unsigned kGoesOn = 0x40;       // Y: the last element goes on in the next packet
constexpr unsigned kNewSequence = 0x08;  // N: first packet of a coded video sequence
constexpr unsigned kSequenceHeader = 1;
constexpr unsigned kTemporalDelimiter = 2;
constexpr unsigned kFrameHeader = 3;
constexpr unsigned kMetadata = 5;
constexpr unsigned kFrame = 6;

/// leb128: seven bits per byte, least significant first. Sizes beyond 32 bits are broken.
std::optional<std::size_t> take_leb128(Bytes& rest) noexcept {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 32 && !rest.empty(); shift += 7) {
    const unsigned byte = rest[0];
    rest = rest.subspan(1);
    value |= std::size_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

bool may_start_unit(unsigned type) noexcept {
  return type == kSequenceHeader || type == kTemporalDelimiter || type == kFrameHeader || type == kMetadata ||
         type == kFrame;
}

/// An OBU that begins in this packet; false when its header breaks off.
bool read_obu(Bytes obu, bool first, Fragment& out) noexcept {
  if (obu.empty()) return false;
  const unsigned head = obu[0];
  const unsigned type = (head >> 3U) & 0x0FU;
  obu = obu.subspan(1);
  if ((head & 0x04U) != 0) {  // obu_extension_flag
    if (obu.empty()) return false;
    if (!out.temporal_layer) out.temporal_layer = static_cast<std::uint8_t>(obu[0] >> 5U);
    obu = obu.subspan(1);
  }
  if ((head & 0x02U) != 0 && !take_leb128(obu)) return false;  // obu_has_size_field
  if (first) out.may_start = may_start_unit(type);
  out.config = out.config || type == kSequenceHeader;
  // show_existing_frame is 0 and frame_type is KEY_FRAME: three zero bits. A stream of reduced still pictures
  // has other bits here, but nothing but keyframes.
  if ((type == kFrame || type == kFrameHeader) && !obu.empty() && (obu[0] & 0xE0U) == 0) out.key = true;
  return true;
}

}  // namespace

std::optional<Fragment> read_av1(Bytes payload) noexcept {
  if (payload.size() < 2) return std::nullopt;
  const unsigned head = payload[0];
  const bool continues = (head & kContinues) != 0;
  const bool new_sequence = (head & kNewSequence) != 0;
  if (continues && new_sequence) return std::nullopt;
  const unsigned count = (head >> 4U) & 0x03U;  // W: 0 means that all have a length

  Fragment out;
  out.key = new_sequence;
  out.end = (head & kGoesOn) != 0 ? FrameEnd::kNo : FrameEnd::kWithMarker;
  Bytes rest = payload.subspan(1);
  for (unsigned index = 0; !rest.empty() && (count == 0 || index < count); ++index) {
    std::size_t size = rest.size();
    if (count == 0 || index + 1 < count) {
      const auto length = take_leb128(rest);
      if (!length || *length > rest.size()) return std::nullopt;
      size = *length;
    }
    const bool begins = index > 0 || !continues;
    if (begins && size > 0 && !read_obu(rest.first(size), index == 0, out)) return std::nullopt;
    rest = rest.subspan(size);
  }
  return out;
}

}  // namespace auralink::rtphdrext
