// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>

#include "gst/aic/elements.hpp"

static gboolean plugin_init(GstPlugin* plugin) noexcept {
  return GST_ELEMENT_REGISTER(rtpaiccompress, plugin) && GST_ELEMENT_REGISTER(rtpaicdecompress, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, auralinkaic,
                  "Learned lossless compression of H.264 over RTP", plugin_init, AURALINK_VERSION, "LGPL",
                  "AuraLink", "https://auralink.dev")
