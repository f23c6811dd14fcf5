// SPDX-License-Identifier: LGPL-2.1-or-later
// Interpolation against the standard's own words, sample by sample.
#include <gtest/gtest.h>

#include <array>

#include "gst/aic/core/pixels/predict.hpp"
#include "tests/gst/aic/pixels/random_samples.hpp"

namespace auralink::aic::pixels {
namespace {

/// H.264 8.4.2.2.1 for one sample at a time.
class Reference {
 public:
  Reference(const Frame& frame, int x, int y) : frame_{frame}, x_{x}, y_{y} {}
  [[nodiscard]] int luma(int fx, int fy) const {
    const int G = full(0, 0);
    const int b = rounded(right(0, 0));
    const int h = rounded(down(0, 0));
    const int s = rounded(right(0, 1));
    const int m = rounded(down(1, 0));
    std::array<int, 6> rows{};
    for (int i = 0; i < 6; ++i) rows[static_cast<std::size_t>(i)] = right(0, i - 2);
    const int j = std::clamp((taps(rows) + 512) >> 10, 0, 255);
    const auto mean = [](int p, int q) { return (p + q + 1) >> 1; };
    // Table 8-12, by xFrac and then yFrac.
    const std::array<std::array<int, 4>, 4> table{
        {{G, mean(G, h), h, mean(h, full(0, 1))},
         {mean(G, b), mean(b, h), mean(h, j), mean(h, s)},
         {b, mean(b, j), j, mean(j, s)},
         {mean(b, full(1, 0)), mean(b, m), mean(j, m), mean(s, m)}}};
    return table[static_cast<std::size_t>(fx)][static_cast<std::size_t>(fy)];
  }

 private:
  static int taps(const std::array<int, 6>& v) {
    return v[0] - 5 * v[1] + 20 * v[2] + 20 * v[3] - 5 * v[4] + v[5];
  }
  static int rounded(int value) { return std::clamp((value + 16) >> 5, 0, 255); }
  [[nodiscard]] int full(int dx, int dy) const {
    const int x = std::clamp(x_ + dx, 0, frame_.width() - 1);
    const int y = std::clamp(y_ + dy, 0, frame_.height() - 1);
    return frame_.plane(0)[y * frame_.stride(0) + x];
  }
  [[nodiscard]] int right(int dx, int dy) const {
    std::array<int, 6> v{};
    for (int i = 0; i < 6; ++i) v[static_cast<std::size_t>(i)] = full(dx + i - 2, dy);
    return taps(v);
  }
  [[nodiscard]] int down(int dx, int dy) const {
    std::array<int, 6> v{};
    for (int i = 0; i < 6; ++i) v[static_cast<std::size_t>(i)] = full(dx, dy + i - 2);
    return taps(v);
  }
  const Frame& frame_;
  int x_, y_;
};

struct Place {
  int x, y, width, height;
  h264::MotionVector mv;
};
/// Mostly near the picture, sometimes as far away as a vector can say.
Place random_place(Random& random, int width, int height, int size_step, int fraction_bits) {
  Place p{};
  p.width = random(1, 5) * size_step;
  p.height = random(1, 5) * size_step;
  p.x = random(-4, width - size_step);
  p.y = random(-4, height - size_step);
  const int reach = random(0, 9) == 0 ? INT16_MAX : (48 << fraction_bits);
  p.mv = {static_cast<std::int16_t>(random(-reach, reach)), static_cast<std::int16_t>(random(-reach, reach))};
  return p;
}

constexpr std::uint8_t kUntouched = 77;

TEST(Inter, LumaIsTheStandards) {
  Random random{1};
  for (const Kind kind : kKinds) {
    const Frame frame = frame_of(kind, 64, 48, random);
    for (int round = 0; round < 600; ++round) {
      const Place p = random_place(random, 64, 48, 4, 2);
      std::array<std::uint8_t, 32 * 20> out{};
      out.fill(kUntouched);
      predict_luma(frame, p.x, p.y, p.width, p.height, p.mv, out.data(), 32);
      for (int y = 0; y < 20; ++y) {
        for (int x = 0; x < 32; ++x) {
          const bool inside = x < p.width && y < p.height;
          const Reference at{frame, p.x + x + (p.mv.x >> 2), p.y + y + (p.mv.y >> 2)};
          const int expected = inside ? at.luma(p.mv.x & 3, p.mv.y & 3) : kUntouched;
          ASSERT_EQ(out[static_cast<std::size_t>(y * 32 + x)], expected)
              << x << "," << y << " of " << p.width << "x" << p.height << " mv " << p.mv.x << "," << p.mv.y;
        }
      }
    }
  }
}

TEST(Inter, ChromaIsTheStandards) {
  Random random{2};
  for (const Kind kind : kKinds) {
    const Frame frame = frame_of(kind, 64, 48, random);
    for (int round = 0; round < 1000; ++round) {
      const int plane = random(1, 2);
      Place p = random_place(random, 32, 24, 2, 3);
      p.width = std::min(p.width, 8);
      p.height = std::min(p.height, 8);
      std::array<std::uint8_t, 16 * 9> out{};
      out.fill(kUntouched);
      predict_chroma(frame, plane, p.x, p.y, p.width, p.height, p.mv, out.data(), 16);
      const auto at = [&](int x, int y) -> int {
        return frame.plane(plane)[std::clamp(y, 0, 23) * frame.stride(plane) + std::clamp(x, 0, 31)];
      };
      const int fx = p.mv.x & 7;
      const int fy = p.mv.y & 7;
      for (int y = 0; y < 9; ++y) {
        for (int x = 0; x < 16; ++x) {
          const int sx = p.x + x + (p.mv.x >> 3);
          const int sy = p.y + y + (p.mv.y >> 3);
          const int value = ((8 - fx) * (8 - fy) * at(sx, sy) + fx * (8 - fy) * at(sx + 1, sy) +
                             (8 - fx) * fy * at(sx, sy + 1) + fx * fy * at(sx + 1, sy + 1) + 32) >>
                            6;
          ASSERT_EQ(out[static_cast<std::size_t>(y * 16 + x)],
                    x < p.width && y < p.height ? value : kUntouched);
        }
      }
    }
  }
}

}  // namespace
}  // namespace auralink::aic::pixels
