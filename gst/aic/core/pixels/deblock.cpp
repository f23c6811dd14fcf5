// SPDX-License-Identifier: LGPL-2.1-or-later
// The deblocking filter (H.264 8.7).
#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/pixels/eight.hpp"
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

std::size_t table_index(int value) noexcept { return static_cast<std::size_t>(std::clamp(value, 0, 51)); }

/// Boundary strengths of the four pieces of an edge, 4 luma or 2 chroma lines each.
using Strengths = std::array<std::uint8_t, 4>;

/// One edge of a plane.
struct Edge {
  std::uint8_t* first;  ///< q0 of the first line
  std::ptrdiff_t stride;
  bool vertical;
  std::size_t index_a;
  std::int16_t alpha;
  std::int16_t beta;
};

/// Eight lines over an edge. Sample i is p3 p2 p1 p0 q0 q1 q2 q3 of all of them.
using Lines = std::array<Eight, 8>;
constexpr std::size_t kP0 = 3;
constexpr std::size_t kQ0 = 4;

Eight distance(Eight a, Eight b) noexcept { return greatest(a, b) - least(a, b); }
Eight clamp(Eight v, Eight low, Eight high) noexcept { return greatest(least(v, high), low); }
Eight pick(Eight mask, Eight yes, Eight no) noexcept { return (yes & mask) | (no & ~mask); }

using Bytes16 [[gnu::vector_size(16)]] = std::uint8_t;

using Bytes8 [[gnu::vector_size(8)]] = std::uint8_t;
using Halves [[gnu::vector_size(16)]] = std::uint64_t;
static_assert(std::endian::native == std::endian::little, "vectors are seen as wider and narrower numbers");

