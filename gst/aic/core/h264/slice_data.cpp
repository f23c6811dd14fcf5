// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/slice_data.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "gst/aic/core/h264/bits.hpp"
#include "gst/aic/core/h264/cavlc.hpp"
#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_header.hpp"

namespace auralink::aic::h264 {
namespace {

/// coded_block_pattern by codeNum (table 9-4, ChromaArrayType 1), for Intra4x4 and for inter macroblocks.
constexpr std::array<std::uint8_t, 48> kCbpIntra{
    47, 31, 15, 0,  23, 27, 29, 30, 7, 11, 13, 14, 39, 43, 45, 46, 16, 3,  5,  10, 12, 19, 21, 26,
    28, 35, 37, 42, 44, 1,  2,  4,  8, 17, 18, 20, 24, 6,  9,  22, 25, 32, 33, 34, 36, 40, 38, 41};
constexpr std::array<std::uint8_t, 48> kCbpInter{
    0,  16, 1,  2,  4,  8,  32, 3,  5,  10, 12, 15, 47, 7,  11, 13, 14, 6,  9,  31, 35, 37, 42, 44,
    33, 34, 36, 40, 39, 43, 45, 46, 17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41};
constexpr auto inverse(const std::array<std::uint8_t, 48>& table) {
  std::array<std::uint8_t, 48> back{};
  for (std::size_t i = 0; i < table.size(); ++i) back[table[i]] = static_cast<std::uint8_t>(i);
  return back;
}
constexpr auto kCodeIntra = inverse(kCbpIntra);
constexpr auto kCodeInter = inverse(kCbpInter);

// Wider than any level allows; keeps sums of vectors and predictions within 16 bits.
constexpr std::int32_t kMaxMvd = 8192;

/// How many ref_idx a macroblock of this type has, and which 8x8 the i-th is of.
constexpr int reference_count(MbType type) noexcept {
  switch (type) {
    case MbType::k16x16:
      return 1;
    case MbType::k16x8:
    case MbType::k8x16:
      return 2;
    case MbType::k8x8:
      return 4;
    default:
      return 0;
  }
}
constexpr std::size_t reference_place(MbType type, int i) noexcept {
  return static_cast<std::size_t>(type == MbType::k16x8 ? i * 2 : i);
}
void set_reference(Macroblock& mb, int i, std::int8_t ref) noexcept {
  const auto at = static_cast<std::size_t>(i);
  switch (mb.type) {
    case MbType::k16x16:
      mb.ref.fill(ref);
      break;
    case MbType::k16x8:
      mb.ref[at * 2] = mb.ref[at * 2 + 1] = ref;
      break;
    case MbType::k8x16:
      mb.ref[at] = mb.ref[at + 2] = ref;
      break;
    default:
      mb.ref[at] = ref;
  }
}

/// nC (9.2.1) from the counts of the neighbours, -1 where there is none.
int predicted_total(int left, int above) noexcept {
  if (left >= 0 && above >= 0) return (left + above + 1) >> 1;
  return std::max({left, above, 0});
}

/// A macroblock with the neighbours that matter for parsing.
class Place final {
 public:
  Place(const MacroblockMap& picture, int address) noexcept
      : here_{picture.at.data() + address}, left_{picture.left(address)}, above_{picture.above(address)} {}
  [[nodiscard]] int luma_nc(std::size_t block) const noexcept {
    const std::size_t x = block & 3U;
    const int left = x != 0 ? here_->total[block - 1] : left_ != nullptr ? left_->total[block + 3] : -1;
    const int above = block >= 4          ? here_->total[block - 4]
                      : above_ != nullptr ? above_->total[block + 12]
                                          : -1;
    return predicted_total(left, above);
  }
  [[nodiscard]] int chroma_nc(std::size_t plane, std::size_t block) const noexcept {
    const auto at = [plane](const Macroblock* mb, std::size_t i) -> int {
      return mb != nullptr ? mb->chroma_total[plane][i] : -1;
    };
    const int left = (block & 1U) != 0 ? at(here_, block - 1) : at(left_, block + 1);
    const int above = block >= 2 ? at(here_, block - 2) : at(above_, block + 2);
    return predicted_total(left, above);
  }

