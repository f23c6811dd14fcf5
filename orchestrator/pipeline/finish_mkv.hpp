// SPDX-License-Identifier: LGPL-2.1-or-later
// Matroska and WebM (RFC 9559) at the level of elements: what is whole of a torn file, and one seekable file
// made of one or more. Pure; no block is changed, only the time of the cluster that it lies in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

struct MkvTrack {
  std::uint64_t number = 0;
  Stream stream = {};
  Bytes entry = {};                    ///< TrackEntry with its header
  std::uint64_t default_duration = 0;  ///< of a block, ns; 0: not said
  std::int64_t until_ns = 0;           ///< when its last block has been shown
  std::uint64_t blocks = 0;
  bool plain = true;  ///< block payloads are what a decoder takes
};
/// Bytes of whole SimpleBlocks and BlockGroups.
struct MkvRange {
  std::uint64_t offset = 0, length = 0;
};
struct MkvCluster {
  std::int64_t time = 0;             ///< in the file's scale
  std::size_t first = 0, count = 0;  ///< of `ranges`
};
struct MkvCue {
  std::size_t cluster = 0;
  std::int64_t time = 0;  ///< in the file's scale
  std::uint64_t track = 0;
};

struct MkvFile {
  Bytes head = {};                 ///< the EBML header
  std::int64_t scale = 1'000'000;  ///< ns per unit of time
  std::int64_t said_ns = 0;        ///< Duration; 0: none
  bool torn = false, cues_found = false;
  std::vector<MkvTrack> tracks = {};
  std::vector<MkvRange> ranges = {};
  std::vector<MkvCluster> clusters = {};
  std::vector<MkvCue> cues = {};  ///< a place to enter, per keyframe of the video or per cluster
  std::vector<KeyPicture> pictures = {};
  [[nodiscard]] std::int64_t duration_ns() const noexcept;
  [[nodiscard]] Facts facts() const;
};

[[nodiscard]] Result<MkvFile> read_mkv(const ByteSource& source);

struct MkvPiece {
  const ByteSource* source = nullptr;
  const MkvFile* file = nullptr;
};
/// Tracks must agree in number, codec, size and configuration, files in their scale of time.
[[nodiscard]] bool joinable(std::span<const MkvPiece> pieces);
/// One file with known sizes, its cues in front; pieces one after the other.
[[nodiscard]] Result<Facts> write_mkv(std::span<const MkvPiece> pieces, ByteSink& sink);

}  // namespace auralink::pipeline::finish
