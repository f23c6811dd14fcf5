// SPDX-License-Identifier: LGPL-2.1-or-later
// From sample tables to one plain MP4: ftyp, moov, mdat; or to a moov for what is there already.
#include <algorithm>
#include <limits>
#include <optional>

#include "orchestrator/pipeline/finish_mp4.hpp"

namespace auralink::pipeline::finish {
namespace {

constexpr std::uint32_t kMovieTimescale = 90'000;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// Appends a box around what is put while it lives.
class Around {
 public:
  Around(Bytes& out, std::string_view type) : out_{out}, at_{out.size()} {
    put<4>(out_, 0);
    put(out_, type);
  }
  Around(Bytes& out, std::string_view type, unsigned version, std::uint32_t flags) : Around{out, type} {
    put<4>(out_, std::uint32_t{version} << 24U | flags);
  }
  ~Around() {
    const auto size = static_cast<std::uint32_t>(out_.size() - at_);
    for (unsigned i = 0; i < 4; ++i) out_[at_ + i] = static_cast<std::uint8_t>(size >> (24U - 8U * i));
  }
  Around(const Around&) = delete;
  Around& operator=(const Around&) = delete;

 private:
  Bytes& out_;
  std::size_t at_;
};

/// Run-length pairs, as stts and ctts have them.
struct Pairs {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs = {};
  void add(std::uint32_t value) {
    if (runs.empty() || runs.back().second != value) runs.emplace_back(0, value);
    ++runs.back().first;
  }
};

/// A chunk in the new file. Chunks of all tracks lie in the order in which they were written.
struct OutChunk {
  std::size_t track = 0;
  std::uint32_t samples = 0;
  std::size_t piece = 0;
  std::uint64_t from = 0, bytes = 0;
  std::uint64_t to = 0;  ///< counted from the first chunk of the new file
};

struct OutTrack {
  const Mp4Track* model = nullptr;         ///< of the first piece that has it
  std::vector<std::size_t> in_piece = {};  ///< index of the track in each piece, or kNone
  std::vector<std::uint32_t> sizes = {}, keys = {};
  Pairs durations = {}, shifts = {};
  bool shifted = false, negative = false, all_keys = true;
  std::int64_t first = 0;   ///< when it begins, in its timescale; before zero: its edit cuts that off
  std::int64_t length = 0;  ///< of its media
  std::int64_t until = 0;   ///< when its last sample has been shown
};

/// The n-th track of its kind in each piece belongs together.
std::vector<OutTrack> match_tracks(std::span<const Mp4Piece> pieces) {
  std::vector<OutTrack> out;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    std::vector<bool> taken(out.size(), false);
    const auto& tracks = pieces[p].file->tracks;
    for (std::size_t t = 0; t < tracks.size(); ++t) {
      std::size_t at = 0;
      while (at < taken.size() && (taken[at] || out[at].model->stream.video != tracks[t].stream.video)) ++at;
      if (at == taken.size()) {
        out.push_back({.model = &tracks[t], .in_piece = std::vector<std::size_t>(pieces.size(), kNone)});
        taken.push_back(false);
      }
      taken[at] = true;
      out[at].in_piece[p] = t;
    }
  }
  return out;
}

/// Places one piece's samples behind those of the pieces before it.
class Timeline {
 public:
  explicit Timeline(OutTrack& out) : out_{out} {}

  void add(const Mp4Track& track, std::int64_t base_ns) {
    const std::int64_t to = out_.model->timescale, from = track.timescale;
    const std::int64_t base = rescale(base_ns, to, kSecond);
    std::int64_t dts = track.first_dts;
    for (const auto& sample : track.samples) {
      const std::int64_t shown = base + rescale(dts + sample.shift, to, from);
      place(base + rescale(dts, to, from), shown, sample);
      out_.until = std::max(out_.until, base + rescale(dts + sample.shift + sample.duration, to, from));
      dts += sample.duration;
      end_ = std::max(base + rescale(dts, to, from), dts_);
    }
  }
  void finish() {
    if (out_.sizes.empty()) return;
    emit(end_);
    out_.length = end_ - out_.first;
  }

