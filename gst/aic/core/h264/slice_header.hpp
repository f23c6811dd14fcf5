// SPDX-License-Identifier: LGPL-2.1-or-later
// slice_header() (H.264 7.3.3), walked by whoever reads, writes or models it: the order of fields stands
// once.
#pragma once

#include <cstdint>
#include <utility>

#include "gst/aic/core/h264/slice.hpp"

namespace auralink::aic::h264 {

/// The fields of a slice header by name, for a walker that keeps something per field.
enum class Field : std::uint8_t {
  kFirstMb,
  kType,
  kPps,
  kFrameNum,
  kIdrPicId,
  kPocLsb,
  kDeltaPocBottom,
  kDeltaPoc0,
  kDeltaPoc1,
  kRedundantPicCnt,
  kOverride,
  kNumRefIdx,
  kReordering,
  kReorderOp,
  kReorderValue,
  kNoOutput,
  kLongTerm,
  kAdaptive,
  kMarkOp,
  kMarkFirst,
  kMarkSecond,
  kQpDelta,
  kDisableDeblocking,
  kAlpha,
  kBeta,
};
inline constexpr int kFields = 25;

/// Visits every field that this header has, in order. `Io` has, for each kind of descriptor (7.2):
///   bool ue(Field, std::uint32_t& value, std::uint32_t max)   bool se(Field, std::int32_t& value, int min,
///   int max) bool u(Field, std::uint32_t& value, unsigned bits)        bool flag(Field, bool& value)
/// each false to stop; a reader sets the value and checks the bounds. `find(pps_id, sps, pps)` sets the
/// parameter sets as soon as the id is known. The refusal that stopped it, kNone at the end.
template <class Io, class Find>
[[nodiscard]] Refusal walk(Io& io, SliceHeader& h, Find&& find, const Sps*& sps, const Pps*& pps) {
  constexpr auto kBad = Refusal::kMalformed;
  if (!io.ue(Field::kFirstMb, h.first_mb, 512 * 512 - 1) || !io.ue(Field::kType, h.type, 9)) return kBad;
  if (h.type % 5 != 0 && h.type % 5 != 2) return Refusal::kUnsupported;
  if (!io.ue(Field::kPps, h.pps, 255)) return kBad;
  find(h.pps, sps, pps);
  if (!pps->known || (pps->usable && !sps->known)) return Refusal::kUnknownParameters;
  if (!pps->usable || !sps->usable) return Refusal::kUnsupported;
  if (h.first_mb >= static_cast<std::uint32_t>(sps->width * sps->height)) return kBad;
  if (!io.u(Field::kFrameNum, h.frame_num, static_cast<unsigned>(sps->log2_max_frame_num))) return kBad;
  const bool idr = h.nal_type == 5;
  if (idr && !io.ue(Field::kIdrPicId, h.idr_pic_id, 65535)) return kBad;
  if (sps->poc_type == 0) {
    if (!io.u(Field::kPocLsb, h.poc_lsb, static_cast<unsigned>(sps->log2_max_poc_lsb))) return kBad;
    if (pps->bottom_field_pic_order &&
        !io.se(Field::kDeltaPocBottom, h.delta_poc_bottom, -(1 << 30), 1 << 30))
      return kBad;
  }
  if (sps->poc_type == 1 && !sps->delta_pic_order_always_zero) {
    if (!io.se(Field::kDeltaPoc0, h.delta_poc[0], -(1 << 30), 1 << 30)) return kBad;
    if (pps->bottom_field_pic_order && !io.se(Field::kDeltaPoc1, h.delta_poc[1], -(1 << 30), 1 << 30))
      return kBad;
  }
  if (pps->redundant_pic_cnt) {
    if (!io.ue(Field::kRedundantPicCnt, h.redundant_pic_cnt, 127)) return kBad;
    if (h.redundant_pic_cnt != 0) return Refusal::kUnsupported;
  }
  if (h.predicted()) {
    if (!io.flag(Field::kOverride, h.num_ref_idx_override)) return kBad;
    if (h.num_ref_idx_override && !io.ue(Field::kNumRefIdx, h.num_ref_idx_minus1, 31)) return kBad;
    if (!io.flag(Field::kReordering, h.reordering)) return kBad;
    if (h.reordering) {
      for (h.reorderings = 0;; ++h.reorderings) {
        if (h.reorderings >= h.reorder.size()) return kBad;
        auto& one = h.reorder[h.reorderings];
        if (!io.ue(Field::kReorderOp, one.op, 3)) return kBad;
        if (one.op == 3) break;
        if (!io.ue(Field::kReorderValue, one.value, 1U << 17U)) return kBad;
      }
    }
  }
  if (h.ref_idc != 0 && idr) {
    if (!io.flag(Field::kNoOutput, h.no_output_of_prior_pics) ||
        !io.flag(Field::kLongTerm, h.long_term_reference))
      return kBad;
  } else if (h.ref_idc != 0) {
    if (!io.flag(Field::kAdaptive, h.adaptive_marking)) return kBad;
    if (h.adaptive_marking) {
      for (h.markings = 0;; ++h.markings) {
        if (h.markings >= h.mark.size()) return kBad;
        auto& one = h.mark[h.markings];
        if (!io.ue(Field::kMarkOp, one.op, 6)) return kBad;
        if (one.op == 0) break;
        if (one.op != 5 && one.op != 6 && !io.ue(Field::kMarkFirst, one.first, 1U << 17U)) return kBad;
        if ((one.op == 3 || one.op == 6) && !io.ue(Field::kMarkSecond, one.second, 1U << 17U)) return kBad;
      }
    }
  }
  if (!io.se(Field::kQpDelta, h.qp_delta, -pps->init_qp, 51 - pps->init_qp)) return kBad;
  if (pps->deblocking_control) {
    if (!io.ue(Field::kDisableDeblocking, h.disable_deblocking, 2)) return kBad;
    if (h.disable_deblocking != 1 && (!io.se(Field::kAlpha, h.alpha_offset_div2, -6, 6) ||
                                      !io.se(Field::kBeta, h.beta_offset_div2, -6, 6)))
      return kBad;
  }
  return Refusal::kNone;
}

/// `find` for walk() among all that are known.
class Among final {
 public:
  explicit Among(const ParameterSets& sets) noexcept : sets_{sets} {}
  void operator()(std::uint32_t id, const Sps*& sps, const Pps*& pps) const noexcept {
    pps = &sets_.pps[id];
    sps = &sets_.sps[static_cast<std::size_t>(pps->sps)];
  }

 private:
  const ParameterSets& sets_;
};

}  // namespace auralink::aic::h264
