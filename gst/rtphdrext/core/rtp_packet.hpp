// SPDX-License-Identifier: LGPL-2.1-or-later
// The fixed part of an RTP packet (RFC 3550 section 5.1): where the header extension and the payload are.
// Pure; thread-compatible. Every byte is untrusted: a wrong one is an answer, never an assertion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>

namespace auralink::rtphdrext {

using Bytes = std::span<const std::uint8_t>;

/// Why a packet could not be read or rewritten.
enum class Fault : std::uint8_t {
  kTruncated,      ///< ends inside its own header, or the part that was given does
  kVersion,        ///< not version 2: no RTP
  kPadding,        ///< the padding count is larger than what follows the header
  kBrokenElement,  ///< an extension element runs past the end of the extension
  kRtcp,           ///< RTCP that shares the port (RFC 5761 section 4): sound, but not RTP
  kOtherForm,      ///< carries an extension that is in neither form of RFC 8285; sound, but not ours to touch
  kTerminated,     ///< would have to change form, but holds bytes behind a terminator that only one form has
  kNoRoom,         ///< the extension would exceed its 16-bit length
};
[[nodiscard]] const char* describe(Fault fault) noexcept;

/// A value or the fault that prevented it.
template <class T>
class Result final {
 public:
  Result(T value) noexcept : state_{std::move(value)} {}  // NOLINT(google-explicit-constructor)
  Result(Fault fault) noexcept : state_{fault} {}         // NOLINT(google-explicit-constructor)

  /// Null when there is a fault.
  [[nodiscard]] const T* value() const noexcept { return std::get_if<T>(&state_); }
  [[nodiscard]] std::optional<Fault> fault() const noexcept {
    const auto* f = std::get_if<Fault>(&state_);
    return f != nullptr ? std::optional{*f} : std::nullopt;
  }

 private:
  std::variant<T, Fault> state_;
};

/// Offsets and sizes are bytes from the start of the packet.
struct Header {
  std::size_t fixed_size = 0;      ///< 12 and the CSRC list
  std::size_t payload_offset = 0;  ///< == size of everything before the payload
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  bool marker = false;
  bool padding = false;             ///< P bit: the last byte of the packet counts padding bytes
  bool extension = false;           ///< X bit; `profile` and `extension_bytes` are meaningful
  std::uint16_t profile = 0;        ///< "defined by profile" field
  std::size_t extension_bytes = 0;  ///< data of the extension without its four-byte head; a multiple of four

  [[nodiscard]] std::size_t extension_offset() const noexcept { return fixed_size + 4; }
};

/// Reads the header of a packet of `packet_size` bytes of which at least the beginning is in `head`.
/// kTruncated with head.size() < packet_size means: call again with more of the packet.
[[nodiscard]] Result<Header> parse_header(Bytes head, std::size_t packet_size) noexcept;

/// Whether the padding count, the last byte of a packet with the P bit, fits behind the header. With nothing
/// there the last byte is not a count but the end of the header. A count of zero is wrong by the letter, but
/// GStreamer lets it pass and so do we: it is the receiver who needs it.
[[nodiscard]] bool padding_fits(std::size_t packet_size, const Header& header,
                                std::uint8_t last_byte) noexcept;

}  // namespace auralink::rtphdrext
