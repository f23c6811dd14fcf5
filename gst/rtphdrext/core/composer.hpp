// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements that one packet of a stream gets, from its assignment and from what is known about the packet.
// Pure; streaming thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/rtphdrext/core/configuration.hpp"
#include "gst/rtphdrext/core/frame_info/frame_info.hpp"
#include "gst/rtphdrext/core/rewrite.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"
#include "gst/rtphdrext/core/values.hpp"

namespace auralink::rtphdrext {

/// What the shell knows about a packet; it need not find out what the assignment does not write.
struct PacketFacts {
  NtpTime now{};
  std::optional<NtpTime> captured{};
  std::optional<AudioLevel> level{};
  std::optional<AicMetadata> aic{};
  std::optional<Fragment> fragment{};
};

class Composer final {
 public:
  /// Takes note of a packet and returns whether it is the first of its RTP timestamp. Once per packet.
  bool arrives(const Header& header) noexcept;

  /// The edits for the packet that arrived last. They borrow from the composer and the assignment, until the
  /// next call. abs-capture-time and AIC metadata go to the first packet of a timestamp: they say the same of
  /// all others. What is not known is not written.
  [[nodiscard]] Edits compose(const Assignment& assignment, const Header& header,
                              const PacketFacts& facts) noexcept;

  /// Bit per Kind that the last edits write.
  [[nodiscard]] unsigned written() const noexcept { return written_; }

 private:
  void put(std::uint8_t id, Bytes data) noexcept { set_.at(count_++) = {.id = id, .data = data}; }
  void put(const Assignment& assignment, Kind kind, Bytes data) noexcept {
    put(assignment.id(kind), data);
    written_ |= 1U << index_of(kind);
  }

  bool any_ = false;
  bool first_ = false;
  std::uint32_t timestamp_ = 0;
  std::uint32_t ssrc_ = 0;
  std::uint16_t au_seq_ = 0xFFFF;  // the first access unit is 0
  FrameTracker tracker_;

  unsigned written_ = 0;
  std::size_t count_ = 0;
  std::array<ElementView, kKinds.size() + 1> set_;
  std::array<std::uint8_t, 3> send_time_{};
  std::array<std::uint8_t, 8> capture_time_{};
  std::array<std::uint8_t, 1> level_{};
  std::array<std::uint8_t, kAicMetadataSize> aic_{};
  FrameInfoWire frame_info_;
};

}  // namespace auralink::rtphdrext
