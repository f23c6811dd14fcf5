// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings that are one file. The same steps for every container: read each piece's tables, leave a whole
// one alone, otherwise write one new file of all of them, or a playlist when they do not fit together.
#include <algorithm>
#include <variant>

#include "orchestrator/pipeline/finish.hpp"
#include "orchestrator/pipeline/finish_mkv.hpp"
#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/finish_ogg.hpp"
#include "orchestrator/pipeline/finish_playlist.hpp"

namespace auralink::pipeline::finish {
namespace {

namespace fs = std::filesystem;
using session::FinishOrder;

struct Mp4 {
  using File = Mp4File;
  using Piece = Mp4Piece;
  static Result<File> read(const ByteSource& source) { return read_mp4(source); }
  static bool whole(const File& file) { return !file.fragmented && !file.torn; }
  static bool joinable(std::span<const Piece> pieces) { return finish::joinable(pieces); }
  static Result<Facts> write(std::span<const Piece> pieces, ByteSink& sink) {
    return write_mp4(pieces, sink);
  }
};

struct Mkv {
  using File = MkvFile;
  using Piece = MkvPiece;
  static Result<File> read(const ByteSource& source) { return read_mkv(source); }
  static bool whole(const File& file) { return !file.torn && file.said_ns > 0 && file.cues_found; }
  static bool joinable(std::span<const Piece> pieces) { return finish::joinable(pieces); }
  static Result<Facts> write(std::span<const Piece> pieces, ByteSink& sink) {
    return write_mkv(pieces, sink);
  }
};

struct Ogg {
  using File = OggFile;
  using Piece = OggPiece;
  static Result<File> read(const ByteSource& source) { return read_ogg(source); }
  static bool whole(const File& file) { return !file.torn && file.ended; }
  static bool joinable(std::span<const Piece> pieces) { return finish::joinable(pieces); }
  static Result<Facts> write(std::span<const Piece> pieces, ByteSink& sink) {
    return write_ogg(pieces, sink);
  }
};

template <class Container>
struct Opened {
  std::size_t index;  ///< of the piece in the order
  std::unique_ptr<FileSource> source;
  typename Container::File file;
};

template <class Container>
std::vector<Opened<Container>> open_all(const FinishOrder& order, std::vector<Found>& found) {
  std::vector<Opened<Container>> out;
  for (std::size_t i = 0; i < order.pieces.size(); ++i) {
    found.push_back({order.pieces[i], {}});
    auto& piece = found.back().piece;
    piece.duration_ns = 0;
    auto source = open_piece(piece);
    piece.bytes = source ? source->size() : 0;
    if (!source) {
      found.back().problem = "it is empty";
      continue;
    }
    auto owned = std::make_unique<FileSource>(std::move(*source));
    auto file = Container::read(*owned);
    if (!file) {
      found.back().problem = file.error();
      continue;
    }
    piece.duration_ns = file->facts().duration_ns;
    out.push_back({i, std::move(owned), std::move(*file)});
  }
  return out;
}

/// Everything there is lies in one whole file under the right name: it is only measured.
template <class Container>
Result<Made> measure(const Opened<Container>& only, Made made, const Advance& advance) {
  auto sha256 = hash(*only.source, advance);
  if (!sha256) return tl::unexpected(sha256.error());
  made.facts = only.file.facts();
  made.files.push_back({made.path, only.source->size(), std::move(*sha256)});
  return made;
}

template <class Container>
Result<Made> write(std::span<const Opened<Container>> opened, Made made, const Advance& advance) {
  std::vector<typename Container::Piece> pieces;
  for (const auto& one : opened) pieces.push_back({one.source.get(), &one.file});
  auto file = NewFile::create(made.path, advance);
  if (!file) return tl::unexpected(file.error());
  made.file = std::move(*file);
  auto facts = Container::write(pieces, *made.file);
  if (!facts) return tl::unexpected(facts.error());
  made.facts = std::move(*facts);
  made.files.push_back({made.path, made.file->bytes(), made.file->sha256()});
  return made;
}

/// Pieces that no single file can hold: each becomes a good file of its own, and a playlist names them in
/// order. Where one piece's codec ends, the next decoder begins.
template <class Container>
Result<Made> list(const std::vector<Opened<Container>>& opened, const FinishOrder& order, Made made,
                  const Advance& advance) {
  const auto playlist = fs::path{order.path}.replace_extension(".m3u8");
  std::vector<PlaylistEntry> entries;
  for (const auto& one : opened) {
    auto& piece = made.pieces[one.index].piece;
    Made part;
    part.path = piece.path;
    auto done = Container::whole(one.file) ? measure(one, std::move(part), advance)
                                           : write(std::span{&one, 1}, std::move(part), advance);
    if (!done) return done;
    // Each is as good on its own as it was in pieces: there is nothing to be noted before it takes its name.
    if (done->file)
      if (auto named = done->file->commit(); !named) return tl::unexpected(named.error());
    made.files.push_back(done->files.front());
    made.facts.duration_ns += done->facts.duration_ns;
    for (auto& stream : done->facts.streams) made.facts.streams.push_back(std::move(stream));
    piece.bytes = done->files.front().bytes;
    entries.push_back(
        {.uri = fs::path{piece.path}.lexically_relative(playlist.parent_path()).generic_string(),
         .duration_ns = done->facts.duration_ns,
         .wall_ms = piece.started_at.count(),
         .discontinuity = !entries.empty()});
  }
  if (auto written = replace_text(playlist, render_playlist(entries)); !written)
    return tl::unexpected(written.error());
  made.path = playlist;
  made.artifacts.push_back({"playlist", playlist.string(), 0});
  return made;
}

std::string all_problems(const std::vector<Found>& found) {
  std::string out = "nothing playable is left of it";
  for (const auto& one : found)
    out += "; " + fs::path{one.piece.path}.filename().string() + ": " + one.problem;
  return out;
}

template <class Container>
Result<Made> finish_as(const FinishOrder& order, const Advance& advance) {
  Made made;
  made.path = order.path;
  const auto opened = open_all<Container>(order, made.pieces);
  if (opened.empty()) return tl::unexpected(all_problems(made.pieces));
  if (opened.size() == 1 && order.pieces[opened.front().index].path == order.path &&
      Container::whole(opened.front().file))
    return measure(opened.front(), std::move(made), advance);
  std::vector<typename Container::Piece> pieces;
  for (const auto& one : opened) pieces.push_back({one.source.get(), &one.file});
  if (!Container::joinable(pieces)) return list(opened, order, std::move(made), advance);
  made.joined = true;
  return write(std::span{opened}, std::move(made), advance);
}

template <class Container>
std::vector<Found> survey_as(const FinishOrder& order) {
  std::vector<Found> found;
  static_cast<void>(open_all<Container>(order, found));
  return found;
}

}  // namespace

std::vector<Found> survey(const FinishOrder& order) {
  if (order.container == "mp4") return survey_as<Mp4>(order);
  if (order.container == "mkv" || order.container == "webm") return survey_as<Mkv>(order);
  if (order.container == "ogg") return survey_as<Ogg>(order);
  return {};
}

Result<Made> finish_file(const FinishOrder& order, const Advance& advance) {
  if (order.container == "mp4") return finish_as<Mp4>(order, advance);
  if (order.container == "mkv" || order.container == "webm") return finish_as<Mkv>(order, advance);
  if (order.container == "ogg") return finish_as<Ogg>(order, advance);
  return tl::unexpected("a recording of container " + order.container + " cannot be finished");
}
}  // namespace auralink::pipeline::finish
