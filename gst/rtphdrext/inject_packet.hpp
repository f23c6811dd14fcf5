// SPDX-License-Identifier: LGPL-2.1-or-later
// A packet's memory: another head in front of the payload, which stays where it is. Thread-compatible.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "gst/rtphdrext/core/frame_info/fragment.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {

/// Puts `head` in the place of the first `old_size` bytes: over them when they are as many and nobody else
/// sees them, and otherwise in memory of its own. The rest of the memory stays the packet's own, or is shared
/// when somebody else holds the packet. Null when there is no memory to be had.
[[nodiscard]] support::Owned<GstBuffer> with_head(support::Owned<GstBuffer> packet, Bytes head,
                                                  gsize old_size) noexcept;

/// What the payload, bytes `begin` to `end` of the packet, tells about its frame. `head` is the beginning of
/// the packet. A payload that is spread over memories is read from a copy of its first 2048 bytes.
[[nodiscard]] std::optional<Fragment> fragment_in(GstBuffer* packet, Bytes head, gsize begin, gsize end,
                                                  Codec codec) noexcept;

}  // namespace auralink::rtphdrext
