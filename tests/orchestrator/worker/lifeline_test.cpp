// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/lifeline.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace auralink::worker {
namespace {

using std::chrono::milliseconds;

template <class Done>
void turn_until(const Done& done) {
  while (!done()) g_main_context_iteration(nullptr, TRUE);
}

v1::FromWorker log_line(std::size_t size) {
  v1::FromWorker message;
  message.mutable_log()->set_message(std::string(size, 'x'));
  return message;
}
v1::FromWorker running() {
  v1::FromWorker message;
  message.mutable_running();
  return message;
}

class LifelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "auralink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_.data()), 0);
    line_ = std::make_unique<Lifeline>(
        pair_[0],
        Lifeline::Callbacks{.on_message = [](std::string_view) {},
                            .on_adopted = [this] { ++adopted_; },
                            .on_alone = [this](const std::string& why) { why_ = why; }},
        milliseconds{50});
  }
  void TearDown() override {
    line_.reset();
    if (pair_[1] >= 0) ::close(pair_[1]);
    std::filesystem::remove_all(folder_);
  }
  void lose_daemon() {
    ::close(pair_[1]);
    pair_[1] = -1;
  }
  [[nodiscard]] std::string socket() const { return folder_ / "x.sock"; }

  std::filesystem::path folder_;
  std::array<int, 2> pair_{-1, -1};
  std::unique_ptr<Lifeline> line_;
  unsigned adopted_ = 0;
  std::string why_;
};

TEST_F(LifelineTest, ADaemonThatDoesNotReadLosesChatterButNoState) {
  constexpr unsigned kMany = 2'000;
  for (unsigned i = 0; i < kMany; ++i) {
    line_->send(log_line(1'000));
    if (i % 100 == 0) line_->send(running());
  }
  EXPECT_GT(line_->dropped(), 1'000U);
  // The daemon wakes up and reads all there is.
  unsigned states = 0;
  unsigned lines = 0;
  Channel daemon{pair_[1], {.on_message = [&](std::string_view payload) {
                   v1::FromWorker message;
                   ASSERT_TRUE(message.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
                   states += message.has_running() ? 1 : 0;
                   lines += message.has_log() ? 1 : 0;
                 }}};
  pair_[1] = -1;
  turn_until([&] { return states == kMany / 100; });
  EXPECT_LT(lines, kMany - 1'000);
  line_->send(log_line(1));
  turn_until([&] { return lines + line_->dropped() >= kMany + 2; });
}

TEST_F(LifelineTest, WithoutAnAddressTheLossOfTheDaemonIsTheEnd) {
  lose_daemon();
  turn_until([&] { return !why_.empty(); });
  EXPECT_EQ(why_, "the daemon is gone: the peer closed");
  EXPECT_FALSE(line_->waiting());
  line_->send(running());  // to nobody, harmless
}

TEST_F(LifelineTest, WaitsOnlySoLong) {
  ASSERT_TRUE(line_->rescue_at(socket()));
  lose_daemon();
  turn_until([&] { return line_->waiting(); });
  EXPECT_TRUE(why_.empty());
  turn_until([&] { return !why_.empty(); });
  EXPECT_EQ(why_, "the daemon is gone: nobody took over");
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(LifelineTest, AConnectionMadeBeforeTheLossWasNoticedIsTakenAfterIt) {
  ASSERT_TRUE(line_->rescue_at(socket()));
  const auto next = connect_to_orphan(socket());
  ASSERT_TRUE(next) << next.error();
  EXPECT_EQ(next->pid, ::getpid());
  lose_daemon();
  turn_until([&] { return adopted_ == 1; });
  EXPECT_FALSE(line_->waiting());
  line_->send(running());
  std::array<char, 64> bytes{};
  EXPECT_GT(::recv(next->fd, bytes.data(), bytes.size(), 0), 0);
  ::close(next->fd);
  ::close(next->pidfd);
  turn_until([&] { return !why_.empty(); });
}

TEST_F(LifelineTest, ToldNotToWaitItDoesNot) {
  ASSERT_TRUE(line_->rescue_at(socket()));
  line_->no_rescue();
  EXPECT_FALSE(std::filesystem::exists(socket()));
  lose_daemon();
  turn_until([&] { return !why_.empty(); });
}

TEST_F(LifelineTest, SaysWhenTheAddressCannotBe) {
  EXPECT_FALSE(line_->rescue_at(std::string(200, 'x')));
  EXPECT_FALSE(line_->rescue_at("/nonexistent/x.sock"));
}

}  // namespace
}  // namespace auralink::worker
