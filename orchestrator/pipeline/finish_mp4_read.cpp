// SPDX-License-Identifier: LGPL-2.1-or-later
// From boxes to sample tables. Whatever a torn or hostile file says, no loop runs longer than the file has
// bytes, and nothing beyond its end is believed.
#include <algorithm>
#include <limits>
#include <utility>

#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/moof.hpp"

namespace auralink::pipeline::finish {

using mp4::Box;
using mp4::child;
using mp4::child_box;
using mp4::type_of;

std::int64_t Mp4Track::duration() const noexcept {
  std::int64_t sum = 0;
  for (const auto& sample : samples) sum += sample.duration;
  return sum;
}

std::int64_t Mp4Track::shown_until() const noexcept {
  std::int64_t dts = first_dts, until = std::numeric_limits<std::int64_t>::min();
  for (const auto& sample : samples) {
    until = std::max(until, dts + sample.shift + sample.duration);
    dts += sample.duration;
  }
  return samples.empty() ? 0 : until;
}

std::int64_t Mp4File::duration_ns() const noexcept {
  std::int64_t until = 0;
  for (const auto& track : tracks)
    until = std::max(until, rescale(track.shown_until(), kSecond, track.timescale));
  return until;
}

Facts Mp4File::facts() const {
  Facts out;
  out.duration_ns = said_ns != 0 && !fragmented ? said_ns : duration_ns();
  for (const auto& track : tracks) out.streams.push_back(track.stream);
  return out;
}

std::vector<KeyPicture> key_pictures(const Mp4File& file) {
  std::vector<KeyPicture> out;
  const auto track =
      std::find_if(file.tracks.begin(), file.tracks.end(), [](const Mp4Track& t) { return t.stream.video; });
  if (track == file.tracks.end()) return out;
  std::int64_t dts = track->first_dts;
  for (const auto& chunk : track->chunks) {
    std::uint64_t offset = chunk.offset;
    for (std::uint32_t i = chunk.first; i < chunk.first + chunk.count; ++i) {
      const auto& sample = track->samples[i];
      if (sample.key)
        out.push_back({rescale(dts + sample.shift, kSecond, track->timescale), offset, sample.size});
      offset += sample.size;
      dts += sample.duration;
    }
  }
  return out;
}

namespace mp4 {
namespace {

constexpr std::size_t kFull = 4;  // version and flags
constexpr std::uint32_t kNonSync = 0x10000;

unsigned version(View box) { return box.empty() ? 0 : box[0]; }
std::uint32_t flags(View box) {
  return box.size() < kFull ? 0 : static_cast<std::uint32_t>(big<4>(box) & 0xFFFFFFU);
}
std::uint32_t u32(View box, std::size_t at) {
  return at + 4 <= box.size() ? static_cast<std::uint32_t>(big<4>(box.subspan(at))) : 0;
}
std::uint64_t u64(View box, std::size_t at) { return at + 8 <= box.size() ? big<8>(box.subspan(at)) : 0; }
/// Entries of a table whose count stands at `at`, as far as there are bytes for them.
std::size_t entries(View box, std::size_t at, std::size_t each) {
  if (at + 4 > box.size()) return 0;
  return std::min<std::size_t>(u32(box, at), (box.size() - at - 4) / each);
}
void copy_box(const Box& box, Bytes& to) { to.assign(box.whole.begin(), box.whole.end()); }

/// What stsz, stts, ctts, stss, stsc and stco say, read side by side.
class Tables {
 public:
  Tables(View stbl, std::uint64_t file_size)
      : stsz_{child(stbl, type_of("stsz"))},
        stts_{child(stbl, type_of("stts"))},
        ctts_{child(stbl, type_of("ctts"))},
        stss_{child(stbl, type_of("stss"))},
        stsc_{child(stbl, type_of("stsc"))},
        stco_{child(stbl, type_of("stco"))},
        co64_{child(stbl, type_of("co64"))},
        file_size_{file_size} {}

