// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoded pictures, kept only because they tell what comes next: deterministic on every machine, integers
// only. Conformance with a decoder is wanted, since it predicts best, but nothing breaks without it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace auralink::aic::pixels {

/// Samples with a stride; a view, never an owner.
struct View {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  int stride = 0;
};

/// A 4:2:0 picture whose planes are surrounded by replicated borders of kBorder samples (half that in
/// chroma), so that motion vectors that reach a little outside need no special case. New samples are 128.
class Frame {
 public:
  static constexpr int kBorder = 32;
  static constexpr int kBeyond = 16;  ///< bytes behind any sample that can be read
  Frame() = default;
  Frame(int width, int height);  ///< luma size, multiples of 16
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] int stride(int plane) const noexcept { return plane == 0 ? stride_ : stride_ / 2; }
  /// Sample (0,0) of plane 0 (Y), 1 (Cb) or 2 (Cr).
  [[nodiscard]] std::uint8_t* plane(int plane) noexcept {
    return samples_.data() + first_[static_cast<std::size_t>(plane)];
  }
  [[nodiscard]] const std::uint8_t* plane(int plane) const noexcept {
    return samples_.data() + first_[static_cast<std::size_t>(plane)];
  }
  [[nodiscard]] std::size_t memory() const noexcept { return samples_.capacity(); }
  void extend_borders() noexcept;  ///< once a picture is complete

 private:
  int width_ = 0;
  int height_ = 0;
  int stride_ = 0;
  std::array<std::size_t, 3> first_{};  // sample of each plane
  std::vector<std::uint8_t> samples_;
};

}  // namespace auralink::aic::pixels
