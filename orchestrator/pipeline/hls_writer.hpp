// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS recording on disk: a folder with init.mp4, segment-00001.m4s and so on, and playlist.m3u8, which
// lists the segments that are complete. Bytes are written as they come, so that what a killed process leaves
// ends at most one fragment early. Thread-compatible.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/pipeline/hls.hpp"

namespace auralink::pipeline {

class HlsWriter final {
 public:
  static constexpr const char* kInitName = "init.mp4";
  static constexpr const char* kPlaylistName = "playlist.m3u8";

  /// `folder` must exist. `target`: ns, see HlsCutter.
  HlsWriter(std::string folder, std::int64_t target);
  ~HlsWriter();
  HlsWriter(const HlsWriter&) = delete;
  HlsWriter& operator=(const HlsWriter&) = delete;

  using Status = tl::expected<void, std::string>;
  /// Any part of what mp4mux writes. An error is the system's sentence with the name of the file, or what is
  /// wrong with the bytes.
  [[nodiscard]] Status write(std::span<const std::uint8_t> bytes);
  /// Ends the last segment and the playlist.
  [[nodiscard]] Status finish();

 private:
  void create(const std::string& name);
  void append(std::span<const std::uint8_t> bytes);
  void close();
  void end_segment(std::int64_t duration_ns, bool independent);
  void write_playlist(bool ended);
  void fail(const std::string& name);
  [[nodiscard]] Status status() const;

  std::string folder_;
  std::int64_t target_;
  HlsCutter cutter_;
  int file_ = -1;
  std::string name_;  // of the open file
  std::vector<HlsSegment> segments_;
  std::int64_t next_wall_ms_ = 0, begun_wall_ms_ = 0;
  bool independent_ = true;
  std::string error_;
};

}  // namespace auralink::pipeline
