// SPDX-License-Identifier: LGPL-2.1-or-later
// Random commands, events, exits, store failures and restarts of the daemon; after every step the promises
// hold.
#include <gtest/gtest.h>

#include <random>

#include "tests/orchestrator/session/fakes.hpp"

namespace auralink::session::testing {
namespace {

class Player {
 public:
  explicit Player(unsigned seed) : random_{seed} {
    w_.catalog.policies.restart.on_failure = seed % 2 == 0;
    w_.catalog.policies.restart.max = 3;
    w_.catalog.policies.max_duration = seconds{seed % 3 == 0 ? 200 : 0};
    w_.catalog.policies.idle_timeout = seconds{seed % 5 == 0 ? 20 : 0};
    if (seed % 7 == 0) w_.catalog.on_error["a"] = OnError::fail_pipeline;
    if (seed % 4 == 0) w_.catalog.path_template = "{conference}-{branch}";
    if (seed % 8 >= 6) w_.catalog.automatic = AutoRule{.min_participants = 1, .empty_for = seconds{3}};
    if (seed % 9 < 4) w_.catalog.policies.orphans = Orphans::go_on;
    if (seed % 10 == 3) w_.settings.forget_ended = seconds{30};
    if (seed % 11 == 5) w_.settings.recordings_quota = 5;
    w_.settings.preview_interval = seconds{seed % 2};
    w_.finishes = seed % 5 != 1;
    w_.settings.max_conferences = 3;
    w_.settings.max_branches = 4;
    w_.settings.random = [this] { return std::uniform_real_distribution<double>{0, 1}(random_); };
    w_.boot();
  }

  void step() {
    act(pick(28));
    check();
  }

  void finish() {
    w_.store.broken = false;
    w_->drain();
    for (const auto* c : w_->conferences())
      if (c->state != ConferenceState::ended) w_.exit(c->id, {.signo = 9});
    check();
    // Whatever went wrong before: a daemon whose finisher works settles everything.
    w_.host.adoptable.clear();
    w_.host.lingering.clear();
    w_.finisher.orders.clear();
    w_.boot().recover();
    check();
    w_->drain();
    for (const auto* c : w_->conferences())
      if (c->state != ConferenceState::ended) w_.exit(c->id, {.signo = 9});
    check();
    while (!w_.finisher.orders.empty()) {
      const auto order = w_.finisher.orders.back();
      w_.finisher.orders.pop_back();
      w_.finish(order);
      w_.processed(order.recording);
      check();
    }
    EXPECT_TRUE(w_->drained());
    for (const auto* c : w_->conferences()) EXPECT_EQ(c->state, ConferenceState::ended);
    for (const auto* r : w_->recordings()) {
      EXPECT_TRUE(is_final(r->state)) << r->id;
      EXPECT_FALSE(in_work(*r)) << r->id;
      EXPECT_TRUE(r->sidecar.is_null()) << r->id;
    }
  }

 private:
  int pick(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }
  std::string some_id() { return std::string{"c"} + std::to_string(pick(4)); }
  std::string some_branch() {
    static const std::array<std::string, 6> names{"a", "b", "x", "y", "recording1", "unknown"};
    return names.at(static_cast<std::size_t>(pick(6)));
  }
  std::uint32_t epoch_of(const std::string& id) {
    const auto* c = w_->conference(id);
    const auto right = c == nullptr ? 1U : c->epoch;
    return pick(10) == 0 ? right + 1U - static_cast<unsigned>(pick(3)) : right;
  }

  /// A command given twice: the second time nothing may change.
  template <class F>
  void twice(F&& command) {
    const auto first = command();
    const auto after = believed_state(*w_.service);
    const auto said = w_.host.said.size();
    const auto second = command();
    if (w_.store.broken) return;
    if (first) {
      EXPECT_TRUE(second);
      EXPECT_EQ(believed_state(*w_.service), after);
      EXPECT_EQ(w_.host.said.size(), said);
    }
  }

