// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_host.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <list>
#include <optional>

#include "orchestrator/worker/channel.hpp"
#include "orchestrator/worker/finish_messages.hpp"
#include "orchestrator/worker/process.hpp"
#include "orchestrator/worker/timer.hpp"

namespace auralink::worker {

using session::FinishOrder;
using session::FinishReport;
using session::Millis;

class FinishHost::Impl {
 public:
  struct Run {
    std::string recording;
    std::unique_ptr<Process> process;
    std::unique_ptr<Channel> channel;
    Timer timer;         ///< silence; once it said its last, its grace to exit
    bool said = false;   ///< its last report (processed or failed) was delivered
    std::string reason;  ///< why it was killed
    std::optional<Process::End> end;
  };
  using Runs = std::list<Run>;

  Impl(FinishSettings settings, const telemetry::Logger& logger, GMainContext* context)
      : settings_{std::move(settings)}, logger_{logger}, context_{context} {}

  void set_events(session::WorkerEvents* events) { events_ = events; }

  void finish(const FinishOrder& order) {
    const bool waits = std::any_of(queue_.begin(), queue_.end(), [&](const FinishOrder& other) {
      return other.recording == order.recording;
    });
    // One that said its last only has to exit.
    const bool runs = std::any_of(runs_.begin(), runs_.end(), [&](const Run& run) {
      return run.recording == order.recording && !run.said;
    });
    if (waits || runs) return;
    queue_.push_back(order);
    next_.start(context_, Millis{0}, [this] { start_next(); });
  }

  void kill_all() {
    queue_.clear();
    for (auto& run : runs_) {
      if (run.reason.empty()) run.reason = "the daemon is going down";
      run.process->signal(SIGKILL);
    }
  }

  [[nodiscard]] unsigned pending() const { return static_cast<unsigned>(queue_.size() + runs_.size()); }
  [[nodiscard]] unsigned processes() const { return static_cast<unsigned>(runs_.size()); }
  [[nodiscard]] std::vector<pid_t> pids() const {
    std::vector<pid_t> out;
    for (const auto& run : runs_) out.push_back(run.process->pid());
    return out;
  }

 private:
  void start_next() {
    while (!queue_.empty() && runs_.size() < std::max(1U, settings_.at_once)) {
      const auto order = std::move(queue_.front());
      queue_.pop_front();
      if (const auto error = start(order); !error.empty()) {
        logger_.error("cannot start finishing", {{"recording", order.recording}, {"error", error}});
        report_failed(order.recording, "cannot start the process that finishes it: " + error);
      }
    }
  }

  /// Empty, or why not.
  std::string start(const FinishOrder& order) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
      return std::string{"socketpair: "} + std::strerror(errno);
    const auto at = runs_.emplace(runs_.end());
    at->recording = order.recording;
    auto process = Process::spawn(settings_.program, pair[1],
                                  {.on_end = [this, at](const Process::End& end) { on_process_end(at, end); },
                                   .on_line = [this, at](const std::string& line) { on_line(*at, line); }},
                                  context_);
    ::close(pair[1]);
    if (!process) {
      ::close(pair[0]);
      runs_.erase(at);
      return process.error();
    }
    at->process = std::move(*process);
    if (settings_.started) settings_.started(at->process->pid());
    at->channel = std::make_unique<Channel>(
        pair[0],
        Channel::Callbacks{.on_message = [this, at](std::string_view payload) { on_message(*at, payload); },
                           .on_closed = [this, at](const std::string& why) { on_channel_closed(at, why); }},
        context_);
    // The process knows nothing but this order; when it cannot be sent, the channel's end tells so.
    at->channel->send(finish_message(order));
    listen(*at);
    logger_.debug(
        "finishing",
        {{"recording", order.recording}, {"pid", at->process->pid()}, {"pieces", order.pieces.size()}});
    return {};
  }

  void listen(Run& run) {
    auto* target = &run;
    run.timer.start(context_, settings_.silence, [this, target] {
      give_up(*target, "it made no progress for " + std::to_string(settings_.silence.count() / 1000) + " s");
    });
  }