  void read(Mp4Track& track) {
    uniform_ = u32(stsz_, kFull);
    total_ = uniform_ != 0 ? static_cast<std::size_t>(std::min<std::uint64_t>(u32(stsz_, 8), file_size_))
                           : entries(stsz_, 8, 4);
    const std::size_t chunks = co64_.empty() ? entries(stco_, kFull, 4) : entries(co64_, kFull, 8);
    const std::size_t runs = entries(stsc_, kFull, 12);
    std::size_t run = 0;
    for (std::size_t i = 0; i < chunks && sample_ < total_; ++i) {
      while (run + 1 < runs && u32(stsc_, 8 + 12 * (run + 1)) <= i + 1) ++run;
      const std::uint32_t count = runs == 0 ? 0 : u32(stsc_, 8 + 12 * run + 4);
      const std::uint64_t offset = co64_.empty() ? u32(stco_, 8 + 4 * i) : u64(co64_, 8 + 8 * i);
      if (count == 0 || !chunk(track, offset, count)) break;
    }
  }

 private:
  bool chunk(Mp4Track& track, std::uint64_t offset, std::uint32_t count) {
    Mp4Chunk out{offset, static_cast<std::uint32_t>(track.samples.size()), 0};
    bool whole = true;
    for (; out.count < count && sample_ < total_; ++out.count, ++sample_) {
      Mp4Sample sample;
      sample.size = uniform_ != 0 ? uniform_ : u32(stsz_, 12 + 4 * sample_);
      if (offset > file_size_ || sample.size > file_size_ - offset) {
        whole = false;
        break;
      }
      offset += sample.size;
      sample.duration = duration();
      sample.shift = shift();
      sample.key = stss_.empty() || key();
      track.samples.push_back(sample);
    }
    if (out.count != 0) track.chunks.push_back(out);
    return whole;
  }

  /// The value of a run-length table (count, value) for the next sample.
  static std::uint32_t step(View table, std::size_t& entry, std::uint32_t& used) {
    const std::size_t n = entries(table, kFull, 8);
    while (entry < n && used >= u32(table, 8 + 8 * entry)) ++entry, used = 0;
    if (entry >= n) return 0;
    ++used;
    return u32(table, 8 + 8 * entry + 4);
  }
  std::uint32_t duration() { return step(stts_, stts_entry_, stts_used_); }
  std::int32_t shift() { return static_cast<std::int32_t>(step(ctts_, ctts_entry_, ctts_used_)); }
  bool key() {
    const std::size_t n = entries(stss_, kFull, 4);
    while (stss_entry_ < n && u32(stss_, 8 + 4 * stss_entry_) < sample_ + 1) ++stss_entry_;
    return stss_entry_ < n && u32(stss_, 8 + 4 * stss_entry_) == sample_ + 1;
  }

