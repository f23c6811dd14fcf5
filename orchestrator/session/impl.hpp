// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside of Service; private to this room. The methods live in
//   unit.cpp         transactions, events, the outbox
//   conferences.cpp  commands about conferences, start, end, restart, recovery
//   recovery.cpp     what a previous daemon left
//   branches.cpp     branches
//   recordings.cpp   commands about recordings
//   finishing.cpp    pieces, the end of a recording, and what the finisher reports
//   automatic.cpp    branches that record by themselves
//   keeping.cpp      retention, admission, forgetting
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
  bool alive = false;                   ///< a worker of the current epoch was started and has not exited
  bool greeted = false;                 ///< it said hello
  Millis greeted_at{};                  ///< when
  bool beating = false;                 ///< it sends statistics
  bool adopted = false;                 ///< taken over from a previous daemon, not heard yet
  std::optional<Millis> lingers_until;  ///< a worker nobody commands still writes; wait so long at most
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
  struct Rule {
    std::optional<Millis> empty_since, retry_at;
  };
  std::map<std::string, Rule, std::less<>> rules;  ///< of branches that record by themselves
  std::uint64_t late_before = 0;                   ///< late frames of earlier workers
  std::optional<Millis> measured_at;
  double measured_cpu_seconds = 0;
  std::optional<double> cpus;  ///< measured, averaged over about ten seconds
};

/// How a piece of a recording ended.
struct PieceEnd {
  bool clean = false;
  std::string why = {};                        ///< when it was not clean
  std::optional<std::uint64_t> reported = {};  ///< bytes, for when the disk cannot be asked
  bool refused = false;                        ///< the destination failed
};

/// An order to the finisher, given or due.
struct Finishing {
  unsigned attempts = 0;
  std::optional<Millis> due;  ///< monotonic; nullopt: given
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
  void erase(const Recording& recording);

  // --- conferences.cpp
  Outcome<Conference> create(const NewConference& wanted);
  Outcome<Conference> stop(std::string_view id);
  Outcome<void> forget(std::string_view id);
  Outcome<void> request_graph(std::string_view id);
  void drain();
  [[nodiscard]] std::string fresh_id();
  void launch_due();
  void launch(Entry& entry);
  void spawn(const WorkerStart& order);
  void begin_stop(Entry& entry, Intent intent, StopReason why);
  void give_up(Entry& entry, Intent intent);
  void worker_gone(Entry& entry, const Verdict& verdict);
  bool restart(Entry& entry, const Verdict& verdict, const std::vector<std::string>& wanted);
  void end(Entry& entry, ExitClass how, std::string reason);
  bool advance(Entry& entry, Rung to);
  void participants_changed(Entry& entry, std::vector<ParticipantInfo> now);

  // --- recovery.cpp
  void recover();
  void recover(Entry& entry);
  void adopt(Entry& entry);
  void greet_adopted(Entry& entry);
  void wait_for_lingering(Entry& entry, Millis now);

  // --- branches.cpp
  Outcome<Branch> add_branch(std::string_view id, std::string_view name, const json::Value& branch);
  Outcome<Branch> remove_branch(std::string_view id, std::string_view name);
  /// `draft`: what shall be in the branch's recording; an empty id is made up.
  Outcome<Branch*> attach(Entry& entry, BranchSpec spec, const Recording& draft);
  void detach(Entry& entry, Branch& branch);
  Outcome<std::string> reserve(const std::string& relative, const std::string& suffix, bool folder);
  /// Reserves the file of a branch and creates its recording, or opens the next piece of the one that is
  /// open. `may_rename`: when the name is taken, take the next.
  Outcome<std::string> prepare(Entry& entry, Branch& branch, const Recording& draft, bool may_rename);
  bool advance(Entry& entry, Branch& branch, BranchState to);
  void fail_branch(Entry& entry, Branch& branch, const std::string& error);
  void branch_report(Entry& entry, Branch& branch, BranchState state, std::string_view error,
                     std::uint64_t bytes, std::int64_t duration_ns);

