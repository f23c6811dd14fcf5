// SPDX-License-Identifier: LGPL-2.1-or-later
// Still pictures of a finished recording: thumbnails, sprite sheets and the WebVTT track that leads from a
// moment to its tile. Only keyframes are read and decoded, so hours take seconds.
#pragma once

#include <vector>

#include "orchestrator/pipeline/finish.hpp"

namespace auralink::pipeline::finish {

/// One at the beginning (the first that is not black) and one every `order.preview_interval`, or as often as
/// there are keyframes; at most 5000. A recording without video gives none. Needs gst_init(). Blocks.
[[nodiscard]] Result<std::vector<session::Artifact>> draw(const session::FinishOrder& order,
                                                          const Finished& finished,
                                                          const OnProgress& progress);

}  // namespace auralink::pipeline::finish
