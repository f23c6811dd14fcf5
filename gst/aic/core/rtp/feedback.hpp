// SPDX-License-Identifier: LGPL-2.1-or-later
// What the restoring end tells the coding end, as an RTCP APP packet (RFC 3550 section 6.7) named "AIC1".
// Pure; thread-compatible; untrusted input.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "gst/aic/core/rtp/packet.hpp"
#include "gst/aic/core/rtp/payload.hpp"

namespace auralink::aic::rtp {

struct Feedback {
  enum class Kind : std::uint8_t {
    kAcknowledge = 1,  ///< the chain is followed
    kResync = 2,       ///< it cannot be followed any more
  };
  /// A state that the sender of the feedback keeps.
  struct Held {
    Epoch epoch = kInitial;
    std::uint32_t hash = 0;
    bool operator==(const Held&) const = default;
  };
  Kind kind = Kind::kAcknowledge;
  std::uint32_t reporter = 0;  ///< SSRC of who sends this
  std::uint32_t media = 0;     ///< SSRC of the stream it is about
  std::uint8_t chain = 0;      ///< the newest one seen
  std::uint8_t count = 0;      ///< of `held`
  std::array<Held, 2> held{};  ///< newest first

  [[nodiscard]] const Held* find(Epoch epoch) const noexcept {
    for (const Held& h : held)
      if (&h < held.data() + count && h.epoch == epoch) return &h;
    return nullptr;
  }
  bool operator==(const Feedback&) const = default;
};

/// Appends the APP packet alone: for those who add it to a compound packet.
void write_app(const Feedback& feedback, std::vector<std::uint8_t>& out);
/// Appends a compound packet that RFC 3550 6.1 allows on its own: an empty receiver report, then the APP
/// packet.
void write_compound(const Feedback& feedback, std::vector<std::uint8_t>& out);
/// The last one in a compound packet; everything else in it is skipped.
[[nodiscard]] std::optional<Feedback> read_feedback(Bytes compound) noexcept;
/// The body of one APP packet, behind its name.
[[nodiscard]] std::optional<Feedback> read_app_body(unsigned subtype, std::uint32_t reporter,
                                                    Bytes body) noexcept;
inline constexpr std::uint32_t kAppName = 0x41494331;  ///< "AIC1"

}  // namespace auralink::aic::rtp