/// Columns of 8x8 bytes, two to a vector, from its rows, in pairs that alternate byte by byte.
std::array<Bytes16, 4> transposed(const std::array<Bytes16, 4>& rows) noexcept {
  const auto pairs_low = [](Bytes16 a, Bytes16 b) {
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
  };
  const auto pairs_high = [](Bytes16 a, Bytes16 b) {
    return __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
  };
  const auto fours_low = [](Bytes16 a, Bytes16 b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  };
  const auto fours_high = [](Bytes16 a, Bytes16 b) {
    return __builtin_shufflevector(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  };
  const Bytes16 upper_left = pairs_low(rows[0], rows[1]);
  const Bytes16 upper_right = pairs_high(rows[0], rows[1]);
  const Bytes16 lower_left = pairs_low(rows[2], rows[3]);
  const Bytes16 lower_right = pairs_high(rows[2], rows[3]);
  return {fours_low(upper_left, lower_left), fours_high(upper_left, lower_left),
          fours_low(upper_right, lower_right), fours_high(upper_right, lower_right)};
}

/// In the lower half. Built in a register: memory that was written in parts is slow to read as a whole.
Bytes16 load8(const std::uint8_t* from) noexcept {
  std::uint64_t v = 0;
  std::memcpy(&v, from, sizeof v);
  return std::bit_cast<Bytes16>(Halves{v, 0});
}

/// Around a vertical edge, `at` is p3 of the first line.
Lines load_columns(const std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  std::array<Bytes16, 4> rows;  // NOLINT(*-member-init)
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint8_t* row = at + static_cast<std::ptrdiff_t>(2 * i) * stride;
    rows[i] = __builtin_shufflevector(load8(row), load8(row + stride), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                      21, 6, 22, 7, 23);
  }
  const std::array<Bytes16, 4> columns = transposed(rows);
  const Bytes16 zero{};
  Lines lines;  // NOLINT(*-member-init)
  for (std::size_t i = 0; i < 4; ++i) {
    lines[2 * i] = std::bit_cast<Eight>(
        __builtin_shufflevector(columns[i], zero, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    lines[2 * i + 1] = std::bit_cast<Eight>(__builtin_shufflevector(columns[i], zero, 8, 24, 9, 25, 10, 26,
                                                                    11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
  }
  return lines;
}
void store_columns(const Lines& lines, std::uint8_t* at, std::ptrdiff_t stride) noexcept {
  std::array<Bytes16, 4> columns;  // NOLINT(*-member-init)
  for (std::size_t i = 0; i < 4; ++i)
    columns[i] = std::bit_cast<Bytes16>(lines[2 * i] | lines[2 * i + 1] << 8);
  const std::array<Bytes16, 4> rows = transposed(columns);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto two = std::bit_cast<Halves>(rows[i]);
    const std::uint64_t first = two[0];
    const std::uint64_t second = two[1];
    std::uint8_t* to = at + static_cast<std::ptrdiff_t>(2 * i) * stride;
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + stride, &second, sizeof second);
  }
}

/// bS 4 (8.7.2.4); `mask` says which lines.
template <bool kLuma>
void filter_strongly(Lines& s, Eight mask, const Edge& edge) noexcept {
  const Lines in = s;
  const Eight flat =
      distance(in[kP0], in[kQ0]) < (Eight{} + static_cast<std::int16_t>((edge.alpha >> 2) + 2));
  // One side of the edge; `d` leads away from it.
  const auto side = [&](std::size_t at, std::ptrdiff_t d) {
    const auto own = [&](std::ptrdiff_t i) {
      return in[static_cast<std::size_t>(std::ptrdiff_t(at) + i * d)];
    };
    const auto out = [&](std::ptrdiff_t i) -> Eight& {
      return s[static_cast<std::size_t>(std::ptrdiff_t(at) + i * d)];
    };
    const Eight short_one = (2 * own(1) + own(0) + own(-2) + 2) >> 2;
    if constexpr (kLuma) {
      const Eight smooth = (distance(own(2), own(0)) < (Eight{} + edge.beta)) & flat;
      const Eight sum = own(0) + own(1) + own(-1);
      const Eight long_one = (own(2) + 2 * sum + own(-2) + 4) >> 3;
      out(0) = pick(mask, pick(smooth, long_one, short_one), own(0));
      out(1) = pick(mask & smooth, (own(2) + sum + 2) >> 2, own(1));
      out(2) = pick(mask & smooth, (2 * own(3) + 3 * own(2) + sum + 4) >> 3, own(2));
    } else {
      out(0) = pick(mask, short_one, own(0));
    }
  };
  side(kP0, -1);
  side(kQ0, 1);
}

/// bS 1 to 3 (8.7.2.3).
template <bool kLuma>
void filter_normally(Lines& s, Eight mask, Eight limit, const Edge& edge) noexcept {
  const Eight p1 = s[kP0 - 1];
  const Eight p0 = s[kP0];
  const Eight q0 = s[kQ0];
  const Eight q1 = s[kQ0 + 1];
  Eight reach = limit + std::int16_t{kLuma ? 0 : 1};
  if constexpr (kLuma) {
    const auto smooth_out = [&](std::size_t far, std::size_t near, Eight value) {
      const Eight smooth = distance(s[far], value) < (Eight{} + edge.beta);
      reach -= smooth;  // a mask is -1
      const Eight step = clamp((s[far] + ((p0 + q0 + 1) >> 1) - 2 * s[near]) >> 1, -limit, limit);
      s[near] = pick(mask & smooth, s[near] + step, s[near]);
    };
    smooth_out(kP0 - 2, kP0 - 1, p0);
    smooth_out(kQ0 + 2, kQ0 + 1, q0);
  }
  const Eight delta = clamp(((q0 - p0) * 4 + (p1 - q1) + 4) >> 3, -reach, reach);
  const Eight white = Eight{} + std::int16_t{255};
  s[kP0] = pick(mask, clamp(p0 + delta, Eight{}, white), p0);
  s[kQ0] = pick(mask, clamp(q0 - delta, Eight{}, white), q0);
}

/// False when nothing has changed.
template <bool kLuma>
bool filter(Lines& s, Eight strength, Eight limit, const Edge& edge) noexcept {
  const Eight beta = Eight{} + edge.beta;
  const Eight mask = (strength > 0) & (distance(s[kP0], s[kQ0]) < (Eight{} + edge.alpha)) &
                     (distance(s[kP0 - 1], s[kP0]) < beta) & (distance(s[kQ0 + 1], s[kQ0]) < beta);
  if (all_zero(mask)) return false;
  if (strength[0] == 4)  // then all of the edge is
    filter_strongly<kLuma>(s, mask, edge);
  else
    filter_normally<kLuma>(s, mask, limit, edge);
  return true;
}

/// Eight lines of luma are two pieces of an edge, eight of chroma are all four.
template <bool kLuma>
void filter_edge(const Edge& edge, const Strengths& strengths) noexcept {
  const std::ptrdiff_t stride = edge.stride;
  for (std::size_t half = 0; half < (kLuma ? 2U : 1U); ++half) {
    if (kLuma && (strengths[half * 2] | strengths[half * 2 + 1]) == 0) continue;
    std::array<std::int16_t, 8> strength;  // NOLINT(*-member-init)
    std::array<std::int16_t, 8> limit;     // NOLINT(*-member-init)
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t one = strengths[kLuma ? half * 2 + i / 4 : i / 2];
      strength[i] = static_cast<std::int16_t>(one);
      limit[i] = one == 0 || one == 4 ? std::int16_t{0} : kClip[edge.index_a][one - 1];
    }
    std::uint8_t* at = edge.first + static_cast<std::ptrdiff_t>(half) * 8 * (edge.vertical ? stride : 1);
    if (edge.vertical) {
      Lines lines = load_columns(at - 4, stride);
      if (filter<kLuma>(lines, load(strength.data()), load(limit.data()), edge))
        store_columns(lines, at - 4, stride);
      continue;
    }
    constexpr std::size_t kReach = kLuma ? 4 : 2;
    Lines lines{};
    for (std::size_t i = kQ0 - kReach; i < kQ0 + kReach; ++i)
      lines[i] = load(at + (static_cast<std::ptrdiff_t>(i) - 4) * stride);
    if (!filter<kLuma>(lines, load(strength.data()), load(limit.data()), edge)) continue;
    for (std::size_t i = kQ0 - kReach + 1; i < kQ0 + kReach - 1; ++i) {
      const Bytes8 bytes = __builtin_convertvector(lines[i], Bytes8);
      std::memcpy(at + (static_cast<std::ptrdiff_t>(i) - 4) * stride, &bytes, sizeof bytes);
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
      filter_edge<true>(place(0, mx * 16 + (vertical ? at : 0), my * 16 + (vertical ? 0 : at), vertical, a,
                              table_index(qp + slice.beta_offset)),
                        strengths);
    if (e % 2 != 0) return;
    const int chroma = (chroma_qp(filter_qp(p), slice.chroma_qp_offset) +
                        chroma_qp(filter_qp(q), slice.chroma_qp_offset) + 1) >>
                       1;
    const auto a = table_index(chroma + slice.alpha_offset);
    if (kAlpha[a] == 0) return;
    for (int plane = 1; plane <= 2; ++plane)
      filter_edge<false>(place(plane, mx * 8 + (vertical ? at / 2 : 0), my * 8 + (vertical ? 0 : at / 2),
                               vertical, a, table_index(chroma + slice.beta_offset)),
                         strengths);
  }
  [[nodiscard]] Edge place(int plane, int x, int y, bool vertical, std::size_t a,
                           std::size_t b) const noexcept {
    const std::ptrdiff_t stride = frame_.stride(plane);
    std::uint8_t* first = frame_.plane(plane) + y * stride + x;
    return {first, stride, vertical, a, kAlpha[a], kBeta[b]};
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
