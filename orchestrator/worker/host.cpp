// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/host.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <list>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot the C linkage
}

#include "orchestrator/worker/channel.hpp"
#include "orchestrator/worker/messages.hpp"
#include "orchestrator/worker/process.hpp"
#include "orchestrator/worker/rescue.hpp"
#include "orchestrator/worker/timer.hpp"

namespace auralink::worker {
namespace {

using session::Millis;
using telemetry::Level;

constexpr Millis kLongestRespawn{30'000};

[[nodiscard]] Level level_of(std::uint32_t gst_level) {
  if (gst_level <= 1) return Level::error;
  if (gst_level <= 3) return Level::warning;  // GStreamer's FIXME sits between warning and info
  return gst_level == 4 ? Level::info : Level::debug;
}

}  // namespace

class Host::Impl {
 public:
  /// One child: idle until it is given a conference, then bound to it for life.
  struct Worker {
    std::unique_ptr<Process> process;
    std::unique_ptr<Channel> channel;
    Timer timer;             ///< idle: ready timeout; channel gone: stop ladder; ended: waiting for it
    std::string conference;  ///< empty: idle
    std::uint32_t epoch = 0;
    bool hello = false;
    bool leaving = false;  ///< idle and told to go, or broken: not to be used any more
    std::int64_t said_pid = 0;
    std::optional<session::ExitClass> said;
    std::string reason;
    std::optional<Process::End> end;
    std::optional<WorkerGroup> group;
  };
  using Workers = std::list<Worker>;
  using Words = std::vector<std::string>;

  Impl(HostSettings settings, const telemetry::Logger& logger, GMainContext* context)
      : settings_{std::move(settings)},
        logger_{logger},
        context_{context},
        groups_{Groups::open(settings_.groups)} {
    if (!settings_.rescue_folder.empty()) claim_addresses();
    if (groups_) logger_.info("workers get control groups of their own", {{"beneath", groups_->folder()}});
  }

