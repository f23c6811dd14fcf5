// SPDX-License-Identifier: LGPL-2.1-or-later
// Request bodies -> domain commands, or what is wrong with them. Pure; fuzzed by tests/fuzz/api_fuzz.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "orchestrator/api/problem.hpp"
#include "orchestrator/api/router.hpp"
#include "orchestrator/json/json.hpp"
#include "orchestrator/session/service.hpp"

namespace auralink::api {

struct BranchBody {
  json::Value branch;  ///< an object; the catalog knows what may be in it
};
/// RFC 7396, of what a recording lets people change.
struct RecordingPatch {
  std::optional<json::Value> metadata = {};  ///< an object to merge, or null: nothing stays
};
using Command =
    std::variant<std::monostate, session::NewConference, session::NewRecording, BranchBody, RecordingPatch>;

/// [A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}: what every resource may be called.
[[nodiscard]] bool is_identifier(std::string_view text) noexcept;
inline constexpr const char* kExpectedIdentifier = "expected 1 to 64 of A-Z a-z 0-9 _ - . (not '.' first)";

/// Body and content type against what `match` takes. The monostate is for operations without a body.
[[nodiscard]] tl::expected<Command, Refusal> parse_command(const Match& match,
                                                           const std::optional<std::string>& content_type,
                                                           std::string_view body);

}  // namespace auralink::api
