// SPDX-License-Identifier: LGPL-2.1-or-later
// Where finishing reads media from and writes it to, and what it learns on the way. Pure: the files behind it
// are in finish_files.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace auralink::pipeline::finish {

template <class T>
using Result = tl::expected<T, std::string>;
using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

/// A file that does not change while it is read.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Fills `out` from `offset`; false when the file does not have so much or cannot be read.
  [[nodiscard]] virtual bool read(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
};

/// Takes a file from its first byte to its last.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  [[nodiscard]] virtual Result<void> write(View) = 0;
};

/// `length` bytes of `source` from `offset` into `sink`, through a buffer of bounded size.
[[nodiscard]] Result<void> copy(const ByteSource& source, std::uint64_t offset, std::uint64_t length,
                                ByteSink& sink);

/// One stream of a recording, in the words of ffprobe.
struct Stream {
  bool video = false;
  std::string codec = {};  ///< h264, vp8, vp9, aac, opus, mp3, vorbis, flac; else the container's own name
  unsigned width = 0, height = 0;
  double fps = 0;                   ///< frames over duration; 0: audio
  unsigned rate = 0, channels = 0;  ///< 0: video
  /// What a decoder must be told before the first frame (avcC, AudioSpecificConfig, OpusHead ...). Two
  /// streams with the same codec, size or rate and the same config can be joined.
  Bytes config = {};
  [[nodiscard]] bool joins(const Stream& next) const {
    return video == next.video && codec == next.codec && width == next.width && height == next.height &&
           rate == next.rate && channels == next.channels && config == next.config;
  }
};

/// A coded picture that can be decoded alone.
struct KeyPicture {
  std::int64_t at_ns = 0;  ///< when it is shown
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
};

/// What a finished file is like.
struct Facts {
  std::int64_t duration_ns = 0;  ///< as the container says it, and so as ffprobe reads it
  std::vector<Stream> streams = {};
};

// --- big-endian numbers, as MP4, Matroska and Ogg's neighbours have them ---

template <unsigned N>
[[nodiscard]] constexpr std::uint64_t big(View at) noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < N; ++i) value = value << 8U | at[i];
  return value;
}
template <unsigned N>
void put(Bytes& out, std::uint64_t value) {
  for (unsigned i = N; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8U * i)));
}
inline void put(Bytes& out, View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline void put(Bytes& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<std::uint8_t>(c));
}

/// value * to / from, rounded to nearest, without overflow for what files can hold.
[[nodiscard]] constexpr std::int64_t rescale(std::int64_t value, std::int64_t to,
                                             std::int64_t from) noexcept {
  if (from <= 0) return 0;
  __extension__ using Wide = __int128;
  const Wide product = static_cast<Wide>(value) * to;
  const Wide half = from / 2;
  const Wide rounded = product >= 0 ? (product + half) / from : -((-product + half) / from);
  constexpr Wide kMost = INT64_MAX;
  return static_cast<std::int64_t>(rounded > kMost ? kMost : rounded < -kMost ? -kMost : rounded);
}

inline constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace auralink::pipeline::finish