  ~Impl() {
    if (rescue_lock_ >= 0) ::close(rescue_lock_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // --- commands ---

  session::Outcome<void> start(const session::WorkerStart& start) {
    auto at = find(start.conference);
    if (at != workers_.end())
      return tl::unexpected(
          session::Problem{.kind = session::Problem::Kind::conflict,
                           .detail = "the last worker of this conference has not ended yet"});
    auto spare = pick_spare();
    if (spare == workers_.end()) {
      auto spawned = spawn();
      if (!spawned)
        return tl::unexpected(session::Problem{.kind = session::Problem::Kind::unavailable,
                                               .detail = "cannot start a worker: " + spawned.error(),
                                               .reason = "worker"});
      spare = *spawned;
    }
    auto& worker = *spare;
    worker.timer.cancel();
    worker.conference = start.conference;
    worker.epoch = start.epoch;
    if (groups_)
      worker.group = groups_->make(start.conference, start.epoch, worker.process->pid(),
                                   {.memory_bytes = start.memory_limit});
    logger_.debug("worker assigned", {{"conference", worker.conference},
                                      {"epoch", worker.epoch},
                                      {"pid", worker.process->pid()},
                                      {"warm", worker.hello},
                                      {"group", worker.group ? worker.group->folder() : ""}});
    // When this fails the channel's own end reports it, like any other loss of the worker.
    worker.channel->send(
        start_message(start, settings_.media_root, settings_.gst_log_level, rescue_socket(start)));
    if (worker.hello) {
      // Never from inside a command: the session is in the middle of its transaction.
      worker.timer.start(context_, Millis{0}, [this, spare] { report_hello(*spare); });
    }
    refill(settings_.refill_delay);
    return {};
  }

  bool adopt(std::string_view conference, std::uint32_t epoch) {
    if (settings_.rescue_folder.empty()) return false;
    if (const auto at = find(conference); at != workers_.end()) return at->epoch == epoch;
    const auto orphan = connect_to_orphan(rescue_path(settings_.rescue_folder, conference, epoch));
    if (!orphan) {
      logger_.info("no worker to take over",
                   {{"conference", conference}, {"epoch", epoch}, {"detail", orphan.error()}});
      return false;
    }
    const auto at = workers_.emplace(workers_.end());
    at->conference = conference;
    at->epoch = epoch;
    at->process = Process::adopt(orphan->pid, orphan->pidfd,
                                 {.on_end = [this, at](const Process::End& end) { on_process_end(at, end); }},
                                 context_);
    if (groups_) at->group = groups_->find(conference, epoch);
    open_channel(at, orphan->fd);
    logger_.info("took over a worker", {{"conference", conference}, {"epoch", epoch}, {"pid", orphan->pid}});
    return true;
  }

  /// Whether that process is alive, runs our worker program and is none of ours. Its number is all that is
  /// known of it.
  [[nodiscard]] bool lingers(std::int64_t pid) const {
    if (pid <= 1 || std::any_of(workers_.begin(), workers_.end(),
                                [pid](const Worker& w) { return w.process->pid() == pid; }))
      return false;
    const auto folder = "/proc/" + std::to_string(pid);
    // The kernel keeps 15 characters of a program's name.
    const auto name = std::filesystem::path{settings_.program}.filename().string().substr(0, 15);
    if (slurp(folder + "/comm") != name + "\n") return false;
    const auto stat = slurp(folder + "/stat");
    const auto state = stat.rfind(") ");
    return state != std::string::npos && state + 2 < stat.size() && stat[state + 2] != 'Z' &&
           stat[state + 2] != 'X';
  }

  void dismiss_orphans() {
    if (settings_.rescue_folder.empty()) return;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{settings_.rescue_folder, ignored}) {
      const auto path = entry.path().string();
      if (entry.path().extension() != ".sock" || adopted_at(path)) continue;
      const auto orphan = connect_to_orphan(path);  // removes the address of one that is gone
      if (!orphan) continue;
      logger_.warning("a worker that nobody wants any more is told to finish",
                      {{"socket", path}, {"pid", orphan->pid}});
      // The signal, not Stop: a worker told to stop would still wait for somebody to tell how it ended.
      ::pidfd_send_signal(orphan->pidfd, SIGTERM, nullptr, 0);
      ::close(orphan->pidfd);
      ::close(orphan->fd);
    }
  }

  void send(std::string_view conference, const v1::ToWorker& message) {
    const auto at = find(conference);
    if (at != workers_.end() && at->channel) at->channel->send(message);
  }

  void signal(std::string_view conference, int signo) {
    const auto at = find(conference);
    if (at != workers_.end()) at->process->signal(signo);
  }

  void set_aside(pid_t pid) const {
    if (groups_ && !groups_->set_aside(pid))
      logger_.debug("stays in the daemon's control group", {{"pid", pid}});
  }

  void kill_all() {
    for (auto& worker : workers_) worker.process->signal(SIGKILL);
  }

  void warm_up() {
    warming_ = true;
    refill(Millis{0});
  }

  void stop_warming() {
    warming_ = false;
    refill_.cancel();
    for (auto& worker : workers_)
      if (worker.conference.empty()) dismiss(worker, "no longer needed");
  }

  // --- queries ---

  [[nodiscard]] unsigned idle() const {
    return static_cast<unsigned>(std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) {
      return w.conference.empty() && w.hello && !w.leaving;
    }));
  }
  [[nodiscard]] unsigned processes() const { return static_cast<unsigned>(workers_.size()); }
  [[nodiscard]] bool busy(std::string_view conference) { return find(conference) != workers_.end(); }

  void set_events(session::WorkerEvents* events) { events_ = events; }

 private:
  // --- processes ---

  Workers::iterator find(std::string_view conference) {
    return std::find_if(workers_.begin(), workers_.end(), [conference](const Worker& w) {
      return !conference.empty() && w.conference == conference;
    });
  }

  /// A ready one first, else one that is still starting: it has a head start over a new process.
  Workers::iterator pick_spare() {
    auto best = workers_.end();
    for (auto at = workers_.begin(); at != workers_.end(); ++at) {
      if (!at->conference.empty() || at->leaving || at->end) continue;
      if (at->hello) return at;
      if (best == workers_.end()) best = at;
    }
    return best;
  }

