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
};

/// Starts and commands workers. Never blocks; answers come through WorkerEvents.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  virtual Outcome<void> start(const WorkerStart&) = 0;
  virtual void add_branch(std::string_view conference, const BranchSpec&, const std::string& path) = 0;
  virtual void remove_branch(std::string_view conference, std::string_view branch) = 0;
  virtual void stop(std::string_view conference, StopReason) = 0;   ///< EOS, finalise, exit
  virtual void dump_graph(std::string_view conference) = 0;         ///< answers on_graph
  virtual void signal(std::string_view conference, int signo) = 0;  ///< SIGTERM, SIGKILL
};

struct BranchStats {
  std::string name = {};
  std::uint64_t bytes = 0, dropped = 0;
  std::int64_t media_ns = 0;
};
struct WorkerStats {
  std::vector<BranchStats> branches = {};
  std::vector<ParticipantInfo> participants = {};
  std::uint64_t memory_bytes = 0;
  double cpu_seconds = 0;
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
};

/// Told after every committed change, for SSE, metrics and logs.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_event(const Event&) = 0;
};

}  // namespace auralink::session
