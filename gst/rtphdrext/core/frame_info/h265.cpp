// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 7798 section 4.4; NAL unit types of H.265 table 7-1.
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr std::size_t kNalHead = 2;
constexpr unsigned kLastSubLayerVcl = 15;  // below 16 the even ones are sub-layer non-reference pictures
constexpr unsigned kFirstIrap = 16;
constexpr unsigned kLastIrap = 23;
constexpr unsigned kFirstNonVcl = 32;
constexpr unsigned kVps = 32;
constexpr unsigned kPps = 34;
constexpr unsigned kDelimiter = 35;
constexpr unsigned kPrefixSei = 39;
constexpr unsigned kLastSingle = 47;
constexpr unsigned kAggregation = 48;
constexpr unsigned kFragmentation = 49;

unsigned type_of(std::uint8_t first) noexcept { return (first >> 1U) & 0x3FU; }

/// What may come before the first slice segment of an access unit (H.265 7.4.2.4.4).
bool precedes_slices(unsigned type) noexcept {
  return (type >= kVps && type <= kDelimiter) || type == kPrefixSei || (type >= 41 && type <= 44);
}

class Gather final {
 public:
  explicit Gather(unsigned temporal_layer) noexcept {
    out_.temporal_layer = static_cast<std::uint8_t>(temporal_layer);
  }
  /// A NAL unit that begins in this packet; `rest` is behind its two bytes of header. A slice segment begins
  /// with first_slice_segment_in_pic_flag.
  void begin(unsigned type, Bytes rest) noexcept {
    const bool picture = type < kFirstNonVcl && !rest.empty() && (rest[0] & 0x80U) != 0;
    if (!any_) out_.may_start = precedes_slices(type) || picture;
    any_ = true;
    out_.config = out_.config || (type >= kVps && type <= kPps);
    belongs(type);
  }
  void belongs(unsigned type) noexcept {
    if (type >= kFirstNonVcl) return;
    out_.key = out_.key || (type >= kFirstIrap && type <= kLastIrap);
    const bool spare = type <= kLastSubLayerVcl && type % 2 == 0;
    out_.discardable = vcl_ ? out_.discardable && spare : spare;
    vcl_ = true;
  }
  [[nodiscard]] Fragment take(bool complete) noexcept {
    out_.end = complete ? FrameEnd::kWithMarker : FrameEnd::kNo;
    return out_;
  }

 private:
  Fragment out_;
  bool any_ = false;
  bool vcl_ = false;
};

}  // namespace

std::optional<Fragment> read_h265(Bytes payload) noexcept {
  if (payload.size() <= kNalHead) return std::nullopt;
  const unsigned type = type_of(payload[0]);
  const unsigned temporal_plus_1 = payload[1] & 0x07U;
  if (temporal_plus_1 == 0) return std::nullopt;
  Gather gather{temporal_plus_1 - 1};
  if (type <= kLastSingle) {
    gather.begin(type, payload.subspan(kNalHead));
    return gather.take(true);
  }
  Bytes rest = payload.subspan(kNalHead);
  if (type == kFragmentation) {
    const unsigned fu = rest[0];
    if (rest.size() < 2) return std::nullopt;
    if ((fu & 0x80U) != 0)
      gather.begin(fu & 0x3FU, rest.subspan(1));
    else
      gather.belongs(fu & 0x3FU);
    return gather.take((fu & 0x40U) != 0);
  }
  if (type != kAggregation) return std::nullopt;
  while (!rest.empty()) {
    if (rest.size() < 2) return std::nullopt;
    const std::size_t size = (std::size_t{rest[0]} << 8U) | rest[1];
    if (size < kNalHead || size > rest.size() - 2) return std::nullopt;
    gather.begin(type_of(rest[2]), rest.subspan(2 + kNalHead, size - kNalHead));
    rest = rest.subspan(2 + size);
  }
  return gather.take(true);
}

}  // namespace auralink::rtphdrext