 private:
  void place(std::int64_t decoded, std::int64_t shown, const Mp4Sample& sample) {
    if (out_.sizes.empty()) {
      out_.first = dts_ = decoded;
    } else {
      // Decoding times only grow: a piece whose pictures are reordered begins to decode before its first is
      // shown. What is shown when stays exact.
      decoded = std::max(decoded, dts_ + 1);
      emit(decoded);
      dts_ = decoded;
    }
    const auto shift = static_cast<std::int32_t>(std::clamp<std::int64_t>(
        shown - dts_, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
    out_.shifted = out_.shifted || shift != 0;
    out_.negative = out_.negative || shift < 0;
    out_.shifts.add(static_cast<std::uint32_t>(shift));
    out_.sizes.push_back(sample.size);
    if (sample.key) out_.keys.push_back(static_cast<std::uint32_t>(out_.sizes.size()));
    out_.all_keys = out_.all_keys && sample.key;
  }
  void emit(std::int64_t next) {
    out_.durations.add(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(next - dts_, 0, std::numeric_limits<std::uint32_t>::max())));
  }

  OutTrack& out_;
  std::int64_t dts_ = 0;  ///< of the last sample placed
  std::int64_t end_ = 0;
};

struct Movie {
  std::vector<OutTrack> tracks = {};
  std::vector<OutChunk> chunks = {};
  std::uint64_t data = 0;
  std::int64_t duration_ns = 0;
};

void add_chunks(Movie& movie, std::span<const Mp4Piece> pieces) {
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const auto& tracks = pieces[p].file->tracks;
    std::vector<std::size_t> done(movie.tracks.size(), 0);
    // As they lie in the piece, which is how they are interleaved; within a track always in its order.
    for (;;) {
      std::size_t best = kNone;
      const auto head = [&](std::size_t t) -> const Mp4Chunk& {
        return tracks[movie.tracks[t].in_piece[p]].chunks[done[t]];
      };
      for (std::size_t t = 0; t < movie.tracks.size(); ++t) {
        const auto index = movie.tracks[t].in_piece[p];
        if (index == kNone || done[t] == tracks[index].chunks.size()) continue;
        if (best == kNone || head(t).offset < head(best).offset) best = t;
      }
      if (best == kNone) break;
      const auto& chunk = head(best);
      const auto& samples = tracks[movie.tracks[best].in_piece[p]].samples;
      OutChunk out{.track = best, .samples = chunk.count, .piece = p, .from = chunk.offset};
      for (std::uint32_t i = 0; i < chunk.count; ++i) out.bytes += samples[chunk.first + i].size;
      out.to = movie.data;
      movie.data += out.bytes;
      movie.chunks.push_back(out);
      ++done[best];
    }
  }
}

Movie plan(std::span<const Mp4Piece> pieces) {
  Movie movie;
  movie.tracks = match_tracks(pieces);
  for (auto& track : movie.tracks) {
    Timeline line{track};
    std::int64_t base = 0;
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      if (track.in_piece[p] != kNone) line.add(pieces[p].file->tracks[track.in_piece[p]], base);
      base += pieces[p].file->duration_ns();
    }
    line.finish();
    movie.duration_ns = std::max(movie.duration_ns, rescale(track.until, kSecond, track.model->timescale));
  }
  add_chunks(movie, pieces);
  return movie;
}

void put_pairs(Bytes& out, std::string_view type, unsigned version, const Pairs& pairs) {
  const Around box{out, type, version, 0};
  put<4>(out, pairs.runs.size());
  for (const auto& [count, value] : pairs.runs) put<4>(out, count), put<4>(out, value);
}

void put_list(Bytes& out, const std::vector<std::uint32_t>& list) {
  put<4>(out, list.size());
  for (const auto value : list) put<4>(out, value);
}

