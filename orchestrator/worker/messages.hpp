// SPDX-License-Identifier: LGPL-2.1-or-later
// Between session values and protocol messages. Pure. What a worker sends is untrusted: unknown enums are
// errors.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/session/ports.hpp"
#include "worker.pb.h"

namespace auralink::worker {

/// `rescue_socket`: where it shall wait for the next daemon; empty: it ends with this one.
[[nodiscard]] v1::ToWorker start_message(const session::WorkerStart& start, const std::string& media_root,
                                         std::uint32_t gst_log_level, const std::string& rescue_socket = {});
[[nodiscard]] v1::ToWorker add_branch_message(const session::BranchSpec& branch, const std::string& path);
[[nodiscard]] v1::ToWorker remove_branch_message(std::string_view branch);
[[nodiscard]] v1::ToWorker pause_branch_message(std::string_view branch, bool paused);
[[nodiscard]] v1::ToWorker stop_message(session::StopReason reason);
[[nodiscard]] v1::ToWorker dump_graph_message();

[[nodiscard]] std::optional<session::BranchState> branch_state(v1::BranchChange::State state) noexcept;
[[nodiscard]] std::optional<session::ExitClass> exit_class(v1::Ended::Class said) noexcept;
[[nodiscard]] session::WorkerStats stats(const v1::Stats& message);

}  // namespace auralink::worker
