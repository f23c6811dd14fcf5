// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer's debug log, routed into one callback instead of stderr.
#pragma once

#include <functional>
#include <string>

namespace auralink::pipeline {

struct GstLogEntry {
  unsigned level = 0;  ///< GstDebugLevel: 1 error, 2 warning, 3 fixme, 4 info, ...
  std::string category, object, message;
};

/// Replaces GStreamer's own log function. `sink` is called on the main (default) context, at most 100 times a
/// second; what exceeds that is counted and said in one entry. Call once, after gst_init() and before any
/// pipeline runs.
void route_gst_log(unsigned level, std::function<void(const GstLogEntry&)> sink);
void set_gst_log_level(unsigned level);

}  // namespace auralink::pipeline