  void act(int what) {
    const auto id = some_id();
    switch (what) {
      case 0:
      case 1:
        return twice([&] { return w_.create(id, id < "c2" ? "pair" : "plain"); });
      case 2:
        return twice([&] { return w_->stop(id); });
      case 3:
        return (void)w_->forget(id);
      case 4: {
        const auto name = some_branch();
        const json::Value wanted{{"kind", "file"}, {"container", pick(2) == 0 ? "mp4" : "segments"}};
        return twice([&] { return w_->add_branch(id, name, wanted); });
      }
      case 5: {
        const auto name = some_branch();
        return twice([&] { return w_->remove_branch(id, name); });
      }
      case 6:
        return twice([&] { return w_->start_recording({.conference = id, .id = "r-" + id}); });
      case 7:
        return twice([&] { return w_->stop_recording("r-" + id); });
      case 8:
        return w_->on_hello(id, epoch_of(id), 1 + pick(1000));
      case 9:
      case 10:
        return w_->on_running(id, epoch_of(id));
      case 11:
      case 12:
      case 13: {
        const auto state = static_cast<BranchState>(pick(5));
        return w_->on_branch(id, epoch_of(id), some_branch(), state, "why",
                             static_cast<std::uint64_t>(pick(3)), pick(3));
      }
      case 14:
      case 15:
        if (w_->conference(id) != nullptr) w_.report(id, ++bytes_, pick(4) != 0);
        return;
      case 16:
        return w_->on_exit(id, epoch_of(id), some_exit());
      case 17:
        return w_.pass(Millis{200 * (1 + pick(20))});
      case 18:
        return w_.pass(seconds{pick(40)}, seconds{1});
      case 19:
        w_.store.broken = pick(3) == 0;
        return;
      case 20:
        for (auto& [path, size] : w_.storage.files) size = static_cast<std::uint64_t>(pick(3));
        w_.storage.refuse = pick(4) == 0
                                ? std::optional{Problem{.kind = Problem::Kind::limit, .detail = "full"}}
                                : std::nullopt;
        w_.host.refuse = pick(4) == 0 ? w_.storage.refuse : std::nullopt;
        return;
      case 22: {
        const auto recording = some_recording();
        return twice([&] { return w_->pause_recording(recording); });
      }
      case 23: {
        const auto recording = some_recording();
        return twice([&] { return w_->resume_recording(recording); });
      }
      case 24:
        return (void)w_->delete_recording(some_recording());
      case 25:
      case 26:
        return some_report();
      default:
        w_.host.adoptable.clear();
        w_.host.lingering.clear();
        if (pick(2) == 0) w_.host.adoptable = {"c0", "c2"};
        if (pick(3) == 0) w_.host.lingering = {"c1", "c3"};
        if (pick(6) != 0 || w_.store.broken || !w_->store_ok()) return;
        w_.boot().recover();
    }
  }

