// SPDX-License-Identifier: LGPL-2.1-or-later
// What to do with one packet, decided from its first bytes. Pure; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gst/rtphdrext/core/one_byte.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

/// What becomes of a packet. The first two are rewritten, the last is dropped, the others pass unchanged.
enum class Outcome : std::uint8_t {
  kInjected,   ///< gets the element in addition to what it carries
  kReplaced,   ///< carried an element of the same id
  kIdle,       ///< no element is configured
  kOverMtu,    ///< would exceed the MTU
  kRtcp,       ///< is RTCP that shares the port
  kOtherForm,  ///< its extension is not in the one-byte form
  kNoRoom,     ///< its extension cannot grow
  kMalformed,  ///< no sound RTP
};
inline constexpr std::array kOutcomes{Outcome::kInjected, Outcome::kReplaced, Outcome::kIdle,
                                      Outcome::kOverMtu,  Outcome::kRtcp,     Outcome::kOtherForm,
                                      Outcome::kNoRoom,   Outcome::kMalformed};

/// Name of the counter in the element's statistics, kebab-case.
[[nodiscard]] std::string_view name(Outcome outcome) noexcept;

struct Packet {
  Bytes head;                  ///< the beginning of the packet
  std::size_t size = 0;        ///< of the whole packet
  std::uint8_t last_byte = 0;  ///< read only when the P bit is set
};

struct Decision {
  Outcome outcome = Outcome::kMalformed;
  Header header{};            ///< unset when malformed
  std::size_t head_size = 0;  ///< of the new head; only when rewritten
  const char* reason = "";    ///< why it was not rewritten

  [[nodiscard]] bool rewrites() const noexcept {
    return outcome == Outcome::kInjected || outcome == Outcome::kReplaced;
  }
};

/// `mtu`: largest RTP packet, in bytes, that may result. A packet that is larger already also passes.
/// When the outcome is kMalformed and head is shorter than the packet, decide again with all of it.
[[nodiscard]] Decision decide(const Packet& packet, const Element& element, std::size_t mtu) noexcept;

}  // namespace auralink::rtphdrext
