// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameter sets and slice headers of the streams that the lossless engine codes: H.264 Constrained Baseline
// with CAVLC (profile_idc does not matter, what is used does): frames only, 4:2:0 in 8 bit, no B, SI or SP
// slices, no 8x8 transform, no slice groups, no redundant pictures, no weighted prediction. Everything else
// is refused with a reason, never an error.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace auralink::aic::h264 {

using Bytes = std::span<const std::uint8_t>;

/// Why something is sent as it is.
enum class Refusal : std::uint8_t {
  kNone,
  kNoSlice,            ///< the access unit has no slice
  kUnknownParameters,  ///< a slice names a parameter set that has not been seen
  kUnsupported,        ///< CABAC, B slices, 8x8 transform, interlace, slice groups, weighted prediction, size
  kMalformed,          ///< bits that are not H.264
  kNotCanonical,       ///< sound, but writing it again gives other bits
  kTooLarge,           ///< over a bound of the engine
};
[[nodiscard]] const char* name(Refusal refusal) noexcept;

struct Sps {
  bool known = false;   ///< has been seen
  bool usable = false;  ///< and asks only for what the engine supports
  int log2_max_frame_num = 4;
  int poc_type = 0;
  int log2_max_poc_lsb = 4;
  bool delta_pic_order_always_zero = false;
  int max_ref_frames = 1;
  int width = 0;   ///< in macroblocks, 1..512
  int height = 0;  ///< in macroblocks, 1..512
  bool operator==(const Sps&) const = default;
};
struct Pps {
  bool known = false;   ///< has been seen
  bool usable = false;  ///< and asks only for what the engine supports
  int sps = 0;
  bool bottom_field_pic_order = false;
  int num_ref_idx = 1;  ///< num_ref_idx_l0_default_active
  int init_qp = 26;
  int chroma_qp_offset = 0;
  bool deblocking_control = false;
  bool constrained_intra = false;
  bool redundant_pic_cnt = false;
  bool operator==(const Pps&) const = default;
};
struct ParameterSets {
  std::array<Sps, 32> sps{};
  std::array<Pps, 256> pps{};
  /// Takes a NAL unit of type 7 or 8 (header byte included); anything else, or what cannot be read, changes
  /// nothing.
  void take(Bytes nal) noexcept;
  bool operator==(const ParameterSets&) const = default;
};

/// The fields of slice_header() that can occur, as written (7.3.3). Lists are bounded by the standard.
struct SliceHeader {
  std::uint8_t nal_type = 1;  ///< 1 or 5
  std::uint8_t ref_idc = 0;   ///< nal_ref_idc
  std::uint32_t first_mb = 0;
  std::uint32_t type = 0;  ///< slice_type as written: 0, 2, 5 or 7
  std::uint32_t pps = 0;
  std::uint32_t frame_num = 0;
  std::uint32_t idr_pic_id = 0;
  std::uint32_t poc_lsb = 0;
  std::int32_t delta_poc_bottom = 0;
  std::array<std::int32_t, 2> delta_poc{};
  std::uint32_t redundant_pic_cnt = 0;
  bool num_ref_idx_override = false;
  std::uint32_t num_ref_idx_minus1 = 0;
  bool reordering = false;
  struct Modification {
    std::uint32_t op = 3, value = 0;
  };
  std::uint8_t reorderings = 0;
  std::array<Modification, 33> reorder{};
  bool no_output_of_prior_pics = false;
  bool long_term_reference = false;
  bool adaptive_marking = false;
  struct Marking {
    std::uint32_t op = 0, first = 0, second = 0;
  };
  std::uint8_t markings = 0;
  std::array<Marking, 66> mark{};
  std::int32_t qp_delta = 0;
  std::uint32_t disable_deblocking = 0;
  std::int32_t alpha_offset_div2 = 0;
  std::int32_t beta_offset_div2 = 0;

  [[nodiscard]] bool predicted() const noexcept { return type % 5 == 0; }  ///< a P slice
  [[nodiscard]] int references(const Pps& p) const noexcept {
    return num_ref_idx_override ? static_cast<int>(num_ref_idx_minus1) + 1 : p.num_ref_idx;
  }
  [[nodiscard]] int qp(const Pps& p) const noexcept { return p.init_qp + qp_delta; }
};

}  // namespace auralink::aic::h264