  View stsz_, stts_, ctts_, stss_, stsc_, stco_, co64_;
  std::uint64_t file_size_;
  std::uint32_t uniform_ = 0;
  std::size_t total_ = 0, sample_ = 0;
  std::size_t stts_entry_ = 0, ctts_entry_ = 0, stss_entry_ = 0;
  std::uint32_t stts_used_ = 0, ctts_used_ = 0;
};

/// Empty edits delay a track, the first real one says where in its media it begins.
std::int64_t read_edit(View elst, std::uint32_t movie_timescale, std::uint32_t timescale) {
  const bool wide = version(elst) == 1;
  const std::size_t each = wide ? 20 : 12, n = entries(elst, kFull, each);
  std::int64_t edit = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = 8 + i * each;
    const auto length = wide ? u64(elst, at) : u32(elst, at);
    const auto media = wide ? static_cast<std::int64_t>(u64(elst, at + 8))
                            : static_cast<std::int64_t>(static_cast<std::int32_t>(u32(elst, at + 4)));
    if (media >= 0) return edit - media;
    edit += rescale(static_cast<std::int64_t>(std::min<std::uint64_t>(length, INT64_MAX / 4)), timescale,
                    movie_timescale);
  }
  return edit;
}

void read_track_header(View tkhd, Mp4Track& track) {
  const std::size_t shift = version(tkhd) == 1 ? 12 : 0;  // three times eight instead of four bytes
  track.id = u32(tkhd, version(tkhd) == 1 ? 20 : 12);
  constexpr std::size_t kVolume = 36, kMatrix = 40, kWidth = 76;
  if (tkhd.size() < kWidth + shift + 8) return;
  track.volume = static_cast<std::uint16_t>(big<2>(tkhd.subspan(kVolume + shift)));
  std::copy_n(tkhd.begin() + static_cast<std::ptrdiff_t>(kMatrix + shift), track.matrix.size(),
              track.matrix.begin());
  track.width = u32(tkhd, kWidth + shift);
  track.height = u32(tkhd, kWidth + shift + 4);
}

Mp4Track read_track(View trak, std::uint32_t movie_timescale, std::uint64_t file_size) {
  Mp4Track track;
  read_track_header(child(trak, type_of("tkhd")), track);
  const View mdia = child(trak, type_of("mdia"));
  const View mdhd = child(mdia, type_of("mdhd"));
  const bool wide = version(mdhd) == 1;
  track.timescale = u32(mdhd, wide ? 20 : 12);
  if (const std::size_t at = wide ? 32 : 20; at + 2 <= mdhd.size())
    track.language = static_cast<std::uint16_t>(big<2>(mdhd.subspan(at)));
  const Box hdlr = child_box(mdia, type_of("hdlr"));
  const auto kind = u32(hdlr.body, 8);
  const View minf = child(mdia, type_of("minf"));
  const View stbl = child(minf, type_of("stbl"));
  const Box stsd = child_box(stbl, type_of("stsd"));
  const bool video = kind == type_of("vide");
  track.known = (video || kind == type_of("soun")) && track.timescale != 0 && stsd.body.size() > 16;
  if (!track.known) return track;
  track.stream = describe(stsd.body, kind);
  copy_box(hdlr, track.handler);
  copy_box(child_box(minf, video ? type_of("vmhd") : type_of("smhd")), track.media_header);
  copy_box(child_box(minf, type_of("dinf")), track.data_info);
  copy_box(stsd, track.descriptions);
  track.edit =
      read_edit(child(child(trak, type_of("edts")), type_of("elst")), movie_timescale, track.timescale);
  Tables{stbl, file_size}.read(track);
  track.next_dts = track.duration();
  return track;
}

/// Makes the samples so far end where the next one begins.
void join_at(Mp4Track& track, std::int64_t dts) {
  if (track.samples.empty()) {
    track.first_dts = track.next_dts = dts;
    return;
  }
  auto& last = track.samples.back().duration;
  const std::int64_t wanted = static_cast<std::int64_t>(last) + (dts - track.next_dts);
  const auto fitting = std::clamp<std::int64_t>(wanted, 0, std::numeric_limits<std::uint32_t>::max());
  track.next_dts += fitting - static_cast<std::int64_t>(last);
  last = static_cast<std::uint32_t>(fitting);
}

/// One track's part of a moof while it is read.
struct Run {
  Defaults defaults = {};
  std::uint64_t base = 0;  ///< what data offsets count from
  std::uint64_t data = 0;  ///< where the next sample's bytes are
};

bool add_run(Mp4Track& track, View trun, Run& run, std::uint64_t file_size) {
  const auto has = flags(trun);
  std::uint32_t count = u32(trun, 4);
  std::size_t at = 8;
  if ((has & 0x1U) != 0) {
    run.data = run.base + static_cast<std::uint64_t>(
                              static_cast<std::int64_t>(static_cast<std::int32_t>(u32(trun, at))));
    at += 4;
  }
  std::optional<std::uint32_t> first_flags;
  if ((has & 0x4U) != 0) first_flags = u32(trun, at), at += 4;
  std::size_t each = 0;
  for (const std::uint32_t flag : {0x100U, 0x200U, 0x400U, 0x800U})
    if ((has & flag) != 0) each += 4;
  if (at > trun.size()) return false;
  if (each != 0 && count > (trun.size() - at) / each) return false;
  if ((has & 0x200U) == 0 && run.defaults.size == 0) return count == 0;
  Mp4Chunk chunk{run.data, static_cast<std::uint32_t>(track.samples.size()), 0};
  bool whole = true;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto field = [&](std::uint32_t flag, std::uint32_t otherwise) {
      if ((has & flag) == 0) return otherwise;
      at += 4;
      return u32(trun, at - 4);
    };
    Mp4Sample sample;
    sample.duration = field(0x100U, run.defaults.duration);
    sample.size = field(0x200U, run.defaults.size);
    const auto sample_flags = field(0x400U, i == 0 && first_flags ? *first_flags : run.defaults.flags);
    sample.shift = static_cast<std::int32_t>(field(0x800U, 0));
    sample.key = (sample_flags & kNonSync) == 0;
    // More samples than bytes can only be a lie: each run may say a million by four bytes.
    whole = run.data <= file_size && sample.size <= file_size - run.data && track.samples.size() < file_size;
    if (!whole) break;
    run.data += sample.size;
    track.next_dts += sample.duration;
    track.samples.push_back(sample);
    ++chunk.count;
  }
  if (chunk.count != 0) track.chunks.push_back(chunk);
  return whole;
}

struct TrackFragment {
  Mp4Track* track = nullptr;
  Run run = {};
};

TrackFragment read_header(Movie& movie, View traf, std::uint64_t at, std::uint64_t data_end, bool first) {
  TrackFragment out;
  const View tfhd = child(traf, type_of("tfhd"));
  const auto id = u32(tfhd, 4);
  for (auto& track : movie.tracks)
    if (track.id == id && track.known) out.track = &track;
  for (const auto& defaults : movie.defaults)
    if (defaults.track == id) out.run.defaults = defaults;
  const auto has = flags(tfhd);
  std::size_t field = 8;
  out.run.base = (has & 0x20000U) != 0 || first ? at : data_end;
  if ((has & 0x1U) != 0) out.run.base = u64(tfhd, field), field += 8;
  if ((has & 0x2U) != 0) field += 4;
  if ((has & 0x8U) != 0) out.run.defaults.duration = u32(tfhd, field), field += 4;
  if ((has & 0x10U) != 0) out.run.defaults.size = u32(tfhd, field), field += 4;
  if ((has & 0x20U) != 0) out.run.defaults.flags = u32(tfhd, field);
  out.run.data = out.run.base;
  return out;
}

}  // namespace

