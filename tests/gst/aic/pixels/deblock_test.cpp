// SPDX-License-Identifier: LGPL-2.1-or-later
// The deblocking filter on pictures that no encoder would make, against clause 8.7 sample by sample.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/pixels/predict.hpp"
#include "tests/gst/aic/pixels/random_samples.hpp"

namespace auralink::aic::pixels {
namespace {

using h264::Macroblock;
using h264::MbType;

constexpr std::array<int, 52> kAlpha{0,  0,  0,  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
                                     0,  0,  0,  4,   4,   5,   6,   7,   8,   9,   10,  12,  13,
                                     15, 17, 20, 22,  25,  28,  32,  36,  40,  45,  50,  56,  63,
                                     71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226, 255, 255};
constexpr std::array<int, 52> kBeta{0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, 2,  2,
                                    2,  3,  3,  3,  3,  4,  4,  4,  6,  6,  7,  7,  8,  8,  9,  9, 10, 10,
                                    11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18};
/// tC0 by bS - 1 and indexA (table 8-17).
constexpr std::array<std::array<int, 52>, 3> kTc0{
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  1,  1,
      1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 7, 8, 9, 10, 11, 13},
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  1,  1,  1,  1,  1,
      1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 8, 10, 11, 12, 13, 15, 17},
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  1,  1,  1,  1,  1,  1,  1,  1,
      1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 7, 8, 9, 10, 11, 13, 14, 16, 18, 20, 23, 25}}};

