// SPDX-License-Identifier: LGPL-2.1-or-later
// A whole world for the session, held in the hand: time moves when told, disks and workers do what they are
// told.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "orchestrator/session/ladder.hpp"
#include "orchestrator/session/serial.hpp"
#include "orchestrator/session/service.hpp"
#include "orchestrator/store/memory.hpp"

namespace auralink::session::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Millis wall() const override { return wall_; }
  [[nodiscard]] Millis monotonic() const override { return monotonic_; }
  void jump_wall(Millis by) { wall_ += by; }
  void advance(Millis by) {
    wall_ += by;
    monotonic_ += by;
  }

 private:
  Millis wall_{1'767'225'600'000};  // 2026-01-01T00:00:00Z
  Millis monotonic_{5'000'000};
};

/// The memory store, but it can be away.
class FlakyStore final : public Store {
 public:
  bool broken = false;
  bool broken_at_commit = false;
  store::MemoryStore inner;

  void begin() override {
    check(broken);
    inner.begin();
  }
  void commit() override {
    check(broken_at_commit);
    inner.commit();
  }
  void rollback() noexcept override { inner.rollback(); }
  void put(const Conference& c) override { inner.put(c); }
  void put(const Recording& r) override { inner.put(r); }
  void erase_conference(std::string_view id) override { inner.erase_conference(id); }
  void erase_recording(std::string_view id) override { inner.erase_recording(id); }
  std::int64_t append(const Event& e) override { return inner.append(e); }
  std::vector<Conference> conferences() override { return inner.conferences(); }
  std::vector<Recording> recordings() override { return inner.recordings(); }
  std::vector<Event> events_after(std::int64_t seq, std::size_t limit) override {
    return inner.events_after(seq, limit);
  }

 private:
  static void check(bool away) {
    if (away) throw std::runtime_error{"the disk is on fire"};
  }
};

/// Knows "pair" (branches a: mp4, b: segments), "plain" (branch a) and "bare" (none); policies are the
/// test's.
class FakeCatalog final : public Catalog {
 public:
  Policies policies;
  std::map<std::string, OnError> on_error;
  std::string path_template;          ///< empty: branches name none
  std::optional<AutoRule> automatic;  ///< of branch a
  double cpus = 0;

  [[nodiscard]] std::vector<PipelineSummary> list() const override { return {{.name = "pair"}}; }
  [[nodiscard]] Outcome<CompiledPipeline> compile(std::string_view name,
                                                  const json::Value& parameters) const override {
    if (parameters.contains("bad"))
      return tl::unexpected(
          Problem{.kind = Problem::Kind::invalid, .detail = "bad", .errors = {{"/bad", "expected nothing"}}});
    CompiledPipeline out{.name = std::string{name},
                         .version = 3,
                         .resolved = {{"name", name}},
                         .branches = {},
                         .policies = policies};
    out.estimated_cpus = cpus;
    if (name == "pair" || name == "plain") out.branches.push_back(spec("a", "mp4"));
    if (name == "pair") out.branches.push_back(spec("b", "segments"));
    if (name == "odd") out.branches.push_back({.name = "odd", .kind = "probe"});
    if (out.branches.empty() && name != "bare")
      return tl::unexpected(Problem{.kind = Problem::Kind::not_found, .detail = "no such pipeline"});
    return out;
  }
  [[nodiscard]] Outcome<BranchSpec> compile_branch(const CompiledPipeline&, std::string_view name,
                                                   const json::Value& branch) const override {
    const auto container = branch.value("container", "mp4");
    if (container != "mp4" && container != "mkv" && container != "segments")
      return tl::unexpected(Problem{
          .kind = Problem::Kind::invalid, .detail = "bad", .errors = {{"/container", "expected mp4"}}});
    return BranchSpec{.name = std::string{name},
                      .kind = branch.value("kind", "file"),
                      .container = container,
                      .on_error = OnError::detach,
                      .resolved = branch};
  }

 private:
  [[nodiscard]] BranchSpec spec(const std::string& name, const std::string& container) const {
    const auto policy = on_error.find(name);
    json::Value resolved{{"kind", "file"}, {"container", container}};
    if (!path_template.empty()) resolved["path"] = path_template;
    return {.name = name,
            .kind = "file",
            .container = container,
            .on_error = policy == on_error.end() ? OnError::detach : policy->second,
            .automatic = name == "a" ? automatic : std::nullopt,
            .resolved = std::move(resolved)};
  }
};

