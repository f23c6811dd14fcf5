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
/// `finalising`: nothing more is recorded; the pieces are being made into the file that stays.
/// `interrupted`: finalised and playable, but something of it is missing; `error` and `gaps` say what.
/// `failed`: nothing usable came out.
enum class RecordingState { starting, active, finalising, complete, interrupted, failed };
/// Why a conference ended (or its last epoch did).
enum class ExitClass { completed, stopped, limit, failed_source, failed_sink, stalled, oom, crashed, killed };

/// What follows a finished recording: pictures, hook.
enum class ProcessingState { none, pending, running, done, failed };

[[nodiscard]] std::string_view to_string(Desired) noexcept;
[[nodiscard]] std::string_view to_string(ConferenceState) noexcept;
[[nodiscard]] std::string_view to_string(BranchState) noexcept;
[[nodiscard]] std::string_view to_string(RecordingState) noexcept;
[[nodiscard]] std::string_view to_string(ExitClass) noexcept;
[[nodiscard]] std::string_view to_string(ProcessingState) noexcept;
template <class Enum>
[[nodiscard]] std::optional<Enum> from_string(
    std::string_view) noexcept;  // specialised for each of the above

struct RestartPolicy {
  bool on_failure = false;  ///< restart after failed_source, stalled, oom, crashed or killed
  unsigned max = 5;         ///< restarts within `window` before giving up
  Millis window{600'000};
};

/// What a worker does when its daemon is gone.
enum class Orphans {
  stop,   ///< finalise and end
  go_on,  ///< wait for the next daemon to take it over; in JSON "continue"
};

struct Policies {
  RestartPolicy restart = {};
  Millis start_timeout{30'000};  ///< spawn -> running
  Millis stall_timeout{30'000};  ///< a branch without progress fails after this
  Millis eos_timeout{30'000};    ///< stop -> files finalised, before SIGTERM
  Millis idle_timeout{0};        ///< no participant for this long stops the conference; 0 never
  Millis max_duration{0};        ///< longest run; 0 unlimited
  Orphans orphans = Orphans::stop;
  /// Expected need, for admission before anything is measured; nullopt: estimated from the description.
  std::optional<double> cpus = {};
  std::optional<std::uint64_t> memory_bytes = {};  ///< also the limit of the worker's cgroup
};

/// What happens to the conference when a branch fails.
enum class OnError { detach, fail_pipeline };

/// A branch that records by itself.
struct AutoRule {
  unsigned min_participants = 1;  ///< starts when so many are there
  Millis empty_for{10'000};       ///< stops when nobody was there for so long
};

struct BranchSpec {
  std::string name = {};
  std::string kind = {};       ///< "file" for now
  std::string container = {};  ///< kind file: mp4 | webm | mkv | segments | hls, ...
  OnError on_error = OnError::detach;
  std::optional<AutoRule> automatic = {};       ///< absent: from the start of the conference on
  std::optional<Millis> preview_interval = {};  ///< absent: the daemon's default
  json::Value resolved = {};                    ///< the typed branch object as the worker will compile it
};

/// A description whose parameters are filled in: what a worker needs, and what the session needs to supervise
/// it.
struct CompiledPipeline {
  std::string name = {};
  unsigned version = 1;
  json::Value resolved = {};  ///< self-contained description without references, ready for the worker
  std::vector<BranchSpec> branches = {};
  Policies policies = {};
  double estimated_cpus = 0;  ///< a guess from the description: pictures to mix and encode per second
};

/// What a trunk's H.264 cost and saved: bytes on the wire with all headers, and access units.
struct TrunkFacts {
  std::uint64_t bytes_in = 0, bytes_out = 0;  ///< without and with the tunnel
  std::uint64_t coded = 0, native = 0;        ///< through it; as they were
  std::uint64_t resyncs = 0;                  ///< how often the other end had to be met again
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
  std::optional<TrunkFacts> trunk =
      {};                ///< of a branch that sends H.264 through a tunnel; of the present epoch
  bool stalled = false;  ///< no progress for 5 s
  bool paused = false;
  std::optional<Millis> progressed_at = {};
  bool held = false;  ///< automatic: ended by request or failed; waits until the room was empty once
};

struct ParticipantInfo {
  std::string name = {};
  bool audio = false, video = false;  ///< currently there; who is not chosen is not in the mix
  bool visible = false;               ///< currently drawn; false also where pictures are not composed
};

/// Somebody came or went. `at` is what people read, `at_mono` what differences are made of.
struct Presence {
  std::string name = {};
  bool joined = true;
  std::uint32_t epoch = 0;
  Millis at{}, at_mono{};
};
/// The newest so many stay in a conference's log.
inline constexpr std::size_t kMaxPresence = 2048;

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
  std::uint64_t late_frames = 0;
  std::vector<ParticipantInfo> participants = {};
  std::map<std::string, Branch> branches = {};
  std::vector<Presence> presence = {};    ///< who came and went, oldest first, at most kMaxPresence
  std::vector<Millis> restarted_at = {};  ///< monotonic times of restarts within the policy's window
  bool awaits_worker = false;             ///< a restart is decided, and its worker is not started yet
};

/// What one worker wrote of a recording without a break. A recording whose worker died goes on in the next
/// piece.
struct Piece {
  std::uint32_t epoch = 0;
  std::string path = {};            ///< absolute; for segments and hls the directory
  Millis started_at{}, ended_at{};  ///< wall time of its first and last media as far as known; 0: unknown
  std::uint64_t bytes = 0;
  std::int64_t duration_ns = 0;
  bool clean = false;                   ///< the worker said that it finalised it
  std::string error = {};               ///< why it ended, when it was not clean
  Millis started_mono{}, ended_mono{};  ///< the same times on the clock that never jumps; 0: unknown
};

/// While paused nothing is written, and the file has no hole. One that lasts over a restart is two.
struct Pause {
  std::uint32_t epoch = 0;
  Millis from{}, until{};  ///< wall; `until` 0: still paused
  Millis from_mono{}, until_mono{};
};

/// Time that a recording lacks: nobody wrote between two pieces.
struct Gap {
  std::int64_t at_ns = 0;       ///< media time of the recording after which it lies
  std::int64_t missing_ns = 0;  ///< how long
  std::string reason = {};
};

/// A file that was made from a recording.
struct Artifact {
  std::string kind = {};  ///< sidecar | thumbnail | sprite | vtt | playlist
  std::string path = {};  ///< absolute
  std::uint64_t bytes = 0;
};

struct Recording {
  std::string id = {};
  std::string conference = {};
  std::string branch = {};
  std::string container = {};
  std::string participant = {};                  ///< empty: the mix
  std::string tracks = "both";                   ///< both | audio | video
  json::Value metadata = json::Value::object();  ///< title, organizer, any key; as given by the caller
  bool automatic = false;                        ///< started by the description's rule, not by a request
  bool paused = false;
  std::vector<Piece> pieces = {};
  std::vector<Gap> gaps = {};
  std::vector<Artifact> artifacts = {};
  std::string sha256 = {};    ///< of the file, hex; empty until measured, and for folders
  std::uint64_t bitrate = 0;  ///< bits per second over the whole file; 0: unknown
  ProcessingState processing = ProcessingState::none;
  std::string processing_error = {};
  RecordingState state = RecordingState::starting;
  std::string path = {};  ///< absolute; for segments the directory
  std::string error = {};
  std::uint32_t epoch = 0;
  std::uint64_t bytes = 0;
  std::int64_t duration_ns = 0;
  Millis created_at{}, started_at{}, ended_at{};
  std::string relative = {};  ///< `path` beneath the recordings folder; where further pieces are named after
  std::vector<Pause> pauses = {};               ///< at most kMaxPauses, oldest first
  std::optional<Millis> preview_interval = {};  ///< absent: the daemon's default
  json::Value sidecar = {};  ///< from the end of the recording until it is processed; else null
};
inline constexpr std::size_t kMaxPauses = 512;

/// One outbox row. `type` is "<resource>.<what>", for example "recording.complete".
struct Event {
  std::int64_t seq = 0;  ///< assigned by the store, strictly increasing
  Millis at{};
  std::string type = {};
  std::string conference = {};
  json::Value data = {};
};

}  // namespace auralink::session
