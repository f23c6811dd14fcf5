// SPDX-License-Identifier: LGPL-2.1-or-later
// Slices of any legal macroblocks: more of everything rare than an encoder would make.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gst/aic/core/h264/bits.hpp"
#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_data.hpp"

namespace auralink::aic::h264::test {

using Nal = std::vector<std::uint8_t>;

struct Format {
  std::uint32_t width = 5, height = 4;  ///< in macroblocks
  std::uint32_t references = 1;
  bool deblocking_control = true;
  bool constrained_intra = false;
};

inline Nal escaped(std::uint8_t header, const Nal& payload) {
  Nal out{header};
  insert_emulation_prevention(payload, out);
  return out;
}

inline Nal sps(const Format& f, std::uint32_t id = 0, std::uint32_t profile = 66) {
  Nal payload;
  BitWriter bits{payload};
  bits.put(8, profile), bits.put(8, 0xC0), bits.put(8, 31);
  bits.ue(id), bits.ue(0), bits.ue(2);  // log2_max_frame_num_minus4, pic_order_cnt_type
  bits.ue(f.references), bits.flag(false), bits.ue(f.width - 1), bits.ue(f.height - 1);
  bits.flag(true), bits.flag(true), bits.flag(false), bits.flag(false);
  bits.finish();
  return escaped(0x67, payload);
}

inline Nal pps(const Format& f, std::uint32_t id = 0, bool cabac = false, std::uint32_t sps_id = 0) {
  Nal payload;
  BitWriter bits{payload};
  bits.ue(id), bits.ue(sps_id), bits.flag(cabac), bits.flag(false), bits.ue(0);
  bits.ue(f.references - 1), bits.ue(0), bits.flag(false), bits.put(2, 0);
  bits.se(0), bits.se(0), bits.se(-2);
  bits.flag(f.deblocking_control), bits.flag(f.constrained_intra), bits.flag(false);
  bits.finish();
  return escaped(0x68, payload);
}

class RandomPicture final {
 public:
  explicit RandomPicture(unsigned seed) : random_{seed} {}

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  /// Fills `picture` from `first` to `end` and returns the slice as a NAL unit.
  Nal slice(const Format& f, const ParameterSets& sets, MacroblockMap& picture, int first, int end,
            std::int32_t number, bool predicted, std::uint32_t frame_num) {
    const Pps& the_pps = sets.pps[0];
    const Sps& the_sps = sets.sps[0];
    picture.resize(the_sps.width, the_sps.height);
    SliceHeader header;
    header.nal_type = predicted ? 1 : 5;
    header.ref_idc = 3;
    header.first_mb = static_cast<std::uint32_t>(first);
    header.type = predicted ? 5 : 7;
    header.frame_num = frame_num & 15U;
    header.qp_delta = below(50) - 25;
    header.disable_deblocking = f.deblocking_control ? static_cast<std::uint32_t>(below(3)) : 0;
    if (f.deblocking_control && header.disable_deblocking != 1) header.alpha_offset_div2 = below(13) - 6;
    int qp = header.qp(the_pps);
    for (int address = first; address < end; ++address)
      macroblock(picture, address, number, predicted, header.references(the_pps), qp);
    Nal out;
    write_slice(header, the_sps, the_pps, end, picture, out);
    return out;
  }

 private:
  void macroblock(MacroblockMap& picture, int address, std::int32_t number, bool predicted, int references,
                  int& qp) {
    Macroblock& mb = picture.at[static_cast<std::size_t>(address)];
    const auto type = predicted ? static_cast<MbType>(below(9)) : static_cast<MbType>(6 + below(3));
    mb.clear(number, type == MbType::kPcm && !chance(20) ? MbType::kIntra4x4 : type,
             static_cast<std::uint8_t>(qp));
    if (mb.type == MbType::kSkip) return;
    if (mb.type == MbType::kPcm) {
      mb.cbp = 47;
      mb.total.fill(16);
      for (auto& plane : mb.chroma_total) plane.fill(16);
      for (std::size_t i = 0; i < 384; ++i)
        mb.set_pcm_sample(i, static_cast<std::uint8_t>(chance(50) ? 0 : below(256)));
      return;
    }
    mb.cbp = static_cast<std::uint8_t>(below(16) | below(3) << 4);
    if (is_intra(mb.type)) {
      mb.ref.fill(-1);
      mb.chroma_mode = static_cast<std::uint8_t>(below(4));
      if (mb.type == MbType::kIntra16x16) {
        mb.intra16_mode = static_cast<std::uint8_t>(below(4));
        mb.cbp = static_cast<std::uint8_t>((mb.cbp & 0x30) | (chance(50) ? 15 : 0));
      } else {
        for (auto& symbol : mb.intra4_symbol) symbol = static_cast<std::uint8_t>(below(9));
      }
    } else {
      motion(mb, references);
    }
    if (mb.cbp == 0 && mb.type != MbType::kIntra16x16) return;
    mb.qp_delta = static_cast<std::int8_t>(chance(70) ? 0 : below(52) - 26);
    qp = (qp + mb.qp_delta + 52) % 52;
    mb.qp = static_cast<std::uint8_t>(qp);
    residual(mb);
  }

