// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/hls_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
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
    : folder_{std::move(folder)},
      target_{target},
      cutter_{
          target,
          {.init =
               [this](std::span<const std::uint8_t> bytes) {
                 create(kInitName);
                 append(bytes);
                 close();
               },
           .begin =
               [this] {
                 // The wall follows media time, and jumps only where the recording was paused.
                 const auto now = wall_ms() - kFragmentMs;
                 const bool apart = std::llabs(now - next_wall_ms_) > kDriftMs;
                 begun_wall_ms_ = apart ? now : next_wall_ms_;
                 create(hls_segment_name(static_cast<unsigned>(segments_.size() + 1)));
               },
           .data = [this](std::span<const std::uint8_t> bytes) { append(bytes); },
           .end = [this](std::int64_t duration, bool independent) { end_segment(duration, independent); }}} {}

HlsWriter::~HlsWriter() { close(); }

HlsWriter::Status HlsWriter::write(std::span<const std::uint8_t> bytes) {
  if (auto cut = cutter_.feed(bytes); !cut) return cut;
  return status();
}

HlsWriter::Status HlsWriter::finish() {
  cutter_.finish();
  if (error_.empty()) write_playlist(true);
  return status();
}

HlsWriter::Status HlsWriter::status() const {
  if (!error_.empty()) return tl::unexpected(error_);
  return {};
}

void HlsWriter::create(const std::string& name) {
  close();
  if (!error_.empty()) return;
  name_ = name;
  file_ = ::open((folder_ + "/" + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (file_ < 0) fail(name);
}

void HlsWriter::append(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty() && file_ >= 0 && error_.empty()) {
    const auto written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(name_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void HlsWriter::close() {
  if (file_ >= 0 && ::close(std::exchange(file_, -1)) != 0 && error_.empty()) fail(name_);
}

void HlsWriter::end_segment(std::int64_t duration_ns, bool independent) {
  close();
  independent_ = independent_ && independent;
  segments_.push_back({name_, duration_ns, begun_wall_ms_});
  next_wall_ms_ = begun_wall_ms_ + duration_ns / 1'000'000;
  if (error_.empty()) write_playlist(false);
}

void HlsWriter::write_playlist(bool ended) {
  // Whoever reads the list sees the old one or the new one, never half of it.
  const std::string fresh = std::string{"."} + kPlaylistName + ".new";
  create(fresh);
  const auto text = hls_playlist(segments_, target_, kInitName, ended, independent_);
  append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  close();
  if (!error_.empty()) {
    ::unlink((folder_ + "/" + fresh).c_str());
    return;
  }
  if (::rename((folder_ + "/" + fresh).c_str(), (folder_ + "/" + kPlaylistName).c_str()) != 0)
    fail(kPlaylistName);
}

void HlsWriter::fail(const std::string& name) {
  error_ = "cannot write " + name + ": " + std::strerror(errno);
}

}  // namespace auralink::pipeline
