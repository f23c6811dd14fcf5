// SPDX-License-Identifier: LGPL-2.1-or-later
// Which clips a description may read.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

/// Makes the paths of all file participants absolute. With a root they must lie beneath it after following
/// links; without one they must be absolute. The error names the participant and file.
[[nodiscard]] tl::expected<void, std::string> resolve_media(Description&, const std::string& root);

}  // namespace auralink::pipeline
