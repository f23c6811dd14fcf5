// SPDX-License-Identifier: LGPL-2.1-or-later
// The deblocking filter (H.264 8.7).
#include <algorithm>
#include <array>
#include <cstdlib>

#include "gst/aic/core/pixels/predict.hpp"

namespace auralink::aic::pixels {
namespace {

using h264::Macroblock;
using h264::MbType;

constexpr std::array<std::uint8_t, 52> kAlpha{0,  0,  0,  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
                                              0,  0,  0,  4,   4,   5,   6,   7,   8,   9,   10,  12,  13,
                                              15, 17, 20, 22,  25,  28,  32,  36,  40,  45,  50,  56,  63,
                                              71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226, 255, 255};
constexpr std::array<std::uint8_t, 52> kBeta{
    0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  2,  2,  2,  3,  3,  3,  3,  4,  4,  4,
    6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18};
constexpr std::array<std::array<std::uint8_t, 3>, 52> kClip{
    {{0, 0, 0},   {0, 0, 0},    {0, 0, 0},    {0, 0, 0},   {0, 0, 0},  {0, 0, 0},  {0, 0, 0},   {0, 0, 0},
     {0, 0, 0},   {0, 0, 0},    {0, 0, 0},    {0, 0, 0},   {0, 0, 0},  {0, 0, 0},  {0, 0, 0},   {0, 0, 0},
     {0, 0, 0},   {0, 0, 1},    {0, 0, 1},    {0, 0, 1},   {0, 0, 1},  {0, 1, 1},  {0, 1, 1},   {1, 1, 1},
     {1, 1, 1},   {1, 1, 1},    {1, 1, 1},    {1, 1, 2},   {1, 1, 2},  {1, 1, 2},  {1, 1, 2},   {1, 2, 3},
     {1, 2, 3},   {2, 2, 3},    {2, 2, 4},    {2, 3, 4},   {2, 3, 4},  {3, 3, 5},  {3, 4, 6},   {3, 4, 6},
     {4, 5, 7},   {4, 5, 8},    {4, 6, 9},    {5, 7, 10},  {6, 8, 11}, {6, 8, 13}, {7, 10, 14}, {8, 11, 16},
     {9, 12, 18}, {10, 13, 20}, {11, 15, 23}, {13, 17, 25}}};

std::uint8_t clip(int value) noexcept { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }
std::size_t table_index(int value) noexcept { return static_cast<std::size_t>(std::clamp(value, 0, 51)); }

/// Boundary strengths of the four 4-sample pieces of an edge.
using Strengths = std::array<std::uint8_t, 4>;

/// One edge of a plane: `across` steps over it, `along` follows it.
struct Edge {
  std::uint8_t* first;  // q0 of the first line
  std::ptrdiff_t across;
  std::ptrdiff_t along;
  std::size_t index_a;
  int alpha;
  int beta;
};

void filter_luma(const Edge& edge, const Strengths& strengths) noexcept {
  for (std::size_t i = 0; i < 16; ++i) {
    const int strength = strengths[i / 4];
    if (strength == 0) continue;
    std::uint8_t* q = edge.first + static_cast<std::ptrdiff_t>(i) * edge.along;
    std::uint8_t* p = q - edge.across;
    const std::ptrdiff_t d = edge.across;
    const int p0 = p[0];
    const int p1 = p[-d];
    const int q0 = q[0];
    const int q1 = q[d];
    if (std::abs(p0 - q0) >= edge.alpha || std::abs(p1 - p0) >= edge.beta || std::abs(q1 - q0) >= edge.beta)
      continue;
    const int p2 = p[-2 * d];
    const int q2 = q[2 * d];
    const bool smooth_p = std::abs(p2 - p0) < edge.beta;
    const bool smooth_q = std::abs(q2 - q0) < edge.beta;
    if (strength == 4) {
      const bool flat = std::abs(p0 - q0) < (edge.alpha >> 2) + 2;
      if (flat && smooth_p) {
        const int p3 = p[-3 * d];
        p[0] = static_cast<std::uint8_t>((p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3);
        p[-d] = static_cast<std::uint8_t>((p2 + p1 + p0 + q0 + 2) >> 2);
        p[-2 * d] = static_cast<std::uint8_t>((2 * p3 + 3 * p2 + p1 + p0 + q0 + 4) >> 3);
      } else {
        p[0] = static_cast<std::uint8_t>((2 * p1 + p0 + q1 + 2) >> 2);
      }
      if (flat && smooth_q) {
        const int q3 = q[3 * d];
        q[0] = static_cast<std::uint8_t>((p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3);
        q[d] = static_cast<std::uint8_t>((p0 + q0 + q1 + q2 + 2) >> 2);
        q[2 * d] = static_cast<std::uint8_t>((2 * q3 + 3 * q2 + q1 + q0 + p0 + 4) >> 3);
      } else {
        q[0] = static_cast<std::uint8_t>((2 * q1 + q0 + p1 + 2) >> 2);
      }
      continue;
    }
    const int limit = kClip[edge.index_a][static_cast<std::size_t>(strength) - 1];
    const int reach = limit + (smooth_p ? 1 : 0) + (smooth_q ? 1 : 0);
    const int delta = std::clamp(((q0 - p0) * 4 + (p1 - q1) + 4) >> 3, -reach, reach);
    if (smooth_p)
      p[-d] = static_cast<std::uint8_t>(p1 +
                                        std::clamp((p2 + ((p0 + q0 + 1) >> 1) - 2 * p1) >> 1, -limit, limit));
    if (smooth_q)
      q[d] = static_cast<std::uint8_t>(q1 +
                                       std::clamp((q2 + ((p0 + q0 + 1) >> 1) - 2 * q1) >> 1, -limit, limit));
    p[0] = clip(p0 + delta);
    q[0] = clip(q0 - delta);
  }
}

void filter_chroma(const Edge& edge, const Strengths& strengths) noexcept {
  for (std::size_t i = 0; i < 8; ++i) {
    const int strength = strengths[i / 2];
    if (strength == 0) continue;
    std::uint8_t* q = edge.first + static_cast<std::ptrdiff_t>(i) * edge.along;
    std::uint8_t* p = q - edge.across;
    const int p0 = p[0];
    const int p1 = p[-edge.across];
    const int q0 = q[0];
    const int q1 = q[edge.across];
    if (std::abs(p0 - q0) >= edge.alpha || std::abs(p1 - p0) >= edge.beta || std::abs(q1 - q0) >= edge.beta)
      continue;
    if (strength == 4) {
      p[0] = static_cast<std::uint8_t>((2 * p1 + p0 + q1 + 2) >> 2);
      q[0] = static_cast<std::uint8_t>((2 * q1 + q0 + p1 + 2) >> 2);
    } else {
      const int reach = kClip[edge.index_a][static_cast<std::size_t>(strength) - 1] + 1;
      const int delta = std::clamp(((q0 - p0) * 4 + (p1 - q1) + 4) >> 3, -reach, reach);
      p[0] = clip(p0 + delta);
      q[0] = clip(q0 - delta);
    }
  }
}

/// Whether two 4x4 blocks are predicted differently enough to show (8.7.2.1, one reference list).
bool moves_apart(const Macroblock& p, std::size_t bp, const Macroblock& q, std::size_t bq) noexcept {
  const auto eighth = [](std::size_t block) { return (block >> 3U) * 2 + (block & 3U) / 2; };
  return p.ref[eighth(bp)] != q.ref[eighth(bq)] || std::abs(p.mv[bp].x - q.mv[bq].x) >= 4 ||
         std::abs(p.mv[bp].y - q.mv[bq].y) >= 4;
}

/// Of edge `e` (0 is the macroblock's own border to `p`) of `q`; false when nothing is to be filtered.
bool strengths_of(const Macroblock& p, const Macroblock& q, bool vertical, std::size_t e,
                  Strengths& out) noexcept {
  if (h264::is_intra(q.type) || h264::is_intra(p.type)) {
    out.fill(e == 0 ? 4 : 3);
    return true;
  }
  bool any = false;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t bq = vertical ? i * 4 + e : e * 4 + i;
    const std::size_t bp = e == 0 ? (vertical ? i * 4 + 3 : 12 + i) : (vertical ? bq - 1 : bq - 4);
    out[i] = q.total[bq] != 0 || p.total[bp] != 0 ? 2 : moves_apart(p, bp, q, bq) ? 1 : 0;
    any = any || out[i] != 0;
  }
  return any;
}

int filter_qp(const Macroblock& mb) noexcept { return mb.type == MbType::kPcm ? 0 : mb.qp; }

class Deblocker final {
 public:
  Deblocker(Frame& frame, const h264::MacroblockMap& map) noexcept : frame_{frame}, map_{map} {}

  void macroblock(int address, const SliceFilter& slice) const noexcept {
    const Macroblock& q = map_.at[static_cast<std::size_t>(address)];
    const int mx = address % map_.width;
    const int my = address / map_.width;
    for (const bool vertical : {true, false}) {
      for (std::size_t e = 0; e < 4; ++e) {
        const Macroblock* p = &q;
        if (e == 0) {
          if ((vertical ? mx : my) == 0) continue;
          p = &q - (vertical ? 1 : map_.width);
          if (p->slice < 0 || (slice.disable == 2 && p->slice != q.slice)) continue;
        } else if (q.type == MbType::kSkip || (q.type == MbType::k16x16 && (q.cbp & 15) == 0)) {
          break;  // one vector, no coefficients: nothing inside
        }
        Strengths strengths{};
        if (strengths_of(*p, q, vertical, e, strengths)) edge(mx, my, vertical, e, *p, q, slice, strengths);
      }
    }
  }

 private:
  void edge(int mx, int my, bool vertical, std::size_t e, const Macroblock& p, const Macroblock& q,
            const SliceFilter& slice, const Strengths& strengths) const noexcept {
    const int qp = (filter_qp(p) + filter_qp(q) + 1) >> 1;
    const int at = static_cast<int>(e) * 4;
    if (const auto a = table_index(qp + slice.alpha_offset); kAlpha[a] != 0)
      filter_luma(place(0, mx * 16 + (vertical ? at : 0), my * 16 + (vertical ? 0 : at), vertical, a,
                        table_index(qp + slice.beta_offset)),
                  strengths);
    if (e % 2 != 0) return;
    const int chroma = (chroma_qp(filter_qp(p), slice.chroma_qp_offset) +
                        chroma_qp(filter_qp(q), slice.chroma_qp_offset) + 1) >>
                       1;
    const auto a = table_index(chroma + slice.alpha_offset);
    if (kAlpha[a] == 0) return;
    for (int plane = 1; plane <= 2; ++plane)
      filter_chroma(place(plane, mx * 8 + (vertical ? at / 2 : 0), my * 8 + (vertical ? 0 : at / 2), vertical,
                          a, table_index(chroma + slice.beta_offset)),
                    strengths);
  }
  [[nodiscard]] Edge place(int plane, int x, int y, bool vertical, std::size_t a,
                           std::size_t b) const noexcept {
    const std::ptrdiff_t stride = frame_.stride(plane);
    std::uint8_t* first = frame_.plane(plane) + y * stride + x;
    return {first, vertical ? 1 : stride, vertical ? stride : 1, a, kAlpha[a], kBeta[b]};
  }

  Frame& frame_;
  const h264::MacroblockMap& map_;
};

}  // namespace

void deblock(Frame& frame, const h264::MacroblockMap& macroblocks,
             std::span<const SliceFilter> slices) noexcept {
  const Deblocker deblocker{frame, macroblocks};
  for (int address = 0; address < macroblocks.size(); ++address) {
    const int slice = macroblocks.at[static_cast<std::size_t>(address)].slice;
    if (slice < 0 || static_cast<std::size_t>(slice) >= slices.size()) continue;
    const SliceFilter& filter = slices[static_cast<std::size_t>(slice)];
    if (filter.disable != 1) deblocker.macroblock(address, filter);
  }
}

}  // namespace auralink::aic::pixels
