// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that a command reads and writes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/ctl/commands.hpp"
#include "orchestrator/ctl/terminal.hpp"
#include "orchestrator/json/json.hpp"

namespace auralink::ctl {

/// At most `limit` bytes; "-" is stdin. nullopt: cannot be read, or longer.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path,
                                                   std::size_t limit = std::size_t{4} << 20U);

/// To --output, else to stdout. Complains itself when it cannot.
[[nodiscard]] Exit deliver(const Invocation&, Terminal&, std::string_view text);

/// -p and --params of a command line.
[[nodiscard]] tl::expected<json::Value, std::string> parameters_of(const Invocation&);

/// Graphviz' drawing of `dot` source; the error tells what to install. No shell, the source goes through a
/// pipe.
[[nodiscard]] tl::expected<std::string, std::string> draw_svg(const std::string& dot);

}  // namespace auralink::ctl
