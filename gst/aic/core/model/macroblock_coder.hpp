// SPDX-License-Identifier: LGPL-2.1-or-later
// Codes the macroblocks of one slice, element by element, each with its contexts; the same code in both
// directions. Each element has a file of its own. Encoding reads `source`, and only the element at hand;
// everything that contexts look at is in Model, where a decoder has it too.
#pragma once

#include <array>
#include <cstdint>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/h264/motion.hpp"
#include "gst/aic/core/h264/slice.hpp"
#include "gst/aic/core/model/model.hpp"
#include "gst/aic/core/pixels/features.hpp"
#include "gst/aic/core/pixels/predict.hpp"
#include "gst/aic/core/pixels/spectrum.hpp"

namespace auralink::aic::model {

struct SliceContext {
  const h264::SliceHeader& header;
  const h264::Sps& sps;
  const h264::Pps& pps;
  std::int32_t number = 0;  ///< of the slice in its picture
  bool pixels = true;       ///< reconstruct, and measure samples
  bool thorough = true;     ///< and all that can be measured, in more contexts
};

template <Direction D>
class MacroblockCoder final {
 public:
  /// `source` is what is to be coded; null when decoding.
  MacroblockCoder(Model& model, const SliceContext& slice, const h264::MacroblockMap* source) noexcept;

  /// Codes the macroblock at `address` into model.current. False: the bits are not what this class writes.
  [[nodiscard]] bool code(int address);

 private:
  /// Neighbours of a block whose levels tell about it; null or -1 where there is none.
  struct BlockContext {
    const std::int16_t* left = nullptr;
    const std::int16_t* above = nullptr;
    const std::int16_t* other = nullptr;  ///< of the other chroma plane
    const std::int8_t* past = nullptr;    ///< same place
    const std::int8_t* moved = nullptr;   ///< where the motion vector points
    int left_total = -1, above_total = -1, other_total = 0, past_total = -1, moved_total = 0;
    int past_right_total = -1, past_below_total = -1;
  };
  /// What is known about a chroma block beside its prediction.
  struct ChromaSurroundings {
    std::array<int, 4> left{};   ///< how wrong the prediction was in the column to the left; intra: how far
                                 ///< the prediction is from what it continues
    std::array<int, 4> above{};  ///< and in the row above
    bool has_luma = false;
    std::array<std::int16_t, 16> luma{};  ///< at half the size, times four: the residual of luma; intra: luma
  };
  enum class Kind : std::uint8_t { kInter, kIntra4, kIntra16Dc, kIntra16Ac, kChromaDc, kChromaAc };

  [[nodiscard]] bool bit(bool value, int node) { return coder_.template code<D>(value, node); }
  /// Unary number from `from` to `most`, node by node (the last repeated after `nodes`).
  [[nodiscard]] int unary(int value, int from, int most, int first_node, int nodes);
  /// Exp-Golomb of 0..2^16 - 1; `nodes` for the prefix, `nodes` more for the rest.
  [[nodiscard]] int exp_golomb(int value, int first_node, int nodes);

  void locate(int address);
  void code_type();
  void code_type_in_p();
  void code_intra_modes();
  void code_intra4_mode(std::size_t block, std::size_t order);
  void code_sub_types();
  void code_references();
  void code_motion();
  [[nodiscard]] int code_mvd(bool vertical, int value, const h264::Partition& part,
                             h264::MotionVector predicted, int shape, int dx,
                             const pixels::Gradients& gradients);
  void code_cbp();
  void code_cbp_luma();
  void code_cbp_chroma();
  void code_qp_delta();
  void code_residual();
  void code_luma_dc();
  void code_luma_block(std::size_t block, std::size_t order);
  void code_chroma();
  void code_chroma_dc(std::size_t plane);
  void code_chroma_ac(std::size_t plane, std::size_t block, std::int32_t dc);
  void code_pcm();
  /// The levels first..15 (chroma DC: 0..3) of one block; TotalCoeff.
  int code_levels(Kind kind, const std::int16_t* source, int source_total, std::int16_t* levels, int first,
                  int count, const BlockContext& context, int index);
  int code_total(Kind kind, int value, int most, const BlockContext& context, int index);
  bool code_significance(Kind kind, bool value, const BlockContext& context, int index);
  int code_magnitude(Kind kind, int value, const BlockContext& context, int index);
  bool code_sign(Kind kind, bool value, const BlockContext& context);

