// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands that a daemon carries out: command line -> requests -> what people read.
#pragma once

#include "orchestrator/ctl/client.hpp"
#include "orchestrator/ctl/commands.hpp"
#include "orchestrator/ctl/terminal.hpp"

namespace auralink::ctl {

/// Whether this command talks to a daemon at all.
[[nodiscard]] bool needs_daemon(const Command&);

[[nodiscard]] Exit run_remote(const Invocation&, Client&, Terminal&);

}  // namespace auralink::ctl
