// SPDX-License-Identifier: LGPL-2.1-or-later
// How an access unit was spread over RTP packets (RFC 6184, packetization-mode 1), apart from its bytes, and
// the few bytes that tell it to the far end. Pure; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gst/aic/core/codec.hpp"

namespace auralink::aic::rtp {

/// NAL unit types of RFC 6184 section 5.2.
inline constexpr unsigned kStapA = 24;
inline constexpr unsigned kFuA = 28;
[[nodiscard]] constexpr unsigned nal_type(std::uint8_t header) noexcept { return header & 0x1FU; }

struct Piece {
  enum class Kind : std::uint8_t {
    kSingle,     ///< one NAL unit, one packet
    kAggregate,  ///< STAP-A of `count` NAL units, one packet
    kFragments,  ///< one NAL unit in `count` FU-A packets; their sizes are the next `count` of Shape::sizes
  };
  Kind kind = Kind::kSingle;
  std::uint8_t header = 0;  ///< of a STAP-A
  std::uint16_t count = 1;
  bool operator==(const Piece&) const = default;
};
struct Shape {
  std::vector<Piece> pieces;
  std::vector<std::uint16_t> sizes;  ///< bytes of the NAL unit in each fragment, without its header byte
  bool operator==(const Shape&) const = default;
  void clear() noexcept { pieces.clear(), sizes.clear(); }
  [[nodiscard]] std::size_t packets() const noexcept;
};

/// The commonest rule: NAL units of at most `payload` bytes go alone, larger ones in fragments that are all
/// full but the last. It is what GStreamer's payloader does with mtu = payload + 12.
struct Rule {
  std::uint32_t payload = 1388;
  bool operator==(const Rule&) const = default;
};
inline constexpr std::uint32_t kMinPayload = 16;
[[nodiscard]] Shape shape_of(const AccessUnit& unit, const Rule& rule);
/// Whether the shape says where each byte of the unit goes, once.
[[nodiscard]] bool covers(const Shape& shape, const AccessUnit& unit) noexcept;

/// Appends what the far end, which holds `rule`, needs to know: nothing when the rule gives the shape. A new
/// rule replaces the old one at both ends.
void describe(const Shape& shape, const AccessUnit& unit, Rule& rule, std::vector<std::uint8_t>& out);
/// The reverse; false when the bytes describe no shape of this unit.
[[nodiscard]] bool read_description(Bytes bytes, const AccessUnit& unit, Rule& rule, Shape& out);

/// Calls `emit(payload, last)` for each packet in order; the shape must cover the unit.
template <class Emit>
void packetise(const AccessUnit& unit, const Shape& shape, Emit emit);

/// One packet's payload at a time; what packetise() is made of.
class Packetiser final {
 public:
  Packetiser(const AccessUnit& unit, const Shape& shape) noexcept : unit_{unit}, shape_{shape} {}
  [[nodiscard]] bool done() const noexcept { return piece_ == shape_.pieces.size(); }
  void next(std::vector<std::uint8_t>& payload);

 private:
  void next_fragment(const Piece& piece, std::vector<std::uint8_t>& payload);
  const AccessUnit&
      unit_;            // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members): lives within one call
  const Shape& shape_;  // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members)
  std::size_t piece_ = 0;
  std::size_t nal_ = 0;
  std::size_t size_ = 0;      ///< index in Shape::sizes
  std::size_t fragment_ = 0;  ///< of the present piece
  std::size_t offset_ = 1;    ///< of that fragment in its NAL unit
};

template <class Emit>
void packetise(const AccessUnit& unit, const Shape& shape, Emit emit) {
  std::vector<std::uint8_t> payload;
  for (Packetiser packets{unit, shape}; !packets.done();) {
    packets.next(payload);
    emit(Bytes{payload}, packets.done());
  }
}

}  // namespace auralink::aic::rtp
