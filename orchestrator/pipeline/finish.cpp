// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of steps, which is what makes it safe to be killed: the new file is complete on the disk; a note
// with everything that was learned is too; the file takes its name; the pieces in it go; the note becomes the
// sidecar.
#include "orchestrator/pipeline/finish.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>

namespace auralink::pipeline::finish {
namespace {

namespace fs = std::filesystem;
using json::Value;
using session::FinishOrder;
using session::FinishReport;

constexpr std::uint64_t kLongestSidecar = std::uint64_t{8} << 20U;

fs::path note_of(const FinishOrder& order) {
  const auto sidecar = sidecar_of(order);
  return sidecar.parent_path() / ("." + sidecar.filename().string() + ".finishing");
}

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }
std::int64_t nanos(const Value& seconds) {
  return seconds.is_number() ? static_cast<std::int64_t>(std::llround(seconds.get<double>() * 1e9)) : 0;
}

Value describe(const Stream& stream) {
  if (!stream.video)
    return {{"type", "audio"}, {"codec", stream.codec}, {"rate", stream.rate}, {"channels", stream.channels}};
  return {{"type", "video"},
          {"codec", stream.codec},
          {"width", stream.width},
          {"height", stream.height},
          {"fps", std::round(stream.fps * 1000) / 1000}};
}

std::uint64_t bitrate(std::uint64_t bytes, std::int64_t duration_ns) {
  if (duration_ns <= 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * 8e9 / static_cast<double>(duration_ns));
}

/// What the finisher adds to the sidecar; also all it needs to know to go on after it was killed.
void complete(Value& document, const FinishOrder& order, const Made& made) {
  const auto folder = sidecar_of(order).parent_path();
  std::uint64_t bytes = 0;
  auto files = Value::array();
  for (const auto& file : made.files) {
    bytes += file.bytes;
    files.push_back({{"name", file.path.lexically_relative(folder).string()},
                     {"bytes", file.bytes},
                     {"sha256", file.sha256}});
  }
  auto streams = Value::array();
  for (const auto& stream : made.facts.streams) streams.push_back(describe(stream));
  document["media"] = {{"path", made.path.lexically_relative(folder).string()},
                       {"durationSeconds", seconds(made.facts.duration_ns)},
                       {"bytes", bytes},
                       {"bitrate", bitrate(bytes, made.facts.duration_ns)},
                       {"streams", std::move(streams)}};
  document["files"] = std::move(files);
  auto gaps = Value::array();
  for (const auto& gap : gaps_between(made.pieces))
    gaps.push_back({{"atSeconds", seconds(gap.at_ns)}, {"missingSeconds", seconds(gap.missing_ns)}});
  document["gaps"] = std::move(gaps);
  auto pieces = Value::array();
  for (const auto& found : made.pieces)
    pieces.push_back({{"epoch", found.piece.epoch},
                      {"name", fs::path{found.piece.path}.filename().string()},
                      {"durationSeconds", seconds(found.piece.duration_ns)},
                      {"bytes", found.piece.bytes},
                      {"problem", found.problem.empty() ? Value() : Value(found.problem)}});
  document["pieces"] = std::move(pieces);
  auto artifacts = Value::array();
  for (const auto& artifact : made.artifacts)
    artifacts.push_back(
        {{"kind", artifact.kind}, {"name", fs::path{artifact.path}.lexically_relative(folder).string()}});
  document["artifacts"] = std::move(artifacts);
}

void add_artifact(FinishReport& report, std::string kind, const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  report.artifacts.push_back({std::move(kind), path.string(), error ? 0 : size});
}

/// From the document alone, so that a second try reports the same as the first would have.
Finished told_by(const FinishOrder& order, Value document) {
  Finished out;
  out.sidecar = sidecar_of(order);
  const auto folder = out.sidecar.parent_path();
  auto& report = out.report;
  report.recording = order.recording;
  report.stage = FinishReport::Stage::finalised;
  report.progress = 1;
  const auto& media = document["media"];
  report.path = (folder / media["path"].get<std::string>()).lexically_normal().string();
  if (report.path.ends_with('/')) report.path.pop_back();
  report.bytes = media["bytes"].get<std::uint64_t>();
  report.bitrate = media["bitrate"].get<std::uint64_t>();
  report.duration_ns = nanos(media["durationSeconds"]);
  for (const auto& file : document["files"]) out.media.push_back(folder / file["name"].get<std::string>());
  if (document["files"].size() == 1 && !is_folder(order.container))
    report.sha256 = document["files"][0]["sha256"].get<std::string>();
  for (const auto& gap : document["gaps"])
    report.gaps.push_back({nanos(gap["atSeconds"]), nanos(gap["missingSeconds"]), {}});
  report.pieces = order.pieces;
  for (auto& piece : report.pieces)
    for (const auto& measured : document["pieces"])
      if (measured["epoch"] == piece.epoch) {
        piece.duration_ns = nanos(measured["durationSeconds"]);
        piece.bytes = measured["bytes"].get<std::uint64_t>();
      }
  for (const auto& artifact : document["artifacts"])
    add_artifact(report, artifact["kind"].get<std::string>(), folder / artifact["name"].get<std::string>());
  out.document = std::move(document);
  return out;
}

std::optional<Value> read_document(const fs::path& path, const FinishOrder& order) {
  const auto text = read_text(path, kLongestSidecar);
  if (!text) return std::nullopt;
  auto document = json::parse(*text, {.bytes = kLongestSidecar});
  if (!document || !document->is_object() || document->value("recording", Value()) != order.recording ||
      !document->contains("media") || !document->contains("files"))
    return std::nullopt;
  return std::move(*document);
}

/// Whether every delivered file is what the document says it is.
bool holds(const Value& document, const fs::path& folder, const Advance& advance) {
  for (const auto& file : document["files"]) {
    const auto source = FileSource::open(folder / file["name"].get<std::string>());
    if (!source || source->size() != file["bytes"]) return false;
    const auto sha256 = hash(*source, advance);
    if (!sha256 || *sha256 != file["sha256"]) return false;
  }
  return !document["files"].empty();
}

/// Removes what is in the joined file now. A piece of which nothing could be read stays when it is more than
/// a beginning: perhaps somebody else can.
void remove_pieces(const FinishOrder& order, const Value& document) {
  constexpr std::uint64_t kBeginning = 65'536;
  for (const auto& piece : order.pieces) {
    if (piece.path == order.path) continue;
    std::error_code error;
    const bool unread = std::any_of(
        document["pieces"].begin(), document["pieces"].end(),
        [&](const Value& found) { return found["epoch"] == piece.epoch && found["problem"].is_string(); });
    if (unread && fs::file_size(piece.path, error) > kBeginning) continue;
    fs::remove(piece.path, error);
  }
  sync_folder(fs::path{order.path}.parent_path());
}

/// The last steps, from the moment at which the file has its name.
Result<Finished> settle(const FinishOrder& order, Value document) {
  const auto note = note_of(order), sidecar = sidecar_of(order);
  if (document.value("joined", false)) remove_pieces(order, document);
  document.erase("joined");
  // The daemon may know more now than when it gave the order for the first time.
  for (const auto& [key, value] : order.sidecar.items())
    if (!document.contains(key) || key == "metadata") document[key] = value;
  if (auto written = replace_text(sidecar, document.dump(2) + "\n"); !written)
    return tl::unexpected(written.error());
  std::error_code error;
  if (fs::remove(note, error)) sync_folder(note.parent_path());
  auto out = told_by(order, std::move(document));
  add_artifact(out.report, "sidecar", sidecar);
  return out;
}

void remove_leftovers(const FinishOrder& order) {
  std::error_code error;
  for (const auto& piece : order.pieces)
    if (!is_folder(order.container)) fs::remove(temporary_of(piece.path), error);
  if (!is_folder(order.container)) fs::remove(temporary_of(order.path), error);
  const auto sidecar = sidecar_of(order);
  fs::remove(temporary_of(sidecar), error);
  fs::remove(temporary_of(note_of(order)), error);
}

Result<Finished> attempt(const FinishOrder& order, const Advance& advance) {
  remove_leftovers(order);
  const auto note = note_of(order), sidecar = sidecar_of(order);
  // Killed between the name and the sidecar, or after it: nothing is left to be made.
  for (const auto& path : {note, sidecar})
    if (auto document = read_document(path, order);
        document && holds(*document, sidecar.parent_path(), advance))
      return settle(order, std::move(*document));
  std::error_code error;
  fs::remove(note, error);

  auto made = is_folder(order.container) ? finish_folder(order, advance) : finish_file(order, advance);
  if (!made) return tl::unexpected(made.error());
  Value document = order.sidecar.is_object() ? order.sidecar : Value::object();
  document["recording"] = order.recording;
  complete(document, order, *made);
  if (made->file) {
    if (auto settled = made->file->settle(); !settled) return tl::unexpected(settled.error());
    document["joined"] = made->joined;
    if (auto noted = replace_text(note, document.dump()); !noted) return tl::unexpected(noted.error());
    if (auto named = made->file->commit(); !named) return tl::unexpected(named.error());
  }
  return settle(order, std::move(document));
}

}  // namespace

