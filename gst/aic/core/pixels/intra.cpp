// SPDX-License-Identifier: LGPL-2.1-or-later
// Intra prediction (H.264 8.3).
#include <algorithm>
#include <array>
#include <cstring>

#include "gst/aic/core/pixels/predict.hpp"

namespace auralink::aic::pixels {
namespace {

constexpr int kMissing = 128;  // where the standard has no value, any deterministic one serves

std::uint8_t clip(int value) noexcept { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }
std::uint8_t byte(int value) noexcept { return static_cast<std::uint8_t>(value); }
int smooth(int a, int b, int c) noexcept { return (a + 2 * b + c + 2) >> 2; }
int mean(int a, int b) noexcept { return (a + b + 1) >> 1; }

void fill(std::uint8_t* at, int stride, int size, int value) noexcept {
  for (int y = 0; y < size; ++y)
    std::memset(at + static_cast<std::ptrdiff_t>(y) * stride, value, static_cast<std::size_t>(size));
}
void copy_above(std::uint8_t* at, int stride, int size) noexcept {
  const std::uint8_t* above = at - stride;
  for (int y = 0; y < size; ++y)
    std::memcpy(at + static_cast<std::ptrdiff_t>(y) * stride, above, static_cast<std::size_t>(size));
}
void copy_left(std::uint8_t* at, int stride, int size) noexcept {
  for (int y = 0; y < size; ++y) {
    std::uint8_t* row = at + static_cast<std::ptrdiff_t>(y) * stride;
    std::memset(row, row[-1], static_cast<std::size_t>(size));
  }
}
/// Plane prediction of size 16 (slope 5, shift 6) and 8 (slope 34, shift 6).
void plane(std::uint8_t* at, int stride, int size, int slope) noexcept {
  const std::uint8_t* above = at - stride;
  const int half = size / 2;
  const auto left = [&](int y) -> int { return at[static_cast<std::ptrdiff_t>(y) * stride - 1]; };
  int h = 0;
  int v = 0;
  for (int i = 0; i < half; ++i) {
    h += (i + 1) * (above[half + i] - above[half - 2 - i]);
    v += (i + 1) * (left(half + i) - left(half - 2 - i));
  }
  const int a = 16 * (left(size - 1) + above[size - 1]);
  const int b = (slope * h + 32) >> 6;
  const int c = (slope * v + 32) >> 6;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      at[static_cast<std::ptrdiff_t>(y) * stride + x] =
          clip((a + b * (x - half + 1) + c * (y - half + 1) + 16) >> 5);
}

}  // namespace

void predict_intra4(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept {
  // The border as one line: left from the bottom up, the corner, above to the right. e[4] is the corner.
  std::array<int, 13> e{};
  e.fill(kMissing);
  if (have.above) {
    for (std::size_t i = 0; i < 4; ++i) e[5 + i] = at[-stride + static_cast<int>(i)];
    for (std::size_t i = 4; i < 8; ++i)
      e[5 + i] = have.above_right ? at[-stride + static_cast<int>(i)] : e[8];
  }
  if (have.left)
    for (int i = 0; i < 4; ++i)
      e[static_cast<std::size_t>(3 - i)] = at[static_cast<std::ptrdiff_t>(i) * stride - 1];
  if (have.left && have.above) e[4] = at[-stride - 1];
  const int* t = e.data() + 5;
  const auto l = [&e](int i) { return e[static_cast<std::size_t>(3 - i)]; };
  const auto set = [&](auto&& value) {
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 4; ++x) at[static_cast<std::ptrdiff_t>(y) * stride + x] = byte(value(x, y));
  };
  switch (mode) {
    case 0:
      return set([&](int x, int /*y*/) { return t[x]; });
    case 1:
      return set([&](int /*x*/, int y) { return l(y); });
    case 2: {
      const int above = t[0] + t[1] + t[2] + t[3];
      const int left = l(0) + l(1) + l(2) + l(3);
      const int dc = have.left && have.above ? (above + left + 4) >> 3
                     : have.left             ? (left + 2) >> 2
                     : have.above            ? (above + 2) >> 2
                                             : kMissing;
      return set([dc](int, int) { return dc; });
    }
    case 3:  // down-left
      return set([&](int x, int y) {
        const int i = x + y;
        return i == 6 ? (t[6] + 3 * t[7] + 2) >> 2 : smooth(t[i], t[i + 1], t[i + 2]);
      });
    case 4:  // down-right
      return set([&](int x, int y) {
        const int* c = e.data() + 4 + x - y;
        return smooth(c[-1], c[0], c[1]);
      });
    case 5:  // vertical-right
      return set([&](int x, int y) {
        const int z = 2 * x - y;
        if (z >= 0) {
          const int* c = e.data() + 4 + x - (y >> 1);
          return (z & 1) != 0 ? smooth(c[-1], c[0], c[1]) : mean(c[0], c[1]);
        }
        if (z == -1) return smooth(l(0), e[4], t[0]);
        return y == 2 ? smooth(l(1), l(0), e[4]) : smooth(l(2), l(1), l(0));
      });
    case 6:  // horizontal-down
      return set([&](int x, int y) {
        const int z = 2 * y - x;
        if (z >= 0) {
          const int* c = e.data() + 4 - (y - (x >> 1));
          return (z & 1) != 0 ? smooth(c[1], c[0], c[-1]) : mean(c[0], c[-1]);
        }
        if (z == -1) return smooth(l(0), e[4], t[0]);
        return x == 2 ? smooth(t[1], t[0], e[4]) : smooth(t[2], t[1], t[0]);
      });
    case 7:  // vertical-left
      return set([&](int x, int y) {
        const int i = x + (y >> 1);
        return (y & 1) != 0 ? smooth(t[i], t[i + 1], t[i + 2]) : mean(t[i], t[i + 1]);
      });
    default:  // 8, horizontal-up
      return set([&](int x, int y) {
        const int z = x + 2 * y;
        const int i = y + (x >> 1);
        if (z > 5) return l(3);
        if (z == 5) return (l(2) + 3 * l(3) + 2) >> 2;
        return (z & 1) != 0 ? smooth(l(i), l(i + 1), l(std::min(3, i + 2))) : mean(l(i), l(i + 1));
      });
  }
}

void predict_intra16(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept {
  constexpr int kSize = 16;
  if (mode == 0 && have.above) return copy_above(at, stride, kSize);
  if (mode == 1 && have.left) return copy_left(at, stride, kSize);
  if (mode == 3 && have.left && have.above) return plane(at, stride, kSize, 5);
  int sum = 0;
  for (int i = 0; have.above && i < kSize; ++i) sum += at[-stride + i];
  for (int i = 0; have.left && i < kSize; ++i) sum += at[static_cast<std::ptrdiff_t>(i) * stride - 1];
  const int dc = have.left && have.above   ? (sum + 16) >> 5
                 : have.left || have.above ? (sum + 8) >> 4
                                           : kMissing;
  fill(at, stride, kSize, dc);
}

void predict_intra_chroma(std::uint8_t* at, int stride, int mode, Neighbours have) noexcept {
  constexpr int kSize = 8;
  if (mode == 1 && have.left) return copy_left(at, stride, kSize);
  if (mode == 2 && have.above) return copy_above(at, stride, kSize);
  if (mode == 3 && have.left && have.above) return plane(at, stride, kSize, 34);
  for (int by = 0; by < 2; ++by) {
    for (int bx = 0; bx < 2; ++bx) {
      int left = 0;
      int above = 0;
      for (int i = 0; have.left && i < 4; ++i)
        left += at[static_cast<std::ptrdiff_t>(by * 4 + i) * stride - 1];
      for (int i = 0; have.above && i < 4; ++i) above += at[-stride + bx * 4 + i];
      // Blocks off the diagonal prefer the side they touch (8.3.4.1).
      const bool use_left = have.left && !(bx == 1 && by == 0 && have.above);
      const bool use_above = have.above && !(bx == 0 && by == 1 && have.left);
      const int dc = use_left && use_above ? (left + above + 4) >> 3
                     : use_left            ? (left + 2) >> 2
                     : use_above           ? (above + 2) >> 2
                                           : kMissing;
      fill(at + static_cast<std::ptrdiff_t>(by) * 4 * stride + bx * 4, stride, 4, dc);
    }
  }
}

}  // namespace auralink::aic::pixels
