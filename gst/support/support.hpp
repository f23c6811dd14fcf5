// SPDX-License-Identifier: LGPL-2.1-or-later
// The mechanics of GObject and GStreamer, kept in one room so that shells and the pipeline builder read as
// C++.
#pragma once

#include "gst/support/guarded.hpp"     // IWYU pragma: export
#include "gst/support/owned.hpp"       // IWYU pragma: export
#include "gst/support/properties.hpp"  // IWYU pragma: export
#include "gst/support/rtp.hpp"         // IWYU pragma: export
