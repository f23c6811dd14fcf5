// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/observer.hpp"

#include <algorithm>

namespace auralink::api {
namespace {

using telemetry::Level;

[[nodiscard]] std::string text_at(const json::Value& value, const char* outer, const char* inner) {
  const auto object = value.is_object() ? value.find(outer) : value.end();
  if (object == value.end() || !object->is_object()) return {};
  const auto member = object->find(inner);
  return member != object->end() && member->is_string() ? member->get<std::string>() : std::string{};
}

[[nodiscard]] Level level_of(std::string_view type) {
  if (type.ends_with(".failed") || type.ends_with(".interrupted")) return Level::error;
  if (type.ends_with(".stalled")) return Level::warning;
  return Level::info;
}

/// Of a branch that failed; the sentences are the session's.
[[nodiscard]] std::string_view class_of(std::string_view error) {
  if (error.starts_with("no progress")) return "stalled";
  if (error.starts_with("was not finalised")) return "unfinished";
  return "sink";
}

}  // namespace

void Observer::on_event(const session::Event& event) {
  const auto* conference = service_.conference(event.conference);
  count(event, conference);
  const auto subject = event.type.substr(0, event.type.find('.'));
  const char* key = subject == "recording" ? "id" : "name";
  const auto named = subject == "conference" ? std::string{} : text_at(event.data, subject.c_str(), key);
  auto error = text_at(event.data, subject.c_str(), "error");
  if (error.empty()) error = text_at(event.data, "conference", "reason");
  logger_.log(level_of(event.type), event.type,
              {{"conference", event.conference},
               {"epoch", conference == nullptr ? 0 : conference->epoch},
               {"seq", event.seq},
               {subject == "conference" ? "pipeline" : subject,
                subject == "conference" && conference != nullptr ? conference->pipeline : named},
               {"detail", error.empty() ? json::Value{} : json::Value(error)}});
}

void Observer::count(const session::Event& event, const session::Conference* conference) {
  const std::string name =
      conference == nullptr ? text_at(event.data, "conference", "pipeline") : conference->pipeline;
  if (event.type == "conference.starting") {
    metrics_.pipeline_started(name);
    if (conference != nullptr && conference->epoch > 1)
      metrics_.pipeline_restarted(conference->exit ? to_string(*conference->exit) : "unknown");
  } else if (event.type == "conference.running") {
    if (conference != nullptr && conference->epoch == 1 && event.at >= conference->created_at)
      metrics_.pipeline_running_after(
          std::chrono::duration<double>(event.at - conference->created_at).count());
  } else if (event.type == "conference.ended") {
    if (conference != nullptr) sample_growth(*conference);
    auto result = text_at(event.data, "conference", "exit");
    if (conference != nullptr && conference->exit) result = to_string(*conference->exit);
    metrics_.pipeline_ended(name, result.empty() ? "unknown" : result);
  } else if (event.type == "branch.failed" || event.type == "branch.stalled") {
    const auto kind = text_at(event.data, "branch", "kind");
    if (event.type == "branch.failed")
      metrics_.branch_error(kind, class_of(text_at(event.data, "branch", "error")));
    if (event.type == "branch.stalled") metrics_.pipeline_stalled(kind);
  } else if (event.type == "branch.removed" && conference != nullptr) {
    sample_growth(*conference);
  } else if (event.type.starts_with("recording.")) {
    count_recording(event);
  }
}

/// The states between the end of the media and the file that stays are what people wait for.
void Observer::count_recording(const session::Event& event) {
  const auto id = text_at(event.data, "recording", "id");
  const auto state = text_at(event.data, "recording", "state");
  if (event.type == "recording.finalising") finishing_.try_emplace(id, event.at);
  const bool final = event.type == "recording.complete" || event.type == "recording.interrupted" ||
                     event.type == "recording.failed";
  if (!final) return;
  metrics_.recording_ended(text_at(event.data, "recording", "container"), state);
  const auto begun = finishing_.find(id);
  if (begun == finishing_.end()) return;
  metrics_.recording_finished_after(
      std::max(std::chrono::duration<double>(event.at - begun->second).count(), 0.0));
  finishing_.erase(begun);
}

void Observer::sample_recordings() {
  std::map<std::string, unsigned> counts;
  std::uint64_t bytes = 0;
  for (const auto* one : service_.recordings()) {
    ++counts[std::string{to_string(one->state)}];
    bytes += one->bytes;
  }
  metrics_.set_recordings(counts);
  metrics_.set_recordings_bytes(bytes);
}

void Observer::count_trunk(const session::TrunkFacts& seen, const session::TrunkFacts& now) {
  const auto grown = [](std::uint64_t before, std::uint64_t after) {
    return after - std::min(before, after);
  };
  metrics_.trunk_bytes("in", grown(seen.bytes_in, now.bytes_in));
  metrics_.trunk_bytes("out", grown(seen.bytes_out, now.bytes_out));
  metrics_.trunk_access_units("coded", grown(seen.coded, now.coded));
  metrics_.trunk_access_units("native", grown(seen.native, now.native));
  metrics_.trunk_resyncs(grown(seen.resyncs, now.resyncs));
}

void Observer::sample_growth(const session::Conference& conference) {
  for (const auto& [name, branch] : conference.branches) {
    auto& seen = branches_[{conference.id, conference.epoch, name}];
    // A name that is used again counts from zero.
    if (branch.bytes < seen.bytes || branch.dropped < seen.dropped) seen = {};
    if (branch.bytes > seen.bytes) metrics_.branch_bytes(branch.spec.kind, branch.bytes - seen.bytes);
    if (branch.dropped > seen.dropped)
      metrics_.dropped_buffers(branch.spec.kind, branch.dropped - seen.dropped);
    const auto trunk = branch.trunk.value_or(session::TrunkFacts{});
    if (branch.trunk) count_trunk(seen.trunk, trunk);
    seen = {.bytes = branch.bytes, .dropped = branch.dropped, .trunk = trunk};
  }
  auto& seen = costs_[{conference.id, conference.epoch}];
  if (conference.worker_cpu_seconds > seen.cpu_seconds) {
    metrics_.worker_cpu(conference.pipeline, conference.worker_cpu_seconds - seen.cpu_seconds);
    seen.cpu_seconds = conference.worker_cpu_seconds;
  }
  if (conference.late_frames > seen.late_frames) {
    metrics_.late_frames(conference.pipeline, conference.late_frames - seen.late_frames);
    seen.late_frames = conference.late_frames;
  }
}

void Observer::sample() {
  std::map<std::pair<std::string, std::string>, unsigned> counts;
  std::map<std::string, std::uint64_t> memory;
  for (const auto* one : service_.conferences()) {
    ++counts[{one->pipeline, std::string{to_string(one->state)}}];
    if (one->state != session::ConferenceState::ended) {
      memory[one->pipeline] += one->worker_memory_bytes;
      sample_growth(*one);
    }
  }
  metrics_.set_pipelines(counts);
  metrics_.set_worker_memory(memory);
  sample_recordings();
  metrics_.set_draining(service_.draining());
  metrics_.set_outbox_pending(service_.unwritten_events());
  // What is gone is not asked about again; its counts are in the counters.
  const auto gone = [this](const std::string& id, std::uint32_t epoch) {
    const auto* found = service_.conference(id);
    return found == nullptr || found->epoch != epoch;
  };
  std::erase_if(branches_,
                [&](const auto& entry) { return gone(std::get<0>(entry.first), std::get<1>(entry.first)); });
  std::erase_if(costs_, [&](const auto& entry) { return gone(entry.first.first, entry.first.second); });
}

}  // namespace auralink::api
