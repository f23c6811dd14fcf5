// SPDX-License-Identifier: LGPL-2.1-or-later
// What is told about a recording in the JSON file beside it: who was there and when, its pieces and pauses.
// Pure. What only the file knows (media, files, gaps) is added by whoever finishes it.
#pragma once

#include <cstdint>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

/// Seconds of the finished recording at which `at_mono` of that epoch lies: time between pieces and pauses do
/// not count. Before its beginning 0, after its end its length.
[[nodiscard]] double position_seconds(const Recording&, std::uint32_t epoch, Millis at_mono);

/// `conference`: nullptr when it is forgotten; then nobody is listed. Every piece must be closed.
[[nodiscard]] json::Value sidecar(const Recording&, const Conference* conference);

}  // namespace auralink::session
