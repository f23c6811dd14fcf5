// SPDX-License-Identifier: LGPL-2.1-or-later
// Media playlists (RFC 8216) over the pieces of a recording. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace auralink::pipeline::finish {

struct PlaylistEntry {
  std::string uri = {};  ///< relative, not yet escaped
  std::int64_t duration_ns = 0;
  std::int64_t wall_ms = 0;    ///< when it begins, since the Unix epoch; 0: unknown
  std::string map = {};        ///< its initialisation; empty: none
  bool discontinuity = false;  ///< a new piece begins
};
/// Ends with ENDLIST; durations with six digits.
[[nodiscard]] std::string render_playlist(const std::vector<PlaylistEntry>& entries);

/// What the playlist of a worker says about each segment of its own folder. Untrusted: lines that make no
/// sense are skipped.
[[nodiscard]] std::map<std::string, PlaylistEntry> parse_playlist(std::string_view text);

}  // namespace auralink::pipeline::finish
