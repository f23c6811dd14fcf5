// SPDX-License-Identifier: LGPL-2.1-or-later
// What --wait waits for and what it shows meanwhile. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/json/json.hpp"

namespace auralink::ctl {

enum class Outcome { going_on, good, bad };

/// Each looks at one resource as the API shows it.
[[nodiscard]] Outcome conference_running(const json::Value& conference);
/// Completed, stopped on request and a reached limit are good ends.
[[nodiscard]] Outcome conference_ended(const json::Value& conference);
[[nodiscard]] Outcome recording_complete(const json::Value& recording);
/// Good when nothing will change any more, however it ended.
[[nodiscard]] Outcome recording_final(const json::Value& recording);
[[nodiscard]] Outcome branch_active(const json::Value& branch);
[[nodiscard]] Outcome branch_gone(const json::Value& branch);

/// "demo running 0:12, record active 3.4 MB 10.0 s": one line for a terminal.
[[nodiscard]] std::string conference_progress(const json::Value& conference);
[[nodiscard]] std::string recording_progress(const json::Value& recording);
[[nodiscard]] std::string branch_progress(const json::Value& branch);

/// One screen of `watch`: at most `lines` lines of at most `width` columns.
struct Screen {
  json::Value status, conferences, recordings;  ///< as the API answered
  std::vector<std::string> events;              ///< the latest last
};
[[nodiscard]] std::string format_screen(const Screen&, std::size_t lines, std::size_t width);

/// The first `width` columns of a line, the last of them an ellipsis when something was cut.
[[nodiscard]] std::string clipped(std::string_view line, std::size_t width);

}  // namespace auralink::ctl
