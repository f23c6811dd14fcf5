// SPDX-License-Identifier: LGPL-2.1-or-later
// What a datagram on a media port is, read from its header alone, and the RTCP that asks a sender for a
// keyframe. Pure; thread-compatible. Every byte is untrusted: a wrong one is an answer, never an assertion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace auralink::pipeline {

enum class Ingress : std::uint8_t { rtp, rtcp, malformed };

struct RtpArrival {
  Ingress what = Ingress::malformed;
  std::uint8_t payload = 0;  ///< payload type, 0..127
  std::uint32_t ssrc = 0;
  std::size_t payload_bytes = 0;  ///< behind the header, without padding
};

[[nodiscard]] RtpArrival read_rtp_arrival(std::span<const std::uint8_t> datagram) noexcept;

/// The level of RFC 6464 (-dBov, 0 loud .. 127 silent) that the packet carries in the header extension
/// element `id`, in the one-byte or the two-byte form of RFC 8285. Empty when there is none, or none of one
/// byte.
[[nodiscard]] std::optional<std::uint8_t> read_audio_level(std::span<const std::uint8_t> datagram,
                                                           std::uint8_t id) noexcept;

/// A compound RTCP packet (RFC 3550 section 6.1) from `own` with a picture loss indication for `media`
/// (RFC 4585 section 6.3.1).
[[nodiscard]] std::vector<std::uint8_t> make_picture_loss(std::uint32_t own, std::uint32_t media);

}  // namespace auralink::pipeline
