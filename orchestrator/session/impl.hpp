// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside of Service; private to this room. The methods live in
//   unit.cpp         transactions, events, the outbox
//   conferences.cpp  commands about conferences, start, end, restart, recovery
//   branches.cpp     branches and their recordings
//   supervision.cpp  what workers report, and every deadline
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/session/exits.hpp"
#include "orchestrator/session/ladder.hpp"
#include "orchestrator/session/restart.hpp"
#include "orchestrator/session/serial.hpp"
#include "orchestrator/session/service.hpp"
#include "orchestrator/session/watchdog.hpp"

namespace auralink::session {

/// How far the pressure on a worker that shall end has grown.
enum class StopStage { none, graph, eos, term, kill };

/// What is only true while this daemon runs. Times are monotonic.
struct Supervision {
  bool alive = false;    ///< a worker of the current epoch was started and has not exited
  bool greeted = false;  ///< it said hello
  bool beating = false;  ///< it sends statistics
  Millis spawned_at{};
  Millis heard_at{};
  std::optional<Millis> launch_at;  ///< when the next worker is due
  RestartLedger restarts;
  StopStage stage = StopStage::none;
  Millis stage_ends{};
  std::optional<Intent> intent;
  std::optional<Millis> running_since;  ///< of the first epoch
  std::optional<Millis> alone_since;    ///< no participant since
  std::map<std::string, ProgressWatch, std::less<>> watches;
  std::map<std::string, Millis, std::less<>> draining_since;
  std::set<std::string, std::less<>> leaving;  ///< given up by us, not yet confirmed by the worker
  std::optional<std::string> graph;
};

class Service::Impl {
 public:
  struct Entry {
    Conference conference;
    Supervision watch;
  };

  Impl(Settings settings, Clock& clock, Store& store, Catalog& catalog, WorkerHost& host, Storage& storage);

  // --- unit.cpp
  /// Runs a command: what it changed is committed as one transaction, or undone when it is refused or the
  /// store fails. Commands to workers go out after the commit.
  template <class T>
  Outcome<T> command(const std::function<Outcome<T>()>& body);
  /// Takes in a fact. It stays true when the store fails: what could not be written is written later.
  void fact(const std::function<void()>& body);
  bool flush();
  void later(std::function<void()> action) { deferred_.push_back(std::move(action)); }
  void emit(std::string type, std::string_view conference, std::string_view key, json::Value resource);
  Conference& edit(Entry& entry);
  Recording& edit(Recording& recording);
  Recording& insert(Recording recording);

  // --- conferences.cpp
  Outcome<Conference> create(const NewConference& wanted);
  Outcome<Conference> stop(std::string_view id);
  Outcome<void> forget(std::string_view id);
  Outcome<void> request_graph(std::string_view id);
  void drain();
  void recover();
  [[nodiscard]] std::string fresh_id();
  void launch(Entry& entry);
  void spawn(const WorkerStart& order);
  void begin_stop(Entry& entry, Intent intent, StopReason why);
  void give_up(Entry& entry, Intent intent);
  void worker_gone(Entry& entry, const Verdict& verdict);
  bool restart(Entry& entry, const Verdict& verdict, const std::vector<std::string>& wanted);
  void end(Entry& entry, ExitClass how, std::string reason);
  bool advance(Entry& entry, Rung to);
  void participants_changed(Entry& entry, std::vector<ParticipantInfo> now);

