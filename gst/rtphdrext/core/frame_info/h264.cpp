// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 6184 section 5, RFC 6190 section 1.1.3; NAL unit types of H.264 table 7-1.
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr unsigned kTypeMask = 0x1F;
constexpr unsigned kRefIdcMask = 0x60;
constexpr unsigned kFirstVcl = 1;
constexpr unsigned kPartitionB = 3;
constexpr unsigned kPartitionC = 4;
constexpr unsigned kIdr = 5;
constexpr unsigned kSei = 6;
constexpr unsigned kSps = 7;
constexpr unsigned kPps = 8;
constexpr unsigned kDelimiter = 9;
constexpr unsigned kPrefix = 14;
constexpr unsigned kSubsetSps = 15;
constexpr unsigned kSliceExtension = 20;
constexpr unsigned kLastSingle = 23;
constexpr unsigned kStapA = 24;
constexpr unsigned kFuA = 28;

bool is_vcl(unsigned type) noexcept { return type >= kFirstVcl && type <= kIdr; }

/// first_mb_in_slice is ue(v); zero is the single bit 1. Partitions B and C begin with their slice's id.
bool begins_picture(unsigned type, Bytes slice_header) noexcept {
  return is_vcl(type) && type != kPartitionB && type != kPartitionC && !slice_header.empty() &&
         (slice_header[0] & 0x80U) != 0;
}

/// What may come before the first slice of an access unit (H.264 7.4.1.2.3).
bool precedes_slices(unsigned type) noexcept {
  return (type >= kSei && type <= kDelimiter) || (type >= kPrefix && type <= kPrefix + 4);
}

class Gather final {
 public:
  /// A NAL unit that begins in this packet: its header byte and what is there of the rest.
  void begin(std::uint8_t head, Bytes rest) noexcept {
    const unsigned type = head & kTypeMask;
    if (!any_) out_.may_start = precedes_slices(type) || begins_picture(type, rest);
    any_ = true;
    out_.config = out_.config || type == kSps || type == kPps || type == kSubsetSps;
    // The three bytes of the SVC extension: svc_extension_flag .. temporal_id in the upper bits of the third.
    if ((type == kPrefix || type == kSliceExtension) && rest.size() >= 3 && (rest[0] & 0x80U) != 0)
      out_.temporal_layer = static_cast<std::uint8_t>(rest[2] >> 5U);
    belongs(head);
  }
  /// Any part of a NAL unit.
  void belongs(std::uint8_t head) noexcept {
    const unsigned type = head & kTypeMask;
    if (!is_vcl(type)) return;
    out_.key = out_.key || type == kIdr;
    const bool reference = (head & kRefIdcMask) != 0;
    out_.discardable = vcl_ ? out_.discardable && !reference : !reference;
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

std::optional<Fragment> read_aggregate(Bytes rest) noexcept {
  Gather gather;
  if (rest.empty()) return std::nullopt;
  while (!rest.empty()) {
    if (rest.size() < 2) return std::nullopt;
    const std::size_t size = (std::size_t{rest[0]} << 8U) | rest[1];
    if (size == 0 || size > rest.size() - 2) return std::nullopt;
    gather.begin(rest[2], rest.subspan(3, size - 1));
    rest = rest.subspan(2 + size);
  }
  return gather.take(true);
}

}  // namespace

std::optional<Fragment> read_h264(Bytes payload) noexcept {
  if (payload.size() < 2) return std::nullopt;
  const unsigned type = payload[0] & kTypeMask;
  if (type == kStapA) return read_aggregate(payload.subspan(1));
  Gather gather;
  if (type == kFuA) {
    const unsigned fu = payload[1];
    const auto head = static_cast<std::uint8_t>((payload[0] & kRefIdcMask) | (fu & kTypeMask));
    if (payload.size() < 3) return std::nullopt;
    if ((fu & 0x80U) != 0)
      gather.begin(head, payload.subspan(2));
    else
      gather.belongs(head);
    return gather.take((fu & 0x40U) != 0);
  }
  if (type == 0 || type > kLastSingle) return std::nullopt;
  gather.begin(payload[0], payload.subspan(1));
  return gather.take(true);
}

}  // namespace auralink::rtphdrext
