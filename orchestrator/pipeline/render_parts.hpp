// SPDX-License-Identifier: LGPL-2.1-or-later
// Private to render_*.cpp: a plan as one flat graph, every fragment joined to the others. Pure.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline::parts {

struct FlatLink {
  std::size_t from, to;  ///< indices of nodes
  std::string from_pad, to_pad, caps;
};
struct FlatNode {
  std::string name;  ///< unique in the graph: letters, digits, "_" and "-"
  std::size_t fragment;
  Node node;
};
struct FlatGraph {
  std::vector<std::string> fragments;
  std::vector<FlatNode> nodes;
  std::vector<FlatLink> links;
};

/// Encodes that no branch uses are left out. Participants are linked to mixers in order, with the tiles of
/// the canvas as properties "sink_0::xpos" and so on of the compositor.
[[nodiscard]] FlatGraph flatten(const Plan& plan);

}  // namespace auralink::pipeline::parts