  void motion(Macroblock& mb, int references) {
    if (mb.type >= MbType::k8x8)
      for (auto& sub : mb.sub) sub = static_cast<std::uint8_t>(below(4));
    if (mb.type == MbType::k16x16) mb.ref.fill(static_cast<std::int8_t>(below(references)));
    if (mb.type == MbType::k16x8) mb.ref = pair(references, 0, 0, 1, 1);
    if (mb.type == MbType::k8x16) mb.ref = pair(references, 0, 1, 0, 1);
    if (mb.type == MbType::k8x8)
      for (auto& ref : mb.ref) ref = static_cast<std::int8_t>(below(references));
    const Partitions parts = partitions_of(mb);
    for (int i = 0; i < parts.count; ++i) {
      const Partition& part = parts.at[static_cast<std::size_t>(i)];
      const int reach = chance(5) ? 8192 : chance(30) ? 200 : 6;
      const MotionVector mvd{static_cast<std::int16_t>(below(2 * reach + 1) - reach),
                             static_cast<std::int16_t>(below(2 * reach + 1) - reach)};
      for (std::size_t y = part.y; y < std::size_t{part.y} + part.height; ++y)
        for (std::size_t x = part.x; x < std::size_t{part.x} + part.width; ++x) mb.mvd[y * 4 + x] = mvd;
    }
  }
  std::array<std::int8_t, 4> pair(int references, std::size_t a, std::size_t b, std::size_t c,
                                  std::size_t d) {
    const std::array<std::int8_t, 2> two{static_cast<std::int8_t>(below(references)),
                                         static_cast<std::int8_t>(below(references))};
    return {two[a], two[b], two[c], two[d]};
  }

  /// Levels first..end - 1, from none to all, from small to what a CAVLC escape can say.
  std::uint8_t levels(std::int16_t* at, int first, int end) {
    const int density = below(101);
    const int reach = chance(5) ? 20000 : chance(20) ? 60 : 2;
    std::uint8_t total = 0;
    for (int k = 0; k < end; ++k) {
      at[k] = 0;
      if (k < first || !chance(density)) continue;
      at[k] = static_cast<std::int16_t>((1 + below(reach)) * (chance(50) ? 1 : -1));
      ++total;
    }
    return total;
  }
  void residual(Macroblock& mb) {
    const bool whole = mb.type == MbType::kIntra16x16;
    if (whole) mb.dc_total = levels(mb.dc.data(), 0, 16);
    for (std::size_t i = 0; i < 16; ++i)
      if ((mb.cbp >> (i >> 2U) & 1) != 0) {
        const std::size_t block = kRasterOfCoding[i];
        mb.total[block] = levels(mb.luma[block].data(), whole ? 1 : 0, 16);
      }
    for (std::size_t plane = 0; plane < 2; ++plane) {
      if ((mb.cbp & 0x30) != 0) mb.chroma_dc_total[plane] = levels(mb.chroma_dc[plane].data(), 0, 4);
      for (std::size_t i = 0; i < 4 && (mb.cbp & 0x20) != 0; ++i)
        mb.chroma_total[plane][i] = levels(mb.chroma_ac[plane][i].data(), 1, 16);
    }
  }

  std::mt19937 random_;
};

/// The parameter sets of a format, taken.
inline ParameterSets sets_of(const Format& f) {
  ParameterSets sets;
  sets.take(sps(f));
  sets.take(pps(f));
  return sets;
}

}  // namespace auralink::aic::h264::test
