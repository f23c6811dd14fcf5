// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/seating.hpp"

#include <algorithm>

namespace auralink::pipeline {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::vector<std::string> assign_tiles(const SeatingOrder& order, const std::vector<std::string>& present,
                                      const std::vector<std::string>& previous) {
  std::vector<std::string> tiles;
  if (order.limit == 0) {
    for (const auto& name : order.wanted)
      if (has(present, name)) tiles.push_back(name);
    for (const auto& name : present)
      if (!has(order.wanted, name)) tiles.push_back(name);
    return tiles;
  }
  const auto stands_in = [&](const std::string& name) {
    return !name.empty() && has(present, name) && !has(order.wanted, name) && !has(tiles, name);
  };
  for (std::size_t i = 0; i < order.wanted.size() && tiles.size() < order.limit; ++i) {
    const auto& name = order.wanted[i];
    if (has(present, name))
      tiles.push_back(name);
    else if (order.in_place)
      tiles.push_back(i < previous.size() && stands_in(previous[i]) ? previous[i] : std::string{});
  }
  // As many stand in as are still missing; where all the chosen have pictures, nobody.
  const auto missing = static_cast<std::size_t>(
      std::ranges::count_if(order.wanted, [&](const auto& name) { return !has(present, name); }));
  auto spare = missing - static_cast<std::size_t>(std::ranges::count_if(tiles, [&](const auto& name) {
                 return !name.empty() && !has(order.wanted, name);
               }));
  for (const auto& name : previous) {
    if (spare == 0) break;
    if (!stands_in(name)) continue;
    const auto hole = std::ranges::find(tiles, std::string{});
    if (hole != tiles.end())
      *hole = name;
    else if (tiles.size() < order.limit)
      tiles.push_back(name);
    else
      break;
    --spare;
  }
  return tiles;
}

}  // namespace auralink::pipeline