 private:
  const Macroblock* here_;
  const Macroblock* left_;
  const Macroblock* above_;
};

/// Walks a header and takes its fields from bits.
struct HeaderReader {
  BitReader& bits;
  bool ue(Field /*field*/, std::uint32_t& value, std::uint32_t max) noexcept {
    value = bits.ue();
    return !bits.failed() && value <= max;
  }
  bool se(Field /*field*/, std::int32_t& value, std::int32_t min, std::int32_t max) noexcept {
    value = bits.se();
    return !bits.failed() && value >= min && value <= max;
  }
  bool u(Field /*field*/, std::uint32_t& value, unsigned count) noexcept {
    value = bits.take(count);
    return !bits.failed();
  }
  bool flag(Field /*field*/, bool& value) noexcept {
    value = bits.flag();
    return !bits.failed();
  }
};

struct HeaderWriter {
  BitWriter& bits;
  bool ue(Field /*field*/, const std::uint32_t& value, std::uint32_t /*max*/) {
    bits.ue(value);
    return true;
  }
  bool se(Field /*field*/, const std::int32_t& value, std::int32_t /*min*/, std::int32_t /*max*/) {
    bits.se(value);
    return true;
  }
  bool u(Field /*field*/, const std::uint32_t& value, unsigned count) {
    bits.put(count, value);
    return true;
  }
  bool flag(Field /*field*/, const bool& value) {
    bits.flag(value);
    return true;
  }
};

/// slice_data() (7.3.4) from bits to macroblocks.
class Reader final {
 public:
  Reader(BitReader& bits, MacroblockMap& picture, const ReadSlice& slice, std::int32_t number) noexcept
      : bits_{bits},
        picture_{picture},
        predicted_{slice.header.predicted()},
        references_{slice.header.references(*slice.pps)},
        qp_{slice.header.qp(*slice.pps)},
        number_{number},
        address_{static_cast<int>(slice.header.first_mb)} {}

  /// The address after the last macroblock, or -1.
  [[nodiscard]] int read() noexcept {
    const int first = address_;
    do {
      if (predicted_) {
        if (!skip_run()) return -1;
        if (!bits_.more()) break;
      }
      if (address_ >= picture_.size() || !macroblock() || bits_.failed()) return -1;
      ++address_;
    } while (bits_.more());
    return bits_.failed() || address_ == first ? -1 : address_;
  }

 private:
  [[nodiscard]] std::uint8_t qp() const noexcept { return static_cast<std::uint8_t>(qp_); }

  [[nodiscard]] bool skip_run() noexcept {
    const std::uint32_t run = bits_.ue();
    if (bits_.failed() || run > static_cast<std::uint32_t>(picture_.size() - address_)) return false;
    for (std::uint32_t i = 0; i < run; ++i)
      picture_.at[static_cast<std::size_t>(address_++)].clear(number_, MbType::kSkip, qp());
    return true;
  }

  [[nodiscard]] bool macroblock() noexcept {
    Macroblock& mb = picture_.at[static_cast<std::size_t>(address_)];
    std::uint32_t code = bits_.ue();
    if (predicted_ && code < 5) {
      mb.clear(number_, static_cast<MbType>(static_cast<std::uint32_t>(MbType::k16x16) + code), qp());
      return inter(mb) && coded_block_pattern(mb) && residual(mb);
    }
    if (predicted_) code -= 5;
    if (code > 25) return false;
    if (code == 25) return pcm(mb);
    mb.clear(number_, code == 0 ? MbType::kIntra4x4 : MbType::kIntra16x16, qp());
    mb.ref.fill(-1);
    if (code != 0) {  // table 7-11
      mb.intra16_mode = static_cast<std::uint8_t>((code - 1) & 3U);
      mb.cbp = static_cast<std::uint8_t>((code > 12 ? 15U : 0U) | ((code - 1) / 4 % 3) << 4U);
    }
    return intra(mb) && (code != 0 || coded_block_pattern(mb)) && residual(mb);
  }

