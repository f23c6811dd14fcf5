// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr std::size_t kFixed = 12;
constexpr std::size_t kExtensionHead = 4;
// The second byte: RTCP packet types, which are RTP payload types 64..95 with the marker bit.
constexpr std::uint8_t kFirstRtcp = 192;
constexpr std::uint8_t kLastRtcp = 223;

std::uint16_t read16(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>((bytes[at] << 8U) | bytes[at + 1]);
}

std::uint32_t read32(Bytes bytes, std::size_t at) noexcept {
  return std::uint32_t{read16(bytes, at)} << 16U | read16(bytes, at + 2);
}

}  // namespace

const char* describe(Fault fault) noexcept {
  switch (fault) {
    case Fault::kTruncated:
      return "truncated header";
    case Fault::kVersion:
      return "not RTP version 2";
    case Fault::kRtcp:
      return "RTCP, not RTP";
    case Fault::kPadding:
      return "impossible padding count";
    case Fault::kBrokenElement:
      return "extension element past the end of the extension";
    case Fault::kOtherForm:
      return "extension is in neither form of RFC 8285";
    case Fault::kTerminated:
      return "one-byte extension that was ended cannot become two-byte";
    case Fault::kNoRoom:
      return "no room in the extension";
  }
  return "unknown";
}

Result<Header> parse_header(Bytes head, std::size_t packet_size) noexcept {
  if (head.size() < kFixed || packet_size < kFixed) return Fault::kTruncated;
  const unsigned first = head[0];
  if ((first >> 6U) != 2U) return Fault::kVersion;
  if (head[1] >= kFirstRtcp && head[1] <= kLastRtcp) return Fault::kRtcp;

  Header header;
  header.marker = (head[1] & 0x80U) != 0;
  header.timestamp = read32(head, 4);
  header.ssrc = read32(head, 8);
  header.padding = (first & 0x20U) != 0;
  header.extension = (first & 0x10U) != 0;
  header.fixed_size = kFixed + 4U * std::size_t{first & 0x0FU};
  header.payload_offset = header.fixed_size;
  if (header.extension) {
    if (head.size() < header.extension_offset()) return Fault::kTruncated;
    header.profile = read16(head, header.fixed_size);
    header.extension_bytes = 4U * std::size_t{read16(head, header.fixed_size + 2)};
    header.payload_offset += kExtensionHead + header.extension_bytes;
  }
  if (header.payload_offset > packet_size || header.payload_offset > head.size()) return Fault::kTruncated;
  return header;
}

bool padding_fits(std::size_t packet_size, const Header& header, std::uint8_t last_byte) noexcept {
  if (!header.padding) return true;
  const std::size_t behind = packet_size - header.payload_offset;
  return behind > 0 && last_byte <= behind;
}

}  // namespace auralink::rtphdrext