  // --- branches.cpp
  Outcome<Branch> add_branch(std::string_view id, std::string_view name, const json::Value& branch);
  Outcome<Branch> remove_branch(std::string_view id, std::string_view name);
  Outcome<Recording> start_recording(const NewRecording& wanted);
  Outcome<Recording> stop_recording(std::string_view id);
  Outcome<Branch*> attach(Entry& entry, BranchSpec spec, const std::optional<std::string>& recording_id);
  void detach(Entry& entry, Branch& branch);
  /// Reserves the file of a branch and creates its recording. `may_rename`: when the name is taken, take the
  /// next.
  Outcome<std::string> prepare(Entry& entry, Branch& branch, const std::optional<std::string>& recording_id,
                               bool may_rename);
  bool advance(Entry& entry, Branch& branch, BranchState to);
  bool advance(Recording& recording, RecordingState to);
  void fail_branch(Entry& entry, Branch& branch, const std::string& error);
  void branch_report(Entry& entry, Branch& branch, BranchState state, std::string_view error,
                     std::uint64_t bytes, std::int64_t duration_ns);
  void complete_recording(Recording& recording, std::uint64_t reported_bytes);
  /// The end of a recording that nobody finalised: interrupted when something is on disk, else failed.
  void interrupt_recording(Recording& recording, const std::string& why);
  Recording* recording_of(const Branch& branch);

  // --- supervision.cpp
  void tick();
  void hello(std::string_view id, std::uint32_t epoch, std::int64_t pid);
  void running(std::string_view id, std::uint32_t epoch);
  void stats(std::string_view id, std::uint32_t epoch, const WorkerStats& stats);
  void branch_event(std::string_view id, std::uint32_t epoch, std::string_view branch, BranchState state,
                    std::string_view error, std::uint64_t bytes, std::int64_t duration_ns);
  void graph_event(std::string_view id, std::uint32_t epoch, std::string dot);
  void exit_event(std::string_view id, std::uint32_t epoch, const WorkerExit& exit);
  void supervise(Entry& entry, Millis now);
  void climb(Entry& entry, Millis now);
  bool start_is_late(Entry& entry, Millis now);
  bool limits_reached(Entry& entry, Millis now);
  void watch_branches(Entry& entry, Millis now);
  Entry* live(std::string_view id, std::uint32_t epoch);

  Entry* find(std::string_view id);
  [[nodiscard]] std::size_t count_live() const;

  Settings settings_;
  Clock& clock_;
  Store& store_;
  Catalog& catalog_;
  WorkerHost& host_;
  Storage& storage_;
  std::vector<Listener*> listeners_;
  std::map<std::string, Entry, std::less<>> conferences_;
  std::map<std::string, Recording, std::less<>> recordings_;
  bool draining_ = false;
  bool store_ok_ = true;

 private:
  /// What a refused command must put back; nullopt: was not there.
  struct Undo {
    std::map<std::string, std::optional<Entry>, std::less<>> conferences;
    std::map<std::string, std::optional<Recording>, std::less<>> recordings;
    std::vector<std::string> reserved;
  };
  friend class Service;
  void remember(const std::string& conference);
  void restore(Undo& undo);
  void run_deferred();

  Undo* undo_ = nullptr;
  std::set<std::string, std::less<>> dirty_conferences_, dirty_recordings_;
  std::vector<Event> outbox_;
  std::vector<std::function<void()>> deferred_;
};

/// Letters, digits, '_', '-' and (not first) '.', at most 64: safe in paths, URLs and logs.
[[nodiscard]] bool is_identifier(std::string_view id) noexcept;
[[nodiscard]] Problem not_found(std::string_view what, std::string_view id);
[[nodiscard]] bool anybody_there(const Conference& conference) noexcept;

template <class T>
Outcome<T> Service::Impl::command(const std::function<Outcome<T>()>& body) {
  Undo undo;
  undo_ = &undo;
  const auto events = outbox_.size();
  const auto orders = deferred_.size();  // not zero when a listener commands in the middle of another unit
  auto outcome = body();
  undo_ = nullptr;
  if (outcome && flush()) {
    run_deferred();
    return outcome;
  }
  restore(undo);
  outbox_.resize(events);
  deferred_.resize(orders);
  if (!outcome) return outcome;
  return tl::unexpected(Problem{.kind = Problem::Kind::unavailable,
                                .detail = "the store cannot be written; nothing was changed",
                                .reason = "store",
                                .retry_after_s = 5});
}

}  // namespace auralink::session
