// SPDX-License-Identifier: LGPL-2.1-or-later
// What of a segment's samples belongs to its time.
#include <algorithm>
#include <limits>

#include "orchestrator/pipeline/finish_mp4.hpp"

namespace auralink::pipeline::finish {
namespace {

/// Keeps the samples [from, until).
void keep(Mp4Track& track, std::size_t from, std::size_t until) {
  for (std::size_t i = 0; i < from; ++i) track.first_dts += track.samples[i].duration;
  std::vector<Mp4Chunk> chunks;
  for (auto chunk : track.chunks) {
    const std::size_t end = std::min<std::size_t>(chunk.first + chunk.count, until);
    for (; chunk.first < from && chunk.first < end; ++chunk.first)
      chunk.offset += track.samples[chunk.first].size;
    if (chunk.first < from || chunk.first >= end) continue;
    chunk.count = static_cast<std::uint32_t>(end - chunk.first);
    chunk.first -= static_cast<std::uint32_t>(from);
    chunks.push_back(chunk);
  }
  track.chunks = std::move(chunks);
  track.samples.erase(track.samples.begin() + static_cast<std::ptrdiff_t>(until), track.samples.end());
  track.samples.erase(track.samples.begin(), track.samples.begin() + static_cast<std::ptrdiff_t>(from));
}

/// Keeps what begins within [from_ns, until_ns) of the stream that was cut; edit lists are not of that time.
void keep_time(Mp4Track& track, std::int64_t from_ns, std::int64_t until_ns) {
  std::int64_t dts = track.first_dts - track.edit;
  std::size_t before = 0, within = 0;
  for (const auto& sample : track.samples) {
    const auto at = rescale(dts, kSecond, track.timescale);
    before += at < from_ns ? 1 : 0;
    within += at < until_ns ? 1 : 0;
    dts += sample.duration;
  }
  keep(track, std::min(before, within), within);
}

}  // namespace

std::optional<std::int64_t> pictures_begin(const Mp4File& file) {
  const auto track =
      std::find_if(file.tracks.begin(), file.tracks.end(), [](const auto& t) { return t.stream.video; });
  if (track == file.tracks.end()) return std::nullopt;
  return rescale(track->first_dts - track->edit, kSecond, track->timescale);
}

void settle_segment(Mp4File& file, std::int64_t from_ns, std::int64_t until_ns) {
  if (pictures_begin(file))
    for (auto& track : file.tracks)
      if (!track.stream.video) keep_time(track, from_ns, until_ns);
  std::erase_if(file.tracks, [](const auto& t) { return t.samples.empty(); });
  std::int64_t start = std::numeric_limits<std::int64_t>::max();
  for (const auto& track : file.tracks)
    start = std::min(start, rescale(track.first_dts + track.samples.front().shift, kSecond, track.timescale));
  for (auto& track : file.tracks) track.first_dts -= rescale(start, track.timescale, kSecond);
}

}  // namespace auralink::pipeline::finish
