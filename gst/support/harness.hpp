// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests only: the one header of this room that needs gstreamer-check.
#pragma once

#include <gst/check/gstharness.h>

#include "gst/support/owned.hpp"

namespace auralink::support {

template <>
struct Release<GstHarness> {
  void operator()(GstHarness* p) const noexcept { gst_harness_teardown(p); }
};

}  // namespace auralink::support
