// SPDX-License-Identifier: LGPL-2.1-or-later
// MP4 (ISO/IEC 14496-12) at the level of boxes: the sample tables of whole, fragmented and torn files, and
// one plain seekable file made of them. Pure; nothing is decoded and no sample is changed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

struct Mp4Sample {
  std::uint32_t size = 0;
  std::uint32_t duration = 0;  ///< to the next sample in decoding order
  std::int32_t shift = 0;      ///< presentation minus decoding time
  bool key = true;
};
/// Samples that lie one behind the other in the file.
struct Mp4Chunk {
  std::uint64_t offset = 0;
  std::uint32_t first = 0, count = 0;
};

/// Times are in `timescale`. A sample is shown at first_dts + the durations before it + its shift.
struct Mp4Track {
  std::uint32_t id = 0, timescale = 0;
  Stream stream = {};
  bool known = false;          ///< video or audio; everything else is left out
  std::int64_t edit = 0;       ///< the edit list, as one number: shown minus media time
  std::int64_t first_dts = 0;  ///< edit included
  std::int64_t next_dts = 0;   ///< while reading: media time behind the last sample
  std::vector<Mp4Sample> samples = {};
  std::vector<Mp4Chunk> chunks = {};
  // Boxes that go into a new file as they are, with their headers.
  Bytes handler = {}, media_header = {}, data_info = {}, descriptions = {};
  std::array<std::uint8_t, 36> matrix{};
  std::uint16_t volume = 0, language = 0;
  std::uint32_t width = 0, height = 0;  ///< of tkhd, 16.16

  [[nodiscard]] std::int64_t duration() const noexcept;  ///< of all samples in decoding order
  [[nodiscard]] std::int64_t shown_until() const noexcept;
};

struct Mp4File {
  std::vector<Mp4Track> tracks = {};                        ///< that have samples
  bool fragmented = false;                                  ///< it has movie fragments: it was not finished
  bool torn = false;                                        ///< something of it did not arrive
  std::int64_t said_ns = 0;                                 ///< duration of mvhd; 0: none
  [[nodiscard]] std::int64_t duration_ns() const noexcept;  ///< until the last sample was shown
  [[nodiscard]] Facts facts() const;
};

/// Reads the tables of all samples whose every byte is there. Fails when there is no sample at all. Memory
/// grows with the number of samples (16 bytes each), not with the size of the file.
[[nodiscard]] Result<Mp4File> read_mp4(const ByteSource& source);

struct Mp4Piece {
  const ByteSource* source = nullptr;
  const Mp4File* file = nullptr;
};
/// Whether one file can hold them: tracks in order have the same streams. A track that one lacks is no
/// obstacle.
[[nodiscard]] bool joinable(std::span<const Mp4Piece> pieces);
/// One plain MP4 with its tables in front: the pieces one after the other, each where the one before it ends,
/// every sample at its own time within its piece. The pieces must be joinable.
[[nodiscard]] Result<Facts> write_mp4(std::span<const Mp4Piece> pieces, ByteSink& sink);

/// The moov of a plain MP4 for samples that stay where they lie in `file`'s own file.
[[nodiscard]] Bytes tables_of(const Mp4File& file);
/// When the pictures begin, edit lists left out; nothing without pictures.
[[nodiscard]] std::optional<std::int64_t> pictures_begin(const Mp4File& file);
/// For a segment cut out of a longer stream (HlsCutter::Straddling::both): of the sound keeps what begins
/// within [from_ns, until_ns) of that stream, because the segments before and behind have the rest, and lets
/// its time begin at zero. Sound alone is never in two segments and stays whole.
void settle_segment(Mp4File& file, std::int64_t from_ns, std::int64_t until_ns);

/// Sync samples of the first video track, in order.
[[nodiscard]] std::vector<KeyPicture> key_pictures(const Mp4File& file);

// --- parts of reading, in finish_mp4_boxes.cpp and finish_mp4_read.cpp ---
namespace mp4 {

struct Box {
  std::uint32_t type = 0;
  View body = {};  ///< without the header
  View whole = {};
};
[[nodiscard]] constexpr std::uint32_t type_of(const char (&name)[5]) noexcept {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value = value << 8U | static_cast<std::uint8_t>(name[i]);
  return value;
}
/// The box at the front of `at`, which advances behind it; false at the end or at what is not a box.
[[nodiscard]] bool next(View& at, Box& box);
/// The body of the first child of that type; empty when there is none.
[[nodiscard]] View child(View body, std::uint32_t type);
[[nodiscard]] Box child_box(View body, std::uint32_t type);

/// What stsd says, of its first entry.
[[nodiscard]] Stream describe(View stsd, std::uint32_t handler);

/// Defaults of trex for one track's fragments.
struct Defaults {
  std::uint32_t track = 0, duration = 0, size = 0, flags = 0;
};
struct Movie {
  std::vector<Mp4Track> tracks = {};
  std::vector<Defaults> defaults = {};
  std::int64_t duration_ns = 0;
  bool fragmented = false;  ///< announces fragments (mvex)
};
/// A whole moov; `file_size` bounds what its tables may point at. Samples beyond it are left out.
[[nodiscard]] Result<Movie> read_movie(View moov, std::uint64_t file_size);
/// Adds what one moof, which begins at `at`, says. False when its samples are not all in the file.
[[nodiscard]] bool add_fragment(Movie& movie, View moof, std::uint64_t at, std::uint64_t file_size);

}  // namespace mp4

}  // namespace auralink::pipeline::finish
