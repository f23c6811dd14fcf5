// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/motion.hpp"

#include <algorithm>

namespace auralink::aic::h264 {
namespace {

std::int16_t median(std::int16_t a, std::int16_t b, std::int16_t c) noexcept {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

}  // namespace

Motion::Motion(const MacroblockMap& picture, int address) noexcept {
  const Macroblock* here = picture.at.data() + address;
  const int x = address % picture.width;
  const int y = address / picture.width;
  const auto take = [&](int to_x, int to_y, const Macroblock& from, std::size_t block) {
    Known& to = known_[index(to_x, to_y)];
    if (is_intra(from.type)) {
      to.ref = kIntra;
    } else {
      to.ref = int{from.ref[(block >> 3U) * 2 + (block & 3U) / 2]};
      to.mv = from.mv[block];
    }
  };
  const auto same_slice = [&](const Macroblock* other) { return other->slice == here->slice; };
  if (x > 0 && same_slice(here - 1))
    for (int i = 0; i < 4; ++i) take(-1, i, here[-1], static_cast<std::size_t>(i * 4 + 3));
  if (y == 0) return;
  const Macroblock* above = here - picture.width;
  if (same_slice(above))
    for (int i = 0; i < 4; ++i) take(i, -1, *above, static_cast<std::size_t>(12 + i));
  if (x + 1 < picture.width && same_slice(above + 1)) take(4, -1, above[1], 12);
  if (x > 0 && same_slice(above - 1)) take(-1, -1, above[-1], 15);
}

const Motion::Known& Motion::diagonal(const Partition& part) const noexcept {
  const Known& c = at(part.x + part.width, part.y - 1);
  return c.ref != kMissing ? c : at(part.x - 1, part.y - 1);
}

MotionVector Motion::predict(MbType type, const Partition& part, int ref) const noexcept {
  const Known& a = at(part.x - 1, part.y);
  const Known& b = at(part.x, part.y - 1);
  const Known& c = diagonal(part);
  if (type == MbType::k16x8) {
    if (part.y == 0 && b.ref == ref) return b.mv;
    if (part.y != 0 && a.ref == ref) return a.mv;
  } else if (type == MbType::k8x16) {
    if (part.x == 0 && a.ref == ref) return a.mv;
    if (part.x != 0 && c.ref == ref) return c.mv;
  }
  const int matches = (a.ref == ref ? 1 : 0) + (b.ref == ref ? 1 : 0) + (c.ref == ref ? 1 : 0);
  if (matches == 1) return a.ref == ref ? a.mv : b.ref == ref ? b.mv : c.mv;
  if (b.ref == kMissing && c.ref == kMissing && a.ref != kMissing) return a.mv;
  return {median(a.mv.x, b.mv.x, c.mv.x), median(a.mv.y, b.mv.y, c.mv.y)};
}

MotionVector Motion::predict_skip() const noexcept {
  const Known& a = at(-1, 0);
  const Known& b = at(0, -1);
  const auto still = [](const Known& n) { return n.ref == 0 && n.mv == MotionVector{}; };
  if (a.ref == kMissing || b.ref == kMissing || still(a) || still(b)) return {};
  return predict(MbType::kSkip, {0, 0, 4, 4, 0}, 0);
}

void Motion::set(const Partition& part, int ref, MotionVector mv) noexcept {
  for (int y = part.y; y < part.y + part.height; ++y)
    for (int x = part.x; x < part.x + part.width; ++x) known_[index(x, y)] = {ref, mv};
}

}  // namespace auralink::aic::h264
