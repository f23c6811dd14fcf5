// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS recording on disk: a folder with init.mp4, segment-00001.m4s and so on, and playlist.m3u8, which
// lists the segments that are complete. Bytes are written as they come, so that what a killed process leaves
// ends at most one fragment early.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/pipeline/fragment_writer.hpp"
#include "orchestrator/pipeline/hls.hpp"

namespace auralink::pipeline {

class HlsWriter final : public FragmentWriter {
 public:
  static constexpr const char* kInitName = "init.mp4";
  static constexpr const char* kPlaylistName = "playlist.m3u8";

  /// `folder` must exist. `target`: ns, see HlsCutter.
  HlsWriter(std::string folder, std::int64_t target);
  HlsWriter(const HlsWriter&) = delete;
  HlsWriter& operator=(const HlsWriter&) = delete;

  [[nodiscard]] Status write(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status finish() override;

 private:
  void begin_segment();
  void end_segment(std::int64_t duration_ns, bool independent);
  void write_playlist(bool ended);

  FolderFile file_;
  std::int64_t target_;
  HlsCutter cutter_;
  std::vector<HlsSegment> segments_;
  std::int64_t next_wall_ms_ = 0, begun_wall_ms_ = 0;
  bool independent_ = true;
};

}  // namespace auralink::pipeline
