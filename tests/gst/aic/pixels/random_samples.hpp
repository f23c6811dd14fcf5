// SPDX-License-Identifier: LGPL-2.1-or-later
// Samples to try functions on: noise, extremes and slopes, since each finds other mistakes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gst/aic/core/pixels/frame.hpp"

namespace auralink::aic::pixels {

class Random {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  /// from..to, both included.
  int operator()(int from, int to) {
    return from + static_cast<int>(engine_() % static_cast<unsigned>(to - from + 1));
  }

 private:
  std::mt19937 engine_;
};

enum class Kind { kNoise, kExtremes, kSlopes };
inline constexpr Kind kKinds[]{Kind::kNoise, Kind::kExtremes, Kind::kSlopes};

inline std::uint8_t sample_of(Kind kind, int x, int y, Random& random) {
  if (kind == Kind::kNoise) return static_cast<std::uint8_t>(random(0, 255));
  if (kind == Kind::kExtremes) return random(0, 1) != 0 ? 255 : 0;
  return static_cast<std::uint8_t>(std::clamp(90 + x + y * 2 + random(-6, 6), 0, 255));
}
inline std::vector<std::uint8_t> samples_of(Kind kind, int width, int height, Random& random) {
  std::vector<std::uint8_t> samples;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) samples.push_back(sample_of(kind, x, y, random));
  return samples;
}
inline Frame frame_of(Kind kind, int width, int height, Random& random) {
  Frame frame{width, height};
  for (int plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    for (int y = 0; y < height >> shift; ++y)
      for (int x = 0; x < width >> shift; ++x)
        frame.plane(plane)[y * frame.stride(plane) + x] = sample_of(kind, x, y, random);
  }
  frame.extend_borders();
  return frame;
}

}  // namespace auralink::aic::pixels
