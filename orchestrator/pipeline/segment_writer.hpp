// SPDX-License-Identifier: LGPL-2.1-or-later
// A recording of segments on disk: a folder with 00000.mp4 and so on, each a plain MP4 of its own that begins
// with a keyframe. The one that is being written is a fragmented MP4, so that what a killed process leaves
// ends at most one fragment early; when it is over its tables are put behind it, and the fragments become its
// data.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/pipeline/fragment_writer.hpp"
#include "orchestrator/pipeline/hls.hpp"

namespace auralink::pipeline {

class SegmentWriter final : public FragmentWriter {
 public:
  /// `folder` must exist. `target`: ns, see HlsCutter.
  SegmentWriter(std::string folder, std::int64_t target);
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  [[nodiscard]] Status write(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status finish() override;

 private:
  void begin_segment(std::int64_t start_ns);
  void end_segment(std::int64_t until_ns);

  FolderFile file_;
  HlsCutter cutter_;
  std::vector<std::uint8_t> init_;
  unsigned begun_ = 0;
  std::int64_t start_ns_ = std::numeric_limits<std::int64_t>::min();  ///< of the sound of the open one
};

}  // namespace auralink::pipeline
