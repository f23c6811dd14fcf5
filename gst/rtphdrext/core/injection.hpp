// SPDX-License-Identifier: LGPL-2.1-or-later
// What to do with one packet, decided from its first bytes. Pure; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gst/rtphdrext/core/rewrite.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

/// What becomes of a packet. The first three are rewritten, the last is dropped, the others pass unchanged.
enum class Outcome : std::uint8_t {
  kInjected,   ///< gets an element in addition to what it carries
  kReplaced,   ///< gets none in addition, but other content in one that it carries
  kRemoved,    ///< only loses elements
  kUnchanged,  ///< nothing is to be written, and what is to be removed it does not carry
  kIdle,       ///< nothing is configured
  kOverMtu,    ///< would exceed the MTU
  kRtcp,       ///< is RTCP that shares the port
  kOtherForm,  ///< its extension cannot be rewritten
  kNoRoom,     ///< its extension cannot grow
  kMalformed,  ///< no sound RTP
};
inline constexpr std::array kOutcomes{
    Outcome::kInjected, Outcome::kReplaced, Outcome::kRemoved,   Outcome::kUnchanged, Outcome::kIdle,
    Outcome::kOverMtu,  Outcome::kRtcp,     Outcome::kOtherForm, Outcome::kNoRoom,    Outcome::kMalformed};

/// Name of the counter in the element's statistics, kebab-case.
[[nodiscard]] std::string_view name(Outcome outcome) noexcept;

struct Packet {
  Bytes head;                  ///< the beginning of the packet
  std::size_t size = 0;        ///< of the whole packet
  std::uint8_t last_byte = 0;  ///< read only when the P bit is set
};

struct Decision {
  Outcome outcome = Outcome::kMalformed;
  Header header{};          ///< unset when malformed
  Rewrite rewrite{};        ///< only when rewritten
  const char* reason = "";  ///< why it was not rewritten

  [[nodiscard]] bool rewrites() const noexcept { return outcome <= Outcome::kRemoved; }
};

/// The decision that a fault leads to.
[[nodiscard]] Decision refuse(Fault fault, const Header& header = {}) noexcept;

/// Reads the header of a packet with its padding. When it is truncated and head is shorter than the packet,
/// read again with all of it.
[[nodiscard]] Result<Header> read_packet(const Packet& packet) noexcept;

/// What the edits make of a packet whose header was read. `mtu`: largest RTP packet, in bytes, that a packet
/// may grow to; one that is larger already may still change without growing.
[[nodiscard]] Decision decide(const Packet& packet, const Header& header, const Edits& edits,
                              std::size_t mtu) noexcept;

}  // namespace auralink::rtphdrext