void put_chunks(Bytes& out, const Movie& movie, std::size_t track, std::uint64_t data_at, bool wide) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;  // first chunk, samples in each
  Bytes offsets;
  std::uint32_t count = 0;
  for (const auto& chunk : movie.chunks) {
    if (chunk.track != track) continue;
    ++count;
    if (runs.empty() || runs.back().second != chunk.samples) runs.emplace_back(count, chunk.samples);
    wide ? put<8>(offsets, data_at + chunk.to) : put<4>(offsets, data_at + chunk.to);
  }
  {
    const Around box{out, "stsc", 0, 0};
    put<4>(out, runs.size());
    for (const auto& [first, samples] : runs) put<4>(out, first), put<4>(out, samples), put<4>(out, 1);
  }
  const Around box{out, wide ? "co64" : "stco", 0, 0};
  put<4>(out, count);
  put(out, View{offsets});
}

void put_edit(Bytes& out, const OutTrack& track, std::int64_t duration) {
  if (track.first == 0) return;
  const Around edts{out, "edts"};
  const Around elst{out, "elst", 1, 0};
  const auto entry = [&out](std::int64_t length, std::int64_t media) {
    put<8>(out, static_cast<std::uint64_t>(length));
    put<8>(out, static_cast<std::uint64_t>(media));
    put<4>(out, 0x10000);
  };
  const std::int64_t delay =
      rescale(std::max<std::int64_t>(track.first, 0), kMovieTimescale, track.model->timescale);
  put<4>(out, delay > 0 ? 2 : 1);
  if (delay > 0) entry(delay, -1);
  entry(duration - delay, std::max<std::int64_t>(-track.first, 0));
}

void put_track_header(Bytes& out, const OutTrack& track, std::uint32_t id, std::int64_t duration) {
  const Around tkhd{out, "tkhd", 1, 3};  // enabled, in movie
  put<8>(out, 0), put<8>(out, 0);
  put<4>(out, id), put<4>(out, 0);
  put<8>(out, static_cast<std::uint64_t>(duration));
  put<8>(out, 0), put<4>(out, 0);  // reserved, layer, alternate group
  put<2>(out, track.model->volume), put<2>(out, 0);
  put(out, View{track.model->matrix});
  put<4>(out, track.model->width), put<4>(out, track.model->height);
}

void put_track(Bytes& out, const Movie& movie, std::size_t index, std::uint64_t data_at, bool wide) {
  const auto& track = movie.tracks[index];
  const Around trak{out, "trak"};
  const std::int64_t duration = rescale(track.until, kMovieTimescale, track.model->timescale);
  put_track_header(out, track, static_cast<std::uint32_t>(index + 1), duration);
  put_edit(out, track, duration);
  const Around mdia{out, "mdia"};
  {
    const Around mdhd{out, "mdhd", 1, 0};
    put<8>(out, 0), put<8>(out, 0);
    put<4>(out, track.model->timescale);
    put<8>(out, static_cast<std::uint64_t>(track.length));
    put<2>(out, track.model->language), put<2>(out, 0);
  }
  put(out, View{track.model->handler});
  const Around minf{out, "minf"};
  put(out, View{track.model->media_header});
  put(out, View{track.model->data_info});
  const Around stbl{out, "stbl"};
  put(out, View{track.model->descriptions});
  put_pairs(out, "stts", 0, track.durations);
  if (track.shifted) put_pairs(out, "ctts", track.negative ? 1 : 0, track.shifts);
  if (!track.all_keys) {
    const Around stss{out, "stss", 0, 0};
    put_list(out, track.keys);
  }
  {
    const Around stsz{out, "stsz", 0, 0};
    put<4>(out, 0);
    put_list(out, track.sizes);
  }
  put_chunks(out, movie, index, data_at, wide);
}

void put_moov(Bytes& out, const Movie& movie, std::uint64_t data_at, bool wide) {
  const Around moov{out, "moov"};
  {
    const Around mvhd{out, "mvhd", 1, 0};
    put<8>(out, 0), put<8>(out, 0);
    put<4>(out, kMovieTimescale);
    put<8>(out, static_cast<std::uint64_t>(rescale(movie.duration_ns, kMovieTimescale, kSecond)));
    put<4>(out, 0x10000), put<2>(out, 0x100);  // rate and volume 1
    put<8>(out, 0), put<2>(out, 0);
    for (const std::uint32_t m : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U}) put<4>(out, m);
    put<8>(out, 0), put<8>(out, 0), put<8>(out, 0);
    put<4>(out, movie.tracks.size() + 1);
  }
  for (std::size_t i = 0; i < movie.tracks.size(); ++i) put_track(out, movie, i, data_at, wide);
}

