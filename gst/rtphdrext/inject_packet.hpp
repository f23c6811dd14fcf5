// SPDX-License-Identifier: LGPL-2.1-or-later
// A packet's memory: a new head in front of the payload that stays where it is. Thread-compatible.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "gst/rtphdrext/core/injection.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {

/// The rewritten head in memory of its own (transfer full); null when there is none to be had.
[[nodiscard]] GstMemory* new_head(Bytes head, const Decision& decision, const Edits& edits) noexcept;

/// Puts `head` (transfer full) in the place of the first `old_size` bytes. The rest of the memory stays the
/// packet's own, or is shared when somebody else holds the packet.
[[nodiscard]] support::Owned<GstBuffer> with_head(support::Owned<GstBuffer> packet, GstMemory* head,
                                                  gsize old_size) noexcept;

/// What the payload, bytes `begin` to `end` of the packet, tells about its frame. `head` is the beginning of
/// the packet. A payload that is spread over memories is read from a copy of its first 2048 bytes.
[[nodiscard]] std::optional<Fragment> fragment_in(GstBuffer* packet, Bytes head, gsize begin, gsize end,
                                                  Codec codec) noexcept;

}  // namespace auralink::rtphdrext
