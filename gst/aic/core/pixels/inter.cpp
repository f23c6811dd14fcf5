// SPDX-License-Identifier: LGPL-2.1-or-later
// Fractional sample interpolation (H.264 8.4.2.2).
#include <algorithm>
#include <array>
#include <cstring>

#include "gst/aic/core/pixels/predict.hpp"

namespace auralink::aic::pixels {
namespace {

constexpr int kMaxSide = 20;           // of a predicted block
constexpr int kWindow = kMaxSide + 5;  // with what the six-tap filter reaches
constexpr int kWindowStride = 32;

std::uint8_t clip(int value) noexcept { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }
int six_tap(int a, int b, int c, int d, int e, int f) noexcept {
  return a - 5 * b + 20 * c + 20 * d - 5 * e + f;
}

/// Samples (x, y) .. of a plane, from the plane itself where its border reaches, else from a copy with
/// clamped coordinates.
class Window final {
 public:
  Window(const Frame& frame, int plane, int x, int y, int width, int height) noexcept {
    const int border = plane == 0 ? Frame::kBorder : Frame::kBorder / 2;
    const int w = plane == 0 ? frame.width() : frame.width() / 2;
    const int h = plane == 0 ? frame.height() : frame.height() / 2;
    const std::uint8_t* samples = frame.plane(plane);
    const std::ptrdiff_t step = frame.stride(plane);
    if (x >= -border && y >= -border && x + width <= w + border && y + height <= h + border) {
      at_ = samples + y * step + x;
      stride_ = step;
      return;
    }
    for (int j = 0; j < height; ++j) {
      const std::uint8_t* row = samples + std::clamp(y + j, 0, h - 1) * step;
      for (int i = 0; i < width; ++i)
        copy_[static_cast<std::size_t>(j * kWindowStride + i)] = row[std::clamp(x + i, 0, w - 1)];
    }
    at_ = copy_.data();
    stride_ = kWindowStride;
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() = default;
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }
  [[nodiscard]] std::ptrdiff_t stride() const noexcept { return stride_; }