  [[nodiscard]] bool pcm(Macroblock& mb) noexcept {
    mb.clear(number_, MbType::kPcm, qp());
    mb.ref.fill(-1);
    mb.cbp = 47;
    mb.total.fill(16);
    for (auto& plane : mb.chroma_total) plane.fill(16);
    while (!bits_.aligned())
      if (bits_.flag()) return false;  // pcm_alignment_zero_bit
    for (std::size_t i = 0; i < 384; ++i) mb.set_pcm_sample(i, static_cast<std::uint8_t>(bits_.take(8)));
    return true;
  }

  [[nodiscard]] bool intra(Macroblock& mb) noexcept {
    if (mb.type == MbType::kIntra4x4)
      for (auto& symbol : mb.intra4_symbol)
        symbol = bits_.flag() ? 0 : static_cast<std::uint8_t>(1 + bits_.take(3));
    const std::uint32_t mode = bits_.ue();
    mb.chroma_mode = static_cast<std::uint8_t>(mode);
    return mode <= 3;
  }

  [[nodiscard]] bool inter(Macroblock& mb) noexcept {
    if (mb.type >= MbType::k8x8) {
      for (auto& sub : mb.sub) {
        const std::uint32_t code = bits_.ue();
        if (code > 3) return false;
        sub = static_cast<std::uint8_t>(code);
      }
    }
    for (int i = 0; references_ > 1 && i < reference_count(mb.type); ++i) {
      const std::uint32_t ref = references_ == 2 ? (bits_.flag() ? 0U : 1U) : bits_.ue();  // te(v) (9.1)
      if (ref >= static_cast<std::uint32_t>(references_)) return false;
      set_reference(mb, i, static_cast<std::int8_t>(ref));
    }
    const Partitions parts = partitions_of(mb);
    for (int i = 0; i < parts.count; ++i) {
      const Partition& part = parts.at[static_cast<std::size_t>(i)];
      const std::int32_t dx = bits_.se();
      const std::int32_t dy = bits_.se();
      if (dx < -kMaxMvd || dx > kMaxMvd || dy < -kMaxMvd || dy > kMaxMvd) return false;
      const MotionVector mvd{static_cast<std::int16_t>(dx), static_cast<std::int16_t>(dy)};
      for (std::size_t y = part.y; y < std::size_t{part.y} + part.height; ++y)
        for (std::size_t x = part.x; x < std::size_t{part.x} + part.width; ++x) mb.mvd[y * 4 + x] = mvd;
    }
    return true;
  }

  [[nodiscard]] bool coded_block_pattern(Macroblock& mb) noexcept {
    const std::uint32_t code = bits_.ue();
    if (code > 47) return false;
    mb.cbp = mb.type == MbType::kIntra4x4 ? kCbpIntra[code] : kCbpInter[code];
    return true;
  }

  [[nodiscard]] bool residual(Macroblock& mb) noexcept {
    const bool whole = mb.type == MbType::kIntra16x16;
    if (mb.cbp == 0 && !whole) return true;
    const std::int32_t delta = bits_.se();
    if (delta < -26 || delta > 25) return false;
    qp_ = (qp_ + delta + 52) % 52;
    mb.qp_delta = static_cast<std::int8_t>(delta);
    mb.qp = qp();
    const Place place{picture_, address_};
    if (whole && !block(mb.dc.data(), 16, place.luma_nc(0), mb.dc_total)) return false;
    for (std::size_t i = 0; i < 16; ++i) {
      if ((mb.cbp >> (i >> 2U) & 1) == 0) continue;
      const std::size_t at = kRasterOfCoding[i];
      const std::size_t first = whole ? 1 : 0;
      mb.luma[at][0] = 0;
      if (!block(mb.luma[at].data() + first, 16 - static_cast<int>(first), place.luma_nc(at), mb.total[at]))
        return false;
    }
    return chroma(mb, place);
  }

