// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9628 section 4.2 (payload descriptor); VP9 bitstream specification 6.2 (uncompressed header).
#include "gst/rtphdrext/core/frame_info/fragment.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr unsigned kPictureId = 0x80;       // I
constexpr unsigned kInterPredicted = 0x40;  // P
constexpr unsigned kLayers = 0x20;          // L
constexpr unsigned kFlexible = 0x10;        // F
constexpr unsigned kBegins = 0x08;          // B
constexpr unsigned kEnds = 0x04;            // E
constexpr unsigned kStructure = 0x02;       // V
constexpr int kMaxReferences = 3;

/// Takes bytes from the front and remembers when there were none.
class Cursor final {
 public:
  explicit Cursor(Bytes bytes) noexcept : rest_{bytes} {}
  unsigned byte() noexcept {
    if (rest_.empty()) {
      failed_ = true;
      return 0;
    }
    const unsigned value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  void skip(std::size_t count) noexcept {
    failed_ = failed_ || count > rest_.size();
    rest_ = failed_ ? Bytes{} : rest_.subspan(count);
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] Bytes rest() const noexcept { return rest_; }

 private:
  Bytes rest_;
  bool failed_ = false;
};

void skip_structure(Cursor& cursor) noexcept {
  const unsigned head = cursor.byte();
  if ((head & 0x10U) != 0) cursor.skip(4U * std::size_t{(head >> 5U) + 1U});  // Y: width, height per layer
  if ((head & 0x08U) == 0) return;                                            // G: picture group
  for (unsigned pictures = cursor.byte(); pictures > 0 && !cursor.failed(); --pictures)
    cursor.skip((cursor.byte() >> 2U) & 0x03U);
}

/// An intra-only frame also has P=0, but refers to others later: the frame's own header tells them apart.
bool is_key_frame(Bytes frame) noexcept {
  if (frame.empty() || (frame[0] >> 6U) != 2U) return false;  // frame_marker
  const bool profile_3 = (frame[0] & 0x30U) == 0x30U;
  const unsigned bits = profile_3 ? unsigned{frame[0]} >> 1U : unsigned{frame[0]} >> 2U;
  return (bits & 0x03U) == 0;  // not show_existing_frame, and frame_type KEY_FRAME
}

}  // namespace

std::optional<Fragment> read_vp9(Bytes payload) noexcept {
  Cursor cursor{payload};
  const unsigned flags = cursor.byte();
  if ((flags & kPictureId) != 0 && (cursor.byte() & 0x80U) != 0) cursor.byte();
  Fragment out;
  unsigned spatial_layer = 0;
  if ((flags & kLayers) != 0) {
    const unsigned layers = cursor.byte();
    out.temporal_layer = static_cast<std::uint8_t>(layers >> 5U);
    spatial_layer = (layers >> 1U) & 0x07U;
    if ((flags & kFlexible) == 0) cursor.byte();  // TL0PICIDX
  }
  if ((flags & kFlexible) != 0 && (flags & kInterPredicted) != 0) {
    int left = kMaxReferences;
    while (left-- > 0 && (cursor.byte() & 0x01U) != 0) {
    }
  }
  if ((flags & kStructure) != 0) skip_structure(cursor);
  if (cursor.failed() || cursor.rest().empty()) return std::nullopt;

  const bool begins = (flags & kBegins) != 0;
  out.may_start = begins && spatial_layer == 0;
  // E ends a layer's frame. Without layer indices that is the picture; with them only the marker tells
  // whether a higher layer follows.
  if ((flags & kEnds) != 0) out.end = (flags & kLayers) != 0 ? FrameEnd::kWithMarker : FrameEnd::kYes;
  out.key = out.may_start && (flags & kInterPredicted) == 0 && is_key_frame(cursor.rest());
  return out;
}

}  // namespace auralink::rtphdrext