class FakeHost final : public WorkerHost {
 public:
  std::vector<std::string> said;  ///< every command, in order: "start demo 1", "signal demo 15"
  std::vector<WorkerStart> starts;
  std::optional<Problem> refuse;

  Outcome<void> start(const WorkerStart& order) override {
    said.push_back("start " + order.conference + " " + std::to_string(order.epoch));
    starts.push_back(order);
    if (refuse) return tl::unexpected(*refuse);
    return {};
  }
  void add_branch(std::string_view c, const BranchSpec& spec, const std::string& path) override {
    said.push_back("add " + std::string{c} + " " + spec.name + " " + path);
  }
  void remove_branch(std::string_view c, std::string_view b) override {
    said.push_back("remove " + std::string{c} + " " + std::string{b});
  }
  void pause_branch(std::string_view c, std::string_view b, bool paused) override {
    said.push_back((paused ? "pause " : "resume ") + std::string{c} + " " + std::string{b});
  }
  bool adopt(std::string_view c, std::uint32_t epoch) override {
    said.push_back("adopt " + std::string{c} + " " + std::to_string(epoch));
    return adoptable.contains(std::string{c});
  }
  [[nodiscard]] bool lingers(std::string_view c, std::uint32_t, std::int64_t) const override {
    return lingering.contains(std::string{c});
  }
  std::set<std::string> adoptable, lingering;
  void stop(std::string_view c, StopReason why) override {
    said.push_back("stop " + std::string{c} + " " + std::to_string(static_cast<int>(why)));
  }
  void dump_graph(std::string_view c) override { said.push_back("graph " + std::string{c}); }
  void signal(std::string_view c, int signo) override {
    said.push_back("signal " + std::string{c} + " " + std::to_string(signo));
  }
  [[nodiscard]] std::ptrdiff_t count(const std::string& what) const {
    return std::count(said.begin(), said.end(), what);
  }
};

class FakeStorage final : public Storage {
 public:
  std::map<std::string, std::optional<std::uint64_t>> files;  ///< absolute path -> size
  std::optional<Problem> refuse;
  std::string refuse_containing;  ///< empty: `refuse` is for everything

  std::optional<std::uint64_t> free;
  std::optional<Problem> refuse_removal;
  Outcome<void> remove(const std::string& path) override {
    if (refuse_removal) return tl::unexpected(*refuse_removal);
    files.erase(path);
    return {};
  }
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override { return free; }

  Outcome<std::string> reserve(const std::string& relative, bool) override {
    if (refuse && (refuse_containing.empty() || relative.find(refuse_containing) != std::string::npos))
      return tl::unexpected(*refuse);
    const auto path = "/rec/" + relative;
    if (files.contains(path))
      return tl::unexpected(Problem{
          .kind = Problem::Kind::conflict, .detail = "taken", .errors = {{"/path", "exists already"}}});
    files[path] = 0;
    return path;
  }
  void release(const std::string& path) override {
    if (const auto at = files.find(path); at != files.end() && at->second.value_or(0) == 0) files.erase(at);
  }
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string& path) const override {
    const auto at = files.find(path);
    return at == files.end() ? std::nullopt : at->second;
  }
};

/// Takes orders and answers when the test says so.
class FakeFinisher final : public Finisher {
 public:
  std::vector<FinishOrder> orders;
  void finish(const FinishOrder& order) override { orders.push_back(order); }
};

class FakeMachine final : public Machine {
 public:
  MachineLoad now{.cpus = 4,
                  .busy_cpus = 0,
                  .memory_bytes = std::uint64_t{8} << 30U,
                  .available_bytes = std::uint64_t{4} << 30U};
  [[nodiscard]] MachineLoad load() const override { return now; }
};

class Recorder final : public Listener {
 public:
  std::vector<Event> events;
  std::function<void(const Event&)> also;
  void on_event(const Event& event) override {
    events.push_back(event);
    if (also) also(event);
  }
  [[nodiscard]] std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& e : events) out.push_back(e.type);
    return out;
  }
  [[nodiscard]] std::ptrdiff_t count(std::string_view type) const {
    return std::count_if(events.begin(), events.end(), [type](const Event& e) { return e.type == type; });
  }
};

/// Everything wired together. boot() starts a (further) daemon over the same store and disk.
struct World {
  FakeClock clock;
  FlakyStore store;
  FakeCatalog catalog;
  FakeHost host;
  FakeStorage storage;
  Recorder seen;
  Settings settings{.random = [] { return 0.0; }};
  FakeFinisher finisher;
  FakeMachine machine;
  bool finishes = false, measures = false;
  std::unique_ptr<Service> service;

