// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>

#include "gst/rtphdrext/aic_meta.hpp"
#include "gst/rtphdrext/elements.hpp"

static gboolean plugin_init(GstPlugin* plugin) noexcept {
  auralink::rtphdrext::register_aic_meta();
  return GST_ELEMENT_REGISTER(rtpextinject, plugin) && GST_ELEMENT_REGISTER(rtphdrextaic, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, auralinkrtphdrext, "RTP header extensions (RFC 8285)",
                  plugin_init, AURALINK_VERSION, "LGPL", "AuraLink", "https://auralink.dev")
