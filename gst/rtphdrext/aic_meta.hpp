// SPDX-License-Identifier: LGPL-2.1-or-later
// AIC metadata on buffers: the custom meta "AuralinkAicMeta", which other plugins and applications reach by
// its name (README.md). Thread-safe as far as the buffer is.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "gst/rtphdrext/core/aic_metadata.hpp"

namespace auralink::rtphdrext {

inline constexpr char kAicMeta[] = "AuralinkAicMeta";

/// Nicks of the modes as GObject shows them, in properties of both elements.
[[nodiscard]] GType aic_mode_type();

/// Once per process, when the plugin is loaded; further calls do nothing.
void register_aic_meta();

/// Fields mode (nick as string), native (boolean), saved, ssim-loss, epoch, au-seq (uint).
void fill(GstStructure* structure, const AicMetadata& metadata);

/// Sets the meta on a writable buffer; one that is there is changed.
void set_aic_meta(GstBuffer* buffer, const AicMetadata& metadata);
/// Empty when the buffer has none. Fields that are missing or of another type count as unset.
[[nodiscard]] std::optional<AicMetadata> get_aic_meta(const GstBuffer* buffer);

}  // namespace auralink::rtphdrext
