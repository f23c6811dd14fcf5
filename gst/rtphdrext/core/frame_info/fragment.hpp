// SPDX-License-Identifier: LGPL-2.1-or-later
// What one RTP payload tells about the frame that it belongs to, for each codec. Pure; thread-compatible.
// Every byte is untrusted; reading is bounded by the payload and allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

enum class Codec : std::uint8_t { kH264, kH265, kVp8, kVp9, kAv1 };

/// From the encoding name of the media type, in any case; empty for any other codec.
[[nodiscard]] std::optional<Codec> codec_from_encoding_name(std::string_view name) noexcept;

/// When the last byte of a frame has been seen. The marker bit alone never says so: a packet that breaks off
/// inside a unit is not the end, whatever its marker.
enum class FrameEnd : std::uint8_t {
  kNo,          ///< the payload goes on in another packet
  kWithMarker,  ///< complete as far as it goes; the payload format defines the marker bit as end of frame
  kYes,         ///< the payload says so itself
};

struct Fragment {
  bool may_start = false;  ///< what a frame may begin with begins here
  FrameEnd end = FrameEnd::kNo;
  bool key = false;          ///< shows that the frame is a keyframe; a later fragment may be silent on it
  bool config = false;       ///< parameter sets or a sequence header begin here
  bool discardable = false;  ///< no frame of the same or a lower temporal layer refers to it
  std::optional<std::uint8_t> temporal_layer{};
};

/// Empty when the payload is broken, or of a kind that the function does not read.
/// RFC 6184: single NAL unit, STAP-A, FU-A; SVC prefix NAL units (RFC 6190) give the temporal layer.
[[nodiscard]] std::optional<Fragment> read_h264(Bytes payload) noexcept;
/// RFC 7798: single NAL unit, aggregation (48), fragmentation unit (49); without DONL (sprop-max-don-diff 0).
[[nodiscard]] std::optional<Fragment> read_h265(Bytes payload) noexcept;
/// RFC 7741.
[[nodiscard]] std::optional<Fragment> read_vp8(Bytes payload) noexcept;
/// RFC 9628. A frame is a picture: all its spatial layers.
[[nodiscard]] std::optional<Fragment> read_vp9(Bytes payload) noexcept;
/// AV1 RTP specification 1.0, from the aggregation header and the OBU headers; a frame is a temporal unit.
[[nodiscard]] std::optional<Fragment> read_av1(Bytes payload) noexcept;

[[nodiscard]] std::optional<Fragment> read_fragment(Codec codec, Bytes payload) noexcept;

}  // namespace auralink::rtphdrext
