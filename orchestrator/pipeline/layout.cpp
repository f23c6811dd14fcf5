// SPDX-License-Identifier: LGPL-2.1-or-later
// Where tiles go. Tiles fill the canvas without overlap; the compositor letterboxes pictures inside them. All
// coordinates are even, because 4:2:0 chroma has half the resolution.
#include <algorithm>
#include <cmath>

#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {
namespace {

int even(std::size_t n) { return static_cast<int>(n & ~std::size_t{1}); }

/// How many 16:9 pictures' worth of pixels `columns` by `rows` cells show.
double shown(double width, double height, std::size_t columns, std::size_t rows) {
  const double cell_width = width / static_cast<double>(columns);
  const double cell_height = height / static_cast<double>(rows);
  const double picture = std::min(cell_width, cell_height * 16.0 / 9.0);
  return picture * picture;
}

std::vector<Tile> grid(std::size_t width, std::size_t height, std::size_t count) {
  // Of two equal arrangements, a wide canvas takes the wider and a tall canvas the taller.
  const double tie = width >= height ? 0.9999 : 1.0001;
  std::size_t columns = 1;
  double best = 0;
  for (std::size_t c = 1; c <= count; ++c) {
    const auto area = shown(static_cast<double>(width), static_cast<double>(height), c, (count + c - 1) / c);
    if (area > best * tie) best = area, columns = c;
  }
  const std::size_t rows = (count + columns - 1) / columns;
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = i / columns;
    const std::size_t column = i % columns;
    const int x0 = even(column * width / columns);
    const int x1 = even((column + 1) * width / columns);
    const int y0 = even(row * height / rows);
    const int y1 = even((row + 1) * height / rows);
    tiles.push_back({x0, y0, x1 - x0, y1 - y0});
  }
  // The last row stands in the middle when it is not full.
  const std::size_t last = count - (rows - 1) * columns;
  if (last < columns) {
    const int used = even(last * width / columns);
    const int shift = even(static_cast<std::size_t>(static_cast<int>(width) - used) / 2);
    for (std::size_t i = count - last; i < count; ++i) tiles[i].x += shift;
  }
  return tiles;
}

std::vector<Tile> speaker(std::size_t width, std::size_t height, std::size_t count) {
  if (count == 1) return grid(width, height, 1);
  const std::size_t others = count - 1;
  const bool landscape = width >= height;
  const int w = even(width);
  const int h = even(height);
  // The strip takes a quarter of the long side; the speaker the rest.
  const int split = landscape ? even(width * 3 / 4) : even(height * 3 / 4);
  std::vector<Tile> tiles;
  tiles.push_back(landscape ? Tile{0, 0, split, h} : Tile{0, 0, w, split});
  const auto along = static_cast<std::size_t>(landscape ? h : w);
  for (std::size_t i = 0; i < others; ++i) {
    const int a = even(i * along / others);
    const int b = even((i + 1) * along / others);
    tiles.push_back(landscape ? Tile{split, a, w - split, b - a} : Tile{a, split, b - a, h - split});
  }
  return tiles;
}

}  // namespace

std::vector<Tile> arrange(Layout layout, unsigned width, unsigned height, std::size_t count) {
  if (count == 0) return {};
  switch (layout) {
    case Layout::grid:
      return grid(width, height, count);
    case Layout::speaker:
      return speaker(width, height, count);
    case Layout::single: {
      std::vector<Tile> tiles(count);
      tiles.front() = {0, 0, even(width), even(height)};
      return tiles;
    }
  }
  return {};
}

}  // namespace auralink::pipeline