 private:
  const std::uint8_t* at_ = nullptr;
  std::ptrdiff_t stride_ = 0;
  std::array<std::uint8_t, kWindow * kWindowStride> copy_;  // NOLINT(*-member-init): filled where it is read
};

/// One of the intermediate blocks of 8.4.2.2.1.
struct Block {
  static constexpr int kStride = 32;
  std::array<std::uint8_t, kMaxSide * kStride> sample;  // NOLINT(*-member-init)
  [[nodiscard]] std::uint8_t* row(int y) noexcept { return sample.data() + y * kStride; }
};

struct Size {
  int width, height;
};

void whole(const std::uint8_t* from, std::ptrdiff_t step, Size size, Block& out) noexcept {
  for (int y = 0; y < size.height; ++y)
    std::memcpy(out.row(y), from + y * step, static_cast<std::size_t>(size.width));
}
/// Samples b (and s): half a sample to the right.
void half_right(const std::uint8_t* from, std::ptrdiff_t step, Size size, Block& out) noexcept {
  for (int y = 0; y < size.height; ++y) {
    const std::uint8_t* p = from + y * step;
    std::uint8_t* o = out.row(y);
    for (int x = 0; x < size.width; ++x)
      o[x] = clip((six_tap(p[x - 2], p[x - 1], p[x], p[x + 1], p[x + 2], p[x + 3]) + 16) >> 5);
  }
}
/// Samples h (and m): half a sample down.
void half_down(const std::uint8_t* from, std::ptrdiff_t step, Size size, Block& out) noexcept {
  for (int y = 0; y < size.height; ++y) {
    const std::uint8_t* p = from + y * step;
    std::uint8_t* o = out.row(y);
    for (int x = 0; x < size.width; ++x)
      o[x] = clip(
          (six_tap(p[x - 2 * step], p[x - step], p[x], p[x + step], p[x + 2 * step], p[x + 3 * step]) + 16) >>
          5);
  }
}
/// Sample j: half a sample in both directions.
void half_both(const std::uint8_t* from, std::ptrdiff_t step, Size size, Block& out) noexcept {
  constexpr int kStride = 24;
  std::array<std::int16_t, kWindow * kStride> middle;  // NOLINT(*-member-init)
  for (int y = 0; y < size.height + 5; ++y) {
    const std::uint8_t* p = from + (y - 2) * step;
    std::int16_t* m = middle.data() + y * kStride;
    for (int x = 0; x < size.width; ++x)
      m[x] = static_cast<std::int16_t>(six_tap(p[x - 2], p[x - 1], p[x], p[x + 1], p[x + 2], p[x + 3]));
  }
  for (int y = 0; y < size.height; ++y) {
    const std::int16_t* m = middle.data() + y * kStride;
    std::uint8_t* o = out.row(y);
    for (int x = 0; x < size.width; ++x)
      o[x] = clip((six_tap(m[x], m[x + kStride], m[x + 2 * kStride], m[x + 3 * kStride], m[x + 4 * kStride],
                           m[x + 5 * kStride]) +
                   512) >>
                  10);
  }
}

}  // namespace

void predict_luma(const Frame& reference, int x, int y, int width, int height, h264::MotionVector mv,
                  std::uint8_t* out, int out_stride) noexcept {
  const int fx = mv.x & 3;
  const int fy = mv.y & 3;
  const Size size{width, height};
  const Window window{reference, 0, x + (mv.x >> 2) - 2, y + (mv.y >> 2) - 2, width + 5, height + 5};
  const std::ptrdiff_t step = window.stride();
  const std::uint8_t* p = window.at() + 2 * step + 2;
  if (fx == 0 && fy == 0) {
    for (int j = 0; j < height; ++j)
      std::memcpy(out + static_cast<std::ptrdiff_t>(j) * out_stride, p + j * step,
                  static_cast<std::size_t>(width));
    return;
  }
  // Every position is one of the half samples or the mean of two neighbours (table 8-12).
  Block a;  // NOLINT(*-member-init)
  Block b;  // NOLINT(*-member-init)
  bool mean = true;
  if (fy == 0) {
    half_right(p, step, size, a);
    mean = fx != 2;
    if (mean) whole(p + (fx == 3 ? 1 : 0), step, size, b);
  } else if (fx == 0) {
    half_down(p, step, size, a);
    mean = fy != 2;
    if (mean) whole(p + (fy == 3 ? step : 0), step, size, b);
  } else if (fx == 2 || fy == 2) {
    half_both(p, step, size, a);
    mean = fx != 2 || fy != 2;
    if (fx == 2 && mean) half_right(p + (fy == 3 ? step : 0), step, size, b);
    if (fy == 2 && mean) half_down(p + (fx == 3 ? 1 : 0), step, size, b);
  } else {
    half_right(p + (fy == 3 ? step : 0), step, size, a);
    half_down(p + (fx == 3 ? 1 : 0), step, size, b);
  }
  for (int j = 0; j < height; ++j) {
    std::uint8_t* o = out + static_cast<std::ptrdiff_t>(j) * out_stride;
    const std::uint8_t* first = a.row(j);
    const std::uint8_t* second = b.row(j);
    if (!mean)
      std::memcpy(o, first, static_cast<std::size_t>(width));
    else
      for (int i = 0; i < width; ++i) o[i] = static_cast<std::uint8_t>((first[i] + second[i] + 1) >> 1);
  }
}

void predict_chroma(const Frame& reference, int plane, int x, int y, int width, int height,
                    h264::MotionVector mv, std::uint8_t* out, int out_stride) noexcept {
  const int fx = mv.x & 7;
  const int fy = mv.y & 7;
  const Window window{reference, plane, x + (mv.x >> 3), y + (mv.y >> 3), width + 1, height + 1};
  const std::ptrdiff_t step = window.stride();
  for (int j = 0; j < height; ++j) {
    const std::uint8_t* p = window.at() + j * step;
    std::uint8_t* o = out + static_cast<std::ptrdiff_t>(j) * out_stride;
    if (fx == 0 && fy == 0) {
      std::memcpy(o, p, static_cast<std::size_t>(width));
      continue;
    }
    for (int i = 0; i < width; ++i)
      o[i] = static_cast<std::uint8_t>(((8 - fx) * (8 - fy) * p[i] + fx * (8 - fy) * p[i + 1] +
                                        (8 - fx) * fy * p[i + step] + fx * fy * p[i + step + 1] + 32) >>
                                       6);
  }
}

}  // namespace auralink::aic::pixels
