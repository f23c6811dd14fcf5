// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/aic_metadata.hpp"

#include <algorithm>

namespace auralink::rtphdrext {
namespace {

constexpr unsigned kVersionShift = 6;  // version 0
constexpr unsigned kNative = 0x20;
constexpr unsigned kModeMask = 0x03;

}  // namespace

std::array<std::uint8_t, kAicMetadataSize> encode(const AicMetadata& m) noexcept {
  return {static_cast<std::uint8_t>(m.native ? kNative : 0U),
          static_cast<std::uint8_t>(m.mode),
          static_cast<std::uint8_t>(std::min<unsigned>(m.saved, kMaxAicSaved)),
          m.ssim_loss,
          m.epoch,
          static_cast<std::uint8_t>(m.au_seq >> 8U),
          static_cast<std::uint8_t>(m.au_seq & 0xFFU)};
}

std::optional<AicMetadata> decode_aic(Bytes wire) noexcept {
  if (wire.size() < kAicMetadataSize || (wire[0] >> kVersionShift) != 0 || wire[2] > kMaxAicSaved)
    return std::nullopt;
  return AicMetadata{.mode = static_cast<AicMode>(wire[1] & kModeMask),
                     .native = (wire[0] & kNative) != 0,
                     .saved = wire[2],
                     .ssim_loss = wire[3],
                     .epoch = wire[4],
                     .au_seq = static_cast<std::uint16_t>((wire[5] << 8U) | wire[6])};
}

}  // namespace auralink::rtphdrext
