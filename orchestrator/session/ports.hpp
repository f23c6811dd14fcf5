// SPDX-License-Identifier: LGPL-2.1-or-later
// The session's ports: what it needs from the world. Implemented by store/, worker/, pipeline/ and the mains;
// faked in tests. All calls happen on the daemon's one main-loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

/// Why a command was refused; api/ turns it into RFC 9457.
struct Problem {
  enum class Kind { invalid, not_found, conflict, limit, unavailable };
  Kind kind = Kind::invalid;
  std::string detail = {};
  json::Violations errors = {};
  std::string reason = {};  ///< limit/unavailable: "draining", "conferences", "disk", ...
  std::optional<unsigned> retry_after_s = {};
};
template <class T>
using Outcome = tl::expected<T, Problem>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Millis wall() const = 0;       ///< CLOCK_REALTIME, for what people read
  [[nodiscard]] virtual Millis monotonic() const = 0;  ///< CLOCK_BOOTTIME, for every deadline
};

/// Durable truth. A transaction groups writes: either all rows and events of it are there after a crash, or
/// none.
class Store {
 public:
  virtual ~Store() = default;
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;
  virtual void put(const Conference&) = 0;
  virtual void put(const Recording&) = 0;
  virtual void erase_conference(std::string_view id) = 0;
  virtual void erase_recording(std::string_view id) = 0;
  virtual std::int64_t append(const Event&) = 0;                    ///< returns the assigned seq
  [[nodiscard]] virtual std::vector<Conference> conferences() = 0;  ///< all, for start-up
  [[nodiscard]] virtual std::vector<Recording> recordings() = 0;
  [[nodiscard]] virtual std::vector<Event> events_after(std::int64_t seq, std::size_t limit) = 0;
};

struct PipelineSummary {
  std::string name = {};
  unsigned version = 1;
  std::string why = {};         ///< the sentence on what it is for
  json::Value parameters = {};  ///< JSON Schema
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  [[nodiscard]] virtual std::vector<PipelineSummary> list() const = 0;
  /// Violations point into the parameters object.
  [[nodiscard]] virtual Outcome<CompiledPipeline> compile(std::string_view name,
                                                          const json::Value& parameters) const = 0;
  /// A branch for a conference that runs already. Violations point into `branch`.
  [[nodiscard]] virtual Outcome<BranchSpec> compile_branch(const CompiledPipeline&, std::string_view name,
                                                           const json::Value& branch) const = 0;
};

enum class StopReason { requested, limit, idle, stalled, drain };

struct WorkerStart {
  std::string conference = {};
  std::uint32_t epoch = 0;
  json::Value resolved = {};  ///< CompiledPipeline::resolved, with the branches that are wanted now
  /// branch name -> absolute path of the file, or of the directory for segments; decided by paths.hpp
  std::map<std::string, std::string> paths = {};
  Orphans orphans = Orphans::stop;
  std::uint64_t memory_limit = 0;  ///< bytes for its cgroup; 0: none
};

/// Starts and commands workers. Never blocks; answers come through WorkerEvents.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  virtual Outcome<void> start(const WorkerStart&) = 0;
  virtual void add_branch(std::string_view conference, const BranchSpec&, const std::string& path) = 0;
  virtual void remove_branch(std::string_view conference, std::string_view branch) = 0;
  /// While paused a branch writes nothing, and its file has no hole: what follows continues where it stopped.
  virtual void pause_branch(std::string_view /*conference*/, std::string_view /*branch*/, bool /*paused*/) {}
  /// Takes over a worker that a previous daemon left running (policy `orphans: continue`). True: its Hello
  /// will come, then its present state as if it had just happened. False: there is none.
  virtual bool adopt(std::string_view /*conference*/, std::uint32_t /*epoch*/) { return false; }
  /// Is a worker that a previous daemon started, and that nobody can command any more, still at work (policy
  /// `orphans: stop`, finalising)? While it is, its files are left alone and no next worker starts. `pid` is
  /// what it had said in its Hello; 0 when it had not.
  [[nodiscard]] virtual bool lingers(std::string_view /*conference*/, std::uint32_t /*epoch*/,
                                     std::int64_t /*pid*/) const {
    return false;
  }
  virtual void stop(std::string_view conference, StopReason) = 0;   ///< EOS, finalise, exit
  virtual void dump_graph(std::string_view conference) = 0;         ///< answers on_graph
  virtual void signal(std::string_view conference, int signo) = 0;  ///< SIGTERM, SIGKILL
};

struct BranchStats {
  std::string name = {};
  std::uint64_t bytes = 0, dropped = 0;
  std::int64_t media_ns = 0;
  bool paused = false;
  std::optional<TrunkFacts> trunk = {};
};
struct WorkerStats {
  std::vector<BranchStats> branches = {};
  std::vector<ParticipantInfo> participants = {};
  std::uint64_t memory_bytes = 0;
  double cpu_seconds = 0;
  std::uint64_t late_frames = 0;  ///< pictures that came too late for the mix or an encoder, since the start
};

