// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/frame_info/frame_info.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr unsigned kKey = 0x80;
constexpr unsigned kStart = 0x40;
constexpr unsigned kEnd = 0x20;
constexpr unsigned kDiscardable = 0x10;
constexpr unsigned kConfig = 0x08;
constexpr unsigned kHasLayer = 0x04;
constexpr unsigned kLayerShift = 5;

}  // namespace

FrameInfoWire encode(const FrameInfo& info) noexcept {
  const unsigned flags = (info.key ? kKey : 0U) | (info.start ? kStart : 0U) | (info.end ? kEnd : 0U) |
                         (info.discardable ? kDiscardable : 0U) | (info.config ? kConfig : 0U) |
                         (info.temporal_layer ? kHasLayer : 0U);
  FrameInfoWire wire;
  wire.bytes[0] = static_cast<std::uint8_t>(flags);
  if (info.temporal_layer) {
    wire.bytes[1] = static_cast<std::uint8_t>(unsigned{*info.temporal_layer} << kLayerShift);
    wire.size = 2;
  }
  return wire;
}

std::optional<FrameInfo> decode_frame_info(Bytes wire) noexcept {
  if (wire.empty()) return std::nullopt;
  const unsigned flags = wire[0];
  const bool has_layer = (flags & kHasLayer) != 0;
  if (has_layer && wire.size() < 2) return std::nullopt;
  return FrameInfo{.key = (flags & kKey) != 0,
                   .start = (flags & kStart) != 0,
                   .end = (flags & kEnd) != 0,
                   .discardable = (flags & kDiscardable) != 0,
                   .config = (flags & kConfig) != 0,
                   .temporal_layer = has_layer
                                         ? std::optional{static_cast<std::uint8_t>(wire[1] >> kLayerShift)}
                                         : std::nullopt};
}

FrameInfo FrameTracker::next(const Header& header, const Fragment& fragment) noexcept {
  if (!any_ || header.timestamp != timestamp_ || header.ssrc != ssrc_) {
    any_ = true;
    timestamp_ = header.timestamp;
    ssrc_ = header.ssrc;
    started_ = false;
    key_ = false;
    temporal_layer_.reset();
  }
  key_ = key_ || fragment.key;
  if (fragment.temporal_layer) temporal_layer_ = fragment.temporal_layer;
  const FrameInfo info{
      .key = key_,
      .start = fragment.may_start && !started_,
      .end = fragment.end == FrameEnd::kYes || (fragment.end == FrameEnd::kWithMarker && header.marker),
      .discardable = fragment.discardable && !key_,
      .config = fragment.config,
      .temporal_layer = temporal_layer_};
  started_ = started_ || fragment.may_start;
  return info;
}

}  // namespace auralink::rtphdrext
