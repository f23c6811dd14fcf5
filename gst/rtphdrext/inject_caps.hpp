// SPDX-License-Identifier: LGPL-2.1-or-later
// What caps of application/x-rtp say about header extensions. Thread-compatible.
#pragma once

#include <gst/gst.h>

#include "gst/rtphdrext/core/configuration.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {

/// extmap-N fields are a URI, or an array of direction, URI and attributes; others are ignored.
[[nodiscard]] StreamFacts facts_of(const GstCaps* caps);

/// The caps of packets that have gone through the assignment: extmap-N of what it writes is set, where it
/// does not say so already, and of what it removes is gone.
[[nodiscard]] support::Owned<GstCaps> after(const Assignment& assignment, const GstCaps* caps);

/// The caps that packets may have before: nothing is asked of extmap-N that the assignment writes.
[[nodiscard]] support::Owned<GstCaps> before(const Assignment& assignment, const GstCaps* caps);

}  // namespace auralink::rtphdrext
