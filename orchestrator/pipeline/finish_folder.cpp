// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings that are a folder of segments per piece: HLS (fragmented MP4 with a playlist) and plain MP4
// segments. Segments stay where they are; the last one is mended, and one playlist leads over all pieces.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>

#include "orchestrator/pipeline/finish.hpp"
#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/finish_playlist.hpp"

namespace auralink::pipeline::finish {
namespace {

namespace fs = std::filesystem;
using session::FinishOrder;

constexpr const char* kPlaylist = "playlist.m3u8";
constexpr const char* kInit = "init.mp4";
constexpr std::uint64_t kLongestPlaylist = std::uint64_t{64} << 20U;

/// The initialisation and one segment, as a player strings them together.
class Strung final : public ByteSource {
 public:
  Strung(const ByteSource& front, const ByteSource& back) : front_{front}, back_{back} {}
  [[nodiscard]] std::uint64_t size() const override { return front_.size() + back_.size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    const auto in_front =
        offset < front_.size()
            ? static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), front_.size() - offset))
            : 0;
    if (in_front > 0 && !front_.read(offset, out.first(in_front))) return false;
    const auto rest = out.subspan(in_front);
    return rest.empty() || back_.read(offset + in_front - front_.size(), rest);
  }

 private:
  const ByteSource& front_;
  const ByteSource& back_;
};

std::vector<fs::path> files_with(const fs::path& folder, std::string_view suffix) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    const auto name = entry.path().filename().string();
    if (name.ends_with(suffix) && !name.starts_with('.') && name != kInit && entry.is_regular_file(error))
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void remove_leftovers(const fs::path& folder) {
  std::vector<fs::path> old;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    const auto name = entry.path().filename().string();
    if (name.starts_with('.') && (name.ends_with(".part") || name.ends_with(".new")))
      old.push_back(entry.path());
  }
  for (const auto& path : old) fs::remove(path, error);
}

/// What one piece's folder gives.
struct Segments {
  std::vector<PlaylistEntry> entries = {};
  std::vector<fs::path> files = {};
  std::vector<Stream> streams = {};
  std::int64_t duration_ns = 0;
};

std::string relative_to(const fs::path& folder, const fs::path& file) {
  return file.lexically_relative(folder).generic_string();
}

/// Bytes up to the end of the last fragment that is complete.
std::uint64_t whole_fragments(const ByteSource& segment) {
  std::uint64_t at = 0, whole = 0;
  std::array<std::uint8_t, 8> head{};
  while (segment.read(at, head)) {
    const auto size = big<4>(View{head});
    const auto type = static_cast<std::uint32_t>(big<4>(View{head}.subspan(4)));
    if (size < head.size() || size > segment.size() - at) break;
    at += size;
    if (type == mp4::type_of("mdat")) whole = at;
  }
  return whole;
}

/// Length of the pictures, or of the sound when there are none; as the worker's cutter measures it.
std::int64_t length_of(const Mp4File& file) {
  const auto video =
      std::find_if(file.tracks.begin(), file.tracks.end(), [](const auto& t) { return t.stream.video; });
  const auto& lead = video == file.tracks.end() ? file.tracks.front() : *video;
  return rescale(lead.duration(), kSecond, lead.timescale);
}

/// A segment that its worker did not list: cut behind its last whole fragment.
Result<PlaylistEntry> mend_segment(const ByteSource& init, const fs::path& path) {
  auto segment = FileSource::open(path);
  if (!segment) return tl::unexpected(segment.error());
  const auto whole = whole_fragments(*segment);
  if (whole < segment->size() && ::truncate(path.c_str(), static_cast<off_t>(whole)) != 0)
    return tl::unexpected("cannot shorten " + path.filename().string());
  auto mended = FileSource::open(path);
  if (!mended) return tl::unexpected(mended.error());
  const auto file = read_mp4(Strung{init, *mended});
  if (!file) return tl::unexpected(file.error());
  PlaylistEntry out;
  out.duration_ns = length_of(*file);
  if (out.duration_ns <= 0) return tl::unexpected(std::string{"it holds nothing"});
  return out;
}

