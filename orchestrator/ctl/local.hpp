// SPDX-License-Identifier: LGPL-2.1-or-later
// `auralinkctl pipeline …`: descriptions on this machine, without a daemon.
#pragma once

#include "orchestrator/ctl/commands.hpp"
#include "orchestrator/ctl/terminal.hpp"
#include "orchestrator/pipeline/description.hpp"

namespace auralink::ctl {

[[nodiscard]] Exit run_local(const Invocation&, Terminal&);

/// Runs a resolved description in an auralink-worker of its own until it ends; SIGINT and SIGTERM finalise
/// its files. `folder`: where they go. Progress on the terminal, the worker's own news with `as_json`.
[[nodiscard]] Exit run_worker(const json::Value& resolved, const std::string& folder, bool as_json,
                              Terminal&);

/// One line of `auralink-worker --standalone`, taken in. Pure.
struct WorkerNews {
  std::string progress;          ///< what to show, empty: nothing new
  std::string failed_branch;     ///< name and error of a branch that just failed
  std::optional<bool> ended_ok;  ///< set by the last line
  std::string reason;
};
[[nodiscard]] WorkerNews read_worker_news(std::string_view line);

}  // namespace auralink::ctl
