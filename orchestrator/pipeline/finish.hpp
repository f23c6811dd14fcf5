// SPDX-License-Identifier: LGPL-2.1-or-later
// Finishing a recording whose last piece was closed: mends, joins, measures, describes. See
// orchestrator/worker/README.md for what is made of which container and why it may be killed at any moment.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "orchestrator/json/json.hpp"
#include "orchestrator/pipeline/finish_files.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::pipeline::finish {

/// How far it is, 0..1; false ends the work as soon as possible, as if the process had been killed.
using OnProgress = std::function<bool(double)>;

/// What finalise() came to.
struct Finished {
  session::FinishReport report = {};              ///< stage finalised or failed
  std::filesystem::path sidecar = {};             ///< written unless failed
  json::Value document = {};                      ///< what stands in it
  std::vector<std::filesystem::path> media = {};  ///< the delivered files in order of playing; for pictures
};

/// Makes the delivered file of the order's pieces. Repeating it gives the same result, whatever ended it the
/// last time. Blocks; does not need GStreamer.
[[nodiscard]] Finished finalise(const session::FinishOrder& order, const OnProgress& progress);

/// Names the pictures in the sidecar.
[[nodiscard]] Result<void> add_pictures(Finished& finished, const std::vector<session::Artifact>& pictures);

/// `<path minus suffix>.json`, or recording.json in the folder.
[[nodiscard]] std::filesystem::path sidecar_of(const session::FinishOrder& order);
/// Containers whose recording is a folder.
[[nodiscard]] bool is_folder(std::string_view container) noexcept;

// --- between the files of finish*.cpp ---

/// One piece as it was found.
struct Found {
  session::Piece piece = {};  ///< bytes and duration as measured
  std::string problem = {};   ///< why nothing of it can be used; empty: it is good
};
struct DeliveredFile {
  std::filesystem::path path = {};
  std::uint64_t bytes = 0;
  std::string sha256 = {};
};
/// What one container's finisher hands back before anything old is removed.
struct Made {
  std::filesystem::path path = {};  ///< what is delivered: the file, the folder or a playlist
  Facts facts = {};
  std::vector<Found> pieces = {};
  std::vector<DeliveredFile> files = {};
  std::vector<session::Artifact> artifacts = {};
  /// A file that waits to take its name; null when nothing had to be written.
  std::unique_ptr<NewFile> file = {};
  bool joined = false;  ///< the other pieces are in `file` now
};

/// Opens a piece; nullopt when there is nothing in it or it is not there any more.
[[nodiscard]] std::optional<FileSource> open_piece(const session::Piece& piece);
/// What there is, measured without writing anything; empty for folders.
[[nodiscard]] std::vector<Found> survey(const session::FinishOrder& order);
[[nodiscard]] Result<Made> finish_file(const session::FinishOrder& order, const Advance& advance);
[[nodiscard]] Result<Made> finish_folder(const session::FinishOrder& order, const Advance& advance);
/// The hole before each piece but the first, from wall times and measured durations.
[[nodiscard]] std::vector<session::Gap> gaps_between(const std::vector<Found>& pieces);

}  // namespace auralink::pipeline::finish
