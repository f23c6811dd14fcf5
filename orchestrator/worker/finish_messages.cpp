// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_messages.hpp"

#include "orchestrator/telemetry/log.hpp"

namespace auralink::worker {
namespace {

using session::FinishReport;
using session::Millis;

void to_proto(const session::Piece& piece, v1::Piece& out) {
  out.set_epoch(piece.epoch);
  out.set_path(piece.path);
  out.set_started_at_ms(piece.started_at.count());
  out.set_ended_at_ms(piece.ended_at.count());
  out.set_bytes(piece.bytes);
  out.set_duration_ns(piece.duration_ns);
  out.set_clean(piece.clean);
}

session::Piece from_proto(const v1::Piece& piece) {
  session::Piece out;
  out.epoch = piece.epoch();
  out.path = piece.path();
  out.started_at = Millis{piece.started_at_ms()};
  out.ended_at = Millis{piece.ended_at_ms()};
  out.bytes = piece.bytes();
  out.duration_ns = piece.duration_ns();
  out.clean = piece.clean();
  return out;
}

std::optional<FinishReport::Stage> stage(v1::Finished::Stage said) {
  switch (said) {
    case v1::Finished::PROGRESS:
      return FinishReport::Stage::progress;
    case v1::Finished::FINALISED:
      return FinishReport::Stage::finalised;
    case v1::Finished::PROCESSED:
      return FinishReport::Stage::processed;
    case v1::Finished::FAILED:
      return FinishReport::Stage::failed;
    default:
      return std::nullopt;
  }
}

v1::Finished::Stage to_proto(FinishReport::Stage stage) {
  switch (stage) {
    case FinishReport::Stage::progress:
      return v1::Finished::PROGRESS;
    case FinishReport::Stage::finalised:
      return v1::Finished::FINALISED;
    case FinishReport::Stage::processed:
      return v1::Finished::PROCESSED;
    case FinishReport::Stage::failed:
      return v1::Finished::FAILED;
  }
  return v1::Finished::STAGE_UNSPECIFIED;
}

}  // namespace

v1::ToWorker finish_message(const session::FinishOrder& order) {
  v1::ToWorker message;
  auto& out = *message.mutable_finish();
  out.set_recording(order.recording);
  out.set_container(order.container);
  out.set_path(order.path);
  for (const auto& piece : order.pieces) to_proto(piece, *out.add_pieces());
  out.set_sidecar(order.sidecar.is_object() ? order.sidecar.dump() : "{}");
  out.set_preview_interval_ms(static_cast<std::uint32_t>(order.preview_interval.count()));
  for (const auto& argument : order.hook) out.add_hook(argument);
  out.set_hook_url(order.hook_url);
  out.set_hook_timeout_ms(static_cast<std::uint32_t>(order.hook_timeout.count()));
  return message;
}

std::optional<session::FinishOrder> finish_order(const v1::Finish& message) {
  constexpr std::size_t kLongestSidecar = std::size_t{4} << 20U;
  auto sidecar = json::parse(message.sidecar(), {.bytes = kLongestSidecar});
  if (!sidecar || !sidecar->is_object()) return std::nullopt;
  session::FinishOrder out;
  out.recording = message.recording();
  out.container = message.container();
  out.path = message.path();
  for (const auto& piece : message.pieces()) out.pieces.push_back(from_proto(piece));
  out.sidecar = std::move(*sidecar);
  out.preview_interval = Millis{message.preview_interval_ms()};
  out.hook.assign(message.hook().begin(), message.hook().end());
  out.hook_url = message.hook_url();
  out.hook_timeout = Millis{message.hook_timeout_ms()};
  return out;
}

v1::FromWorker finished_message(const FinishReport& report) {
  v1::FromWorker message;
  auto& out = *message.mutable_finished();
  out.set_stage(to_proto(report.stage));
  out.set_recording(report.recording);
  out.set_progress(report.progress);
  out.set_path(report.path);
  out.set_bytes(report.bytes);
  out.set_bitrate(report.bitrate);
  out.set_duration_ns(report.duration_ns);
  out.set_sha256(report.sha256);
  for (const auto& piece : report.pieces) to_proto(piece, *out.add_pieces());
  for (const auto& gap : report.gaps) {
    auto& one = *out.add_gaps();
    one.set_at_ns(gap.at_ns);
    one.set_missing_ns(gap.missing_ns);
    one.set_reason(gap.reason);
  }
  for (const auto& artifact : report.artifacts) {
    auto& one = *out.add_artifacts();
    one.set_kind(artifact.kind);
    one.set_path(artifact.path);
    one.set_bytes(artifact.bytes);
  }
  out.set_error(report.error);
  return message;
}

std::optional<FinishReport> finish_report(const v1::Finished& message) {
  const auto said = stage(message.stage());
  if (!said) return std::nullopt;
  FinishReport out;
  out.recording = message.recording();
  out.stage = *said;
  out.progress = message.progress();
  out.path = message.path();
  out.bytes = message.bytes();
  out.bitrate = message.bitrate();
  out.duration_ns = message.duration_ns();
  out.sha256 = message.sha256();
  for (const auto& piece : message.pieces()) out.pieces.push_back(from_proto(piece));
  for (const auto& gap : message.gaps())
    out.gaps.push_back({gap.at_ns(), gap.missing_ns(), telemetry::redact(gap.reason())});
  for (const auto& artifact : message.artifacts())
    out.artifacts.push_back({artifact.kind(), artifact.path(), artifact.bytes()});
  out.error = telemetry::redact(message.error());
  return out;
}

}  // namespace auralink::worker
