// SPDX-License-Identifier: LGPL-2.1-or-later
// What the engine remembers from one access unit to the next. The Workspace is not part of it: each picture
// writes all of it before it reads. Copies share it and all finished pictures, so they stay in one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gst/aic/core/h264/macroblock.hpp"
#include "gst/aic/core/h264/slice.hpp"
#include "gst/aic/core/h264/slice_header.hpp"
#include "gst/aic/core/model/block_estimator.hpp"
#include "gst/aic/core/model/coder.hpp"
#include "gst/aic/core/model/estimator.hpp"
#include "gst/aic/core/pixels/frame.hpp"
#include "gst/aic/core/pixels/predict.hpp"

namespace auralink::aic::model {

/// Levels of a block of the previous picture, cut to a byte.
using PastBlock = std::array<std::int8_t, 16>;

/// A macroblock of the previous picture.
struct Past {
  h264::MbType type = h264::MbType::kSkip;
  std::uint8_t cbp = 0;
  std::uint8_t qp = 0;
  std::uint8_t dc_total = 0;
  std::array<std::int8_t, 4> ref{};
  std::array<h264::MotionVector, 16> mv{};
  std::array<std::uint8_t, 16> intra4_mode{};
  std::array<std::uint8_t, 16> total{};
  std::array<std::array<std::uint8_t, 4>, 2> chroma_total{};
  std::array<std::uint8_t, 2> chroma_dc_total{};
  std::array<PastBlock, 16> luma{};
  PastBlock dc{};
  std::array<std::array<std::int8_t, 4>, 2> chroma_dc{};
  std::array<std::array<PastBlock, 4>, 2> chroma_ac{};
};

/// Of one place in the picture, over time.
struct History {
  std::int8_t qp_offset = 0;             ///< of the last macroblock with residual, from the slice's qp
  std::uint8_t activity = 0;             ///< running count of coefficients, quarters
  std::array<std::uint8_t, 16> total{};  ///< running TotalCoeff of each luma block, sixteenths
  std::array<std::uint8_t, 2> chroma{};  ///< of each chroma plane
};

/// What the fields of slice headers were last.
struct HeaderMemory {
  std::array<std::int64_t, h264::kFields> last{};
  std::int64_t poc_step = 2;
  bool last_was_reference = true;
};

/// What several states hold as long as none of them changes it.
template <class T>
class Shared final {
 public:
  const T& operator*() const noexcept { return *held_; }
  const T* operator->() const noexcept { return held_.get(); }
  /// To be written as a whole: what another state holds too is left to it.
  [[nodiscard]] T& anew() {
    if (held_.use_count() > 1) held_ = std::make_shared<T>();
    return *held_;
  }
  /// How many there are for each holder.
  [[nodiscard]] std::size_t share_of(std::size_t bytes) const noexcept {
    return bytes / static_cast<std::size_t>(std::max(held_.use_count(), 1L));
  }

 private:
  std::shared_ptr<T> held_ = std::make_shared<T>();
};

/// The picture being coded. Nothing in it outlives an access unit, so a state and its copies use one.
struct Workspace {
  h264::MacroblockMap current;
  pixels::Frame picture;
  std::vector<std::int16_t> accumulating;
  std::vector<pixels::SliceFilter> filters;  ///< by slice
};

struct Model {
  explicit Model(int table_bits) : coder{table_bits}, work{std::make_shared<Workspace>()} {}
  void reset();
  /// Takes over what another remembers.
  void remember(const Model& other);
  /// Forgets the last picture but for its samples.
  void thin();
  /// The other remembers the same: one copy of its pictures will do.
  void share(const Model& same);

  // Kept from picture to picture.
  Coder coder;
  int width = 0;  ///< in macroblocks; 0 before the first picture
  int height = 0;
  Shared<std::vector<Past>> past;  ///< empty before the second picture
  std::vector<History> history;
  std::vector<Shared<pixels::Frame>> references;  ///< newest first
  Shared<std::vector<std::int16_t>> accumulated;  ///< fading sum of residuals, moved along with the picture
  BlockEstimator block_estimator;
  std::array<BlockEstimator, 4> chroma_estimators{};  ///< DC of both planes, then AC
  std::array<Estimator<10, 655, 4096>, 2> motion_estimator{};
  std::array<int, 2> motion_error{64, 64};
  Estimator<8, 1300, 65536> qp_estimator{};
  HeaderMemory headers;
  std::int32_t skip_rate = 128;

  std::shared_ptr<Workspace> work;

  /// Makes room for pictures of this size; all that is remembered of others is forgotten.
  void resize(int new_width, int new_height);
  void begin_picture();
  /// The picture becomes the past. `reconstructed`: its samples are known; `reference`: and later pictures
  /// predict from it.
  void end_picture(bool reconstructed, bool reference, int max_references);
  [[nodiscard]] std::size_t memory() const noexcept;
};

}  // namespace auralink::aic::model
