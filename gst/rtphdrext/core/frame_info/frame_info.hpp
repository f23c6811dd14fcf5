// SPDX-License-Identifier: LGPL-2.1-or-later
// Which part of which kind of frame a packet is, and that as a header extension of one or two bytes
// (README.md, "Frame info"). Pure; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

struct FrameInfo {
  bool key = false;          ///< belongs to a keyframe, as far as the packets up to this one show
  bool start = false;        ///< the first packet of its frame
  bool end = false;          ///< the last packet of its frame
  bool discardable = false;  ///< no frame of the same or a lower temporal layer refers to it
  bool config = false;       ///< parameter sets or a sequence header begin in it
  std::optional<std::uint8_t> temporal_layer{};  ///< 0..7

  friend bool operator==(const FrameInfo&, const FrameInfo&) = default;
};

inline constexpr std::size_t kMaxFrameInfoSize = 2;

/// Bytes of the element: as many as `size` of them.
struct FrameInfoWire {
  std::array<std::uint8_t, kMaxFrameInfoSize> bytes{};
  std::size_t size = 1;
};
[[nodiscard]] FrameInfoWire encode(const FrameInfo& info) noexcept;
/// Empty when it is too short for what it announces.
[[nodiscard]] std::optional<FrameInfo> decode_frame_info(Bytes wire) noexcept;

/// Joins the fragments of a stream to frames. What one packet cannot show is known from its RTP timestamp and
/// from the packets before: which of several possible beginnings is the first, and that a fragment continues
/// a keyframe. Streaming thread only.
class FrameTracker final {
 public:
  [[nodiscard]] FrameInfo next(const Header& header, const Fragment& fragment) noexcept;

 private:
  bool any_ = false;
  std::uint32_t timestamp_ = 0;
  std::uint32_t ssrc_ = 0;
  bool started_ = false;
  bool key_ = false;
  std::optional<std::uint8_t> temporal_layer_;
};

}  // namespace auralink::rtphdrext
