// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/messages.hpp"

namespace auralink::worker {
namespace {

using session::BranchState;
using session::ExitClass;
using session::StopReason;

constexpr std::int64_t kDefaultEosMs = 30'000;
constexpr std::int64_t kLongestEosMs = 3'600'000;

[[nodiscard]] std::uint32_t eos_timeout_ms(const json::Value& resolved) {
  const auto policies = resolved.is_object() ? resolved.find("policies") : resolved.end();
  if (policies == resolved.end()) return kDefaultEosMs;
  // The description was checked when it was compiled; whatever is unreadable here means the default.
  json::Violations ignored;
  json::ObjectReader reader{*policies, "/policies", ignored};
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  const auto nanos = reader.duration_ns("eosTimeout", 0, kLongestEosMs * kNanosPerMilli);
  return static_cast<std::uint32_t>(nanos ? *nanos / kNanosPerMilli : kDefaultEosMs);
}

[[nodiscard]] std::string_view reason_name(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::requested:
      return "requested";
    case StopReason::limit:
      return "limit";
    case StopReason::idle:
      return "idle";
    case StopReason::stalled:
      return "stalled";
    case StopReason::drain:
      return "drain";
  }
  return "requested";
}

}  // namespace

v1::ToWorker start_message(const session::WorkerStart& start, const std::string& media_root,
                           std::uint32_t gst_log_level, const std::string& rescue_socket) {
  v1::ToWorker message;
  auto& body = *message.mutable_start();
  body.set_conference(start.conference);
  body.set_epoch(start.epoch);
  body.set_description(start.resolved.dump());
  for (const auto& [branch, path] : start.paths) (*body.mutable_paths())[branch] = path;
  body.set_media_root(media_root);
  body.set_eos_timeout_ms(eos_timeout_ms(start.resolved));
  body.set_log_level(gst_log_level);
  body.set_rescue_socket(rescue_socket);
  return message;
}

v1::ToWorker add_branch_message(const session::BranchSpec& branch, const std::string& path) {
  v1::ToWorker message;
  auto& body = *message.mutable_add_branch();
  body.set_name(branch.name);
  body.set_description(branch.resolved.dump());
  body.set_path(path);
  return message;
}

v1::ToWorker remove_branch_message(std::string_view branch) {
  v1::ToWorker message;
  message.mutable_remove_branch()->set_name(std::string{branch});
  return message;
}

v1::ToWorker pause_branch_message(std::string_view branch, bool paused) {
  v1::ToWorker message;
  message.mutable_pause_branch()->set_name(std::string{branch});
  message.mutable_pause_branch()->set_paused(paused);
  return message;
}

v1::ToWorker stop_message(StopReason reason) {
  v1::ToWorker message;
  message.mutable_stop()->set_reason(std::string{reason_name(reason)});
  return message;
}

v1::ToWorker dump_graph_message() {
  v1::ToWorker message;
  message.mutable_dump_graph();
  return message;
}

std::optional<BranchState> branch_state(v1::BranchChange::State state) noexcept {
  switch (state) {
    case v1::BranchChange::ACTIVE:
      return BranchState::active;
    case v1::BranchChange::DRAINING:
      return BranchState::draining;
    case v1::BranchChange::REMOVED:
      return BranchState::removed;
    case v1::BranchChange::FAILED:
      return BranchState::failed;
    default:
      return std::nullopt;
  }
}

std::optional<ExitClass> exit_class(v1::Ended::Class said) noexcept {
  switch (said) {
    case v1::Ended::COMPLETED:
      return ExitClass::completed;
    case v1::Ended::STOPPED:
      return ExitClass::stopped;
    case v1::Ended::FAILED_SOURCE:
      return ExitClass::failed_source;
    case v1::Ended::FAILED_SINK:
      return ExitClass::failed_sink;
    default:
      return std::nullopt;
  }
}

session::WorkerStats stats(const v1::Stats& message) {
  session::WorkerStats out;
  for (const auto& branch : message.branches()) {
    auto& to = out.branches.emplace_back(session::BranchStats{.name = branch.name(),
                                                              .bytes = branch.bytes(),
                                                              .dropped = branch.dropped(),
                                                              .media_ns = branch.media_ns(),
                                                              .paused = branch.paused()});
    if (!branch.has_trunk()) continue;
    const auto& trunk = branch.trunk();
    to.trunk = session::TrunkFacts{.bytes_in = trunk.bytes_in(),
                                   .bytes_out = trunk.bytes_out(),
                                   .coded = trunk.coded(),
                                   .native = trunk.native(),
                                   .resyncs = trunk.resyncs()};
  }
  for (const auto& one : message.participants())
    out.participants.push_back(
        {.name = one.name(), .audio = one.audio(), .video = one.video(), .visible = one.visible()});
  out.memory_bytes = message.memory_bytes();
  out.cpu_seconds = message.cpu_seconds();
  out.late_frames = message.late_frames();
  return out;
}

}  // namespace auralink::worker
