// SPDX-License-Identifier: LGPL-2.1-or-later
// What AIC did to an access unit, as a header extension of seven bytes (README.md, "AIC metadata"). It
// informs; nothing that a decoder needs is in it. Pure; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

enum class AicMode : std::uint8_t {
  kOff,           ///< passed through
  kConservative,  ///< lossless
  kAdaptive,      ///< re-encoded at a bounded loss, then lossless
  kAggressive,    ///< the same with a lower floor
};

inline constexpr std::size_t kAicMetadataSize = 7;
inline constexpr unsigned kMaxAicSaved = 100;

struct AicMetadata {
  AicMode mode = AicMode::kOff;
  bool native = false;         ///< this access unit went out as it came in
  std::uint8_t saved = 0;      ///< percent of the access unit's bytes, 0..100
  std::uint8_t ssim_loss = 0;  ///< thousandths of SSIM against the incoming picture; 255 is that or more
  std::uint8_t epoch = 0;      ///< of the model that coded it
  std::uint16_t au_seq = 0;    ///< access units, modulo 2^16

  friend bool operator==(const AicMetadata&, const AicMetadata&) = default;
};

/// `saved` beyond 100 is written as 100.
[[nodiscard]] std::array<std::uint8_t, kAicMetadataSize> encode(const AicMetadata& metadata) noexcept;

/// Empty when it is shorter than seven bytes, of another version, or says what cannot be. Further bytes are
/// ignored: a later revision of version 0 may append.
[[nodiscard]] std::optional<AicMetadata> decode_aic(Bytes wire) noexcept;

}  // namespace auralink::rtphdrext
