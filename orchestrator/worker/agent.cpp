// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/agent.hpp"

#include <unistd.h>

#include <utility>

#include "orchestrator/pipeline/gst_log.hpp"
#include "orchestrator/pipeline/media_root.hpp"
#include "orchestrator/worker/channel.hpp"
#include "orchestrator/worker/finish_messages.hpp"
#include "orchestrator/worker/process_stats.hpp"

namespace auralink::worker {
namespace {

using session::BranchState;

v1::BranchChange::State to_proto(BranchState state) {
  switch (state) {
    case BranchState::active:
      return v1::BranchChange::ACTIVE;
    case BranchState::draining:
      return v1::BranchChange::DRAINING;
    case BranchState::removed:
      return v1::BranchChange::REMOVED;
    case BranchState::failed:
      return v1::BranchChange::FAILED;
    case BranchState::adding:
      break;
  }
  return v1::BranchChange::STATE_UNSPECIFIED;
}

v1::Ended::Class to_proto(pipeline::EndClass end_class) {
  switch (end_class) {
    case pipeline::EndClass::completed:
      return v1::Ended::COMPLETED;
    case pipeline::EndClass::stopped:
      return v1::Ended::STOPPED;
    case pipeline::EndClass::failed_source:
      return v1::Ended::FAILED_SOURCE;
    case pipeline::EndClass::failed_sink:
      return v1::Ended::FAILED_SINK;
  }
  return v1::Ended::CLASS_UNSPECIFIED;
}

std::string sentence(const json::Violations& violations) {
  std::string text = "the description is not valid";
  for (const auto& violation : violations) text += "; " + violation.pointer + ": " + violation.detail;
  return text;
}

}  // namespace

Agent::Agent(Send send, std::function<void(int)> on_done,
             std::function<tl::expected<void, std::string>(const std::string&)> survive)
    : send_{std::move(send)}, on_done_{std::move(on_done)}, survive_{std::move(survive)} {
  pipeline::route_gst_log(GST_LEVEL_WARNING, [this](const pipeline::GstLogEntry& entry) {
    log(entry.level, entry.category, entry.object, entry.message);
  });
}

Agent::~Agent() {
  if (stats_timer_ != 0) g_source_remove(stats_timer_);
}

void Agent::say(v1::FromWorker&& message) {
  message.set_epoch(epoch_);
  send_(message);
}

void Agent::hello() {
  v1::FromWorker message;
  message.mutable_hello()->set_pid(::getpid());
  message.mutable_hello()->set_protocol(kProtocol);
  say(std::move(message));
}

void Agent::replay() {
  hello();
  v1::FromWorker message;
  if (running_) {
    message.mutable_running();
    say(v1::FromWorker{message});
  }
  for (const auto& [name, change] : changes_) {
    *message.mutable_branch() = change;
    say(v1::FromWorker{message});
  }
  if (conference_ && !ended_) send_stats();
  if (!ended_) return;
  *message.mutable_ended() = last_word_;
  say(std::move(message));
}

void Agent::log(unsigned level, const std::string& category, const std::string& object,
                const std::string& text) {
  v1::FromWorker message;
  auto& entry = *message.mutable_log();
  entry.set_level(level);
  entry.set_category(category);
  entry.set_object(object);
  entry.set_message(text);
  say(std::move(message));
}

void Agent::on_command(std::string_view payload) {
  v1::ToWorker command;
  if (!command.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return end(v1::Ended::FAILED_SOURCE, "a command of the daemon does not parse");
  switch (command.body_case()) {
    case v1::ToWorker::kStart:
      return start(command.start());
    case v1::ToWorker::kAddBranch:
      return add_branch(command.add_branch());
    case v1::ToWorker::kRemoveBranch:
      if (conference_) conference_->remove_branch(command.remove_branch().name());
      return;
    case v1::ToWorker::kStop:
      if (conference_) return conference_->stop();
      return end(v1::Ended::STOPPED, "stopped before it started");
    case v1::ToWorker::kDumpGraph: {
      v1::FromWorker message;
      message.mutable_graph()->set_dot(conference_ ? conference_->dot() : "digraph {}");
      return say(std::move(message));
    }
    case v1::ToWorker::kFinish:
      return finish(command.finish());
    case v1::ToWorker::kPauseBranch:
      if (conference_)
        conference_->pause_branch(command.pause_branch().name(), command.pause_branch().paused());
      return;
    case v1::ToWorker::BODY_NOT_SET:
      return;  // a newer daemon's command: nothing we could do
  }
}

void Agent::start(const v1::Start& start) {
  epoch_ = start.epoch();
  pipeline::set_gst_log_level(start.log_level());
  const auto document = json::parse(start.description());
  auto description = document ? pipeline::parse_description(*document)
                              : json::Checked<pipeline::Description>{tl::unexpected(document.error())};
  if (!description) return end(v1::Ended::FAILED_SOURCE, sentence(description.error()));
  if (auto media = pipeline::resolve_media(*description, start.media_root()); !media)
    return end(v1::Ended::FAILED_SOURCE, media.error());
  description_ = std::move(*description);
  const std::map<std::string, std::string> paths{start.paths().begin(), start.paths().end()};
  const std::chrono::milliseconds eos_timeout{start.eos_timeout_ms() != 0 ? start.eos_timeout_ms() : 30'000};
  if (!start.rescue_socket().empty() && survive_)
    if (const auto survives = survive_(start.rescue_socket()); !survives)
      log(GST_LEVEL_WARNING, "worker", "", "would end with the daemon: " + survives.error());
  conference_ = std::make_unique<pipeline::Conference>(*description_, paths, eos_timeout, *this);
  if (auto started = conference_->start(); !started) return end(v1::Ended::FAILED_SOURCE, started.error());
  stats_timer_ = g_timeout_add(
      1000,
      [](gpointer self) -> gboolean { return static_cast<Agent*>(self)->send_stats(), G_SOURCE_CONTINUE; },
      this);
}

void Agent::finish(const v1::Finish& command) {
  if (conference_ || finish_) return;
  auto order = finish_order(command);
  if (!order) return end(v1::Ended::FAILED_SOURCE, "an order to finish does not parse");
  finish_ = std::make_unique<FinishTask>(
      std::move(*order),
      FinishTask::Callbacks{
          .report = [this](const session::FinishReport& report) { say(finished_message(report)); },
          .log = [this](const std::string& line) { log(GST_LEVEL_INFO, "finish", "", line); },
          .done = [this] { end(v1::Ended::COMPLETED, "finished"); }});
}

void Agent::add_branch(const v1::AddBranch& command) {
  if (!conference_) return;
  const auto document = json::parse(command.description());
  auto branch = document ? pipeline::parse_branch(*document, *description_)
                         : json::Checked<pipeline::Branch>{tl::unexpected(document.error())};
  if (!branch) return on_branch(command.name(), BranchState::failed, sentence(branch.error()), {});
  conference_->add_branch(command.name(), *branch, command.path());
}

void Agent::wind_down(const std::string& reason) {
  if (!conference_) return end_now(reason);
  if (std::exchange(winding_down_, true)) return;
  log(GST_LEVEL_INFO, "worker", "", "winding down: " + reason);
  conference_->stop();
}

void Agent::end_now(const std::string& reason) { end(v1::Ended::STOPPED, reason); }

void Agent::on_running() {
  running_ = true;
  v1::FromWorker message;
  message.mutable_running();
  say(std::move(message));
}

void Agent::on_branch(std::string_view name, BranchState state, std::string_view error,
                      const pipeline::BranchFacts& facts) {
  v1::FromWorker message;
  auto& change = *message.mutable_branch();
  change.set_name(std::string{name});
  change.set_state(to_proto(state));
  change.set_error(std::string{error});
  change.set_bytes(facts.bytes);
  change.set_duration_ns(facts.media_ns);
  changes_[change.name()] = change;
  say(std::move(message));
  if (facts.trunk && (state == BranchState::removed || state == BranchState::failed)) {
    const auto& trunk = *facts.trunk;
    log(GST_LEVEL_INFO, "trunk", std::string{name},
        "sent " + std::to_string(trunk.bytes_out) + " bytes instead of " + std::to_string(trunk.bytes_in) +
            "; access units: " + std::to_string(trunk.coded) + " coded, " + std::to_string(trunk.native) +
            " native; resyncs: " + std::to_string(trunk.resyncs));
  }
}

void Agent::on_participant_failed(std::string_view name, std::string_view error) {
  log(GST_LEVEL_ERROR, "participant", std::string{name}, std::string{error});
}

void Agent::send_stats() {
  const auto stats = conference_->stats();
  v1::FromWorker message;
  auto& out = *message.mutable_stats();
  for (const auto& [name, facts] : stats.branches) {
    auto& branch = *out.add_branches();
    branch.set_name(name);
    branch.set_bytes(facts.bytes);
    branch.set_dropped(facts.dropped);
    branch.set_media_ns(facts.media_ns);
    branch.set_paused(facts.paused);
    if (!facts.trunk) continue;
    auto& trunk = *branch.mutable_trunk();
    trunk.set_bytes_in(facts.trunk->bytes_in);
    trunk.set_bytes_out(facts.trunk->bytes_out);
    trunk.set_coded(facts.trunk->coded);
    trunk.set_native(facts.trunk->native);
    trunk.set_resyncs(facts.trunk->resyncs);
  }
  for (const auto& info : stats.participants) {
    auto& participant = *out.add_participants();
    participant.set_name(info.name);
    participant.set_audio(info.audio);
    participant.set_video(info.video);
    participant.set_visible(info.visible);
  }
  out.set_late_frames(stats.late_frames);
  out.set_memory_bytes(own_pss_bytes());
  out.set_cpu_seconds(own_cpu_seconds());
  say(std::move(message));
}

void Agent::on_ended(pipeline::EndClass end_class, std::string_view reason) {
  end(to_proto(end_class), reason);
}

void Agent::end(v1::Ended::Class end_class, std::string_view reason) {
  if (std::exchange(ended_, true)) return;
  if (conference_ && stats_timer_ != 0) send_stats();  // final figures of what was still attached
  v1::FromWorker message;
  last_word_.set_class_(end_class);
  last_word_.set_reason(std::string{reason});
  *message.mutable_ended() = last_word_;
  say(std::move(message));
  const bool well = end_class == v1::Ended::COMPLETED || end_class == v1::Ended::STOPPED;
  on_done_(well ? 0 : 1);
}

}  // namespace auralink::worker
