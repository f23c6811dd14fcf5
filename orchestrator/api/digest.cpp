// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/digest.hpp"

#include <glib.h>

namespace auralink::api {

std::string sha256(std::string_view bytes) {
  // GLib refuses a null pointer even for no bytes.
  const auto* data = reinterpret_cast<const guchar*>(bytes.empty() ? "" : bytes.data());
  gchar* text = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, bytes.size());
  std::string out{text};
  g_free(text);
  return out;
}

}  // namespace auralink::api
