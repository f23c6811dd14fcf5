// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/serial.hpp"

#include <cmath>

namespace auralink::session {
namespace {

json::Value time_or_null(Millis at) { return at.count() == 0 ? json::Value() : json::Value(rfc3339(at)); }

json::Value text_or_null(const std::string& text) { return text.empty() ? json::Value() : json::Value(text); }

/// Seconds with the milliseconds people can use, not the nanoseconds they cannot.
double seconds(std::int64_t nanoseconds) { return std::round(static_cast<double>(nanoseconds) / 1e6) / 1e3; }

}  // namespace

json::Value to_json(const ParticipantInfo& who) {
  return {{"name", who.name}, {"audio", who.audio}, {"video", who.video}, {"visible", who.visible}};
}

namespace {

json::Value to_json(const TrunkFacts& trunk) {
  const auto in = static_cast<double>(trunk.bytes_in), out = static_cast<double>(trunk.bytes_out);
  return {{"bytesIn", trunk.bytes_in},
          {"bytesOut", trunk.bytes_out},
          {"savedPercent", in > 0 ? std::round((in - out) / in * 1000) / 10 : 0.0},
          {"coded", trunk.coded},
          {"native", trunk.native},
          {"resyncs", trunk.resyncs}};
}

}  // namespace

json::Value to_json(const Branch& branch) {
  return {{"name", branch.name},
          {"kind", branch.spec.kind},
          {"container", text_or_null(branch.spec.container)},
          {"state", to_string(branch.state)},
          {"error", text_or_null(branch.error)},
          {"recording", text_or_null(branch.recording)},
          {"bytes", branch.bytes},
          {"dropped", branch.dropped},
          {"mediaSeconds", seconds(branch.media_ns)},
          {"trunk", branch.trunk ? to_json(*branch.trunk) : json::Value()},
          {"stalled", branch.stalled},
          {"paused", branch.paused},
          {"automatic", branch.spec.automatic.has_value()}};
}

json::Value to_json(const Conference& conference) {
  auto participants = json::Value::array();
  for (const auto& who : conference.participants) participants.push_back(to_json(who));
  auto branches = json::Value::object();
  for (const auto& [name, branch] : conference.branches) branches[name] = to_json(branch);
  json::Value worker;
  if (conference.worker_pid != 0)
    worker = {{"pid", conference.worker_pid},
              {"memoryBytes", conference.worker_memory_bytes},
              {"cpuSeconds", conference.worker_cpu_seconds}};
  return {{"id", conference.id},
          {"pipeline", conference.pipeline},
          {"pipelineVersion", conference.pipeline_version},
          {"parameters", conference.parameters},
          {"desired", to_string(conference.desired)},
          {"state", to_string(conference.state)},
          {"epoch", conference.epoch},
          {"generation", conference.generation},
          {"exit", conference.exit ? json::Value(to_string(*conference.exit)) : json::Value()},
          {"reason", text_or_null(conference.reason)},
          {"createdAt", time_or_null(conference.created_at)},
          {"startedAt", time_or_null(conference.started_at)},
          {"endedAt", time_or_null(conference.ended_at)},
          {"worker", std::move(worker)},
          {"lateFrames", conference.late_frames},
          {"participants", std::move(participants)},
          {"branches", std::move(branches)}};
}

namespace {

json::Value to_json(const std::vector<Piece>& pieces) {
  auto list = json::Value::array();
  for (const auto& piece : pieces)
    list.push_back({{"epoch", piece.epoch},
                    {"path", piece.path},
                    {"startedAt", time_or_null(piece.started_at)},
                    {"endedAt", time_or_null(piece.ended_at)},
                    {"bytes", piece.bytes},
                    {"durationSeconds", seconds(piece.duration_ns)},
                    {"clean", piece.clean}});
  return list;
}

json::Value to_json(const std::vector<Gap>& gaps) {
  auto list = json::Value::array();
  for (const auto& gap : gaps)
    list.push_back({{"atSeconds", seconds(gap.at_ns)},
                    {"missingSeconds", seconds(gap.missing_ns)},
                    {"reason", gap.reason}});
  return list;
}

json::Value to_json(const std::vector<Artifact>& artifacts) {
  auto list = json::Value::array();
  for (const auto& artifact : artifacts)
    list.push_back({{"kind", artifact.kind}, {"path", artifact.path}, {"bytes", artifact.bytes}});
  return list;
}

}  // namespace

json::Value to_json(const Recording& recording) {
  return {{"id", recording.id},
          {"conference", recording.conference},
          {"branch", recording.branch},
          {"container", recording.container},
          {"participant", text_or_null(recording.participant)},
          {"tracks", recording.tracks},
          {"metadata", recording.metadata},
          {"automatic", recording.automatic},
          {"paused", recording.paused},
          {"state", to_string(recording.state)},
          {"path", recording.path},
          {"error", text_or_null(recording.error)},
          {"epoch", recording.epoch},
          {"bytes", recording.bytes},
          {"durationSeconds", seconds(recording.duration_ns)},
          {"bitrate", recording.bitrate == 0 ? json::Value() : json::Value(recording.bitrate)},
          {"sha256", text_or_null(recording.sha256)},
          {"pieces", to_json(recording.pieces)},
          {"gaps", to_json(recording.gaps)},
          {"artifacts", to_json(recording.artifacts)},
          {"processing",
           {{"state", to_string(recording.processing)}, {"error", text_or_null(recording.processing_error)}}},
          {"createdAt", time_or_null(recording.created_at)},
          {"startedAt", time_or_null(recording.started_at)},
          {"endedAt", time_or_null(recording.ended_at)}};
}

json::Value to_json(const Event& event) {
  return {{"seq", event.seq},
          {"at", rfc3339(event.at)},
          {"type", event.type},
          {"conference", event.conference},
          {"data", event.data}};
}

}  // namespace auralink::session