  World() { boot(); }
  Service& boot() {
    service = std::make_unique<Service>(settings, clock, store, catalog, host, storage);
    service->add_listener(&seen);
    if (finishes) service->set_finisher(&finisher);
    if (measures) service->set_machine(&machine);
    return *service;
  }
  /// With somebody who finishes recordings.
  Service& boot_with_finisher() {
    finishes = true;
    return boot();
  }
  /// What the finisher says about an order; its joined pieces are gone from the disk.
  void finish(const FinishOrder& order, FinishReport report = {}) {
    std::uint64_t bytes = 0;
    for (const auto& piece : order.pieces) bytes += storage.size(piece.path).value_or(0);
    for (const auto& piece : order.pieces)
      if (piece.path != order.path) storage.files.erase(piece.path);
    storage.files[order.path] = bytes;
    report.recording = order.recording;
    report.stage = FinishReport::Stage::finalised;
    report.path = order.path;
    report.bytes = bytes;
    if (report.duration_ns == 0)
      for (const auto& piece : order.pieces) report.duration_ns += piece.duration_ns;
    report.bitrate = 1000;
    report.sha256 = "00ff";
    service->on_finish(report);
  }
  void processed(const std::string& id, const std::string& error = {}, std::vector<Artifact> artifacts = {}) {
    service->on_finish({.recording = id,
                        .stage = FinishReport::Stage::processed,
                        .artifacts = std::move(artifacts),
                        .error = error});
  }
  void finish_fails(const std::string& id, const std::string& error = "no moov") {
    service->on_finish({.recording = id, .stage = FinishReport::Stage::failed, .error = error});
  }
  Service* operator->() const { return service.get(); }

  Outcome<Conference> create(const std::string& id = "demo", const std::string& pipeline = "pair") const {
    return service->create({.id = id, .pipeline = pipeline});
  }
  /// A conference whose worker plays and whose branches are active, with ann in the room.
  void play(const std::string& id = "demo", const std::string& pipeline = "pair") {
    require(create(id, pipeline).has_value());
    playing(id);
  }
  void playing(const std::string& id = "demo") {
    const auto epoch = conference(id).epoch;
    service->on_hello(id, epoch, 4711);
    service->on_running(id, epoch);
    for (const auto& [name, branch] : std::map{conference(id).branches})
      if (branch.state == BranchState::adding)
        service->on_branch(id, epoch, name, BranchState::active, "", 0, 0);
    report(id, 0);
  }
  /// One statistics report: every branch has written `bytes` bytes and as many milliseconds.
  void report(const std::string& id, std::uint64_t bytes, bool somebody = true) {
    WorkerStats stats{.memory_bytes = 1000, .cpu_seconds = 0.5};
    if (somebody) stats.participants.push_back({"ann", true, true});
    for (const auto& [name, branch] : conference(id).branches)
      stats.branches.push_back({name, bytes, 0, static_cast<std::int64_t>(bytes) * 1'000'000});
    service->on_stats(id, conference(id).epoch, stats);
  }
  void exit(const std::string& id, const WorkerExit& how) { service->on_exit(id, conference(id).epoch, how); }
  void pass(Millis time, Millis step = Millis{200}) {
    for (Millis gone{0}; gone < time; gone += step) {
      clock.advance(std::min(step, time - gone));
      service->tick();
    }
  }
  [[nodiscard]] const Conference& conference(const std::string& id = "demo") const {
    const auto* found = service->conference(id);
    require(found != nullptr);
    return *found;
  }
  [[nodiscard]] const Recording& recording(const std::string& id) const {
    const auto* found = service->recording(id);
    require(found != nullptr);
    return *found;
  }
  [[nodiscard]] const Branch& branch(const std::string& name, const std::string& id = "demo") const {
    return conference(id).branches.at(name);
  }

  static void require(bool ok) {
    if (!ok) throw std::logic_error{"the test's own preparation failed"};
  }
};

/// What the store holds, in comparable form.
inline json::Value stored_state(Store& store) {
  auto all = json::Value::object();
  for (const auto& c : store.conferences()) all["c/" + c.id] = to_stored(c);
  for (const auto& r : store.recordings()) all["r/" + r.id] = to_stored(r);
  return all;
}
/// What the service believes, in the same form.
inline json::Value believed_state(const Service& service) {
  auto all = json::Value::object();
  for (const auto* c : service.conferences()) all["c/" + c->id] = to_stored(*c);
  for (const auto* r : service.recordings()) all["r/" + r->id] = to_stored(*r);
  return all;
}

}  // namespace auralink::session::testing
