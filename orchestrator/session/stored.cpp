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

std::optional<Millis> optional_millis(const Value& from, const char* key) {
  const auto at = from.find(key);
  return at == from.end() || at->is_null() ? std::nullopt : std::optional{Millis{at->get<std::int64_t>()}};
}

Value stored(const std::optional<Millis>& duration) { return duration ? Value(duration->count()) : Value(); }

Value stored(const BranchSpec& spec) {
  return {{"name", spec.name},
          {"kind", spec.kind},
          {"container", spec.container},
          {"failPipeline", spec.on_error == OnError::fail_pipeline},
          {"automatic", spec.automatic ? Value{{"minParticipants", spec.automatic->min_participants},
                                               {"emptyFor", spec.automatic->empty_for.count()}}
                                       : Value()},
          {"previewInterval", stored(spec.preview_interval)},
          {"resolved", spec.resolved}};
}

BranchSpec read_spec(const Value& from) {
  std::optional<AutoRule> automatic;
  if (const auto rule = from.find("automatic"); rule != from.end() && !rule->is_null())
    automatic =
        AutoRule{.min_participants = rule->at("minParticipants"), .empty_for = millis_at(*rule, "emptyFor")};
  return {.name = from.at("name"),
          .kind = from.at("kind"),
          .container = from.at("container"),
          .on_error = from.at("failPipeline").get<bool>() ? OnError::fail_pipeline : OnError::detach,
          .automatic = automatic,
          .preview_interval = optional_millis(from, "previewInterval"),
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
          {"maxDuration", policies.max_duration.count()},
          {"orphansGoOn", policies.orphans == Orphans::go_on},
          {"cpus", policies.cpus ? Value(*policies.cpus) : Value()},
          {"memoryBytes", policies.memory_bytes ? Value(*policies.memory_bytes) : Value()}};
}

Policies read_policies(const Value& from) {
  const auto& restart = from.at("restart");
  const auto cpus = from.value("cpus", Value());
  const auto memory = from.value("memoryBytes", Value());
  return {.restart = {.on_failure = restart.at("onFailure"),
                      .max = restart.at("max"),
                      .window = millis_at(restart, "window")},
          .start_timeout = millis_at(from, "startTimeout"),
          .stall_timeout = millis_at(from, "stallTimeout"),
          .eos_timeout = millis_at(from, "eosTimeout"),
          .idle_timeout = millis_at(from, "idleTimeout"),
          .max_duration = millis_at(from, "maxDuration"),
          .orphans = from.value("orphansGoOn", false) ? Orphans::go_on : Orphans::stop,
          .cpus = cpus.is_null() ? std::nullopt : std::optional{cpus.get<double>()},
          .memory_bytes = memory.is_null() ? std::nullopt : std::optional{memory.get<std::uint64_t>()}};
}

Value stored(const CompiledPipeline& pipeline) {
  auto branches = Value::array();
  for (const auto& spec : pipeline.branches) branches.push_back(stored(spec));
  return {{"name", pipeline.name},
          {"version", pipeline.version},
          {"resolved", pipeline.resolved},
          {"branches", std::move(branches)},
          {"policies", stored(pipeline.policies)},
          {"estimatedCpus", pipeline.estimated_cpus}};
}

CompiledPipeline read_pipeline(const Value& from) {
  CompiledPipeline pipeline{.name = from.at("name"),
                            .version = from.at("version"),
                            .resolved = from.at("resolved"),
                            .branches = {},
                            .policies = read_policies(from.at("policies")),
                            .estimated_cpus = from.value("estimatedCpus", 0.0)};
  for (const auto& spec : from.at("branches")) pipeline.branches.push_back(read_spec(spec));
  return pipeline;
}

Value stored(const TrunkFacts& trunk) {
  return {{"bytesIn", trunk.bytes_in},
          {"bytesOut", trunk.bytes_out},
          {"coded", trunk.coded},
          {"native", trunk.native},
          {"resyncs", trunk.resyncs}};
}

