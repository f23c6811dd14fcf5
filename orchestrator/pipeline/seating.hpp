// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of the pictures that are there are drawn, and in which tile. Pure.
//
// Who has been chosen needs a keyframe before it has a picture. Until then who was drawn before stays, so
// that no choice ever makes a hole.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace auralink::pipeline {

struct SeatingOrder {
  std::vector<std::string> wanted;  ///< by tile
  std::size_t limit = 0;            ///< tiles at most; 0: `wanted` comes first and everybody is drawn
  bool in_place = true;  ///< tiles are equal, and who stays keeps the tile; else the first matters most
};

/// `present`: who has a picture, in the order of the participants. `previous`: the last answer. Answers one
/// entry per tile; an empty one is a tile that is not drawn.
[[nodiscard]] std::vector<std::string> assign_tiles(const SeatingOrder& order,
                                                    const std::vector<std::string>& present,
                                                    const std::vector<std::string>& previous);

}  // namespace auralink::pipeline
