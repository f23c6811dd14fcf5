// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts an access unit together from its RTP packets (RFC 6184: single NAL units, STAP-A, FU-A), remembering
// how they were cut. Untrusted input; bounded. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gst/aic/core/codec.hpp"
#include "gst/aic/core/rtp/packet.hpp"
#include "gst/aic/core/rtp/shape.hpp"

namespace auralink::aic::rtp {

class Gatherer final {
 public:
  explicit Gatherer(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}

  /// What cannot be rebuilt from the access unit and its shape alone.
  enum class Fault : std::uint8_t {
    kNone,
    kIncomplete,   ///< a packet or a fragment is missing
    kUnsupported,  ///< a payload of another structure, or header fields that the tunnel does not carry
    kTooLarge,
  };

  /// Whether the packet begins another access unit than the one at hand.
  [[nodiscard]] bool separates(const Packet& packet) const noexcept {
    return packets_ > 0 && (ended_ || packet.timestamp != timestamp_);
  }
  /// Adds a packet of this access unit; true when it is its last (the marker bit).
  bool add(const Packet& packet);
  /// A packet of this access unit is known to be missing.
  void miss() noexcept { blame(Fault::kIncomplete); }
  void refuse() noexcept { blame(Fault::kUnsupported); }

  [[nodiscard]] bool empty() const noexcept { return packets_ == 0; }
  /// Of the whole; a fragment that never ended counts as missing.
  [[nodiscard]] Fault fault() const noexcept {
    return fault_ == Fault::kNone && fragmented_ ? Fault::kIncomplete : fault_;
  }
  /// NAL units that arrived whole, even when there is a fault.
  [[nodiscard]] const AccessUnit& unit() const noexcept { return unit_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  /// Whether the last packet had the marker bit.
  [[nodiscard]] bool marked() const noexcept { return ended_; }
  void clear() noexcept;

 private:
  void blame(Fault fault) noexcept {
    if (fault_ == Fault::kNone) fault_ = fault;
  }
  void add_aggregate(Bytes payload);
  void add_fragment(Bytes payload);
  void abandon_fragments() noexcept;

  std::size_t max_bytes_;
  AccessUnit unit_;
  Shape shape_;
  std::size_t packets_ = 0;
  std::uint32_t timestamp_ = 0;
  Fault fault_ = Fault::kNone;
  bool ended_ = false;
  bool fragmented_ =
      false;  ///< a NAL unit has begun whose end is still to come; its bytes are behind unit_.ends
};

}  // namespace auralink::aic::rtp