bool is_folder(std::string_view container) noexcept { return container == "segments" || container == "hls"; }

fs::path sidecar_of(const FinishOrder& order) {
  const fs::path path{order.path};
  if (is_folder(order.container)) return path / "recording.json";
  return fs::path{path}.replace_extension(".json");
}

Result<void> add_pictures(Finished& finished, const std::vector<session::Artifact>& pictures) {
  const auto folder = finished.sidecar.parent_path();
  auto list = Value::array();
  for (const auto& picture : pictures)
    list.push_back(
        {{"kind", picture.kind}, {"name", fs::path{picture.path}.lexically_relative(folder).string()}});
  finished.document["pictures"] = std::move(list);
  return replace_text(finished.sidecar, finished.document.dump(2) + "\n");
}

std::optional<FileSource> open_piece(const session::Piece& piece) {
  auto file = FileSource::open(piece.path);
  if (!file || file->size() == 0) return std::nullopt;
  return std::move(*file);
}

std::vector<session::Gap> gaps_between(const std::vector<Found>& pieces) {
  std::vector<session::Gap> out;
  std::int64_t at = 0;
  const Found* before = nullptr;
  for (const auto& found : pieces) {
    if (!found.problem.empty()) continue;
    if (before != nullptr) {
      const auto& last = before->piece;
      std::int64_t missing = 0;
      if (last.started_at.count() != 0 && found.piece.started_at.count() != 0) {
        constexpr std::int64_t kMilli = 1'000'000;
        std::int64_t end = last.started_at.count() * kMilli + last.duration_ns;
        // A piece that was paused took longer than its media; when it was closed in order, its end is known.
        if (last.clean) end = std::max(end, last.ended_at.count() * kMilli);
        missing = std::max<std::int64_t>(0, found.piece.started_at.count() * kMilli - end);
      }
      out.push_back({at, missing, {}});
    }
    at += found.piece.duration_ns;
    before = &found;
  }
  return out;
}

Finished finalise(const FinishOrder& order, const OnProgress& progress) {
  std::uint64_t expected = 1, done = 0;
  for (const auto& piece : order.pieces) {
    std::error_code error;
    const auto size = fs::file_size(piece.path, error);
    expected += error ? piece.bytes : size;
  }
  const Advance advance = [&](std::uint64_t bytes) {
    done += bytes;
    return !progress || progress(std::min(1.0, static_cast<double>(done) / static_cast<double>(expected)));
  };
  auto finished = attempt(order, advance);
  if (finished) return std::move(*finished);
  Finished out;
  out.report.recording = order.recording;
  out.report.stage = FinishReport::Stage::failed;
  out.report.error = finished.error();
  // Without room for a better file, what was written is delivered as it lies there; its length is told all
  // the same.
  for (auto& found : survey(order)) out.report.pieces.push_back(std::move(found.piece));
  return out;
}

}  // namespace auralink::pipeline::finish