  std::string some_recording() {
    const auto all = w_->recordings();
    return all.empty() || pick(8) == 0
               ? "r-nobody"
               : all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))]->id;
  }

  /// The finisher answers one of its orders, in any way; sometimes late, twice, or about nobody.
  void some_report() {
    if (w_.finisher.orders.empty()) return;
    const auto index = pick(static_cast<int>(w_.finisher.orders.size()));
    const auto order = w_.finisher.orders[static_cast<std::size_t>(index)];
    if (pick(4) != 0) w_.finisher.orders.erase(w_.finisher.orders.begin() + index);
    const auto* recording = w_->recording(order.recording);
    switch (pick(4)) {
      case 0:
        return w_.finish_fails(order.recording);
      case 1:
        return w_.processed(order.recording, pick(2) == 0 ? "no" : "");
      default:
        if (recording == nullptr || is_final(recording->state)) return;
        return w_.finish(order);
    }
  }

  WorkerExit some_exit() {
    WorkerExit exit;
    if (pick(2) == 0) exit.signo = pick(2) == 0 ? 9 : 11;
    exit.code = pick(3) == 0 ? 1 : 0;
    exit.oom = pick(9) == 0;
    if (pick(2) == 0) exit.said = static_cast<ExitClass>(pick(9));
    return exit;
  }

  void check() {
    for (const auto* c : w_->conferences()) {
      const Rung now{c->epoch, c->state};
      const auto key = c->id + "@" + std::to_string(c->created_at.count());
      if (const auto was = rungs_.find(key); was != rungs_.end() && was->second != now) {
        EXPECT_TRUE(now.epoch > was->second.epoch ||
                    (now.epoch == was->second.epoch && now.state > was->second.state));
      }
      rungs_[key] = now;
      EXPECT_EQ(c->state == ConferenceState::ended, c->ended_at.count() != 0);
      if (c->state == ConferenceState::ended) {
        EXPECT_TRUE(c->exit.has_value());
        EXPECT_FALSE(c->reason.empty());
        EXPECT_EQ(c->worker_pid, 0);
        for (const auto& [name, branch] : c->branches)
          EXPECT_TRUE(is_final(branch.state)) << c->id << "/" << name;
      }
      for (const auto& [name, branch] : c->branches)
        EXPECT_EQ(branch.state == BranchState::failed, !branch.error.empty());
    }
    std::set<std::string> paths;
    // A deleted recording's name is free again.
    std::erase_if(recordings_, [this](const auto& known) { return w_->recording(known.first) == nullptr; });
    for (const auto* r : w_->recordings()) {
      if (const auto was = recordings_.find(r->id); was != recordings_.end() && was->second != r->state) {
        EXPECT_TRUE(may_advance(was->second, r->state) || (!is_final(was->second) && r->state > was->second));
      }
      recordings_[r->id] = r->state;
      EXPECT_TRUE(paths.insert(r->path).second) << "two recordings in " << r->path;
      EXPECT_EQ(is_final(r->state), r->ended_at.count() != 0);
      const auto* c = w_->conference(r->conference);
      const bool over = c == nullptr || c->state == ConferenceState::ended;
      EXPECT_TRUE(!over || is_final(r->state) || r->state == RecordingState::finalising) << r->id;
      EXPECT_TRUE(w_.finishes || !over || is_final(r->state)) << r->id;
      ASSERT_FALSE(r->pieces.empty());
      for (std::size_t i = 0; i < r->pieces.size(); ++i) {
        const auto& piece = r->pieces[i];
        const bool joined = is_final(r->state) && piece.path == r->path;
        EXPECT_TRUE(i == 0 || joined ? piece.path == r->path : paths.insert(piece.path).second)
            << "two writers in " << piece.path;
        EXPECT_TRUE(i == 0 || piece.epoch > r->pieces[i - 1].epoch) << r->id;
        EXPECT_TRUE(i + 1 == r->pieces.size() || piece.ended_at.count() != 0) << r->id;
        EXPECT_TRUE(!is_final(r->state) || piece.ended_at.count() != 0) << r->id;
      }
      EXPECT_TRUE(r->state != RecordingState::complete || r->error.empty()) << r->error;
      EXPECT_TRUE(r->state != RecordingState::interrupted || !r->error.empty()) << r->id;
      EXPECT_TRUE(!is_final(r->state) || !r->paused) << r->id;
    }
    if (w_->store_ok() && !w_.store.broken) {
      EXPECT_EQ(stored_state(w_.store), believed_state(*w_.service));
    }
    std::int64_t seq = 0;
    for (const auto& event : w_.seen.events) {
      EXPECT_GT(event.seq, seq);
      seq = event.seq;
    }
    w_.seen.events.clear();
  }

  std::mt19937 random_;
  World w_;
  std::map<std::string, Rung> rungs_;
  std::map<std::string, RecordingState> recordings_;
  std::uint64_t bytes_ = 0;
};

class Invariants : public ::testing::TestWithParam<unsigned> {};

TEST_P(Invariants, HoldAfterEveryStep) {
  Player player{GetParam()};
  for (int i = 0; i < 200 && !HasFailure(); ++i) player.step();
  player.finish();
}
INSTANTIATE_TEST_SUITE_P(Seeds, Invariants, ::testing::Range(0U, 40U));

}  // namespace
}  // namespace auralink::session::testing