/// The filter of one line of samples, in the order p3 p2 p1 p0 q0 q1 q2 q3, as equations 8-468 to 8-486.
void filter_line(std::array<int, 8>& s, int strength, int alpha, int beta, int tc0, bool luma) {
  const auto [p3, p2, p1, p0, q0, q1, q2, q3] = s;
  if (std::abs(p0 - q0) >= alpha || std::abs(p1 - p0) >= beta || std::abs(q1 - q0) >= beta) return;
  const bool ap = luma && std::abs(p2 - p0) < beta;
  const bool aq = luma && std::abs(q2 - q0) < beta;
  if (strength < 4) {
    const int tc = luma ? tc0 + int{ap} + int{aq} : tc0 + 1;
    const int delta = std::clamp((((q0 - p0) * 4) + (p1 - q1) + 4) >> 3, -tc, tc);
    s[3] = std::clamp(p0 + delta, 0, 255);
    s[4] = std::clamp(q0 - delta, 0, 255);
    if (ap) s[2] = p1 + std::clamp((p2 + ((p0 + q0 + 1) >> 1) - 2 * p1) >> 1, -tc0, tc0);
    if (aq) s[5] = q1 + std::clamp((q2 + ((p0 + q0 + 1) >> 1) - 2 * q1) >> 1, -tc0, tc0);
    return;
  }
  const bool small = std::abs(p0 - q0) < (alpha >> 2) + 2;
  s[3] = ap && small ? (p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3 : (2 * p1 + p0 + q1 + 2) >> 2;
  s[4] = aq && small ? (p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3 : (2 * q1 + q0 + p1 + 2) >> 2;
  if (ap && small) s[2] = (p2 + p1 + p0 + q0 + 2) >> 2, s[1] = (2 * p3 + 3 * p2 + p1 + p0 + q0 + 4) >> 3;
  if (aq && small) s[5] = (p0 + q0 + q1 + q2 + 2) >> 2, s[6] = (2 * q3 + 3 * q2 + q1 + q0 + p0 + 4) >> 3;
}

class Plain {
 public:
  Plain(Frame& frame, const h264::MacroblockMap& map, std::span<const SliceFilter> slices)
      : frame_{frame}, map_{map}, slices_{slices} {}
  int changed = 0;  ///< lines
  void run() {
    for (int address = 0; address < map_.size(); ++address) {
      const Macroblock& q = map_.at[static_cast<std::size_t>(address)];
      if (q.slice < 0 || slices_[static_cast<std::size_t>(q.slice)].disable == 1) continue;
      for (int plane = 0; plane < 3; ++plane)
        for (const bool vertical : {true, false}) edges(address, plane, vertical);
    }
  }

 private:
  /// The macroblock and block that hold luma sample (x, y).
  const Macroblock& at(int x, int y) const {
    return map_.at[static_cast<std::size_t>(y / 16 * map_.width + x / 16)];
  }
  static int qp_of(const Macroblock& mb) { return mb.type == MbType::kPcm ? 0 : mb.qp; }

  int strength(int px, int py, int qx, int qy) const {
    const Macroblock& p = at(px, py);
    const Macroblock& q = at(qx, qy);
    if (h264::is_intra(p.type) || h264::is_intra(q.type)) return &p != &q ? 4 : 3;
    const auto block = [](int x, int y) { return static_cast<std::size_t>(y / 4 % 4 * 4 + x / 4 % 4); };
    const auto eighth = [](int x, int y) { return static_cast<std::size_t>(y / 8 % 2 * 2 + x / 8 % 2); };
    if (p.total[block(px, py)] != 0 || q.total[block(qx, qy)] != 0) return 2;
    const auto a = p.mv[block(px, py)];
    const auto b = q.mv[block(qx, qy)];
    return p.ref[eighth(px, py)] != q.ref[eighth(qx, qy)] || std::abs(a.x - b.x) >= 4 ||
                   std::abs(a.y - b.y) >= 4
               ? 1
               : 0;
  }

  void edges(int address, int plane, bool vertical) {
    const int size = plane == 0 ? 16 : 8;
    const int scale = 16 / size;
    const int x0 = address % map_.width * size;
    const int y0 = address / map_.width * size;
    const Macroblock& q = map_.at[static_cast<std::size_t>(address)];
    const SliceFilter& filter = slices_[static_cast<std::size_t>(q.slice)];
    for (int e = 0; e < size; e += 4) {
      for (int i = 0; i < size; ++i) {
        const int x = x0 + (vertical ? e : i);
        const int y = y0 + (vertical ? i : e);
        const int px = x - (vertical ? 1 : 0);
        const int py = y - (vertical ? 0 : 1);
        if (px < 0 || py < 0) continue;
        const Macroblock& p = at(px * scale, py * scale);
        if (p.slice < 0 || (filter.disable == 2 && p.slice != q.slice)) continue;
        // Chroma samples have the strength of the luma samples at the same place of their edge.
        const int along = i * scale;
        const int lx = vertical ? x * scale : x0 * scale + along;
        const int ly = vertical ? y0 * scale + along : y * scale;
        const int bs = strength(lx - (vertical ? 1 : 0), ly - (vertical ? 0 : 1), lx, ly);
        if (bs == 0) continue;
        const auto qp = [&](const Macroblock& mb) {
          return plane == 0 ? qp_of(mb) : chroma_qp(qp_of(mb), filter.chroma_qp_offset);
        };
        const int average = (qp(p) + qp(q) + 1) >> 1;
        const auto a = static_cast<std::size_t>(std::clamp(average + filter.alpha_offset, 0, 51));
        const auto b = static_cast<std::size_t>(std::clamp(average + filter.beta_offset, 0, 51));
        const std::ptrdiff_t stride = frame_.stride(plane);
        const std::ptrdiff_t step = vertical ? 1 : stride;
        std::uint8_t* at_q = frame_.plane(plane) + y * stride + x;
        std::array<int, 8> line{};
        for (std::ptrdiff_t k = 0; k < 8; ++k) line[static_cast<std::size_t>(k)] = at_q[(k - 4) * step];
        const std::array<int, 8> before = line;
        filter_line(line, bs, kAlpha[a], kBeta[b], bs < 4 ? kTc0[static_cast<std::size_t>(bs) - 1][a] : 0,
                    plane == 0);
        for (std::ptrdiff_t k = 1; k < 7; ++k)
          at_q[(k - 4) * step] = static_cast<std::uint8_t>(line[static_cast<std::size_t>(k)]);
        changed += std::memcmp(before.data(), line.data(), sizeof line) != 0 ? 1 : 0;
      }
    }
  }

  Frame& frame_;
  const h264::MacroblockMap& map_;
  std::span<const SliceFilter> slices_;
};

Macroblock random_macroblock(Random& random) {
  constexpr MbType kTypes[]{MbType::kSkip, MbType::k16x16,    MbType::k8x8,        MbType::kSkip,
                            MbType::k8x16, MbType::kIntra4x4, MbType::kIntra16x16, MbType::kPcm};
  Macroblock mb;
  mb.clear(0, kTypes[random(0, 7)], static_cast<std::uint8_t>(random(0, 51)));
  const auto vector = [&random] {
    return h264::MotionVector{static_cast<std::int16_t>(random(-5, 5)),
                              static_cast<std::int16_t>(random(-5, 5))};
  };
  mb.mv.fill(vector());
  const bool one_vector = mb.type == MbType::kSkip || mb.type == MbType::k16x16;
  if (!one_vector) {
    for (auto& mv : mb.mv) mv = vector();
    for (auto& ref : mb.ref) ref = static_cast<std::int8_t>(random(0, 1));
  }
  if (h264::is_intra(mb.type)) mb.ref.fill(-1);
  if (mb.type == MbType::kSkip || random(0, 1) != 0) return mb;
  mb.cbp = 15;
  for (auto& total : mb.total) total = static_cast<std::uint8_t>(random(0, 3) / 3);
  return mb;
}

TEST(Deblock, IsTheStandards) {
  Random random{9};
  int changed = 0;
  for (int round = 0; round < 240; ++round) {
    h264::MacroblockMap map;
    map.resize(5, 4);
    std::array<SliceFilter, 3> slices{};
    for (auto& slice : slices)
      slice = {random(0, 5) % 3, random(-6, 6) * 2, random(-6, 6) * 2, random(-12, 12)};
    const int qp = round % 3 == 0 ? -1 : random(20, 51);
    for (int i = 0; i < map.size(); ++i) {
      Macroblock& mb = map.at[static_cast<std::size_t>(i)];
      mb = random_macroblock(random);
      if (qp >= 0) mb.qp = static_cast<std::uint8_t>(qp);
      mb.slice = i / 7;
      if (round % 10 == 0 && i == 11) mb.slice = -1;  // lost
    }
    Frame ours = frame_of(kKinds[round % 3], map.width * 16, map.height * 16, random);
    Frame theirs = ours;
    deblock(ours, map, slices);
    Plain plain{theirs, map, slices};
    plain.run();
    changed += plain.changed;
    for (int plane = 0; plane < 3; ++plane) {
      const int shift = plane == 0 ? 0 : 1;
      const std::ptrdiff_t stride = ours.stride(plane);
      const std::ptrdiff_t border = Frame::kBorder >> shift;
      for (std::ptrdiff_t y = -border; y < ((map.height * 16) >> shift) + border; ++y)
        for (std::ptrdiff_t x = -border; x < ((map.width * 16) >> shift) + border; ++x)
          ASSERT_EQ(ours.plane(plane)[y * stride + x], theirs.plane(plane)[y * stride + x])
              << "round " << round << " plane " << plane << " at " << x << "," << y;
    }
  }
  EXPECT_GT(changed, 20000) << "the pictures gave the filter something to do";
}

TEST(Deblock, FlatPicturesAndDisabledSlicesStayAsTheyAre) {
  Random random{10};
  h264::MacroblockMap map;
  map.resize(2, 2);
  for (Macroblock& mb : map.at) mb.clear(0, MbType::kIntra4x4, 51);
  Frame frame = frame_of(Kind::kNoise, 32, 32, random);
  const Frame before = frame;
  deblock(frame, map, std::array{SliceFilter{1, 0, 0, 0}});
  EXPECT_EQ(std::memcmp(frame.plane(0), before.plane(0), 32), 0);
  deblock(frame, map, {});  // a slice that nothing is known of
  EXPECT_EQ(std::memcmp(frame.plane(0), before.plane(0), 32), 0);
  Frame flat{32, 32};
  deblock(flat, map, std::array{SliceFilter{}});
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x) ASSERT_EQ(flat.plane(0)[y * flat.stride(0) + x], 128);
}

}  // namespace
}  // namespace auralink::aic::pixels