  tl::expected<Workers::iterator, std::string> spawn() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
      return tl::unexpected(std::string{"socketpair: "} + std::strerror(errno));
    const auto at = workers_.emplace(workers_.end());
    auto process = Process::spawn(settings_.program, pair[1],
                                  {.on_end = [this, at](const Process::End& end) { on_process_end(at, end); },
                                   .on_line = [this, at](const std::string& line) { on_line(*at, line); }},
                                  context_, settings_.core_dumps ? Words{"--core-dumps"} : Words{});
    ::close(pair[1]);
    if (!process) {
      ::close(pair[0]);
      workers_.erase(at);
      return tl::unexpected(process.error());
    }
    at->process = std::move(*process);
    open_channel(at, pair[0]);
    return at;
  }

  void open_channel(Workers::iterator at, int fd) {
    at->channel = std::make_unique<Channel>(
        fd,
        Channel::Callbacks{
            .on_message = [this, at](std::string_view payload) { on_message(*at, payload); },
            .on_closed = [this, at](const std::string& reason) { on_channel_closed(at, reason); }},
        context_);
  }

  /// Where this worker shall wait for the next daemon; empty: it ends with us.
  [[nodiscard]] std::string rescue_socket(const session::WorkerStart& start) const {
    if (start.orphans != session::Orphans::go_on || settings_.rescue_folder.empty()) return {};
    auto path = rescue_path(settings_.rescue_folder, start.conference, start.epoch);
    if (rescue_path_fits(path)) return path;
    logger_.warning("the conference will end with this daemon",
                    {{"conference", start.conference}, {"error", path + ": too long for a socket"}});
    return {};
  }

  void claim_addresses() {
    const auto claimed = claim_rescue_folder(settings_.rescue_folder);
    if (claimed) {
      rescue_lock_ = *claimed;
      return;
    }
    logger_.warning("no conference will outlive this daemon", {{"error", claimed.error()}});
    settings_.rescue_folder.clear();
  }

  [[nodiscard]] bool adopted_at(const std::string& path) const {
    return std::any_of(workers_.begin(), workers_.end(), [&](const Worker& w) {
      return rescue_path(settings_.rescue_folder, w.conference, w.epoch) == path;
    });
  }

  void refill(Millis delay) {
    if (!warming_ || settings_.warm == 0 || refill_.running()) return;
    refill_.start(context_, std::max(delay, respawn_wait_), [this] { add_spares(); });
  }