  // Samples.
  void predict_inter();
  void predict_skip();
  void measure_block(std::size_t block);
  void measure_gradients(std::size_t block, const pixels::Square& prediction) noexcept;
  void measure_intra_block(std::size_t block);
  void look_outside(std::size_t k) noexcept;
  void fill_outside(std::size_t k, int level) noexcept;
  void make_alternatives();
  void sum_up() noexcept;
  void add_luma(std::size_t block, const std::int16_t* levels, std::int32_t dc);
  [[nodiscard]] std::uint8_t* chroma_at(std::size_t plane, std::size_t block) noexcept;
  /// The reference's samples at the same place, null if that is the prediction or there is none.
  [[nodiscard]] const std::uint8_t* still_chroma(std::size_t plane, std::size_t block) const noexcept;
  /// `inner`: blocks of this macroblock count as reconstructed; `known`: what is added to the prediction.
  [[nodiscard]] ChromaSurroundings chroma_surroundings(std::size_t plane, std::size_t block, bool inner,
                                                       int known);
  void measure_chroma_dc(std::size_t plane);
  void measure_chroma_ac(std::size_t plane, std::size_t block, std::int32_t dc);
  void finish_chroma_features(const BlockEstimator& estimator, std::size_t first) noexcept;
  void accumulate(bool residual);
  [[nodiscard]] bool intra_neighbour(const h264::Macroblock* mb) const noexcept;
  [[nodiscard]] pixels::Neighbours intra4_neighbours(std::size_t block) const noexcept;
  [[nodiscard]] std::uint8_t* luma_at(int x, int y) noexcept {
    return picture_.plane(0) + (my_ * 16 + y) * std::ptrdiff_t{picture_.stride(0)} + mx_ * 16 + x;
  }
  [[nodiscard]] const pixels::Frame& reference(int index) const noexcept;
  [[nodiscard]] int place_energy(bool predicted) noexcept;
  [[nodiscard]] int accumulated8x8(std::size_t eighth, h264::MotionVector mv) const noexcept;
  [[nodiscard]] int boundary8x8(std::size_t eighth) noexcept;

  // Neighbours as contexts.
  [[nodiscard]] const Past* past_at(int block_x, int block_y, std::size_t& block) const noexcept;
  [[nodiscard]] static int type_of(const h264::Macroblock* mb) noexcept {
    return mb != nullptr ? static_cast<int>(mb->type) : 9;
  }
  [[nodiscard]] static int type_of(const Past* mb) noexcept {
    return mb != nullptr ? static_cast<int>(mb->type) : 9;
  }
  template <class Mb>
  [[nodiscard]] static int all_totals(const Mb* mb) noexcept {
    int sum = 0;
    if (mb != nullptr)
      for (const int total : mb->total) sum += total;
    return sum;
  }

  Model& m_;
  Coder& coder_;
  pixels::Frame& picture_;
  const SliceContext& slice_;
  const h264::MacroblockMap* source_;
  int references_;
  int qp_;
  int last_qp_delta_ = 0;

  // The macroblock at hand.
  int address_ = 0;
  int mx_ = 0, my_ = 0;
  h264::Macroblock* mb_ = nullptr;
  const h264::Macroblock* want_ = nullptr;  // what is to be coded
  History* history_ = nullptr;
  const h264::Macroblock *left_ = nullptr, *above_ = nullptr, *above_right_ = nullptr, *above_left_ = nullptr;
  const Past *past_ = nullptr, *past_right_ = nullptr, *past_below_ = nullptr, *past_left_ = nullptr,
             *past_above_ = nullptr;
  h264::Motion motion_;
  bool bad_ = false;

  // What its motion says.
  int motion_size_ = 0;  // bucket of the sum of |mvd|
  int skip_like_ = 0;    // 2: 16x16 with the vector that a skip would have; 1: 16x16 with another
  int past_motion_ = 0;  // 2: as the past one, 1: another

  // Its residual so far.
  int luma_total_ = 0;
  int eighth_total_ = 0;  // in this 8x8, or chroma plane
  int eighth_lacks_ = 0;  // until an encoder finds this 8x8 worth coding

  int eighth_index_ = 0;   // of the block in it
  int running_total_ = 0;  // History of the block
  int mode_ = 0;           // intra mode, as a context
  int level_total_ = 0, level_left_ = 0, level_greater_ = 0, level_sum_ = 0, level_last_ = 0;
  int level_previous_ = 0, level_before_ = 0, level_position_ = 0;
  std::uint32_t level_map_ = 0;
  std::int16_t previous_sign_ = 0;
  std::int16_t* levels_ = nullptr;
  int level_end_ = 0;

  // Its samples.
  // Predicted to the left of a partition and above it, to see how wrong it is there.
  static constexpr int kMargin = 4;
  static constexpr int kRowsAbove = 2;
  static constexpr int kPredictedStride =
      24;  // what is to the right of the samples is looked at, but not used
  std::array<std::array<std::uint8_t, kPredictedStride*(16 + kMargin)>, 16> predicted_{};
  std::array<std::uint8_t, 16> part_of_{};                 // of each block
  std::array<const std::uint8_t*, 16> predicted_block_{};  // its prediction, with stride kPredictedStride
  std::array<std::array<std::uint8_t, 256>, 3> alternative_;
  std::array<bool, 3> alternative_is_{};
  bool alternatives_made_ = false;
  BlockFeatures features_;
  const BlockEstimator* estimator_ = nullptr;  // that made their guess
  struct {                                     // of |features| at higher frequencies than each
    std::array<int, 16> prediction{}, boundary{}, gradient{};
  } rest_;
  pixels::Steps steps_{26};
  // What the samples outside of a block still ask of its levels: transforms of how wrong the prediction was
  // in the column to the left and in the row above, less what the levels so far have put there.
  std::array<int, 4> open_left_{}, open_above_{};
  int open_left_here_ = 0, open_above_here_ = 0;  // at this position, in eighths of a step
};

}  // namespace auralink::aic::model