Result<Movie> read_movie(View moov, std::uint64_t file_size) {
  Movie movie;
  const View mvhd = child(moov, type_of("mvhd"));
  const bool wide = version(mvhd) == 1;
  const auto timescale = u32(mvhd, wide ? 20 : 12);
  const auto duration = wide ? u64(mvhd, 24) : u32(mvhd, 16);
  if (timescale == 0) return tl::unexpected(std::string{"its movie header is not readable"});
  movie.duration_ns =
      rescale(static_cast<std::int64_t>(std::min<std::uint64_t>(duration, INT64_MAX)), kSecond, timescale);
  for (Box box; next(moov, box);) {
    if (box.type == type_of("trak")) movie.tracks.push_back(read_track(box.body, timescale, file_size));
    if (box.type != type_of("mvex")) continue;
    movie.fragmented = true;
    View mvex = box.body;
    for (Box trex; next(mvex, trex);)
      if (trex.type == type_of("trex"))
        movie.defaults.push_back(
            {u32(trex.body, 4), u32(trex.body, 12), u32(trex.body, 16), u32(trex.body, 20)});
  }
  if (movie.tracks.empty()) return tl::unexpected(std::string{"it has no track"});
  return movie;
}

bool add_fragment(Movie& movie, View moof, std::uint64_t at, std::uint64_t file_size) {
  bool whole = true, first = true;
  std::uint64_t data_end = at;
  for (Box box; next(moof, box);) {
    if (box.type != type_of("traf")) continue;
    auto fragment = read_header(movie, box.body, at, data_end, std::exchange(first, false));
    if (fragment.track == nullptr) continue;
    const View tfdt = child(box.body, type_of("tfdt"));
    if (!tfdt.empty()) {
      const auto time = version(tfdt) == 1 ? u64(tfdt, 4) : u32(tfdt, 4);
      join_at(*fragment.track, static_cast<std::int64_t>(std::min<std::uint64_t>(time, INT64_MAX / 4)));
    }
    View runs = box.body;
    for (Box trun; whole && next(runs, trun);)
      if (trun.type == type_of("trun")) whole = add_run(*fragment.track, trun.body, fragment.run, file_size);
    data_end = fragment.run.data;
  }
  return whole;
}

}  // namespace mp4