void put_type(Bytes& out) {
  const Around ftyp{out, "ftyp"};
  put(out, std::string_view{"isom"});
  put<4>(out, 0x200);
  put(out, std::string_view{"isomiso2avc1mp41"});
}

/// ftyp, moov and the header of mdat; the number of bytes does not depend on `data_at`.
Bytes make_front(const Movie& movie, std::uint64_t data_at, bool wide) {
  Bytes out;
  put_type(out);
  put_moov(out, movie, data_at, wide);
  const std::uint64_t header = wide ? 16 : 8;
  put<4>(out, wide ? 1 : movie.data + header);
  put(out, std::string_view{"mdat"});
  if (wide) put<8>(out, movie.data + header);
  return out;
}

Result<void> write_data(const Movie& movie, std::span<const Mp4Piece> pieces, ByteSink& sink) {
  for (std::size_t i = 0; i < movie.chunks.size();) {
    const auto piece = movie.chunks[i].piece;
    const std::uint64_t from = movie.chunks[i].from;
    std::uint64_t length = 0;
    for (; i < movie.chunks.size() && movie.chunks[i].piece == piece && movie.chunks[i].from == from + length;
         ++i)
      length += movie.chunks[i].bytes;
    if (auto copied = copy(*pieces[piece].source, from, length, sink); !copied) return copied;
  }
  return {};
}

}  // namespace

bool joinable(std::span<const Mp4Piece> pieces) {
  for (const auto& track : match_tracks(pieces))
    for (std::size_t p = 0; p < pieces.size(); ++p)
      if (track.in_piece[p] != kNone &&
          !track.model->stream.joins(pieces[p].file->tracks[track.in_piece[p]].stream))
        return false;
  return true;
}

Bytes tables_of(const Mp4File& file) {
  const Mp4Piece piece{nullptr, &file};
  Movie movie = plan({&piece, 1});
  bool wide = false;
  for (auto& chunk : movie.chunks) {
    chunk.to = chunk.from;
    wide = wide || chunk.to > std::numeric_limits<std::uint32_t>::max();
  }
  Bytes out;
  put_moov(out, movie, 0, wide);
  return out;
}

Result<Facts> write_mp4(std::span<const Mp4Piece> pieces, ByteSink& sink) {
  const Movie movie = plan(pieces);
  std::uint64_t there = 0;
  for (const auto& piece : pieces) there += piece.source->size();
  if (movie.data > there) return tl::unexpected(std::string{"its samples lie upon each other"});
  constexpr std::uint64_t kRoomForTables = std::uint64_t{1} << 30U;
  const bool wide = movie.data > std::numeric_limits<std::uint32_t>::max() - kRoomForTables;
  const std::uint64_t data_at = make_front(movie, 0, wide).size();
  if (data_at > kRoomForTables) return tl::unexpected(std::string{"it has too many samples for one MP4"});
  const Bytes front = make_front(movie, data_at, wide);
  if (auto written = sink.write(front); !written) return tl::unexpected(written.error());
  if (auto written = write_data(movie, pieces, sink); !written) return tl::unexpected(written.error());
  Facts facts;
  facts.duration_ns = rescale(rescale(movie.duration_ns, kMovieTimescale, kSecond), kSecond, kMovieTimescale);
  for (const auto& track : movie.tracks) {
    Stream stream = track.model->stream;
    if (stream.video && track.length > 0)
      stream.fps = static_cast<double>(track.sizes.size()) * track.model->timescale /
                   static_cast<double>(track.length);
    facts.streams.push_back(std::move(stream));
  }
  return facts;
}

}  // namespace auralink::pipeline::finish