  void give_up(Run& run, std::string why) {
    if (run.reason.empty()) run.reason = std::move(why);
    run.process->signal(SIGKILL);
  }

  void on_line(const Run& run, const std::string& line) {
    logger_.info(line, {{"recording", run.recording}, {"pid", run.process->pid()}, {"stream", "stderr"}});
  }

  void on_message(Run& run, std::string_view payload) {
    if (run.said || !run.reason.empty()) return;
    v1::FromWorker message;
    if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      return give_up(run, "it broke the protocol: a message does not parse");
    if (message.has_hello() && message.hello().protocol() != kProtocol)
      return give_up(run, "it speaks another protocol");
    if (message.has_log()) {
      logger_.info(message.log().message(),
                   {{"recording", run.recording}, {"category", message.log().category()}});
      return;
    }
    if (!message.has_finished()) return;
    auto report = finish_report(message.finished());
    if (!report || report->recording != run.recording)
      return give_up(run, "it broke the protocol: a report that is none");
    run.said =
        report->stage == FinishReport::Stage::processed || report->stage == FinishReport::Stage::failed;
    if (run.said)
      run.timer.start(context_, settings_.leave_grace, [target = &run] { target->process->signal(SIGKILL); });
    else
      listen(run);
    if (events_ != nullptr) events_->on_finish(*report);
  }

  void on_channel_closed(Runs::iterator at, const std::string& why) {
    if (at->channel && at->channel->broken()) give_up(*at, "it broke the protocol: " + why);
    if (at->end) return bury(at);
    auto* target = &*at;
    at->timer.start(context_, settings_.leave_grace, [target] { target->process->signal(SIGKILL); });
  }

  void on_process_end(Runs::iterator at, const Process::End& end) {
    at->end = end;
    if (!at->channel || !at->channel->open()) return bury(at);
    // Its last words may still be in the socket.
    at->timer.start(context_, Millis{1'000}, [this, at] { bury(at); });
  }

  void bury(Runs::iterator at) {
    const auto recording = at->recording;
    const bool said = at->said;
    std::string why = at->reason;
    if (why.empty())
      why = at->end->oom          ? "it ran out of memory"
            : at->end->signo != 0 ? "it was ended by signal " + std::to_string(at->end->signo)
                                  : "it exited with status " + std::to_string(at->end->code);
    // Its own callbacks are on the stack.
    buried_.splice(buried_.end(), runs_, at);
    at->timer.cancel();
    next_.start(context_, Millis{0}, [this] {
      buried_.clear();
      start_next();
    });
    if (!said) report_failed(recording, "the process that finishes it failed: " + why);
  }

  void report_failed(const std::string& recording, std::string error) {
    FinishReport report;
    report.recording = recording;
    report.stage = FinishReport::Stage::failed;
    report.error = std::move(error);
    if (events_ != nullptr) events_->on_finish(report);
  }

  FinishSettings settings_;
  const telemetry::Logger& logger_;
  GMainContext* context_;
  session::WorkerEvents* events_ = nullptr;
  std::deque<FinishOrder> queue_;
  Runs runs_;
  Runs buried_;
  Timer next_;
};

FinishHost::FinishHost(FinishSettings settings, const telemetry::Logger& logger, GMainContext* context)
    : impl_{std::make_unique<Impl>(std::move(settings), logger, context)} {}
FinishHost::~FinishHost() = default;
void FinishHost::set_events(session::WorkerEvents* events) { impl_->set_events(events); }
void FinishHost::finish(const FinishOrder& order) { impl_->finish(order); }
unsigned FinishHost::pending() const { return impl_->pending(); }
unsigned FinishHost::processes() const { return impl_->processes(); }
std::vector<pid_t> FinishHost::pids() const { return impl_->pids(); }
void FinishHost::kill_all() { impl_->kill_all(); }

}  // namespace auralink::worker