namespace {

constexpr std::uint64_t kLargestMoov = std::uint64_t{512} << 20U, kLargestMoof = std::uint64_t{32} << 20U;

struct Head {
  std::uint32_t type = 0;
  std::uint64_t size = 0;  ///< with header
};

std::optional<Head> head_at(const ByteSource& source, std::uint64_t at) {
  std::array<std::uint8_t, 16> bytes{};
  if (!source.read(at, std::span{bytes}.first(8))) return std::nullopt;
  Head head{static_cast<std::uint32_t>(big<4>(View{bytes}.subspan(4))), big<4>(View{bytes})};
  if (head.size == 0) head.size = source.size() - at;
  if (head.size == 1) {
    if (!source.read(at, bytes)) return std::nullopt;
    head.size = big<8>(View{bytes}.subspan(8));
    if (head.size < 16) return std::nullopt;
  }
  if (head.size < 8) return std::nullopt;
  return head;
}

/// The whole box at `at`; empty when it is not all there.
Bytes box_at(const ByteSource& source, std::uint64_t at, std::uint64_t size, std::uint64_t most) {
  if (size > most || at > source.size() || size > source.size() - at) return {};
  Bytes out(static_cast<std::size_t>(size));
  if (!source.read(at, out)) out.clear();
  return out;
}

void settle(Mp4Track& track) {
  track.first_dts += track.edit;
  if (!track.stream.video || track.samples.empty()) return;
  const auto length = track.duration();
  if (length > 0)
    track.stream.fps =
        static_cast<double>(track.samples.size()) * track.timescale / static_cast<double>(length);
}

}  // namespace

Result<Mp4File> read_mp4(const ByteSource& source) {
  Mp4File out;
  std::optional<mp4::Movie> movie;
  for (std::uint64_t at = 0; at < source.size();) {
    const auto head = head_at(source, at);
    if (!head) {
      out.torn = true;
      break;
    }
    const bool moov = head->type == type_of("moov"), moof = head->type == type_of("moof");
    if ((moov && !movie) || (moof && movie && movie->fragmented)) {
      Bytes bytes = box_at(source, at, head->size, moov ? kLargestMoov : kLargestMoof);
      Box box;
      View view{bytes};
      out.torn = !mp4::next(view, box);
      if (out.torn) break;
      if (moov) {
        auto read = mp4::read_movie(box.body, source.size());
        if (!read) return tl::unexpected(read.error());
        movie = std::move(*read);
      } else {
        out.fragmented = true;
        mend_moof(bytes);
        out.torn = !mp4::add_fragment(*movie, box.body, at, source.size());
        if (out.torn) break;
      }
    }
    if (head->size > source.size() - at) {
      out.torn = true;
      break;
    }
    at += head->size;
  }
  if (!movie) return tl::unexpected(std::string{"it ends before its header is complete"});
  out.said_ns = movie->duration_ns;
  for (auto& track : movie->tracks) {
    if (!track.known || track.samples.empty()) continue;
    settle(track);
    out.tracks.push_back(std::move(track));
  }
  if (out.tracks.empty()) return tl::unexpected(std::string{"it holds no complete picture or sound"});
  return out;
}

}  // namespace auralink::pipeline::finish
