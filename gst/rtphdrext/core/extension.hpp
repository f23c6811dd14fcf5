// SPDX-License-Identifier: LGPL-2.1-or-later
// The two forms of an RTP header extension in RFC 8285, sections 4.2 and 4.3: elements and how to read them.
// Pure; thread-compatible. Every byte is untrusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

enum class Form : std::uint8_t {
  kOneByte,  ///< ids 1..14, 1..16 bytes each
  kTwoByte,  ///< ids 1..255, 0..255 bytes each
};

inline constexpr std::uint16_t kOneByteProfile = 0xBEDE;
inline constexpr std::uint16_t kTwoByteProfile = 0x1000;  // the lower four bits are the application's
inline constexpr std::uint8_t kMaxOneByteId = 14;         // 0 is padding, 15 ends the extension
inline constexpr std::size_t kMaxOneByteData = 16;
inline constexpr std::uint8_t kMaxId = 255;
inline constexpr std::size_t kMaxData = 255;

/// The form that the "defined by profile" field of an extension announces; empty for any other profile.
[[nodiscard]] std::optional<Form> form_of(std::uint16_t profile) noexcept;

/// Whether the one-byte form can carry an element.
[[nodiscard]] constexpr bool fits_one_byte(unsigned id, std::size_t size) noexcept {
  return id <= kMaxOneByteId && size >= 1 && size <= kMaxOneByteData;
}

/// An element that owns its bytes: id 1..255 and 1..255 bytes.
class Element final {
 public:
  /// Empty when the id or the size cannot be expressed.
  [[nodiscard]] static std::optional<Element> make(unsigned id, Bytes data) noexcept;
  /// `hex`: two digits per byte, either case; bytes may be separated by single spaces or colons ("01:a2").
  [[nodiscard]] static std::optional<Element> from_hex(unsigned id, std::string_view hex) noexcept;

  [[nodiscard]] std::uint8_t id() const noexcept { return id_; }
  [[nodiscard]] Bytes data() const noexcept { return Bytes{data_}.first(size_); }

 private:
  std::array<std::uint8_t, kMaxData> data_{};
  std::uint8_t size_ = 0;
  std::uint8_t id_ = 0;
};

/// Walks the elements of an extension's data. Padding is skipped. In the one-byte form id 15, and id 0 with a
/// length, end the walk (the RFC demands that what follows is ignored).
class ElementReader final {
 public:
  struct Item {
    std::uint8_t id;
    Bytes data;
  };

  ElementReader(Form form, Bytes extension) noexcept : rest_{extension}, form_{form} {}
  /// The next element; empty at the end, at a terminator and at a broken element.
  [[nodiscard]] std::optional<Item> next() noexcept;
  /// After the end: an element claims more bytes than there are.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// After the end: the terminator and everything behind it; empty when there is none.
  [[nodiscard]] Bytes terminated() const noexcept { return rest_; }

 private:
  [[nodiscard]] std::optional<Item> take(unsigned id, std::size_t head, std::size_t size) noexcept;

  Bytes rest_;
  Form form_;
  bool broken_ = false;
};

}  // namespace auralink::rtphdrext