TrunkFacts read_trunk(const Value& from) {
  return {.bytes_in = from.at("bytesIn"),
          .bytes_out = from.at("bytesOut"),
          .coded = from.at("coded"),
          .native = from.at("native"),
          .resyncs = from.at("resyncs")};
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
          {"trunk", branch.trunk ? stored(*branch.trunk) : Value()},
          {"stalled", branch.stalled},
          {"paused", branch.paused},
          {"held", branch.held},
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
                .trunk = std::nullopt,
                .stalled = from.at("stalled"),
                .paused = from.value("paused", false),
                .progressed_at = std::nullopt,
                .held = from.value("held", false)};
  // Stores of before 0.2 do not have it.
  if (const auto trunk = from.find("trunk"); trunk != from.end() && !trunk->is_null())
    branch.trunk = read_trunk(*trunk);
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
    conference.participants.push_back(
        {who.at("name"), who.at("audio"), who.at("video"), who.value("visible", false)});
  for (const auto& [name, branch] : from.at("branches").items())
    conference.branches[name] = read_branch(branch);
  conference.late_frames = from.value("lateFrames", std::uint64_t{0});
  // Rows, not objects: there can be thousands, and they are written with every report of the worker.
  for (const auto& row : from.value("presence", Value::array()))
    conference.presence.push_back({.name = row.at(0),
                                   .joined = row.at(1),
                                   .epoch = row.at(2),
                                   .at = Millis{row.at(3).get<std::int64_t>()},
                                   .at_mono = Millis{row.at(4).get<std::int64_t>()}});
  for (const auto& at : from.value("restartedAt", Value::array()))
    conference.restarted_at.emplace_back(at.get<std::int64_t>());
  conference.awaits_worker = from.value("awaitsWorker", false);
  return conference;
}

Value stored(const Piece& piece) {
  return {{"epoch", piece.epoch},
          {"path", piece.path},
          {"startedAt", piece.started_at.count()},
          {"endedAt", piece.ended_at.count()},
          {"bytes", piece.bytes},
          {"durationNs", piece.duration_ns},
          {"clean", piece.clean},
          {"error", piece.error},
          {"startedMono", piece.started_mono.count()},
          {"endedMono", piece.ended_mono.count()}};
}

Piece read_piece(const Value& from) {
  return {.epoch = from.at("epoch"),
          .path = from.at("path"),
          .started_at = millis_at(from, "startedAt"),
          .ended_at = millis_at(from, "endedAt"),
          .bytes = from.at("bytes"),
          .duration_ns = from.at("durationNs"),
          .clean = from.at("clean"),
          .error = from.at("error"),
          .started_mono = millis_at(from, "startedMono"),
          .ended_mono = millis_at(from, "endedMono")};
}

Value stored(const Pause& pause) {
  return {{"epoch", pause.epoch},
          {"from", pause.from.count()},
          {"until", pause.until.count()},
          {"fromMono", pause.from_mono.count()},
          {"untilMono", pause.until_mono.count()}};
}

Pause read_pause(const Value& from) {
  return {.epoch = from.at("epoch"),
          .from = millis_at(from, "from"),
          .until = millis_at(from, "until"),
          .from_mono = millis_at(from, "fromMono"),
          .until_mono = millis_at(from, "untilMono")};
}

template <class T, class Read>
std::vector<T> read_list(const Value& from, const char* key, Read read) {
  std::vector<T> list;
  for (const auto& item : from.value(key, Value::array())) list.push_back(read(item));
  return list;
}

Value stored(const Gap& gap) {
  return {{"atNs", gap.at_ns}, {"missingNs", gap.missing_ns}, {"reason", gap.reason}};
}

Gap read_gap(const Value& from) {
  return {.at_ns = from.at("atNs"), .missing_ns = from.at("missingNs"), .reason = from.at("reason")};
}

Value stored(const Artifact& artifact) {
  return {{"kind", artifact.kind}, {"path", artifact.path}, {"bytes", artifact.bytes}};
}

