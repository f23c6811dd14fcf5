// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a recording goes: templates such as "{conference}/{date}/{recording}" become relative paths that
// cannot leave the recordings folder. Pure; the folder itself enforces the same rule again with openat2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/model.hpp"

namespace auralink::session {

/// Longest template, expanded path and single component, in bytes. A component leaves room for "-999" and a
/// suffix within the 255 bytes a file system allows.
inline constexpr std::size_t kMaxTemplateBytes = 512;
inline constexpr std::size_t kMaxPathBytes = 1024;
inline constexpr std::size_t kMaxComponentBytes = 200;
inline constexpr std::size_t kMaxComponents = 16;

/// The values behind {conference} {recording} {branch} {pipeline} {epoch} {seq}, and `wall` behind
/// {utc} 20260131T235959Z, {date} 2026-01-31 and {time} 23-59-59 (all UTC).
struct PathValues {
  std::string_view conference, recording, branch, pipeline;
  std::uint32_t epoch = 0;
  unsigned seq = 1;  ///< number of the recording within its branch
  Millis wall{};
};

/// Whether a container is a folder of files.
[[nodiscard]] bool is_folder(std::string_view container) noexcept;

/// ".mp4" for mp4 and so on; "" for those that are a folder.
[[nodiscard]] std::string suffix_for(std::string_view container);

/// Replaces the variables (each value reduced to letters, digits, '.', '_' and '-'), checks the result and
/// adds `suffix` when it is missing. Names with ".part<number>" are kept for part_path() and refused. Every
/// complaint has the pointer "/path".
[[nodiscard]] json::Checked<std::string> expand_path(std::string_view text, const PathValues& values,
                                                     std::string_view suffix);

/// Checks a template before its values are known. Very long names can still make the real expansion too long.
[[nodiscard]] json::Violations check_path(std::string_view text);

/// "a/b.mp4", 2, ".mp4" -> "a/b-2.mp4": the name to take when the first one is already a file.
[[nodiscard]] std::string numbered_path(std::string_view path, unsigned number, std::string_view suffix);

/// "a/b.mp4" -> "a/b": what the names of everything made beside a recording begin with. A folder's are in it.
[[nodiscard]] std::string stem_of(std::string_view path, std::string_view suffix);

/// "a/b.mp4", 2, ".mp4" -> "a/b.part2.mp4": where a recording goes on after its worker died. expand_path()
/// never gives such a name.
[[nodiscard]] std::string part_path(std::string_view path, unsigned number, std::string_view suffix);

}  // namespace auralink::session
