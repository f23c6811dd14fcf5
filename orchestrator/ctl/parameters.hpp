// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameters of a pipeline as people type them. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "orchestrator/json/json.hpp"

namespace auralink::ctl {

/// `file`: text of a JSON object, if one was given. Each of `pairs` is KEY=VALUE: VALUE is taken as JSON when
/// it is JSON, else as a string ("-p width=1280", "-p name=ann", "-p files='[\"a.mp4\"]'"). A key given twice
/// is an error; a pair wins over the file. The error is one line for stderr.
[[nodiscard]] tl::expected<json::Value, std::string> read_parameters(const std::optional<std::string>& file,
                                                                     std::span<const std::string> pairs);

}  // namespace auralink::ctl
