// SPDX-License-Identifier: LGPL-2.1-or-later
// Graphviz: one cluster per fragment. No property values, they can hold secrets.
#include "orchestrator/pipeline/render_parts.hpp"

namespace auralink::pipeline {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c < ' ' && c >= 0 ? ' ' : c;
  }
  return out + '"';
}

}  // namespace

std::string render_dot(const Plan& plan) {
  const auto graph = parts::flatten(plan);
  std::string out =
      "digraph " + quoted(plan.name) +
      " {\n  rankdir=LR;\n  fontname=\"sans-serif\";\n"
      "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", fontname=\"sans-serif\", "
      "fontsize=10];\n  edge [fontname=\"sans-serif\", fontsize=8];\n";
  for (std::size_t i = 0; i < graph.fragments.size(); ++i) {
    out += "  subgraph " + quoted("cluster_" + std::to_string(i)) +
           " {\n    label=" + quoted(graph.fragments[i]) + ";\n    color=\"#9aa7b8\";\n";
    for (const auto& n : graph.nodes)
      if (n.fragment == i) out += "    " + quoted(n.name) + " [label=" + quoted(n.node.factory) + "];\n";
    out += "  }\n";
  }
  for (const auto& l : graph.links) {
    out += "  " + quoted(graph.nodes[l.from].name) + " -> " + quoted(graph.nodes[l.to].name);
    if (!l.caps.empty()) out += " [style=dashed]";
    out += ";\n";
  }
  return out + "}\n";
}

}  // namespace auralink::pipeline
