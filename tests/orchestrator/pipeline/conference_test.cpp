// SPDX-License-Identifier: LGPL-2.1-or-later
// A conference of test sources, really mixed, encoded and written. What is in the files is proved by
// tests/e2e; here it is who hears of what, in which order, and (in the sanitizer builds) that nothing leaks
// or races on the way.
#include "orchestrator/pipeline/conference.hpp"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace auralink::pipeline {
namespace {

namespace fs = std::filesystem;
using session::BranchState;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AURALINK_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(AURALINK_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

class ConferenceRun : public ::testing::Test, public ConferenceObserver {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "auralink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    conference_.reset();
    fs::remove_all(folder_);
  }

  /// Two participants; the second leaves after half a second. Small pictures keep it cheap under sanitizers.
  static Description description() {
    Description d;
    d.name = "test";
    TestParticipant ann, bob;
    ann.name = "ann";
    ann.width = bob.width = 160, ann.height = bob.height = 90;
    bob.name = "bob";
    bob.leave = std::chrono::milliseconds{500};
    d.source = TestSource{{ann, bob}};
    d.video.width = 160, d.video.height = 90;
    d.encode["video"] = Encode{Codec::vp8, 300'000, std::chrono::seconds{2}, {}, {}};
    d.encode["audio"] = Encode{Codec::opus, 64'000, std::chrono::seconds{2}, {}, {}};
    d.branches["first"] = branch();
    return d;
  }
  static FileBranch branch() {
    return {{"video", "audio"}, Container::webm, "", std::chrono::seconds{10}, {}};
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / (name + ".webm"); }

  void start(const Description& d) {
    std::map<std::string, std::string> paths;
    for (const auto& [name, unused] : d.branches) paths[name] = path(name);
    conference_ = std::make_unique<Conference>(d, paths, std::chrono::seconds{20}, *this);
    const auto started = conference_->start();
    ASSERT_TRUE(started) << started.error();
  }
  /// Turns the main loop until `done`; the deadline is generous for sanitizers on a busy machine.
  ::testing::AssertionResult until(const std::function<bool()>& done) {
    const gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    // A timer wakes the loop, so that conditions on statistics are looked at too.
    const guint tick = g_timeout_add(
        20, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
    while (!done() && g_get_monotonic_time() < deadline) g_main_context_iteration(nullptr, TRUE);
    g_source_remove(tick);
    return done() ? ::testing::AssertionSuccess()
                  : ::testing::AssertionFailure()
                        << "still waiting; news so far: " << ::testing::PrintToString(news_);
  }
  [[nodiscard]] bool heard(const std::string& what) const { return std::ranges::count(news_, what) > 0; }
  [[nodiscard]] std::int64_t written(const std::string& name) const {
    const auto stats = conference_->stats();
    const auto it = stats.branches.find(name);
    return it == stats.branches.end() ? -1 : it->second.media_ns;
  }

  void on_running() override { news_.emplace_back("running"); }
  void on_branch(std::string_view name, BranchState state, std::string_view error,
                 const BranchFacts&) override {
    news_.push_back(std::string{name} + " " + std::string{session::to_string(state)});
    if (!error.empty()) errors_.emplace_back(error);
  }
  void on_participant_failed(std::string_view name, std::string_view) override {
    news_.push_back(std::string{name} + " failed");
  }
  void on_ended(EndClass end_class, std::string_view) override {
    news_.emplace_back("ended");
    end_class_ = end_class;
  }

  fs::path folder_;
  std::unique_ptr<Conference> conference_;
  std::vector<std::string> news_, errors_;
  EndClass end_class_{};
};

TEST_F(ConferenceRun, BranchesAndParticipantsComeAndGo) {
  start(description());
  ASSERT_TRUE(until([&] { return heard("running") && heard("first active"); }));
  conference_->add_branch("second", branch(), path("second"));
  ASSERT_TRUE(until([&] { return heard("second active") && written("second") > 300'000'000; }));
  conference_->remove_branch("second");
  ASSERT_TRUE(until([&] { return heard("second removed"); }));
  ASSERT_TRUE(until([&] { return conference_->stats().participants.size() == 1; }));
  EXPECT_EQ(conference_->stats().participants.front().name, "ann");
  EXPECT_GT(written("first"), written("second"));
  conference_->stop();
  conference_->stop();  // harmless
  ASSERT_TRUE(until([&] { return heard("ended"); }));
  EXPECT_EQ(end_class_, EndClass::stopped);
  EXPECT_TRUE(heard("first removed"));
  EXPECT_EQ(errors_, std::vector<std::string>{});
  EXPECT_GT(fs::file_size(path("first")), fs::file_size(path("second")));
}

TEST_F(ConferenceRun, TimeGoesOnWhileNobodyIsThere) {
  auto d = description();
  TestParticipant ann, bob;
  ann.name = "ann";
  ann.leave = std::chrono::milliseconds{300};
  bob.name = "bob";
  // Longer than it takes a sanitizer on a busy machine to get everything going, or nobody sees the pause.
  bob.join = std::chrono::seconds{kSanitized ? 15 : 2};
  ann.width = bob.width = 160, ann.height = bob.height = 90;
  d.source = TestSource{{ann, bob}};
  start(d);
  ASSERT_TRUE(until([&] { return heard("first active") && conference_->stats().participants.empty(); }));
  const auto alone = written("first");
  ASSERT_TRUE(until([&] {
    const auto stats = conference_->stats();
    return stats.participants.size() == 1 && stats.participants[0].video && stats.participants[0].audio;
  }));
  EXPECT_EQ(conference_->stats().participants[0].name, "bob");
  // A mixer that began anew would put out its whole past again: more media than time.
  const auto before = written("first");
  const auto clock = g_get_monotonic_time();
  EXPECT_GT(before, alone);
  ASSERT_TRUE(until([&] { return written("first") > before + 300'000'000; }));
  EXPECT_LT(before, bob.join.count() + 4'000'000'000);
  EXPECT_LT(written("first") - before, (g_get_monotonic_time() - clock) * 1000 + 500'000'000);
  conference_->stop();
  ASSERT_TRUE(until([&] { return heard("ended"); }));
  EXPECT_EQ(errors_, std::vector<std::string>{});
}

TEST_F(ConferenceRun, ABranchThatCannotBeOpenedFailsAlone) {
  start(description());
  ASSERT_TRUE(until([&] { return heard("first active"); }));
  conference_->add_branch("bad", branch(), folder_ / "no such folder" / "bad.webm");
  ASSERT_TRUE(until([&] { return heard("bad failed"); }));
  const auto before = written("first");
  ASSERT_TRUE(until([&] { return written("first") > before + 300'000'000; }));
  EXPECT_FALSE(heard("first failed"));
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_NE(errors_[0].find("No such file or directory"), std::string::npos) << errors_[0];
}

TEST_F(ConferenceRun, ParticipantsThatAllFailEndItAsFailedSource) {
  auto d = description();
  d.source = FileSource{{{"ann", {folder_ / "missing.mp4"}, Nanos{0}, {}, false}}};
  start(d);
  ASSERT_TRUE(until([&] { return heard("ended"); }));
  EXPECT_TRUE(heard("ann failed"));
  EXPECT_EQ(end_class_, EndClass::failed_source);
}

TEST_F(ConferenceRun, ItsGraphShowsNoPropertyValues) {
  start(description());
  ASSERT_TRUE(until([&] { return heard("running"); }));
  const auto dot = conference_->dot();
  EXPECT_NE(dot.find("branch_first"), std::string::npos);
  EXPECT_EQ(dot.find(path("first")), std::string::npos);
}

TEST_F(ConferenceRun, ACustomGraphRunsToItsEnd) {
  Description d;
  d.name = "custom";
  d.custom = CustomGraph{{{"source", "videotestsrc", {{"num-buffers", std::int64_t{5}}}},
                          {"encoder", "vp8enc", {{"deadline", std::int64_t{1}}}},
                          {"muxer", "webmmux", {}},
                          {"file", "filesink", {{"location", path("custom")}}}},
                         {{"source", "", "encoder", "", "video/x-raw,width=160,height=90"},
                          {"encoder", "", "muxer", "", ""},
                          {"muxer", "", "file", "", ""}}};
  start(d);
  ASSERT_TRUE(until([&] { return heard("ended"); }));
  EXPECT_EQ(end_class_, EndClass::completed);
  EXPECT_GT(fs::file_size(path("custom")), 0U);
}

TEST_F(ConferenceRun, CanBeDroppedAtAnyMoment) {
  start(description());
  conference_.reset();
  start(description());
  ASSERT_TRUE(until([&] { return heard("running"); }));
  conference_->add_branch("second", branch(), path("second"));
  conference_.reset();
  SUCCEED();
}

}  // namespace
}  // namespace auralink::pipeline
