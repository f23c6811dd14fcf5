// SPDX-License-Identifier: LGPL-2.1-or-later
// `token new`: a bearer token, and what the daemon may know of it.
#pragma once

#include "orchestrator/ctl/commands.hpp"
#include "orchestrator/ctl/terminal.hpp"

namespace auralink::ctl {

/// Prints 256 random bits as text, once, and the entry for the daemon's --tokens-file, which holds only their
/// SHA-256.
[[nodiscard]] Exit new_token(const Invocation&, Terminal&);

}  // namespace auralink::ctl
