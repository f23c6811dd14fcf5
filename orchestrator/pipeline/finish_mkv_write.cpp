// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>

#include "orchestrator/pipeline/finish_ebml.hpp"
#include "orchestrator/pipeline/finish_mkv.hpp"

namespace auralink::pipeline::finish {
namespace {

constexpr std::uint32_t kSegment = 0x18538067, kSeekHead = 0x114D9B74, kInfo = 0x1549A966,
                        kTracks = 0x1654AE6B, kCues = 0x1C53BB6B, kCluster = 0x1F43B675;
constexpr std::uint64_t kClusterHead = 4 + 8, kClusterTime = 1 + 1 + 8;

std::vector<const MkvTrack*> all_tracks(std::span<const MkvPiece> pieces) {
  std::vector<const MkvTrack*> out;
  for (const auto& piece : pieces)
    for (const auto& track : piece.file->tracks)
      if (std::none_of(out.begin(), out.end(), [&](const auto* t) { return t->number == track.number; }))
        out.push_back(&track);
  return out;
}

/// A cluster of the new file.
struct OutCluster {
  const MkvPiece* piece = nullptr;
  const MkvCluster* from = nullptr;
  std::int64_t time = 0;
  std::uint64_t blocks = 0;    ///< bytes
  std::uint64_t position = 0;  ///< from the beginning of the first cluster
};
struct OutCue {
  std::int64_t time = 0;
  std::uint64_t track = 0;
  std::size_t cluster = 0;
};

struct Plan {
  std::int64_t scale = 1;
  std::int64_t duration_ns = 0;
  std::vector<OutCluster> clusters = {};
  std::vector<OutCue> cues = {};
  std::uint64_t bytes = 0;  ///< of all clusters
};

Plan plan(std::span<const MkvPiece> pieces) {
  Plan out;
  out.scale = pieces.front().file->scale;
  for (const auto& piece : pieces) {
    const auto& file = *piece.file;
    const std::int64_t base = rescale(out.duration_ns, 1, out.scale);
    const auto first = out.clusters.size();
    for (const auto& cluster : file.clusters) {
      OutCluster to{.piece = &piece, .from = &cluster, .time = base + cluster.time, .position = out.bytes};
      for (std::size_t i = 0; i < cluster.count; ++i) to.blocks += file.ranges[cluster.first + i].length;
      out.bytes += kClusterHead + kClusterTime + to.blocks;
      out.clusters.push_back(to);
    }
    for (const auto& cue : file.cues)
      if (cue.cluster < file.clusters.size())
        out.cues.push_back({std::max<std::int64_t>(0, base + cue.time), cue.track, first + cue.cluster});
    out.duration_ns += file.duration_ns();
  }
  return out;
}

Bytes make_info(const Plan& plan) {
  Bytes data;
  ebml::put_unsigned(data, 0x2AD7B1, static_cast<std::uint64_t>(plan.scale));
  const double duration = static_cast<double>(plan.duration_ns) / static_cast<double>(plan.scale);
  ebml::put_unsigned(data, 0x4489, std::bit_cast<std::uint64_t>(duration));
  for (const std::uint32_t id : {0x4D80U, 0x5741U}) {
    constexpr std::string_view kName = "AuraLink";
    ebml::put_id(data, id);
    data.push_back(static_cast<std::uint8_t>(0x80U | kName.size()));
    put(data, kName);
  }
  Bytes out;
  ebml::put_element(out, kInfo, data);
  return out;
}

Bytes make_tracks(std::span<const MkvPiece> pieces) {
  Bytes data, out;
  for (const auto* track : all_tracks(pieces)) put(data, View{track->entry});
  ebml::put_element(out, kTracks, data);
  return out;
}

/// Every number has eight bytes, so the length does not depend on `clusters_at`.
Bytes make_cues(const Plan& plan, std::uint64_t clusters_at) {
  Bytes data, out;
  for (const auto& cue : plan.cues) {
    Bytes place, point;
    place.insert(place.end(), {0xF7, 0x81, static_cast<std::uint8_t>(cue.track)});
    ebml::put_unsigned(place, 0xF1, clusters_at + plan.clusters[cue.cluster].position);
    ebml::put_unsigned(point, 0xB3, static_cast<std::uint64_t>(cue.time));
    point.push_back(0xB7);
    point.push_back(static_cast<std::uint8_t>(0x80U | place.size()));
    put(point, View{place});
    data.push_back(0xBB);
    data.push_back(static_cast<std::uint8_t>(0x80U | point.size()));
    put(data, View{point});
  }
  if (!plan.cues.empty()) ebml::put_element(out, kCues, data);
  return out;
}

Bytes make_seek_head(std::span<const std::pair<std::uint32_t, std::uint64_t>> places) {
  Bytes data, out;
  for (const auto& [id, position] : places) {
    Bytes seek;
    seek.insert(seek.end(), {0x53, 0xAB, 0x84});
    put<4>(seek, id);
    ebml::put_unsigned(seek, 0x53AC, position);
    ebml::put_element(data, 0x4DBB, seek);
  }
  ebml::put_element(out, kSeekHead, data);
  return out;
}

/// Everything before the first cluster.
Bytes make_front(const Plan& plan, std::span<const MkvPiece> pieces) {
  const Bytes info = make_info(plan), tracks = make_tracks(pieces);
  const std::uint64_t cues_size = make_cues(plan, 0).size();
  // Positions count from the first byte in the segment.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> places{{kInfo, 0}, {kTracks, 0}};
  if (cues_size != 0) places.emplace_back(kCues, 0);
  std::uint64_t at = make_seek_head(places).size();
  places[0].second = at;
  places[1].second = at += info.size();
  at += tracks.size();
  if (cues_size != 0) places[2].second = at;
  const std::uint64_t clusters_at = at + cues_size;
  Bytes out = pieces.front().file->head;
  ebml::put_id(out, kSegment);
  ebml::put_size(out, clusters_at + plan.bytes);
  put(out, View{make_seek_head(places)});
  put(out, View{info});
  put(out, View{tracks});
  put(out, View{make_cues(plan, clusters_at)});
  return out;
}

Result<void> write_clusters(const Plan& plan, ByteSink& sink) {
  for (const auto& cluster : plan.clusters) {
    Bytes head;
    ebml::put_id(head, kCluster);
    ebml::put_size(head, kClusterTime + cluster.blocks);
    ebml::put_unsigned(head, 0xE7, static_cast<std::uint64_t>(cluster.time));
    if (auto written = sink.write(head); !written) return written;
    const auto& file = *cluster.piece->file;
    for (std::size_t i = 0; i < cluster.from->count; ++i) {
      const auto& range = file.ranges[cluster.from->first + i];
      if (auto copied = copy(*cluster.piece->source, range.offset, range.length, sink); !copied)
        return copied;
    }
  }
  return {};
}

}  // namespace

bool joinable(std::span<const MkvPiece> pieces) {
  const auto tracks = all_tracks(pieces);
  for (const auto& piece : pieces) {
    if (piece.file->scale != pieces.front().file->scale) return false;
    for (const auto& track : piece.file->tracks)
      for (const auto* known : tracks)
        if (known->number == track.number && !known->stream.joins(track.stream)) return false;
  }
  return true;
}

Result<Facts> write_mkv(std::span<const MkvPiece> pieces, ByteSink& sink) {
  const Plan out = plan(pieces);
  if (auto written = sink.write(make_front(out, pieces)); !written) return tl::unexpected(written.error());
  if (auto written = write_clusters(out, sink); !written) return tl::unexpected(written.error());
  Facts facts;
  facts.duration_ns = out.duration_ns;
  for (const auto* track : all_tracks(pieces)) facts.streams.push_back(track->stream);
  return facts;
}

}  // namespace auralink::pipeline::finish
