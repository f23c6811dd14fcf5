// SPDX-License-Identifier: LGPL-2.1-or-later
// Between the session's orders and reports of finishing and proto/worker.proto. Pure. Reports come from
// another process: what is not one of its stages is an error.
#pragma once

#include <optional>

#include "orchestrator/session/ports.hpp"
#include "worker.pb.h"

namespace auralink::worker {

[[nodiscard]] v1::ToWorker finish_message(const session::FinishOrder& order);
/// nullopt when the sidecar is not a JSON object.
[[nodiscard]] std::optional<session::FinishOrder> finish_order(const v1::Finish& message);
[[nodiscard]] v1::FromWorker finished_message(const session::FinishReport& report);
[[nodiscard]] std::optional<session::FinishReport> finish_report(const v1::Finished& message);

}  // namespace auralink::worker
