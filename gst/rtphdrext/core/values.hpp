// SPDX-License-Identifier: LGPL-2.1-or-later
// The payloads of well-known header extensions. Pure; thread-compatible; time is an argument.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

/// RFC 6464: V bit, then -dBov.
struct AudioLevel {
  bool voice = false;
  std::uint8_t dbov = 127;  ///< 0 loud .. 127 silent

  friend bool operator==(const AudioLevel&, const AudioLevel&) = default;
};
[[nodiscard]] constexpr std::array<std::uint8_t, 1> encode(AudioLevel level) noexcept {
  return {static_cast<std::uint8_t>((level.voice ? 0x80U : 0U) | (level.dbov & 0x7FU))};
}
[[nodiscard]] constexpr std::optional<AudioLevel> decode_audio_level(Bytes wire) noexcept {
  if (wire.size() != 1) return std::nullopt;
  return AudioLevel{(wire[0] & 0x80U) != 0, static_cast<std::uint8_t>(wire[0] & 0x7FU)};
}

/// A point in time as NTP counts it: seconds since 1900 in the upper half, 2^-32 seconds in the lower.
enum class NtpTime : std::uint64_t {};

/// From nanoseconds since 1970-01-01 UTC. Wraps in 2036, as NTP does.
[[nodiscard]] constexpr NtpTime ntp_from_unix(std::uint64_t nanoseconds) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kSeventyYears = 2'208'988'800;  // 1900 to 1970, 17 leap days
  const std::uint64_t seconds = nanoseconds / kSecond + kSeventyYears;
  return NtpTime{(seconds << 32U) | (((nanoseconds % kSecond) << 32U) / kSecond)};
}

/// abs-send-time: 24 bits, seconds modulo 64 with 18 bits of fraction.
[[nodiscard]] constexpr std::array<std::uint8_t, 3> encode_abs_send_time(NtpTime when) noexcept {
  const std::uint64_t bits = static_cast<std::uint64_t>(when) >> 14U;
  return {static_cast<std::uint8_t>(bits >> 16U), static_cast<std::uint8_t>(bits >> 8U),
          static_cast<std::uint8_t>(bits)};
}

/// abs-capture-time without the optional clock offset: 64-bit NTP time.
[[nodiscard]] constexpr std::array<std::uint8_t, 8> encode_abs_capture_time(NtpTime when) noexcept {
  std::array<std::uint8_t, 8> out{};
  auto bits = static_cast<std::uint64_t>(when);
  for (auto byte = out.rbegin(); byte != out.rend(); ++byte, bits >>= 8U)
    *byte = static_cast<std::uint8_t>(bits);
  return out;
}

}  // namespace auralink::rtphdrext
