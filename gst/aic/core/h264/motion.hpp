// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion vector prediction (H.264 8.4.1), for one macroblock at a time.
#pragma once

#include <array>
#include <cstdint>

#include "gst/aic/core/h264/macroblock.hpp"

namespace auralink::aic::h264 {

/// The vectors and reference indices around and inside a macroblock, in units of 4x4 blocks: (0, 0) is its
/// first block, x from -1 to 4, y from -1 to 3.
class Motion final {
 public:
  static constexpr int kIntra = -1;    ///< an available neighbour that has no vector
  static constexpr int kMissing = -2;  ///< not available, or not decoded yet
  struct Known {
    int ref = kMissing;
    MotionVector mv;
  };

  Motion() = default;  ///< nothing known
  /// `picture` knows the slices of all macroblocks up to `address`, that one included.
  Motion(const MacroblockMap& picture, int address) noexcept;

  [[nodiscard]] const Known& at(int x, int y) const noexcept { return known_[index(x, y)]; }
  /// Neighbour C of a partition, or D where there is no C (6.4.11.7).
  [[nodiscard]] const Known& diagonal(const Partition& part) const noexcept;
  /// mvp of a partition; the type matters for 16x8 and 8x16.
  [[nodiscard]] MotionVector predict(MbType type, const Partition& part, int ref) const noexcept;
  /// Of P_Skip.
  [[nodiscard]] MotionVector predict_skip() const noexcept;
  void set(const Partition& part, int ref, MotionVector mv) noexcept;

 private:
  static constexpr int kWidth = 6;
  static constexpr std::size_t index(int x, int y) noexcept {
    return static_cast<std::size_t>((y + 1) * kWidth + x + 1);
  }
  std::array<Known, kWidth * 5> known_{};
};

}  // namespace auralink::aic::h264
