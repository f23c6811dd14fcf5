// SPDX-License-Identifier: LGPL-2.1-or-later
// Fractional sample interpolation (H.264 8.4.2.2).
#include <algorithm>
#include <array>
#include <cstring>

#include "gst/aic/core/pixels/eight.hpp"
#include "gst/aic/core/pixels/predict.hpp"

namespace auralink::aic::pixels {
namespace {

constexpr int kMaxSide = 20;           // of a predicted block
constexpr int kWindow = kMaxSide + 5;  // with what the six-tap filter reaches
constexpr int kWindowStride = 32;

/// Samples (x, y) .. of a plane, from the plane itself where its border reaches, else from a copy with
/// clamped coordinates.
class Window final {
 public:
  // NOLINTNEXTLINE(*-member-init): the copy is filled where it is read
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
  std::array<std::uint8_t, kWindow * kWindowStride> copy_;
};

/// (1, -5, 20, 20, -5, 1), of samples.
Eight six_tap(Eight a, Eight b, Eight c, Eight d, Eight e, Eight f) noexcept {
  return a + f + 5 * (4 * (c + d) - (b + e));
}

// The half and whole samples around (x, y), eight columns at a time and row by row. What is right of a block
// is worked on too and left out at the end: rows can be read as far.
struct Samples {
  const std::uint8_t* at;
  std::ptrdiff_t step;
};
Eight cut(Eight v) noexcept { return greatest(least(v, Eight{} + std::int16_t{255}), Eight{}); }
Eight right_of(const std::uint8_t* p) noexcept {
  return six_tap(load(p - 2), load(p - 1), load(p), load(p + 1), load(p + 2), load(p + 3));
}

class Whole final {
 public:
  Whole(Samples from, int x) noexcept : from_{from.at + x, from.step} {}
  [[nodiscard]] Eight next() noexcept {
    const Eight row = load(from_.at);
    from_.at += from_.step;
    return row;
  }

 private:
  Samples from_;
};
/// Samples b (and s): half a sample to the right.
class Right final {
 public:
  Right(Samples from, int x) noexcept : from_{from.at + x, from.step} {}
  [[nodiscard]] Eight next() noexcept {
    const Eight row = right_of(from_.at);
    from_.at += from_.step;
    return cut((row + 16) >> 5);
  }

 private:
  Samples from_;
};
/// Six rows, of which a step forgets the first.
class Column final {
 public:
  template <class Row>
  Column(Samples from, Row row) noexcept : from_{from.at - 2 * from.step, from.step} {
    for (std::size_t i = 1; i < 6; ++i) take(i, row);
  }
  template <class Row>
  void step(Row row) noexcept {
    for (std::size_t i = 0; i < 5; ++i) rows_[i] = rows_[i + 1];
    take(5, row);
  }
  [[nodiscard]] Eight operator[](std::size_t i) const noexcept { return rows_[i]; }

 private:
  template <class Row>
  void take(std::size_t i, Row row) noexcept {
    rows_[i] = row(from_.at);
    from_.at += from_.step;
  }
  Samples from_;
  std::array<Eight, 6> rows_{};
};
/// Samples h (and m): half a sample down.
class Down final {
 public:
  Down(Samples from, int x) noexcept : rows_{{from.at + x, from.step}, row} {}
  [[nodiscard]] Eight next() noexcept {
    rows_.step(row);
    return cut((six_tap(rows_[0], rows_[1], rows_[2], rows_[3], rows_[4], rows_[5]) + 16) >> 5);
  }

 private:
  static Eight row(const std::uint8_t* p) noexcept { return load(p); }
  Column rows_;
};
/// Sample j: half a sample in both directions.
class Both final {
 public:
  Both(Samples from, int x) noexcept : rows_{{from.at + x, from.step}, right_of} {}
  /// (a - 5 b + 20 c + 512) >> 10 in 16 bits, saturated where the result is cut anyway.
  [[nodiscard]] Eight next() noexcept {
    rows_.step(right_of);
    const Eight a = rows_[0] + rows_[5];
    const Eight b = rows_[1] + rows_[4];
    const Eight c = rows_[2] + rows_[3];
    return cut(((sum(((a - b) >> 2) - b, c) >> 2) + c + 32) >> 6);
  }

