// SPDX-License-Identifier: LGPL-2.1-or-later
// Opus in Ogg (RFC 3533, RFC 7845) at the level of pages. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

struct OggPage {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::int64_t granule = -1;  ///< samples at 48 kHz up to its end, pre-skip included; -1: no packet ends here
};
struct OggFile {
  Stream stream = {};
  std::int64_t last_granule = 0;
  std::size_t heads = 0;  ///< pages that hold the two header packets
  std::vector<OggPage> pages = {};
  bool ended = false;  ///< the last page says that it is the last
  bool torn = false;
  /// Pre-skip included, which is how ffprobe reads it.
  [[nodiscard]] std::int64_t duration_ns() const noexcept;
  [[nodiscard]] Facts facts() const;
};
/// The pages of the first stream up to the first that is not whole.
[[nodiscard]] Result<OggFile> read_ogg(const ByteSource& source);

struct OggPiece {
  const ByteSource* source = nullptr;
  const OggFile* file = nullptr;
};
[[nodiscard]] bool joinable(std::span<const OggPiece> pieces);
/// One stream: the headers of the first piece, then all audio pages, numbered anew.
[[nodiscard]] Result<Facts> write_ogg(std::span<const OggPiece> pieces, ByteSink& sink);

}  // namespace auralink::pipeline::finish
