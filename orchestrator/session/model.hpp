// SPDX-License-Identifier: LGPL-2.1-or-later
// What the daemon knows: conferences, their branches and recordings, and events about them.
// Pure values; every state ladder only moves forward (ladder.hpp). Times are milliseconds since the Unix
// epoch.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/json/json.hpp"

namespace auralink::session {

using Millis = std::chrono::milliseconds;  ///< wall time since the Unix epoch, or a duration

enum class Desired { running, stopped };

/// pending -> starting -> running -> stopping -> ended. A restart opens a new epoch at `starting`: the pair
/// (epoch, state) only grows.
enum class ConferenceState { pending, starting, running, stopping, ended };
/// adding -> active -> draining -> removed | failed
enum class BranchState { adding, active, draining, removed, failed };
/// starting -> active -> finalising -> complete | interrupted | failed.
/// `interrupted`: the worker died; what was written up to a second before is in the file, not finalised.
/// `failed`: nothing usable or the destination refused.
enum class RecordingState { starting, active, finalising, complete, interrupted, failed };
/// Why a conference ended (or its last epoch did).
enum class ExitClass { completed, stopped, limit, failed_source, failed_sink, stalled, oom, crashed, killed };

[[nodiscard]] std::string_view to_string(Desired) noexcept;
[[nodiscard]] std::string_view to_string(ConferenceState) noexcept;
[[nodiscard]] std::string_view to_string(BranchState) noexcept;
[[nodiscard]] std::string_view to_string(RecordingState) noexcept;
[[nodiscard]] std::string_view to_string(ExitClass) noexcept;
template <class Enum>
[[nodiscard]] std::optional<Enum> from_string(
    std::string_view) noexcept;  // specialised for each of the above

struct RestartPolicy {
  bool on_failure = false;  ///< restart after failed_source, stalled, oom, crashed or killed
  unsigned max = 5;         ///< restarts within `window` before giving up
  Millis window{600'000};
};

struct Policies {
  RestartPolicy restart = {};
  Millis start_timeout{30'000};  ///< spawn -> running
  Millis stall_timeout{30'000};  ///< a branch without progress fails after this
  Millis eos_timeout{30'000};    ///< stop -> files finalised, before SIGTERM
  Millis idle_timeout{0};        ///< no participant for this long stops the conference; 0 never
  Millis max_duration{0};        ///< longest run; 0 unlimited
};

/// What happens to the conference when a branch fails.
enum class OnError { detach, fail_pipeline };

struct BranchSpec {
  std::string name = {};
  std::string kind = {};       ///< "file" for now
  std::string container = {};  ///< kind file: mp4 | webm | mkv | segments
  OnError on_error = OnError::detach;
  json::Value resolved = {};  ///< the typed branch object as the worker will compile it
};

/// A description whose parameters are filled in: what a worker needs, and what the session needs to supervise
/// it.
struct CompiledPipeline {
  std::string name = {};
  unsigned version = 1;
  json::Value resolved = {};  ///< self-contained description without references, ready for the worker
  std::vector<BranchSpec> branches = {};
  Policies policies = {};
};

struct Branch {
  std::string name = {};
  BranchSpec spec = {};
  BranchState state = BranchState::adding;
  std::string error = {};      ///< empty unless failed
  std::string recording = {};  ///< recording id when kind is file
  std::uint64_t bytes = 0;     ///< coded bytes accepted by the branch
  std::uint64_t dropped = 0;   ///< buffers its queue had to drop
  std::int64_t media_ns = 0;   ///< media time written
  bool stalled = false;        ///< no progress for 5 s
  std::optional<Millis> progressed_at = {};
};

struct ParticipantInfo {
  std::string name = {};
  bool audio = false, video = false;  ///< currently present in the mix
};

struct Conference {
  std::string id = {};
  std::string pipeline = {};
  unsigned pipeline_version = 1;
  json::Value parameters = {};  ///< as given by the caller; secret-refs only, never secrets
  CompiledPipeline compiled = {};
  Desired desired = Desired::running;
  ConferenceState state = ConferenceState::pending;
  std::uint32_t epoch = 0;       ///< 0 before the first worker
  std::uint64_t generation = 1;  ///< grows with every change of desired state or branches; the ETag
  std::optional<ExitClass> exit = {};
  std::string reason = {};                        ///< human sentence behind `exit`
  Millis created_at{}, started_at{}, ended_at{};  ///< 0: not yet
  std::int64_t worker_pid = 0;                    ///< 0: none
  std::uint64_t worker_memory_bytes = 0;          ///< PSS
  double worker_cpu_seconds = 0;
  std::vector<ParticipantInfo> participants = {};
  std::map<std::string, Branch> branches = {};
};

struct Recording {
  std::string id = {};
  std::string conference = {};
  std::string branch = {};
  std::string container = {};
  RecordingState state = RecordingState::starting;
  std::string path = {};  ///< absolute; for segments the directory
  std::string error = {};
  std::uint32_t epoch = 0;
  std::uint64_t bytes = 0;
  std::int64_t duration_ns = 0;
  Millis created_at{}, started_at{}, ended_at{};
};

/// One outbox row. `type` is "<resource>.<what>", for example "recording.complete".
struct Event {
  std::int64_t seq = 0;  ///< assigned by the store, strictly increasing
  Millis at{};
  std::string type = {};
  std::string conference = {};
  json::Value data = {};
};

}  // namespace auralink::session