Artifact read_artifact(const Value& from) {
  return {.kind = from.at("kind"), .path = from.at("path"), .bytes = from.at("bytes")};
}

template <class T>
Value stored_list(const std::vector<T>& list) {
  auto out = Value::array();
  for (const auto& item : list) out.push_back(stored(item));
  return out;
}

Recording read_recording(const Value& from) {
  Recording recording;
  recording.id = from.at("id");
  recording.conference = from.at("conference");
  recording.branch = from.at("branch");
  recording.container = from.at("container");
  recording.state = enum_at<RecordingState>(from, "state");
  recording.path = from.at("path");
  recording.error = from.at("error");
  recording.epoch = from.at("epoch");
  recording.bytes = from.at("bytes");
  recording.duration_ns = from.at("durationNs");
  recording.created_at = millis_at(from, "createdAt");
  recording.started_at = millis_at(from, "startedAt");
  recording.ended_at = millis_at(from, "endedAt");
  recording.participant = from.value("participant", "");
  recording.tracks = from.value("tracks", "both");
  recording.metadata = from.value("metadata", Value::object());
  recording.automatic = from.value("automatic", false);
  recording.paused = from.value("paused", false);
  recording.gaps = read_list<Gap>(from, "gaps", read_gap);
  recording.artifacts = read_list<Artifact>(from, "artifacts", read_artifact);
  recording.sha256 = from.value("sha256", "");
  recording.bitrate = from.value("bitrate", std::uint64_t{0});
  if (from.contains("processing")) recording.processing = enum_at<ProcessingState>(from, "processing");
  recording.processing_error = from.value("processingError", "");
  recording.relative = from.value("relative", "");
  recording.pauses = read_list<Pause>(from, "pauses", read_pause);
  recording.preview_interval = optional_millis(from, "previewInterval");
  recording.sidecar = from.value("sidecar", Value());
  if (from.contains("pieces"))
    recording.pieces = read_list<Piece>(from, "pieces", read_piece);
  else  // written before recordings had several
    recording.pieces.push_back({.epoch = recording.epoch,
                                .path = recording.path,
                                .started_at = recording.started_at,
                                .ended_at = recording.ended_at,
                                .bytes = recording.bytes,
                                .duration_ns = recording.duration_ns,
                                .clean = recording.state == RecordingState::complete});
  return recording;
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
  auto presence = Value::array();
  for (const auto& entry : conference.presence)
    presence.push_back({entry.name, entry.joined, entry.epoch, entry.at.count(), entry.at_mono.count()});
  auto restarts = Value::array();
  for (const auto at : conference.restarted_at) restarts.push_back(at.count());
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
          {"branches", std::move(branches)},
          {"lateFrames", conference.late_frames},
          {"presence", std::move(presence)},
          {"restartedAt", std::move(restarts)},
          {"awaitsWorker", conference.awaits_worker}};
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
          {"endedAt", recording.ended_at.count()},
          {"participant", recording.participant},
          {"tracks", recording.tracks},
          {"metadata", recording.metadata},
          {"automatic", recording.automatic},
          {"paused", recording.paused},
          {"pieces", stored_list(recording.pieces)},
          {"gaps", stored_list(recording.gaps)},
          {"artifacts", stored_list(recording.artifacts)},
          {"sha256", recording.sha256},
          {"bitrate", recording.bitrate},
          {"processing", to_string(recording.processing)},
          {"processingError", recording.processing_error},
          {"relative", recording.relative},
          {"pauses", stored_list(recording.pauses)},
          {"previewInterval", stored(recording.preview_interval)},
          {"sidecar", recording.sidecar}};
}

tl::expected<Conference, std::string> conference_from_stored(const Value& from) {
  return guarded(read_conference, from);
}

tl::expected<Recording, std::string> recording_from_stored(const Value& from) {
  return guarded(read_recording, from);
}

}  // namespace auralink::session
