// SPDX-License-Identifier: LGPL-2.1-or-later
// The one-byte form of RFC 8285 section 4.2: reading its elements, and adding one to a packet.
// Pure; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

inline constexpr std::uint16_t kOneByteProfile = 0xBEDE;
inline constexpr std::uint8_t kMaxOneByteId = 14;  // 0 is padding, 15 ends the extension
inline constexpr std::size_t kMaxOneByteData = 16;

/// An element that is to be carried: id 1..14 and 1..16 bytes. Trivially copyable, so that a snapshot per
/// packet is free.
class Element final {
 public:
  /// Empty when the id or the size cannot be expressed in the one-byte form.
  [[nodiscard]] static std::optional<Element> make(unsigned id, Bytes data) noexcept;
  /// `hex`: two digits per byte, either case; bytes may be separated by single spaces or colons ("01:a2").
  [[nodiscard]] static std::optional<Element> from_hex(unsigned id, std::string_view hex) noexcept;

  [[nodiscard]] std::uint8_t id() const noexcept { return id_; }
  [[nodiscard]] Bytes data() const noexcept { return Bytes{data_}.first(size_); }

 private:
  std::array<std::uint8_t, kMaxOneByteData> data_{};
  std::uint8_t size_ = 0;
  std::uint8_t id_ = 0;
};

/// Walks the elements of an extension's data. Padding is skipped; id 15, and id 0 with a length, end the walk
/// (the RFC demands that what follows is ignored).
class OneByteReader final {
 public:
  struct Item {
    std::uint8_t id;
    Bytes data;
  };

  explicit OneByteReader(Bytes extension) noexcept : rest_{extension} {}
  /// The next element; empty at the end, at a terminator and at a broken element.
  [[nodiscard]] std::optional<Item> next() noexcept;
  /// After the end: an element claims more bytes than there are.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// After the end: the terminator and everything behind it; empty when there is none.
  [[nodiscard]] Bytes terminated() const noexcept { return rest_; }

 private:
  Bytes rest_;
  bool broken_ = false;
};

/// What adding `element` to a packet will do.
struct Rewrite {
  std::size_t head_size = 0;  ///< bytes before the payload afterwards
  bool replaces = false;      ///< an element of this id was there and is replaced
};

/// Plans to set `element` on the packet that starts with `head` (at least header.payload_offset bytes). Other
/// elements keep their bytes and order; the first element of the same id is replaced in its place, further
/// ones disappear; a terminator stays behind all elements with what followed it. Faults: kOtherForm,
/// kBrokenElement, kNoRoom.
[[nodiscard]] Result<Rewrite> plan_rewrite(Bytes head, const Header& header, const Element& element) noexcept;

/// Writes the new head; `out` must hold exactly the head_size of the plan made from the same arguments.
void write_head(Bytes head, const Header& header, const Element& element,
                std::span<std::uint8_t> out) noexcept;

}  // namespace auralink::rtphdrext