  [[nodiscard]] bool chroma(Macroblock& mb, const Place& place) noexcept {
    for (std::size_t plane = 0; (mb.cbp & 0x30) != 0 && plane < 2; ++plane)
      if (!block(mb.chroma_dc[plane].data(), 4, kChromaDc, mb.chroma_dc_total[plane])) return false;
    for (std::size_t plane = 0; (mb.cbp & 0x20) != 0 && plane < 2; ++plane) {
      for (std::size_t i = 0; i < 4; ++i) {
        mb.chroma_ac[plane][i][0] = 0;
        if (!block(mb.chroma_ac[plane][i].data() + 1, 15, place.chroma_nc(plane, i),
                   mb.chroma_total[plane][i]))
          return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool block(std::int16_t* levels, int max, int nc, std::uint8_t& total) noexcept {
    const int count = read_block(bits_, levels, max, nc);
    if (count < 0) return false;
    total = static_cast<std::uint8_t>(count);
    return true;
  }

  BitReader& bits_;
  MacroblockMap& picture_;
  bool predicted_;
  int references_;
  int qp_;
  std::int32_t number_;
  int address_;
};

/// slice_data() (7.3.4) from macroblocks to bits.
class Writer final {
 public:
  Writer(BitWriter& bits, const MacroblockMap& picture, bool predicted, int references) noexcept
      : bits_{bits}, picture_{picture}, predicted_{predicted}, references_{references} {}

  void write(int first, int end) {
    std::uint32_t skipped = 0;
    for (address_ = first; address_ < end; ++address_) {
      const Macroblock& mb = picture_.at[static_cast<std::size_t>(address_)];
      if (mb.type == MbType::kSkip) {
        ++skipped;
        continue;
      }
      if (predicted_) bits_.ue(skipped);
      skipped = 0;
      macroblock(mb);
    }
    if (skipped > 0) bits_.ue(skipped);
  }

 private:
  void macroblock(const Macroblock& mb) {
    bits_.ue(type_code(mb));
    if (mb.type == MbType::kPcm) {
      bits_.align_with_zeros();
      for (std::size_t i = 0; i < 384; ++i) bits_.put(8, mb.pcm_sample(i));
      return;
    }
    if (is_intra(mb.type))
      intra(mb);
    else
      inter(mb);
    const bool whole = mb.type == MbType::kIntra16x16;
    if (!whole) bits_.ue(mb.type == MbType::kIntra4x4 ? kCodeIntra[mb.cbp] : kCodeInter[mb.cbp]);
    if (mb.cbp == 0 && !whole) return;
    bits_.se(mb.qp_delta);
    residual(mb, whole);
  }

  [[nodiscard]] std::uint32_t type_code(const Macroblock& mb) const noexcept {
    if (is_inter(mb.type))
      return static_cast<std::uint32_t>(mb.type) - static_cast<std::uint32_t>(MbType::k16x16);
    const std::uint32_t offset = predicted_ ? 5 : 0;
    if (mb.type == MbType::kIntra4x4) return offset;
    if (mb.type == MbType::kPcm) return offset + 25;
    return offset + 1U + mb.intra16_mode + 4U * (mb.cbp >> 4U) + ((mb.cbp & 15U) != 0 ? 12U : 0U);
  }

  void intra(const Macroblock& mb) {
    if (mb.type == MbType::kIntra4x4) {
      for (const auto symbol : mb.intra4_symbol) {
        if (symbol == 0)
          bits_.put(1, 1);
        else
          bits_.put(4, symbol - 1U);
      }
    }
    bits_.ue(mb.chroma_mode);
  }

  void inter(const Macroblock& mb) {
    if (mb.type >= MbType::k8x8)
      for (const auto sub : mb.sub) bits_.ue(sub);
    for (int i = 0; references_ > 1 && i < reference_count(mb.type); ++i) {
      const std::uint32_t ref = static_cast<std::uint8_t>(mb.ref[reference_place(mb.type, i)]);
      if (references_ == 2)
        bits_.flag(ref == 0);
      else
        bits_.ue(ref);
    }
    const Partitions parts = partitions_of(mb);
    for (int i = 0; i < parts.count; ++i) {
      const Partition& part = parts.at[static_cast<std::size_t>(i)];
      const MotionVector mvd = mb.mvd[std::size_t{part.y} * 4 + part.x];
      bits_.se(mvd.x);
      bits_.se(mvd.y);
    }
  }

  void residual(const Macroblock& mb, bool whole) {
    const Place place{picture_, address_};
    if (whole) write_block(bits_, mb.dc.data(), 16, place.luma_nc(0));
    for (std::size_t i = 0; i < 16; ++i) {
      if ((mb.cbp >> (i >> 2U) & 1) == 0) continue;
      const std::size_t at = kRasterOfCoding[i];
      const int first = whole ? 1 : 0;
      write_block(bits_, mb.luma[at].data() + first, 16 - first, place.luma_nc(at));
    }
    for (std::size_t plane = 0; (mb.cbp & 0x30) != 0 && plane < 2; ++plane)
      write_block(bits_, mb.chroma_dc[plane].data(), 4, kChromaDc);
    for (std::size_t plane = 0; (mb.cbp & 0x20) != 0 && plane < 2; ++plane)
      for (std::size_t i = 0; i < 4; ++i)
        write_block(bits_, mb.chroma_ac[plane][i].data() + 1, 15, place.chroma_nc(plane, i));
  }

  BitWriter& bits_;
  const MacroblockMap& picture_;
  bool predicted_;
  int references_;
  int address_ = 0;
};

}  // namespace

Refusal read_slice(Bytes nal, const ParameterSets& parameters, std::int32_t slice, MacroblockMap& picture,
                   ReadSlice& out) noexcept {
  if (!is_slice(nal) || (nal.front() & 0x80U) != 0) return Refusal::kMalformed;
  std::vector<std::uint8_t> payload;
  payload.reserve(nal.size());
  strip_emulation_prevention(nal.subspan(1), payload);
  BitReader bits{payload};
  out = ReadSlice{};
  out.header.nal_type = static_cast<std::uint8_t>(nal_type(nal));
  out.header.ref_idc = static_cast<std::uint8_t>(nal.front() >> 5U & 3U);
  HeaderReader io{bits};
  if (const Refusal refusal = walk(io, out.header, Among{parameters}, out.sps, out.pps);
      refusal != Refusal::kNone)
    return refusal;
  if (out.header.nal_type == 5 && (out.header.predicted() || out.header.ref_idc == 0))
    return Refusal::kMalformed;
  if (out.sps->width * out.sps->height > picture.most) return Refusal::kTooLarge;
  picture.resize(out.sps->width, out.sps->height);
  out.end = Reader{bits, picture, out, slice}.read();
  return out.end < 0 ? Refusal::kMalformed : Refusal::kNone;
}

void write_slice(const SliceHeader& header, const Sps& sps, const Pps& pps, int end,
                 const MacroblockMap& picture, std::vector<std::uint8_t>& out) {
  std::vector<std::uint8_t> payload;
  BitWriter bits{payload};
  SliceHeader copy = header;  // a walker may set fields; this one does not
  const Sps* the_sps = nullptr;
  const Pps* the_pps = nullptr;
  HeaderWriter io{bits};
  static_cast<void>(walk(
      io, copy,
      [&](std::uint32_t /*id*/, const Sps*& found_sps, const Pps*& found_pps) {
        found_sps = &sps;
        found_pps = &pps;
      },
      the_sps, the_pps));
  Writer{bits, picture, header.predicted(), header.references(pps)}.write(static_cast<int>(header.first_mb),
                                                                          end);
  bits.finish();
  out.push_back(static_cast<std::uint8_t>(header.ref_idc << 5U | header.nal_type));
  insert_emulation_prevention(payload, out);
}

Refusal read_exactly(Bytes nal, const ParameterSets& parameters, std::int32_t slice, MacroblockMap& picture,
                     ReadSlice& out, std::vector<std::uint8_t>& scratch) {
  const Refusal refusal = read_slice(nal, parameters, slice, picture, out);
  if (refusal != Refusal::kNone) return refusal;
  scratch.clear();
  write_slice(out.header, *out.sps, *out.pps, out.end, picture, scratch);
  return std::equal(nal.begin(), nal.end(), scratch.begin(), scratch.end()) ? Refusal::kNone
                                                                            : Refusal::kNotCanonical;
}

}  // namespace auralink::aic::h264
