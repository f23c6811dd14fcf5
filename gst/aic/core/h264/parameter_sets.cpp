// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>
#include <optional>

#include "gst/aic/core/h264/bits.hpp"
#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice.hpp"

namespace auralink::aic::h264 {
namespace {

constexpr std::uint32_t kMaxSide = 512;  // macroblocks; level 6.2 allows 8192 luma samples
constexpr std::array kProfilesWithChromaFormat{100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

/// Whether what follows profile and level of a High family profile asks only for what Baseline has.
bool plain_high_fields(BitReader& bits) noexcept {
  if (bits.ue() != 1) return false;              // chroma_format_idc
  const std::uint32_t luma_depth = bits.ue();    // bit_depth_luma_minus8
  const std::uint32_t chroma_depth = bits.ue();  // bit_depth_chroma_minus8
  const bool bypass = bits.flag();               // qpprime_y_zero_transform_bypass_flag
  const bool scaling = bits.flag();              // seq_scaling_matrix_present_flag
  return luma_depth == 0 && chroma_depth == 0 && !bypass && !scaling;
}

struct Identified {
  std::uint32_t id;
  Sps sps;
};

/// Nothing if not even the id can be read; an unusable one if it asks for more than the engine knows.
std::optional<Identified> read_sps(BitReader bits) noexcept {
  const std::uint32_t profile = bits.take(8);
  bits.skip(16);  // constraint flags, level_idc
  const std::uint32_t id = bits.ue();
  if (bits.failed() || id > 31) return std::nullopt;
  const Identified unusable{id, {}};
  Sps sps;
  const bool has_format = std::any_of(kProfilesWithChromaFormat.begin(), kProfilesWithChromaFormat.end(),
                                      [&](int one) { return static_cast<std::uint32_t>(one) == profile; });
  if (has_format && !plain_high_fields(bits)) return unusable;
  const std::uint32_t frame_num = bits.ue();
  const std::uint32_t poc_type = bits.ue();
  if (frame_num > 12 || poc_type > 2) return unusable;
  sps.log2_max_frame_num = static_cast<int>(frame_num) + 4;
  sps.poc_type = static_cast<int>(poc_type);
  if (poc_type == 0) {
    const std::uint32_t lsb = bits.ue();
    if (lsb > 12) return unusable;
    sps.log2_max_poc_lsb = static_cast<int>(lsb) + 4;
  } else if (poc_type == 1) {
    sps.delta_pic_order_always_zero = bits.flag();
    static_cast<void>(bits.se());  // offset_for_non_ref_pic
    static_cast<void>(bits.se());  // offset_for_top_to_bottom_field
    const std::uint32_t cycle = bits.ue();
    if (cycle > 255) return unusable;
    for (std::uint32_t i = 0; i < cycle; ++i) static_cast<void>(bits.se());  // offset_for_ref_frame
  }
  const std::uint32_t references = bits.ue();
  bits.skip(1);  // gaps_in_frame_num_value_allowed_flag
  const std::uint32_t width = bits.ue();
  const std::uint32_t height = bits.ue();
  const bool frames_only = bits.flag();
  bits.skip(1);  // direct_8x8_inference_flag; cropping and VUI change nothing in slices
  if (bits.failed() || references > 16 || width >= kMaxSide || height >= kMaxSide || !frames_only)
    return unusable;
  sps.max_ref_frames = static_cast<int>(references);
  sps.width = static_cast<int>(width) + 1;
  sps.height = static_cast<int>(height) + 1;
  sps.usable = true;
  return Identified{id, sps};
}

struct IdentifiedPps {
  std::uint32_t id;
  Pps pps;
};

std::optional<IdentifiedPps> read_pps(BitReader bits) noexcept {
  const std::uint32_t id = bits.ue();
  const std::uint32_t sps = bits.ue();
  if (bits.failed() || id > 255) return std::nullopt;
  const IdentifiedPps unusable{id, {}};
  if (sps > 31) return unusable;
  Pps pps;
  pps.sps = static_cast<int>(sps);
  const bool cabac = bits.flag();
  pps.bottom_field_pic_order = bits.flag();
  const std::uint32_t slice_groups = bits.ue();
  if (cabac || slice_groups != 0) return unusable;
  const std::uint32_t references = bits.ue();
  static_cast<void>(bits.ue());  // num_ref_idx_l1_default_active_minus1
  const bool weighted = bits.flag();
  bits.skip(2);  // weighted_bipred_idc concerns B slices only
  const std::int32_t qp = bits.se();
  static_cast<void>(bits.se());  // pic_init_qs_minus26
  const std::int32_t chroma = bits.se();
  pps.deblocking_control = bits.flag();
  pps.constrained_intra = bits.flag();
  pps.redundant_pic_cnt = bits.flag();
  if (bits.failed() || references > 31 || weighted || qp < -26 || qp > 25 || chroma < -12 || chroma > 12)
    return unusable;
  if (bits.more()) {
    const bool transform8 = bits.flag();
    const bool scaling = bits.flag();
    const std::int32_t second_chroma = bits.se();
    if (transform8 || scaling || second_chroma != chroma || bits.failed()) return unusable;
  }
  pps.num_ref_idx = static_cast<int>(references) + 1;
  pps.init_qp = 26 + qp;
  pps.chroma_qp_offset = chroma;
  pps.usable = true;
  return IdentifiedPps{id, pps};
}

}  // namespace

const char* name(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kNoSlice:
      return "no-slice";
    case Refusal::kUnknownParameters:
      return "unknown-parameters";
    case Refusal::kUnsupported:
      return "unsupported";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kNotCanonical:
      return "not-canonical";
    case Refusal::kTooLarge:
      return "too-large";
  }
  return "unknown";
}

void ParameterSets::take(Bytes nal) noexcept {
  const int type = nal_type(nal);
  if (type != 7 && type != 8) return;
  std::vector<std::uint8_t> payload;
  strip_emulation_prevention(nal.subspan(1), payload);
  if (type == 7) {
    if (const auto found = read_sps(BitReader{payload})) {
      sps[found->id] = found->sps;
      sps[found->id].known = true;
    }
  } else if (const auto found = read_pps(BitReader{payload})) {
    pps[found->id] = found->pps;
    pps[found->id].known = true;
  }
}

}  // namespace auralink::aic::h264
