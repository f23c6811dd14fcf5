// SPDX-License-Identifier: LGPL-2.1-or-later
// The model as JSON, in two forms: the one people see (API answers and event data, as in
// orchestrator/api/README.md) and the one the store keeps (every field, so that a restarted daemon knows what
// the last one knew).
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/model.hpp"
#include "orchestrator/session/times.hpp"

namespace auralink::session {

// Public form. Zero times are null, other times RFC 3339 in UTC.
[[nodiscard]] json::Value to_json(const Conference&);
[[nodiscard]] json::Value to_json(const Branch&);
[[nodiscard]] json::Value to_json(const Recording&);
[[nodiscard]] json::Value to_json(const ParticipantInfo&);
[[nodiscard]] json::Value to_json(const Event&);

// Stored form. Reading gives the sentence about what is wrong with a document.
[[nodiscard]] json::Value to_stored(const Conference&);
[[nodiscard]] json::Value to_stored(const Recording&);
[[nodiscard]] tl::expected<Conference, std::string> conference_from_stored(const json::Value&);
[[nodiscard]] tl::expected<Recording, std::string> recording_from_stored(const json::Value&);

}  // namespace auralink::session
