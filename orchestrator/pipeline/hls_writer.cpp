// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/hls_writer.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

namespace auralink::pipeline {
namespace {

constexpr std::int64_t kFragmentMs = 250;  // a fragment arrives when it is over
constexpr std::int64_t kDriftMs = 1000;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

HlsWriter::HlsWriter(std::string folder, std::int64_t target)
    : file_{std::move(folder)},
      target_{target},
      cutter_{
          target,
          {.init =
               [this](std::span<const std::uint8_t> bytes) {
                 file_.create(kInitName);
                 file_.append(bytes);
                 file_.close();
               },
           .begin = [this](std::int64_t) { begin_segment(); },
           .data = [this](std::span<const std::uint8_t> bytes) { file_.append(bytes); },
           .end = [this](std::int64_t duration, bool independent) { end_segment(duration, independent); }}} {}

FragmentWriter::Status HlsWriter::write(std::span<const std::uint8_t> bytes) {
  if (auto cut = cutter_.feed(bytes); !cut) return cut;
  return file_.status();
}

FragmentWriter::Status HlsWriter::finish() {
  cutter_.finish();
  write_playlist(true);
  return file_.status();
}

void HlsWriter::begin_segment() {
  // The wall follows media time, and jumps only where the recording was paused.
  const auto now = wall_ms() - kFragmentMs;
  const bool apart = std::llabs(now - next_wall_ms_) > kDriftMs;
  begun_wall_ms_ = apart ? now : next_wall_ms_;
  file_.create(hls_segment_name(static_cast<unsigned>(segments_.size() + 1)));
}

void HlsWriter::end_segment(std::int64_t duration_ns, bool independent) {
  independent_ = independent_ && independent;
  segments_.push_back({file_.name(), duration_ns, begun_wall_ms_});
  file_.close();
  next_wall_ms_ = begun_wall_ms_ + duration_ns / 1'000'000;
  write_playlist(false);
}

void HlsWriter::write_playlist(bool ended) {
  if (file_.failed()) return;
  // Whoever reads the list sees the old one or the new one, never half of it.
  const std::string fresh = std::string{"."} + kPlaylistName + ".new";
  const auto text = hls_playlist(segments_, target_, kInitName, ended, independent_);
  file_.create(fresh);
  file_.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  file_.close();
  if (file_.failed()) return file_.remove(fresh);
  file_.rename(fresh, kPlaylistName);
}

}  // namespace auralink::pipeline
