// SPDX-License-Identifier: LGPL-2.1-or-later
// The header extensions that we can write. Pure; thread-compatible.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace auralink::rtphdrext {

enum class Kind : std::uint8_t { kAic, kAudioLevel, kAbsSendTime, kAbsCaptureTime, kMid, kFrameInfo };

struct KindName {
  Kind kind;
  std::string_view nick;  ///< in properties and statistics
  std::string_view uri;   ///< of a=extmap
};

/// In the order of the enumerators, so that a kind is also its index.
inline constexpr std::array kKinds{
    KindName{Kind::kAic, "aic", "urn:auralink:rtp-hdrext:aic"},
    KindName{Kind::kAudioLevel, "audio-level", "urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
    KindName{Kind::kAbsSendTime, "abs-send-time",
             "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"},
    KindName{Kind::kAbsCaptureTime, "abs-capture-time",
             "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"},
    KindName{Kind::kMid, "mid", "urn:ietf:params:rtp-hdrext:sdes:mid"},
    KindName{Kind::kFrameInfo, "frame-info", "urn:auralink:rtp-hdrext:frame-info"},
};

[[nodiscard]] constexpr std::size_t index_of(Kind kind) noexcept { return static_cast<std::size_t>(kind); }
[[nodiscard]] constexpr const KindName& name_of(Kind kind) noexcept { return kKinds.at(index_of(kind)); }

}  // namespace auralink::rtphdrext
