// SPDX-License-Identifier: LGPL-2.1-or-later
// What callers may say about a recording in their own words.
#pragma once

#include "orchestrator/json/json.hpp"

namespace auralink::session {

inline constexpr std::size_t kMaxMetadataMembers = 32;
inline constexpr std::size_t kMaxMetadataBytes = 4096;

/// An object of at most 32 members, each a string, a number or a boolean, at most 4 KiB as JSON in all.
/// Violations point beneath `pointer`.
[[nodiscard]] json::Violations check_metadata(const json::Value& metadata, const std::string& pointer);

/// RFC 7396 for such an object: null removes a member, anything else sets it. Violations point into `patch`.
[[nodiscard]] json::Checked<json::Value> merge_metadata(const json::Value& metadata,
                                                        const json::Value& patch);

}  // namespace auralink::session
