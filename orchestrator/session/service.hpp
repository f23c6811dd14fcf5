// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's one mind: commands from api/ and events from workers in, state changes and worker commands
// out. Single-threaded and pure: time, disk and processes are ports. Every public mutation is one store
// transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/session/model.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::session {

struct Settings {
  unsigned max_conferences = 64;    ///< running at the same time
  unsigned max_branches = 32;       ///< per conference
  Millis heartbeat_timeout{6'000};  ///< three missed worker statistics
  Millis hello_timeout{10'000};     ///< spawn -> Hello
  Millis term_grace{5'000};         ///< SIGTERM -> SIGKILL
  Millis stall_warning{5'000};      ///< a branch without progress is called stalled
  std::string default_path =
      "{conference}/{recording}";  ///< used when a branch names no path; the suffix is added
  /// Admission: share of the machine's CPUs that may be promised or used; 0 switches it off.
  double cpu_ceiling = 0.8;
  std::uint64_t memory_headroom = std::uint64_t{256} << 20;  ///< bytes that stay free; 0 switches it off
  /// Workers that are on their way at the same time, per CPU of the machine; others wait, oldest first. 0: no
  /// limit.
  unsigned starts_per_cpu = 2;
  Millis longest_start{
      2'000};  ///< from Hello on; one that takes longer waits for a source and holds up nobody
  Millis reservation{15'000};  ///< how long a new conference counts with its estimate before it is measured
  /// Retention; 0: no limit. Applied to ended recordings only, oldest first.
  Millis keep_recordings{0};
  std::uint64_t recordings_quota = 0;  ///< bytes of all recordings
  std::uint64_t free_space_floor = std::uint64_t{512}
                                   << 20;  ///< below: the oldest go (only when `make_room`), and none start
  bool make_room = false;
  std::vector<std::string> hook = {};  ///< run after each recording, with the sidecar's path as last argument
  std::string hook_url = {};
  Millis hook_timeout{60'000};
  Millis preview_interval{10'000};  ///< default distance of thumbnails; 0: none
  Millis forget_ended{0};           ///< conferences that ended this long ago are forgotten; 0: kept
  std::function<double()> random =
      {};  ///< uniform in [0, 1), for jitter and ids; empty: seeded from the system
};

struct NewConference {
  std::optional<std::string> id = {};  ///< [A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}; generated when absent
  std::string pipeline = {};
  json::Value parameters = json::Value::object();
};

struct NewRecording {
  std::string conference = {};
  std::optional<std::string> id = {};
  std::string container = "mp4";         ///< mp4 | webm | mkv | segments
  std::optional<std::string> path = {};  ///< template, see paths.hpp
  std::string participant = {};          ///< record this one alone; empty: the mix
  std::string tracks = "both";           ///< both | audio | video
  json::Value metadata = json::Value::object();
  std::optional<std::string> preset = {};       ///< 480p | 720p | 1080p | 4k; absent: as the pipeline encodes
  std::optional<Millis> preview_interval = {};  ///< absent: the daemon's default
};

class Service final : public WorkerEvents {
 public:
  Service(Settings, Clock&, Store&, Catalog&, WorkerHost&, Storage&);
  ~Service() override;

  void add_listener(Listener*);
  /// Who finishes recordings, and what is asked before a conference is admitted. Both outlive the service or
  /// are taken away with nullptr; set them before recover(). Without a finisher a recording ends with its
  /// first worker, as that worker left the file; without a machine nothing is refused for want of CPU or
  /// memory.
  void set_finisher(Finisher*);
  void set_machine(Machine*);

  /// Loads the store and tells the truth about what a previous daemon left. Conferences whose workers can be
  /// taken over go on; other live ones are ended as `killed`, or restarted when desired and their policy says
  /// so. Recordings that ended are finished. Throws what the store throws: a daemon must not start over a
  /// state it cannot read.
  void recover();

  // Commands. A repeated command with the same meaning succeeds and changes nothing.
  Outcome<Conference> create(const NewConference&);
  Outcome<Conference> stop(std::string_view conference);
  Outcome<void> forget(std::string_view conference);  ///< only when ended
  Outcome<Branch> add_branch(std::string_view conference, std::string_view name, const json::Value& branch);
  Outcome<Branch> remove_branch(std::string_view conference, std::string_view name);
  Outcome<Recording> start_recording(const NewRecording&);
  Outcome<Recording> stop_recording(std::string_view id);
  /// While paused nothing is recorded; the file goes on without a hole. Conflict when it is over.
  Outcome<Recording> pause_recording(std::string_view id);
  Outcome<Recording> resume_recording(std::string_view id);
  /// Merge patch (RFC 7396) of the metadata, at any time. Violations point into `patch`.
  Outcome<Recording> update_metadata(std::string_view id, const json::Value& patch);
  /// Removes the files and then the row. Conflict unless it is final and not being processed.
  Outcome<void> delete_recording(std::string_view id);
  Outcome<void> request_graph(std::string_view conference);  ///< answer arrives as event "conference.graph"

  /// SIGTERM: refuse new work, stop what runs cleanly. drained() is true when no worker is left.
  void drain();
  [[nodiscard]] bool draining() const;
  [[nodiscard]] bool drained() const;

  /// False while changes wait for a store that cannot be written; commands are then refused as unavailable.
  [[nodiscard]] bool store_ok() const;
  /// Events that wait for such a store.
  [[nodiscard]] std::size_t unwritten_events() const;

  /// Advances every deadline; call at least five times a second.
  void tick();

  // Queries.
  [[nodiscard]] const Conference* conference(std::string_view id) const;
  [[nodiscard]] const Recording* recording(std::string_view id) const;
  [[nodiscard]] std::vector<const Conference*> conferences() const;                   ///< by id
  [[nodiscard]] std::vector<const Recording*> recordings() const;                     ///< by id
  [[nodiscard]] std::optional<std::string> graph(std::string_view conference) const;  ///< latest DOT
  [[nodiscard]] std::vector<Event> events_after(std::int64_t seq, std::size_t limit) const;
  [[nodiscard]] const Catalog& catalog() const;

  // WorkerEvents
  void on_hello(std::string_view, std::uint32_t, std::int64_t) override;
  void on_running(std::string_view, std::uint32_t) override;
  void on_branch(std::string_view, std::uint32_t, std::string_view, BranchState, std::string_view,
                 std::uint64_t, std::int64_t) override;
  void on_stats(std::string_view, std::uint32_t, const WorkerStats&) override;
  void on_graph(std::string_view, std::uint32_t, std::string) override;
  void on_exit(std::string_view, std::uint32_t, const WorkerExit&) override;
  void on_finish(const FinishReport&) override;

  class Impl;  ///< impl.hpp, private to the room

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::session