  void add_spares() {
    auto have = static_cast<unsigned>(std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) {
      return w.conference.empty() && !w.leaving;
    }));
    for (; have < settings_.warm; ++have) {
      const auto spawned = spawn();
      if (!spawned) {
        logger_.warning("cannot start an idle worker", {{"error", spawned.error()}});
        back_off();
        return refill(respawn_wait_);
      }
      const auto at = *spawned;
      at->timer.start(context_, settings_.ready_timeout, [this, at] {
        logger_.warning("an idle worker did not get ready", {{"pid", at->process->pid()}});
        at->leaving = true;
        at->process->signal(SIGKILL);
      });
    }
  }

  void back_off() {
    respawn_wait_ =
        respawn_wait_.count() == 0 ? settings_.respawn_base : std::min(respawn_wait_ * 2, kLongestRespawn);
  }

  /// Closing the channel is how a worker learns that nobody needs it; the ladder follows if it does not
  /// listen.
  void dismiss(Worker& worker, std::string reason) {
    if (worker.leaving) return;
    worker.leaving = true;
    worker.reason = std::move(reason);
    worker.channel.reset();
    ladder(worker, SIGTERM);
  }

  void ladder(Worker& worker, int signo) {
    auto* target = &worker;
    worker.timer.start(context_, settings_.leave_grace, [this, target, signo] {
      if (target->end) return;
      if (!target->said && target->reason.empty())
        target->reason = "the worker closed its channel but did not exit";
      target->process->signal(signo);
      if (signo != SIGKILL) ladder(*target, SIGKILL);
    });
  }

  // --- what workers say ---

  void on_line(const Worker& worker, const std::string& line) {
    logger_.info(line,
                 {{"conference", worker.conference}, {"pid", worker.process->pid()}, {"stream", "stderr"}});
  }

  void on_channel_closed(Workers::iterator at, const std::string& reason) {
    if (at->channel && at->channel->broken()) break_off(*at, reason);
    if (at->end) return finish(at);
    at->leaving = true;
    ladder(*at, SIGTERM);  // normally it exits by itself right away
  }

  void break_off(Worker& worker, const std::string& why) {
    logger_.error("a worker broke the protocol",
                  {{"conference", worker.conference}, {"pid", worker.process->pid()}, {"error", why}});
    worker.said = session::ExitClass::crashed;
    worker.reason = "the worker broke the protocol: " + why;
    worker.leaving = true;
    worker.process->signal(SIGKILL);
  }

  void on_message(Worker& worker, std::string_view payload) {
    if (worker.leaving && worker.said == session::ExitClass::crashed) return;
    v1::FromWorker message;
    if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      return break_off(worker, "a message does not parse");
    if (message.epoch() != 0 && message.epoch() != worker.epoch)
      return break_off(worker, "a message of epoch " + std::to_string(message.epoch()));
    if (message.has_log()) return on_log(worker, message.log());
    if (message.has_hello()) return on_hello(worker, message.hello());
    // Before it has its conference a worker says epoch 0; what else it says then is about nothing.
    if (worker.conference.empty() || message.epoch() == 0) return;
    if (events_ != nullptr) dispatch(worker, message);
  }

  void dispatch(Worker& worker, const v1::FromWorker& message) {
    const std::string id = worker.conference;
    const auto epoch = worker.epoch;
    switch (message.body_case()) {
      case v1::FromWorker::kRunning:
        return events_->on_running(id, epoch);
      case v1::FromWorker::kStats:
        return events_->on_stats(id, epoch, measured(worker, message.stats()));
      case v1::FromWorker::kGraph:
        return events_->on_graph(id, epoch, message.graph().dot());
      case v1::FromWorker::kBranch: {
        const auto& change = message.branch();
        const auto state = branch_state(change.state());
        if (!state) return break_off(worker, "an unknown branch state");
        return events_->on_branch(id, epoch, change.name(), *state, telemetry::redact(change.error()),
                                  change.bytes(), change.duration_ns());
      }
      case v1::FromWorker::kEnded: {
        worker.said = exit_class(message.ended().class_());
        worker.reason = telemetry::redact(message.ended().reason());
        return;
      }
      default:
        return;
    }
  }

  /// Where the worker has a control group, that knows better what it costs: everything it started counts too.
  [[nodiscard]] static session::WorkerStats measured(const Worker& worker, const v1::Stats& message) {
    auto out = stats(message);
    if (!worker.group) return out;
    out.memory_bytes = worker.group->memory_bytes().value_or(out.memory_bytes);
    out.cpu_seconds = worker.group->cpu_seconds().value_or(out.cpu_seconds);
    return out;
  }

  void on_hello(Worker& worker, const v1::Hello& hello) {
    if (hello.protocol() != kProtocol)
      return break_off(
          worker, "protocol " + std::to_string(hello.protocol()) + ", expected " + std::to_string(kProtocol));
    if (worker.hello) return break_off(worker, "a second Hello");
    worker.hello = true;
    respawn_wait_ = Millis{0};
    if (worker.conference.empty()) return worker.timer.cancel();
    report_hello(worker);
  }

  void report_hello(const Worker& worker) {
    const std::string id = worker.conference;
    // The pid we spawned, not the one it claims: signals go to what this host started.
    if (events_ != nullptr) events_->on_hello(id, worker.epoch, worker.process->pid());
  }

  void on_log(const Worker& worker, const v1::Log& log) {
    logger_.log(level_of(log.level()), log.message(),
                {{"conference", worker.conference},
                 {"epoch", worker.epoch},
                 {"category", log.category()},
                 {"object", log.object()}});
  }

  // --- how workers end ---

  void on_process_end(Workers::iterator at, const Process::End& end) {
    at->end = end;
    at->timer.cancel();
    if (!at->channel || !at->channel->open()) return finish(at);
    // Its last words may still be in the socket: the channel reports its end after them. A stray copy of the
    // descriptor must not keep us waiting.
    at->timer.start(context_, Millis{1'000}, [this, at] { finish(at); });
  }

  void finish(Workers::iterator at) {
    const std::string id = at->conference;
    const auto epoch = at->epoch;
    const bool expected = at->leaving && id.empty() && at->end->signo != SIGKILL;
    // Of a process we did not start nobody tells the status: what it said last decides, and silence means the
    // worst.
    if (!at->end->known && at->end->signo == 0 && !at->said) {
      at->said = session::ExitClass::crashed;
      at->reason = "it ended without a word; it was started by a previous daemon, so its status is unknown";
    }
    session::WorkerExit exit{.code = at->end->code,
                             .signo = at->end->signo,
                             .oom = at->group ? at->group->oom_killed() : at->end->oom,
                             .said = at->said,
                             .reason = at->reason};
    if (at->group && !at->group->remove()) groups_->sweep();
    // Callbacks of this worker's own channel, timer or process are on the stack: its memory goes with the
    // next turn.
    ended_.splice(ended_.end(), workers_, at);
    at->timer.cancel();
    bury_.start(context_, Millis{0}, [this] { ended_.clear(); });
    if (id.empty()) {
      if (!expected) {
        logger_.warning("an idle worker ended", {{"code", exit.code}, {"signal", exit.signo}});
        back_off();
      }
      return refill(respawn_wait_);
    }
    if (events_ != nullptr) events_->on_exit(id, epoch, exit);
  }

  HostSettings settings_;
  const telemetry::Logger& logger_;
  GMainContext* context_;
  session::WorkerEvents* events_ = nullptr;
  Workers workers_;
  Workers ended_;
  bool warming_ = false;
  Millis respawn_wait_{0};
  Timer refill_;
  Timer bury_;
  std::unique_ptr<Groups> groups_;
  int rescue_lock_ = -1;
};

Host::Host(HostSettings settings, const telemetry::Logger& logger, GMainContext* context)
    : impl_{std::make_unique<Impl>(std::move(settings), logger, context)} {}
Host::~Host() = default;
void Host::set_events(session::WorkerEvents* events) { impl_->set_events(events); }
void Host::warm_up() { impl_->warm_up(); }
void Host::stop_warming() { impl_->stop_warming(); }
session::Outcome<void> Host::start(const session::WorkerStart& start) { return impl_->start(start); }
bool Host::adopt(std::string_view conference, std::uint32_t epoch) { return impl_->adopt(conference, epoch); }
bool Host::lingers(std::string_view /*conference*/, std::uint32_t /*epoch*/, std::int64_t pid) const {
  return impl_->lingers(pid);
}
void Host::dismiss_orphans() { impl_->dismiss_orphans(); }
void Host::pause_branch(std::string_view conference, std::string_view branch, bool paused) {
  impl_->send(conference, pause_branch_message(branch, paused));
}
void Host::add_branch(std::string_view conference, const session::BranchSpec& branch,
                      const std::string& path) {
  impl_->send(conference, add_branch_message(branch, path));
}
void Host::remove_branch(std::string_view conference, std::string_view branch) {
  impl_->send(conference, remove_branch_message(branch));
}
void Host::stop(std::string_view conference, session::StopReason reason) {
  impl_->send(conference, stop_message(reason));
}
void Host::dump_graph(std::string_view conference) { impl_->send(conference, dump_graph_message()); }
void Host::signal(std::string_view conference, int signo) { impl_->signal(conference, signo); }
void Host::set_aside(pid_t pid) const { impl_->set_aside(pid); }
void Host::kill_all() { impl_->kill_all(); }
unsigned Host::idle() const { return impl_->idle(); }
unsigned Host::processes() const { return impl_->processes(); }
bool Host::busy(std::string_view conference) const { return impl_->busy(conference); }

}  // namespace auralink::worker