 private:
  Column rows_;
};

/// A block, and what it is written to.
struct Target {
  int width, height;
  std::uint8_t* out;
  std::ptrdiff_t stride;
};
template <class Value>
void fill(const Target& to, Samples from) noexcept {
  for (int x = 0; x < to.width; x += 8) {
    const int count = std::min(to.width - x, 8);
    Value value{from, x};
    std::uint8_t* out = to.out + x;
    for (int y = 0; y < to.height; ++y, out += to.stride) store(out, value.next(), count);
  }
}
template <class First, class Second>
void fill_mean(const Target& to, Samples from, Samples with) noexcept {
  for (int x = 0; x < to.width; x += 8) {
    const int count = std::min(to.width - x, 8);
    First first{from, x};
    Second second{with, x};
    std::uint8_t* out = to.out + x;
    for (int y = 0; y < to.height; ++y, out += to.stride)
      store(out, (first.next() + second.next() + 1) >> 1, count);
  }
}

}  // namespace

void predict_luma(const Frame& reference, int x, int y, int width, int height, h264::MotionVector mv,
                  std::uint8_t* out,  // NOLINT(readability-non-const-parameter): written through `to`
                  int out_stride) noexcept {
  const int fx = mv.x & 3;
  const int fy = mv.y & 3;
  const Window window{reference, 0, x + (mv.x >> 2) - 2, y + (mv.y >> 2) - 2, width + 5, height + 5};
  const Samples here{window.at() + 2 * window.stride() + 2, window.stride()};
  const Samples right{here.at + (fx == 3 ? 1 : 0), here.step};
  const Samples below{here.at + (fy == 3 ? here.step : 0), here.step};
  const Target to{width, height, out, out_stride};
  // Every position is one of the half samples or the mean of two neighbours (table 8-12).
  if (fx == 0 && fy == 0)
    fill<Whole>(to, here);
  else if (fy == 0 && fx == 2)
    fill<Right>(to, here);
  else if (fy == 0)
    fill_mean<Right, Whole>(to, here, right);
  else if (fx == 0 && fy == 2)
    fill<Down>(to, here);
  else if (fx == 0)
    fill_mean<Down, Whole>(to, here, below);
  else if (fx == 2 && fy == 2)
    fill<Both>(to, here);
  else if (fx == 2)
    fill_mean<Both, Right>(to, here, below);
  else if (fy == 2)
    fill_mean<Both, Down>(to, here, right);
  else
    fill_mean<Right, Down>(to, below, right);
}

void predict_chroma(const Frame& reference, int plane, int x, int y, int width, int height,
                    h264::MotionVector mv, std::uint8_t* out, int out_stride) noexcept {
  const auto fx = static_cast<std::int16_t>(mv.x & 7);
  const auto fy = static_cast<std::int16_t>(mv.y & 7);
  const Window window{reference, plane, x + (mv.x >> 3), y + (mv.y >> 3), width + 1, height + 1};
  const Samples here{window.at(), window.stride()};
  const Target to{width, height, out, out_stride};
  if (fx == 0 && fy == 0) return fill<Whole>(to, here);
  const auto across = [=](const std::uint8_t* p) {
    return static_cast<std::int16_t>(8 - fx) * load(p) + fx * load(p + 1);
  };
  const std::uint8_t* row = here.at;
  Eight above = across(row);
  for (int j = 0; j < height; ++j, out += out_stride) {
    row += here.step;
    const Eight under = across(row);
    store(out, (static_cast<std::int16_t>(8 - fy) * above + fy * under + 32) >> 6, width);
    above = under;
  }
}

}  // namespace auralink::aic::pixels
