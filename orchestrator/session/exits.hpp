// SPDX-License-Identifier: LGPL-2.1-or-later
// Why did a worker end? One pure decision from what the kernel saw, what the worker said and what we had
// asked for.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/session/model.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::session {

struct Verdict {
  ExitClass how = ExitClass::crashed;
  std::string reason;  ///< a sentence without a final stop
  bool clean = false;  ///< the worker had the chance to finalise its files and says it did
};

/// What the session wants a worker to do, and what the end shall be called when it obeys.
struct Intent {
  ExitClass how = ExitClass::stopped;
  std::string reason;
  bool forced = false;  ///< SIGTERM or SIGKILL were sent because it did not obey in time
};

[[nodiscard]] Verdict judge_exit(const WorkerExit& exit, const std::optional<Intent>& intent);

}  // namespace auralink::session