  // --- recordings.cpp
  Outcome<Recording> start_recording(const NewRecording& wanted);
  Outcome<Recording> stop_recording(std::string_view id);
  Outcome<Recording> pause_recording(std::string_view id, bool paused);
  Outcome<Recording> update_metadata(std::string_view id, const json::Value& patch);
  Outcome<void> delete_recording(std::string_view id);
  Outcome<void> remove_recording(const Recording& recording, const std::string& reason);
  Branch* branch_of(const Recording& recording);
  Recording* recording_of(const Branch& branch);
  bool advance(Recording& recording, RecordingState to);
  void tell_pauses(const Entry& entry);

  // --- finishing.cpp
  Outcome<std::string> next_piece(Entry& entry, Recording& recording);
  void open_piece(Recording& recording, std::uint32_t epoch, std::string path);
  /// The worker writes the piece from now on.
  void piece_started(Recording& recording);
  void measure(Recording& recording, std::uint64_t bytes, std::int64_t duration_ns);
  void close_piece(Recording& recording, const PieceEnd& how);
  /// The worker is gone and another will go on with it.
  void suspend(Recording& recording, const std::string& why);
  /// Nothing more will be recorded.
  void conclude(Recording& recording, const PieceEnd& how);
  void order_finish(const std::string& id);
  void give_order(const std::string& id);
  void give_due_orders(Millis now);
  void finish_event(const FinishReport& report);
  void finalised(Recording& recording, const FinishReport& report);
  void processed(Recording& recording, ProcessingState state, const std::string& error);
  void finish_failed(Recording& recording, const std::string& error);
  /// It stays in its pieces.
  void abandon(Recording& recording, const std::string& error);
  [[nodiscard]] bool wants_processing(const Recording& recording) const;
  [[nodiscard]] bool finishing_left() const;
  [[nodiscard]] Millis steady_wall(const Recording& recording) const;

  // --- automatic.cpp
  void apply_rules(Entry& entry, Millis now);
  void start_by_rule(Entry& entry, const BranchSpec& spec, Millis now);

  // --- keeping.cpp
  void keep_house(Millis now);
  void apply_retention();
  void forget_old();
  [[nodiscard]] std::optional<Problem> no_space();
  [[nodiscard]] std::optional<Problem> not_admitted(const CompiledPipeline& pipeline);
  void take_cpu(Entry& entry, double cpu_seconds, Millis now);

  // --- supervision.cpp
  void tick();
  void hello(std::string_view id, std::uint32_t epoch, std::int64_t pid);
  void running(std::string_view id, std::uint32_t epoch);
  void stats(std::string_view id, std::uint32_t epoch, const WorkerStats& stats);
  void branch_event(std::string_view id, std::uint32_t epoch, std::string_view branch, BranchState state,
                    std::string_view error, std::uint64_t bytes, std::int64_t duration_ns);
  void graph_event(std::string_view id, std::uint32_t epoch, std::string dot);
  void exit_event(std::string_view id, std::uint32_t epoch, const WorkerExit& exit);
  void forgive(Millis missed);
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
  std::map<std::string, Finishing, std::less<>> finishing_;
  Finisher* finisher_ = nullptr;
  Machine* machine_ = nullptr;
  std::optional<Millis> last_tick_;
  Millis next_round_{}, next_forget_{};  ///< of keep_house, monotonic
  bool retention_due_ = true;
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
[[nodiscard]] Problem conflict(std::string detail);
[[nodiscard]] Problem invalid(std::string detail, json::Violations errors);
[[nodiscard]] Problem not_found(std::string_view what, std::string_view id);
[[nodiscard]] bool anybody_there(const Conference& conference) noexcept;
/// Why a conference takes no new branches; nullopt when it does.
[[nodiscard]] std::optional<Problem> not_open(const Conference& conference, bool draining);
/// The path template of a branch.
[[nodiscard]] std::string template_of(const BranchSpec& spec, const std::string& fallback);
/// Nothing more is recorded into it: it is final, or only has to be finished.
[[nodiscard]] bool concluded(const Recording& recording) noexcept;

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
