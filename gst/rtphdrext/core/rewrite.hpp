// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets and removes elements of a packet's header extension. Pure; thread-compatible.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gst/rtphdrext/core/extension.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::rtphdrext {

/// An element that borrows its bytes.
struct ElementView {
  std::uint8_t id = 0;  ///< 1..255
  Bytes data;           ///< 0..255 bytes
};

using IdSet = std::bitset<std::size_t{kMaxId} + 1>;

/// At most this many elements are set at once.
inline constexpr std::size_t kMaxSet = 16;

/// What is to be done with a packet. Ids in `set` are different from each other and not in `remove`.
struct Edits {
  std::span<const ElementView> set;  ///< up to kMaxSet
  IdSet remove;
};

/// What the edits will do.
struct Rewrite {
  std::size_t head_size = 0;  ///< bytes before the payload afterwards
  Form form = Form::kOneByte;
  bool extension = false;   ///< there is one afterwards
  bool converted = false;   ///< from the one-byte to the two-byte form
  std::uint8_t added = 0;   ///< elements whose id was not there
  std::uint8_t placed = 0;  ///< elements that take the place of one with their id
  std::size_t removed = 0;  ///< elements that go, without further ones of a replaced id
};

/// Plans edits of the packet that starts with `head` (at least header.payload_offset bytes).
///
/// Elements that are not named keep their bytes and order. The first element of a set id is replaced in its
/// place, further ones disappear; new ones follow behind all others, in the order given. A terminator stays
/// behind all elements with what followed it. The form stays what it is; one-byte becomes two-byte only when
/// an element that is set does not fit it. An extension whose last element is removed disappears.
/// Faults: kOtherForm, kTerminated, kBrokenElement, kNoRoom.
[[nodiscard]] Result<Rewrite> plan_rewrite(Bytes head, const Header& header, const Edits& edits) noexcept;

/// Writes the new head; `out` must hold exactly the head_size of the plan made from the same arguments, and
/// must not overlap `head`.
void write_head(Bytes head, const Header& header, const Edits& edits, const Rewrite& plan,
                std::span<std::uint8_t> out) noexcept;

}  // namespace auralink::rtphdrext
