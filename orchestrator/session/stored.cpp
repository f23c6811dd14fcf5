// SPDX-License-Identifier: LGPL-2.1-or-later
// The stored form. A document written by an older version must stay readable: new members are read with
// value() and a default; the names here never change meaning.
#include <stdexcept>

#include "orchestrator/session/serial.hpp"

namespace auralink::session {
namespace {

using json::Value;

template <class Enum>
Enum enum_at(const Value& from, const char* key) {
  const auto& name = from.at(key).get_ref<const std::string&>();
  const auto value = from_string<Enum>(name);
  if (!value) throw std::invalid_argument(std::string{"unknown "} + key + " \"" + name + "\"");
  return *value;
}

Millis millis_at(const Value& from, const char* key) { return Millis{from.at(key).get<std::int64_t>()}; }

Value stored(const BranchSpec& spec) {
  return {{"name", spec.name},
          {"kind", spec.kind},
          {"container", spec.container},
          {"failPipeline", spec.on_error == OnError::fail_pipeline},
          {"resolved", spec.resolved}};
}

BranchSpec read_spec(const Value& from) {
  return {.name = from.at("name"),
          .kind = from.at("kind"),
          .container = from.at("container"),
          .on_error = from.at("failPipeline").get<bool>() ? OnError::fail_pipeline : OnError::detach,
          .resolved = from.at("resolved")};
}

Value stored(const Policies& policies) {
  return {{"restart",
           {{"onFailure", policies.restart.on_failure},
            {"max", policies.restart.max},
            {"window", policies.restart.window.count()}}},
          {"startTimeout", policies.start_timeout.count()},
          {"stallTimeout", policies.stall_timeout.count()},
          {"eosTimeout", policies.eos_timeout.count()},
          {"idleTimeout", policies.idle_timeout.count()},
          {"maxDuration", policies.max_duration.count()}};
}

Policies read_policies(const Value& from) {
  const auto& restart = from.at("restart");
  return {.restart = {.on_failure = restart.at("onFailure"),
                      .max = restart.at("max"),
                      .window = millis_at(restart, "window")},
          .start_timeout = millis_at(from, "startTimeout"),
          .stall_timeout = millis_at(from, "stallTimeout"),
          .eos_timeout = millis_at(from, "eosTimeout"),
          .idle_timeout = millis_at(from, "idleTimeout"),
          .max_duration = millis_at(from, "maxDuration")};
}

Value stored(const CompiledPipeline& pipeline) {
  auto branches = Value::array();
  for (const auto& spec : pipeline.branches) branches.push_back(stored(spec));
  return {{"name", pipeline.name},
          {"version", pipeline.version},
          {"resolved", pipeline.resolved},
          {"branches", std::move(branches)},
          {"policies", stored(pipeline.policies)}};
}

CompiledPipeline read_pipeline(const Value& from) {
  CompiledPipeline pipeline{.name = from.at("name"),
                            .version = from.at("version"),
                            .resolved = from.at("resolved"),
                            .branches = {},
                            .policies = read_policies(from.at("policies"))};
  for (const auto& spec : from.at("branches")) pipeline.branches.push_back(read_spec(spec));
  return pipeline;
}

Value stored(const Branch& branch) {
  return {{"name", branch.name},
          {"spec", stored(branch.spec)},
          {"state", to_string(branch.state)},
          {"error", branch.error},
          {"recording", branch.recording},
          {"bytes", branch.bytes},
          {"dropped", branch.dropped},
          {"mediaNs", branch.media_ns},
          {"stalled", branch.stalled},
          {"progressedAt", branch.progressed_at ? Value(branch.progressed_at->count()) : Value()}};
}

Branch read_branch(const Value& from) {
  Branch branch{.name = from.at("name"),
                .spec = read_spec(from.at("spec")),
                .state = enum_at<BranchState>(from, "state"),
                .error = from.at("error"),
                .recording = from.at("recording"),
                .bytes = from.at("bytes"),
                .dropped = from.at("dropped"),
                .media_ns = from.at("mediaNs"),
                .stalled = from.at("stalled"),
                .progressed_at = std::nullopt};
  if (!from.at("progressedAt").is_null()) branch.progressed_at = millis_at(from, "progressedAt");
  return branch;
}

Conference read_conference(const Value& from) {
  Conference conference;
  conference.id = from.at("id");
  conference.pipeline = from.at("pipeline");
  conference.pipeline_version = from.at("pipelineVersion");
  conference.parameters = from.at("parameters");
  conference.compiled = read_pipeline(from.at("compiled"));
  conference.desired = enum_at<Desired>(from, "desired");
  conference.state = enum_at<ConferenceState>(from, "state");
  conference.epoch = from.at("epoch");
  conference.generation = from.at("generation");
  if (!from.at("exit").is_null()) conference.exit = enum_at<ExitClass>(from, "exit");
  conference.reason = from.at("reason");
  conference.created_at = millis_at(from, "createdAt");
  conference.started_at = millis_at(from, "startedAt");
  conference.ended_at = millis_at(from, "endedAt");
  conference.worker_pid = from.at("workerPid");
  conference.worker_memory_bytes = from.at("workerMemoryBytes");
  conference.worker_cpu_seconds = from.at("workerCpuSeconds");
  for (const auto& who : from.at("participants"))
    conference.participants.push_back({who.at("name"), who.at("audio"), who.at("video")});
  for (const auto& [name, branch] : from.at("branches").items())
    conference.branches[name] = read_branch(branch);
  return conference;
}

Recording read_recording(const Value& from) {
  return {.id = from.at("id"),
          .conference = from.at("conference"),
          .branch = from.at("branch"),
          .container = from.at("container"),
          .state = enum_at<RecordingState>(from, "state"),
          .path = from.at("path"),
          .error = from.at("error"),
          .epoch = from.at("epoch"),
          .bytes = from.at("bytes"),
          .duration_ns = from.at("durationNs"),
          .created_at = millis_at(from, "createdAt"),
          .started_at = millis_at(from, "startedAt"),
          .ended_at = millis_at(from, "endedAt")};
}

/// nlohmann::json reports by exception; here that becomes a sentence at the border of the room.
template <class Read>
auto guarded(Read read, const Value& from) -> tl::expected<decltype(read(from)), std::string> {
  try {
    return read(from);
  } catch (const std::exception& error) {
    return tl::unexpected(std::string{error.what()});
  }
}

}  // namespace

Value to_stored(const Conference& conference) {
  auto participants = Value::array();
  for (const auto& who : conference.participants) participants.push_back(to_json(who));
  auto branches = Value::object();
  for (const auto& [name, branch] : conference.branches) branches[name] = stored(branch);
  return {{"id", conference.id},
          {"pipeline", conference.pipeline},
          {"pipelineVersion", conference.pipeline_version},
          {"parameters", conference.parameters},
          {"compiled", stored(conference.compiled)},
          {"desired", to_string(conference.desired)},
          {"state", to_string(conference.state)},
          {"epoch", conference.epoch},
          {"generation", conference.generation},
          {"exit", conference.exit ? Value(to_string(*conference.exit)) : Value()},
          {"reason", conference.reason},
          {"createdAt", conference.created_at.count()},
          {"startedAt", conference.started_at.count()},
          {"endedAt", conference.ended_at.count()},
          {"workerPid", conference.worker_pid},
          {"workerMemoryBytes", conference.worker_memory_bytes},
          {"workerCpuSeconds", conference.worker_cpu_seconds},
          {"participants", std::move(participants)},
          {"branches", std::move(branches)}};
}

Value to_stored(const Recording& recording) {
  return {{"id", recording.id},
          {"conference", recording.conference},
          {"branch", recording.branch},
          {"container", recording.container},
          {"state", to_string(recording.state)},
          {"path", recording.path},
          {"error", recording.error},
          {"epoch", recording.epoch},
          {"bytes", recording.bytes},
          {"durationNs", recording.duration_ns},
          {"createdAt", recording.created_at.count()},
          {"startedAt", recording.started_at.count()},
          {"endedAt", recording.ended_at.count()}};
}

tl::expected<Conference, std::string> conference_from_stored(const Value& from) {
  return guarded(read_conference, from);
}

tl::expected<Recording, std::string> recording_from_stored(const Value& from) {
  return guarded(read_recording, from);
}

}  // namespace auralink::session