Result<Segments> read_hls(const fs::path& root, const session::Piece& piece) {
  const fs::path folder{piece.path};
  remove_leftovers(folder);
  const auto init = FileSource::open(folder / kInit);
  if (!init || init->size() == 0) return tl::unexpected(std::string{"it ends before its first segment"});
  const auto text = read_text(folder / kPlaylist, kLongestPlaylist);
  const auto listed = text ? parse_playlist(*text) : std::map<std::string, PlaylistEntry>{};
  Segments out;
  out.files.push_back(folder / kInit);
  std::int64_t wall = piece.started_at.count();
  for (const auto& path : files_with(folder, ".m4s")) {
    PlaylistEntry entry;
    if (const auto known = listed.find(path.filename().string()); known != listed.end()) {
      entry = known->second;
    } else {
      auto mended = mend_segment(*init, path);
      std::error_code error;
      if (!mended && fs::remove(path, error)) continue;
      if (!mended) return tl::unexpected(mended.error());
      entry = *mended;
    }
    if (entry.wall_ms == 0) entry.wall_ms = wall;
    entry.uri = relative_to(root, path);
    entry.map = relative_to(root, folder / kInit);
    wall = entry.wall_ms == 0 ? 0 : entry.wall_ms + entry.duration_ns / 1'000'000;
    out.duration_ns += entry.duration_ns;
    if (out.streams.empty())
      if (const auto segment = FileSource::open(path); segment)
        if (const auto file = read_mp4(Strung{*init, *segment}); file) out.streams = file->facts().streams;
    out.entries.push_back(std::move(entry));
    out.files.push_back(path);
  }
  if (out.entries.empty()) return tl::unexpected(std::string{"it holds no complete segment"});
  return out;
}

/// The segment as a plain file; it was one already, or it is made one. `first`: of its piece.
Result<Facts> mend_plain(const fs::path& path, bool first, const Advance& advance) {
  auto source = FileSource::open(path);
  if (!source) return tl::unexpected(source.error());
  auto file = read_mp4(*source);
  if (!file) return tl::unexpected(file.error());
  if (!file->fragmented && !file->torn) return file->facts();
  using Ns = std::numeric_limits<std::int64_t>;
  const auto from = first ? std::nullopt : pictures_begin(*file);
  settle_segment(*file, from.value_or(Ns::min()), Ns::max());
  auto fresh = NewFile::create(path, advance);
  if (!fresh) return tl::unexpected(fresh.error());
  const Mp4Piece piece{&*source, &*file};
  auto facts = write_mp4({&piece, 1}, **fresh);
  if (!facts) return facts;
  if (auto named = (*fresh)->commit(); !named) return tl::unexpected(named.error());
  return facts;
}

Result<Segments> read_plain(const fs::path& root, const session::Piece& piece, const Advance& advance) {
  const fs::path folder{piece.path};
  remove_leftovers(folder);
  Segments out;
  std::int64_t wall = piece.started_at.count();
  const auto files = files_with(folder, ".mp4");
  for (const auto& path : files) {
    auto facts = mend_plain(path, path == files.front(), advance);
    if (!facts) {
      // Only the last can be a mere beginning; another one that cannot be read stays for a closer look.
      std::error_code error;
      constexpr std::uint64_t kBeginning = 65'536;
      if (path == files.back() && fs::file_size(path, error) <= kBeginning) fs::remove(path, error);
      continue;
    }
    out.entries.push_back(
        {.uri = relative_to(root, path), .duration_ns = facts->duration_ns, .wall_ms = wall});
    if (wall != 0) wall += facts->duration_ns / 1'000'000;
    out.duration_ns += facts->duration_ns;
    if (out.streams.empty()) out.streams = facts->streams;
    out.files.push_back(path);
  }
  if (out.entries.empty()) return tl::unexpected(std::string{"it holds no complete segment"});
  return out;
}

}  // namespace

Result<Made> finish_folder(const FinishOrder& order, const Advance& advance) {
  const fs::path root{order.path};
  Made made;
  made.path = root;
  std::vector<PlaylistEntry> entries;
  std::vector<fs::path> files;
  for (const auto& piece : order.pieces) {
    auto& found = made.pieces.emplace_back(Found{piece, {}});
    found.piece.bytes = 0;
    found.piece.duration_ns = 0;
    auto segments = order.container == "hls" ? read_hls(root, piece) : read_plain(root, piece, advance);
    if (!segments) {
      found.problem = segments.error();
      continue;
    }
    if (!entries.empty()) segments->entries.front().discontinuity = true;
    entries.insert(entries.end(), segments->entries.begin(), segments->entries.end());
    for (const auto& path : segments->files) {
      std::error_code error;
      const auto size = fs::file_size(path, error);
      found.piece.bytes += error ? 0 : size;
    }
    files.insert(files.end(), segments->files.begin(), segments->files.end());
    found.piece.duration_ns = segments->duration_ns;
    made.facts.duration_ns += segments->duration_ns;
    if (made.facts.streams.empty()) made.facts.streams = segments->streams;
  }
  if (entries.empty()) return tl::unexpected(std::string{"nothing playable is left of it"});
  std::error_code error;
  fs::create_directories(root, error);
  if (auto written = replace_text(root / kPlaylist, render_playlist(entries)); !written)
    return tl::unexpected(written.error());
  files.push_back(root / kPlaylist);
  for (const auto& path : files) {
    const auto source = FileSource::open(path);
    if (!source) return tl::unexpected(source.error());
    auto sha256 = hash(*source, advance);
    if (!sha256) return tl::unexpected(sha256.error());
    made.files.push_back({path, source->size(), std::move(*sha256)});
  }
  made.artifacts.push_back({"playlist", (root / kPlaylist).string(), 0});
  return made;
}

}  // namespace auralink::pipeline::finish
