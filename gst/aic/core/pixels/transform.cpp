// SPDX-License-Identifier: LGPL-2.1-or-later
// Scaling and inverse transforms (H.264 8.5).
#include <algorithm>
#include <array>

#include "gst/aic/core/pixels/predict.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::pixels {
namespace {

std::uint8_t clip(int value) noexcept { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// a << n without the undefined cases; levels are hostile until they have been checked against the original.
std::int32_t shifted(std::int32_t value, int by) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << static_cast<unsigned>(by));
}
std::int32_t product(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}
// Sums wrap alike: a stream that overflows predicts nonsense, the same on both ends.
std::int32_t sum(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
std::int32_t difference(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}

struct Four {
  std::int32_t a, b, c, d;
};
Four inverse(Four in) noexcept {
  const std::int32_t e = sum(in.a, in.c);
  const std::int32_t f = difference(in.a, in.c);
  const std::int32_t g = difference(in.b >> 1, in.d);
  const std::int32_t h = sum(in.b, in.d >> 1);
  return {sum(e, h), sum(f, g), difference(f, g), difference(e, h)};
}
Four hadamard(Four in) noexcept {
  const std::int32_t e = sum(in.a, in.b);
  const std::int32_t f = sum(in.c, in.d);
  const std::int32_t g = difference(in.a, in.b);
  const std::int32_t h = difference(in.c, in.d);
  return {sum(e, f), difference(e, f), difference(g, h), sum(g, h)};
}

}  // namespace

Scaled scale(const h264::Block& levels, int qp, int first) noexcept {
  Scaled out{};
  const auto& steps = kLevelScale[static_cast<std::size_t>(qp % 6)];
  for (auto k = static_cast<std::size_t>(first); k < 16; ++k) {
    if (levels[k] == 0) continue;
    const std::size_t at = h264::kZigzag[k];
    out[at] = shifted(product(levels[k], steps[kPositionClass[at]]), qp / 6);
  }
  return out;
}

std::array<std::int32_t, 16> scale_luma_dc(const h264::Block& levels, int qp) noexcept {
  std::array<std::int32_t, 16> s{};
  for (std::size_t k = 0; k < 16; ++k) s[h264::kZigzag[k]] = levels[k];
  for (std::size_t y = 0; y < 4; ++y) {
    const Four t = hadamard({s[y * 4], s[y * 4 + 1], s[y * 4 + 2], s[y * 4 + 3]});
    s[y * 4] = t.a, s[y * 4 + 1] = t.b, s[y * 4 + 2] = t.c, s[y * 4 + 3] = t.d;
  }
  const std::int32_t step = kLevelScale[static_cast<std::size_t>(qp % 6)][0] * 16;
  const int q = qp / 6;
  std::array<std::int32_t, 16> out{};
  for (std::size_t x = 0; x < 4; ++x) {
    const Four t = hadamard({s[x], s[4 + x], s[8 + x], s[12 + x]});
    const std::array<std::int32_t, 4> column{t.a, t.b, t.c, t.d};
    for (std::size_t y = 0; y < 4; ++y) {
      const std::int32_t v = product(column[y], step);
      out[y * 4 + x] = q >= 6 ? shifted(v, q - 6) : sum(v, 1 << (5 - q)) >> (6 - q);
    }
  }
  return out;
}

std::array<std::int32_t, 4> scale_chroma_dc(const std::array<std::int16_t, 4>& levels, int qp) noexcept {
  const int a = levels[0];
  const int b = levels[1];
  const int c = levels[2];
  const int d = levels[3];
  std::array<std::int32_t, 4> out{a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d};
  const std::int32_t step = kLevelScale[static_cast<std::size_t>(qp % 6)][0];
  for (auto& v : out) v = shifted(product(v, step), qp / 6) >> 1;
  return out;
}

void add_residual(const Scaled& c, std::uint8_t* at, int stride) noexcept {
  std::array<std::int32_t, 16> t;  // NOLINT(*-member-init)
  for (std::size_t y = 0; y < 4; ++y) {
    const Four row = inverse({c[y * 4], c[y * 4 + 1], c[y * 4 + 2], c[y * 4 + 3]});
    t[y * 4] = row.a, t[y * 4 + 1] = row.b, t[y * 4 + 2] = row.c, t[y * 4 + 3] = row.d;
  }
  for (std::size_t x = 0; x < 4; ++x) {
    const Four column = inverse({t[x], t[4 + x], t[8 + x], t[12 + x]});
    std::uint8_t* o = at + x;
    const auto add = [&o, stride](std::int32_t v) {
      *o = clip(*o + (sum(v, 32) >> 6));
      o += stride;
    };
    add(column.a), add(column.b), add(column.c), add(column.d);
  }
}

int chroma_qp(int luma_qp, int offset) noexcept {
  constexpr std::array<std::uint8_t, 22> kFrom30{29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36,
                                                 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39};
  const int index = std::clamp(luma_qp + offset, 0, 51);
  return index < 30 ? index : kFrom30[static_cast<std::size_t>(index - 30)];
}

}  // namespace auralink::aic::pixels
