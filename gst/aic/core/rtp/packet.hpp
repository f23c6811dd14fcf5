// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets as the tunnel sees them (RFC 3550 section 5.1), and arithmetic of their sequence numbers. Every
// byte is untrusted. Pure; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auralink::aic::rtp {

using Bytes = std::span<const std::uint8_t>;
/// Microseconds of a clock that never steps back. The caller's; nothing here reads one.
using Time = std::int64_t;

inline constexpr std::size_t kRtpHeader = 12;
inline constexpr std::size_t kIpUdp = 28;  ///< what IPv4 and UDP add to each packet on the wire

/// Views into the packet that was parsed.
struct Packet {
  std::uint8_t type = 0;  ///< payload type
  bool marker = false;
  bool csrcs = false;    ///< names contributing sources
  bool padding = false;  ///< has padding, which `payload` excludes
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  Bytes extension{};  ///< the header extension with its four-byte head; empty when there is none
  Bytes payload{};
  std::size_t size = 0;  ///< of the whole packet
};
enum class Parsed : std::uint8_t {
  kRtp,
  kRtcp,  ///< RTCP that shares the port (RFC 5761 section 4)
  kMalformed,
};
[[nodiscard]] Parsed parse(Bytes wire, Packet& out) noexcept;

/// Appends the header of a packet without CSRCs and padding; `packet.extension` goes with it as it is.
void write_header(const Packet& packet, std::vector<std::uint8_t>& out);

/// How far `to` is after `from`, -32768..32767, on the circle of 16-bit numbers.
[[nodiscard]] constexpr int distance(std::uint16_t from, std::uint16_t to) noexcept {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}
/// A step of more packets than this, in either direction, is another stream and not loss or lateness (RFC
/// 3550 A.1).
inline constexpr int kMaxStep = 3000;

/// Tells new packets from late ones and from copies.
class Arrivals final {
 public:
  enum class Is : std::uint8_t { kNext, kAfterGap, kLate, kDuplicate, kElsewhere };
  /// Takes a packet into account; kElsewhere starts anew from it.
  [[nodiscard]] Is see(std::uint16_t sequence) noexcept;

 private:
  bool started_ = false;
  std::uint16_t newest_ = 0;
  std::uint64_t seen_ = 0;  ///< bit i: newest_ - i has been seen
};

}  // namespace auralink::aic::rtp
