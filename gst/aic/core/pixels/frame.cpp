// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/pixels/frame.hpp"

#include <cstring>

namespace auralink::aic::pixels {

Frame::Frame(int width, int height) : width_{width}, height_{height}, stride_{width + 2 * kBorder} {
  const auto stride = static_cast<std::size_t>(stride_);
  const std::size_t luma = stride * (static_cast<std::size_t>(height) + 2U * kBorder);
  const std::size_t chroma = luma + stride / 2 * (kBorder / 2) + kBorder / 2;
  first_ = {stride * kBorder + kBorder, chroma, chroma + luma / 4};
  samples_.assign(luma * 3 / 2 + kBeyond, 128);
}

void Frame::extend_borders() noexcept {
  for (int p = 0; p < 3; ++p) {
    const int border = p == 0 ? kBorder : kBorder / 2;
    const int width = p == 0 ? width_ : width_ / 2;
    const int height = p == 0 ? height_ : height_ / 2;
    const int step = stride(p);
    std::uint8_t* first = plane(p);
    const auto margin = static_cast<std::size_t>(border);
    for (int y = 0; y < height; ++y) {
      std::uint8_t* row = first + static_cast<std::ptrdiff_t>(y) * step;
      std::memset(row - border, row[0], margin);
      std::memset(row + width, row[width - 1], margin);
    }
    const auto whole = static_cast<std::size_t>(width) + 2 * margin;
    const std::uint8_t* top = first - border;
    const std::uint8_t* bottom = first + static_cast<std::ptrdiff_t>(height - 1) * step - border;
    for (int y = 1; y <= border; ++y) {
      std::memcpy(first - border - static_cast<std::ptrdiff_t>(y) * step, top, whole);
      std::memcpy(first - border + static_cast<std::ptrdiff_t>(height - 1 + y) * step, bottom, whole);
    }
  }
}

}  // namespace auralink::aic::pixels
