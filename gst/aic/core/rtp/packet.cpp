// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/packet.hpp"

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

constexpr std::uint8_t kVersion2 = 0x80;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::uint8_t kExtensionBit = 0x10;
// The second byte: RTCP packet types, which are RTP payload types 64..95 with the marker bit.
constexpr std::uint8_t kFirstRtcp = 192;
constexpr std::uint8_t kLastRtcp = 223;
constexpr int kHistory = 64;

}  // namespace

Parsed parse(Bytes wire, Packet& out) noexcept {
  Reader reader{wire};
  const unsigned first = reader.u8();
  const unsigned second = reader.u8();
  if (!reader.ok() || (first & 0xC0U) != kVersion2) return Parsed::kMalformed;
  if (second >= kFirstRtcp && second <= kLastRtcp) return Parsed::kRtcp;
  out = Packet{};
  out.marker = (second & 0x80U) != 0;
  out.type = static_cast<std::uint8_t>(second & 0x7FU);
  out.sequence = reader.u16();
  out.timestamp = reader.u32();
  out.ssrc = reader.u32();
  const std::size_t csrcs = first & 0x0FU;
  out.csrcs = csrcs != 0;
  (void)reader.take(4 * csrcs);
  if ((first & kExtensionBit) != 0) {
    const Bytes from = reader.rest();
    (void)reader.u16();
    const std::size_t words = reader.u16();
    (void)reader.take(4 * words);
    if (reader.ok()) out.extension = from.first(4 + 4 * words);
  }
  if (!reader.ok()) return Parsed::kMalformed;
  out.payload = reader.rest();
  if ((first & kPaddingBit) != 0) {
    out.padding = true;
    if (out.payload.empty() || out.payload.back() > out.payload.size()) return Parsed::kMalformed;
    out.payload = out.payload.first(out.payload.size() - out.payload.back());
  }
  out.size = wire.size();
  return Parsed::kRtp;
}

void write_header(const Packet& packet, std::vector<std::uint8_t>& out) {
  put_u8(out, kVersion2 | (packet.extension.empty() ? 0U : kExtensionBit));
  put_u8(out, (packet.marker ? 0x80U : 0U) | packet.type);
  put_u16(out, packet.sequence);
  put_u32(out, packet.timestamp);
  put_u32(out, packet.ssrc);
  put(out, packet.extension);
}

Arrivals::Is Arrivals::see(std::uint16_t sequence) noexcept {
  const int step = distance(newest_, sequence);
  if (!started_ || step > kMaxStep || step < -kMaxStep) {
    const bool first = !started_;
    started_ = true;
    newest_ = sequence;
    seen_ = 1;
    return first ? Is::kNext : Is::kElsewhere;
  }
  if (step > 0) {
    newest_ = sequence;
    seen_ = step < kHistory ? (seen_ << static_cast<unsigned>(step)) | 1U : 1U;
    return step == 1 ? Is::kNext : Is::kAfterGap;
  }
  // What is older than the history is called late: a copy of it would be dropped further on.
  if (step <= -kHistory) return Is::kLate;
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(-step);
  if ((seen_ & bit) != 0) return Is::kDuplicate;
  seen_ |= bit;
  return Is::kLate;
}

}  // namespace auralink::aic::rtp
