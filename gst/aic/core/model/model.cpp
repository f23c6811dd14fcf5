// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/model.hpp"

#include <algorithm>
#include <cstring>

namespace auralink::aic::model {
namespace {

using h264::Macroblock;
using h264::MbType;

// Streams with more references are coded all the same; those beyond are predicted from the last that is kept.
constexpr std::size_t kMaxReferences = 4;

template <class To, class From>
void cut(To& to, const From& from) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<std::int8_t>(std::clamp<int>(from[i], INT8_MIN + 1, INT8_MAX));
}

/// Coefficients are copied only where the counts say that there are some, as they are read.
void keep(const Macroblock& mb, Past& past) noexcept {
  past.type = mb.type;
  past.cbp = mb.cbp;
  past.qp = mb.qp;
  past.dc_total = mb.dc_total;
  past.ref = mb.ref;
  past.mv = mb.mv;
  past.intra4_mode = mb.intra4_mode;
  past.total = mb.total;
  past.chroma_total = mb.chroma_total;
  past.chroma_dc_total = mb.chroma_dc_total;
  if (mb.type == MbType::kSkip || mb.type == MbType::kPcm) return;
  for (std::size_t i = 0; i < 16; ++i)
    if (mb.total[i] != 0) cut(past.luma[i], mb.luma[i]);
  if (mb.dc_total != 0) cut(past.dc, mb.dc);
  for (std::size_t plane = 0; plane < 2; ++plane) {
    if (mb.chroma_dc_total[plane] != 0) cut(past.chroma_dc[plane], mb.chroma_dc[plane]);
    for (std::size_t i = 0; i < 4; ++i)
      if (mb.chroma_total[plane][i] != 0) cut(past.chroma_ac[plane][i], mb.chroma_ac[plane][i]);
  }
}

/// A quarter of the way towards `value`, rounded so that full and empty are reached.
void follow(std::uint8_t& running, int value) noexcept {
  const int target = std::min(value, 255);
  running = static_cast<std::uint8_t>(running + (target - running + (target > running ? 3 : 0)) / 4);
}

void follow(History& history, const Macroblock& mb) noexcept {
  int sum = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    sum += mb.total[i];
    follow(history.total[i], mb.total[i] * 16);
  }
  history.activity =
      static_cast<std::uint8_t>(history.activity + (std::min(255, sum * 4) - history.activity) / 4);
  for (std::size_t plane = 0; plane < 2; ++plane) {
    int count = mb.chroma_dc_total[plane];
    for (const int total : mb.chroma_total[plane]) count += total;
    history.chroma[plane] = static_cast<std::uint8_t>(
        history.chroma[plane] + (std::min(255, count * 16) - history.chroma[plane]) / 4);
  }
}

}  // namespace

void Model::resize(int new_width, int new_height) {
  if (width == new_width && height == new_height) return;
  width = new_width;
  height = new_height;
  const auto macroblocks = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  past.anew().clear();
  history.assign(macroblocks, History{});
  references.clear();
  // Grey: what is predicted from before anything is known.
  references.emplace_back().anew() = pixels::Frame{width * 16, height * 16};
  accumulated.anew().clear();
}

void Model::reset() {
  coder.reset();
  width = height = 0;
  past.anew().clear();
  history.clear();
  references.clear();
  accumulated.anew().clear();
  block_estimator = {};
  chroma_estimators = {};
  motion_estimator = {};
  motion_error = {64, 64};
  qp_estimator = {};
  headers = {};
  skip_rate = 128;
}

void Model::remember(const Model& other) {
  coder = other.coder;
  width = other.width;
  height = other.height;
  history = other.history;
  share(other);
  block_estimator = other.block_estimator;
  chroma_estimators = other.chroma_estimators;
  motion_estimator = other.motion_estimator;
  motion_error = other.motion_error;
  qp_estimator = other.qp_estimator;
  headers = other.headers;
  skip_rate = other.skip_rate;
}

void Model::thin() {
  past = {};
  accumulated = {};
}

void Model::share(const Model& same) {
  past = same.past;
  references = same.references;
  accumulated = same.accumulated;
  work = same.work;
}

void Model::begin_picture() {
  work->current.resize(width, height);
  work->current.begin_picture();
  work->picture = *references.front();  // so that what a missing slice leaves out is the same on both ends
  const auto samples = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 256;
  if (accumulated->empty()) accumulated.anew().resize(samples);
  work->accumulating.resize(samples);
  work->filters.clear();
}

void Model::end_picture(bool reconstructed, bool reference, int max_references) {
  auto& macroblocks = work->current.at;
  const auto count = static_cast<std::size_t>(work->current.size());
  for (std::size_t i = 0; i < count; ++i) {
    Macroblock& mb = macroblocks[i];
    if (mb.slice < 0) {  // missing: as if nothing had changed
      mb.clear(-1, MbType::kSkip, i < past->size() ? (*past)[i].qp : std::uint8_t{0});
      const int mx = static_cast<int>(i) % width;
      const int my = static_cast<int>(i) / width;
      for (int y = 0; reconstructed && y < 16; ++y)
        std::memset(work->accumulating.data() + (my * 16 + y) * width * 16 + mx * 16, 0,
                    16 * sizeof(std::int16_t));
    }
    follow(history[i], mb);
  }
  auto& next_past = past.anew();
  next_past.resize(count);
  for (std::size_t i = 0; i < count; ++i) keep(macroblocks[i], next_past[i]);
  if (!reconstructed) return;
  std::swap(accumulated.anew(), work->accumulating);
  if (!reference) return;
  pixels::deblock(work->picture, work->current, work->filters);
  work->picture.extend_borders();
  const std::size_t wanted =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::max(max_references, 1)), 1, kMaxReferences);
  if (references.size() < wanted) references.emplace_back();
  references.resize(std::min(references.size(), wanted));
  std::rotate(references.begin(), references.end() - 1, references.end());
  std::swap(references.front().anew(), work->picture);
}

std::size_t Model::memory() const noexcept {
  const auto bytes = [](const auto& vector) { return vector.capacity() * sizeof(vector[0]); };
  const std::size_t working = bytes(work->current.at) + bytes(work->accumulating) + work->picture.memory();
  std::size_t sum = sizeof *this - sizeof coder + coder.memory() + bytes(history) +
                    past.share_of(bytes(*past)) + accumulated.share_of(bytes(*accumulated)) +
                    working / static_cast<std::size_t>(std::max(work.use_count(), 1L));
  for (const auto& one : references) sum += one.share_of(one->memory());
  return sum;
}

}  // namespace auralink::aic::model