/// What shall be made of a recording whose last piece was closed. Carried out by a process of its own:
/// joining, hashing and drawing take seconds for hours of media.
struct FinishOrder {
  std::string recording = {};
  std::string container = {};
  /// Where the result shall lie; also the first piece's path. When the first worker died before it wrote
  /// anything, it is an empty file or folder that is no piece.
  std::string path = {};
  std::vector<Piece> pieces = {};  ///< in order, none empty; those not `clean` need mending
  /// Everything that is known but what the file itself tells; the finisher adds `media`, `files` and `gaps`
  /// and writes it beside the file. See orchestrator/worker/README.md.
  json::Value sidecar = {};
  Millis preview_interval{0};          ///< distance of thumbnails; 0: none
  std::vector<std::string> hook = {};  ///< command with arguments, run without a shell; empty: none
  std::string hook_url = {};           ///< or: gets the sidecar by POST; empty: none
  Millis hook_timeout{60'000};
};
struct FinishReport {
  /// finalised: the file is as it will stay. processed: pictures and hook are done too (or failed, see
  /// error). failed: nothing playable could be made; the pieces are untouched.
  enum class Stage { progress, finalised, processed, failed };
  std::string recording = {};
  Stage stage = Stage::finalised;
  double progress = 0;    ///< 0..1
  std::string path = {};  ///< what was delivered
  std::uint64_t bytes = 0, bitrate = 0;
  std::int64_t duration_ns = 0;
  std::string sha256 = {};
  std::vector<Piece> pieces = {};  ///< as measured
  std::vector<Gap> gaps = {};
  std::vector<Artifact> artifacts = {};
  std::string error = {};
};

/// Finishes recordings, a few at a time. Never blocks; answers come through WorkerEvents::on_finish. An order
/// for a recording that is being finished already replaces nothing and is ignored. Its process may die: then
/// `failed` is reported with the reason, and the order can be given again, with the same result.
class Finisher {
 public:
  virtual ~Finisher() = default;
  virtual void finish(const FinishOrder&) = 0;
};
/// How a worker process ended, as far as the host could see.
struct WorkerExit {
  int code = 0;                        ///< exit status when not signalled
  int signo = 0;                       ///< 0: exited by itself
  bool oom = false;                    ///< the kernel's OOM killer did it
  std::optional<ExitClass> said = {};  ///< what the worker itself reported last
  std::string reason = {};             ///< its sentence, redacted
};

/// What workers tell; implemented by session::Service. `epoch` guards against late messages of an old worker.
class WorkerEvents {
 public:
  virtual ~WorkerEvents() = default;
  virtual void on_hello(std::string_view conference, std::uint32_t epoch, std::int64_t pid) = 0;
  virtual void on_running(std::string_view conference, std::uint32_t epoch) = 0;
  /// `recording facts` (bytes, duration) come with removed and failed.
  virtual void on_branch(std::string_view conference, std::uint32_t epoch, std::string_view branch,
                         BranchState, std::string_view error, std::uint64_t bytes,
                         std::int64_t duration_ns) = 0;
  virtual void on_stats(std::string_view conference, std::uint32_t epoch,
                        const WorkerStats&) = 0;  ///< 1/s; also the heartbeat
  virtual void on_graph(std::string_view conference, std::uint32_t epoch, std::string dot) = 0;
  virtual void on_exit(std::string_view conference, std::uint32_t epoch, const WorkerExit&) = 0;
  virtual void on_finish(const FinishReport&) {}
};

/// Where recordings go. Implemented in store/ with openat2(RESOLVE_BENEATH).
class Storage {
 public:
  virtual ~Storage() = default;
  /// Creates parent directories and reserves the file (O_EXCL) or directory; returns the absolute path.
  /// `relative` was expanded and sanitised by paths.hpp. Fails with pointer /path.
  virtual Outcome<std::string> reserve(const std::string& relative, bool directory) = 0;
  /// Gives back what reserve() created for a command that was refused after all; never removes anything
  /// written.
  virtual void release(const std::string& /*path*/) {}
  /// Bytes of the file, or of all files in the directory; nullopt when it is not there.
  [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& path) const = 0;
  /// Deletes a file, or a folder with what is in it, beneath the root; parent folders that become empty go
  /// too. Succeeds when it is not there.
  virtual Outcome<void> remove(const std::string& /*path*/) { return {}; }
  /// Bytes that may still be written; nullopt when it cannot be known.
  [[nodiscard]] virtual std::optional<std::uint64_t> free_bytes() const { return std::nullopt; }
};

/// Answers to requests with an Idempotency-Key, so that a repeated one gets the answer of the first. Survives
/// a restart. remember() replaces what was there: first that a request was begun, then its answer.
class ReplyMemory {
 public:
  struct Remembered {
    std::string fingerprint =
        {};  ///< SHA-256 of method, path and body: the same key for something else is an error
    unsigned status = 0;
    std::string content_type = {}, location = {}, etag = {}, body = {};
  };
  virtual ~ReplyMemory() = default;
  [[nodiscard]] virtual std::optional<Remembered> recall(const std::string& principal,
                                                         const std::string& key) = 0;
  virtual void remember(const std::string& principal, const std::string& key, const Remembered&,
                        Millis now) = 0;
  virtual void forget_before(Millis) = 0;
};

/// What the machine has and how busy it is, for admission.
struct MachineLoad {
  double cpus = 1;       ///< that this service may use (affinity, cgroup quota)
  double busy_cpus = 0;  ///< used by everybody, averaged over the last seconds
  std::uint64_t memory_bytes = 0, available_bytes = 0;  ///< within the cgroup's limit
};
class Machine {
 public:
  virtual ~Machine() = default;
  [[nodiscard]] virtual MachineLoad load() const = 0;
};

/// Told after every committed change, for SSE, metrics and logs.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_event(const Event&) = 0;
};

}  // namespace auralink::session
