// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace auralink::worker {
namespace {

/// Turns the main loop until `done`; the test's own timeout ends a loop that never gets there.
template <class Done>
void turn_until(const Done& done) {
  while (!done()) g_main_context_iteration(nullptr, TRUE);
}

struct End {
  std::vector<std::string> messages;
  std::string closed;
  std::unique_ptr<Channel> channel;

  explicit End(int fd) {
    channel = std::make_unique<Channel>(
        fd, Channel::Callbacks{.on_message = [this](std::string_view m) { messages.emplace_back(m); },
                               .on_closed = [this](const std::string& why) { closed = why; }});
  }
};

struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0); }
  std::array<int, 2> fds{};
};

TEST(Channel, CarriesMessagesBothWaysInOrder) {
  const Pair pair;
  End a{pair.fds[0]};
  End b{pair.fds[1]};
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(a.channel->send_payload("a" + std::to_string(i)));
    EXPECT_TRUE(b.channel->send_payload("b" + std::to_string(i)));
  }
  turn_until([&] { return a.messages.size() == 100 && b.messages.size() == 100; });
  EXPECT_EQ(a.messages.front(), "b0");
  EXPECT_EQ(b.messages.back(), "a99");
}

TEST(Channel, IsNonBlockingAndCloseOnExec) {
  const Pair pair;
  const End a{pair.fds[0]};
  EXPECT_NE(::fcntl(pair.fds[0], F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(pair.fds[0], F_GETFD) & FD_CLOEXEC, 0);
  ::close(pair.fds[1]);
}

TEST(Channel, QueuesWhatTheSocketCannotTakeYet) {
  const Pair pair;
  End a{pair.fds[0]};
  const std::string big(1U << 20U, 'x');
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(a.channel->send_payload(big));
  EXPECT_GT(a.channel->queued_bytes(), big.size());
  End b{pair.fds[1]};
  turn_until([&] { return b.messages.size() == 5; });
  EXPECT_EQ(b.messages[4], big);
  EXPECT_EQ(a.channel->queued_bytes(), 0U);
}

TEST(Channel, GivesUpOnAPeerThatDoesNotRead) {
  const Pair pair;
  End a{pair.fds[0]};
  const std::string big(1U << 20U, 'x');
  int sent = 0;
  while (a.channel->send_payload(big)) ASSERT_LT(++sent, 100);
  EXPECT_TRUE(a.closed.empty()) << "never from inside send()";
  turn_until([&] { return !a.closed.empty(); });
  EXPECT_EQ(a.closed, "the peer does not read");
  EXPECT_FALSE(a.channel->open());
  ::close(pair.fds[1]);
}

TEST(Channel, RefusesToSendWhatThePeerWouldRefuse) {
  const Pair pair;
  End a{pair.fds[0]};
  EXPECT_FALSE(a.channel->send_payload(std::string(kMaxFrameBytes + 1, 'x')));
  turn_until([&] { return !a.closed.empty(); });
  ::close(pair.fds[1]);
}

TEST(Channel, DeliversEverythingBeforeTheEnd) {
  const Pair pair;
  End a{pair.fds[0]};
  {
    End b{pair.fds[1]};
    ASSERT_TRUE(b.channel->send_payload("last words"));
  }
  turn_until([&] { return !a.closed.empty(); });
  EXPECT_EQ(a.messages, std::vector<std::string>{"last words"});
  EXPECT_EQ(a.closed, "the peer closed");
}

TEST(Channel, TellsAnEndInTheMiddleOfAFrame) {
  const Pair pair;
  End a{pair.fds[0]};
  ASSERT_EQ(::write(pair.fds[1], "\0\0\0\x09half", 8), 8);
  ::close(pair.fds[1]);
  turn_until([&] { return !a.closed.empty(); });
  EXPECT_EQ(a.closed, "the peer closed in the middle of a frame");
}

TEST(Channel, EndsOnGarbage) {
  const Pair pair;
  End a{pair.fds[0]};
  ASSERT_EQ(::write(pair.fds[1], "garbage!", 8), 8);
  turn_until([&] { return !a.closed.empty(); });
  EXPECT_NE(a.closed.find("longer than"), std::string::npos);
  ::close(pair.fds[1]);
}

TEST(Channel, MayBeDestroyedByItsOwnCallbacks) {
  const Pair pair;
  std::unique_ptr<Channel> a;
  int messages = 0;
  a = std::make_unique<Channel>(pair.fds[0], Channel::Callbacks{.on_message = [&](std::string_view) {
                                  ++messages;
                                  a.reset();
                                }});
  End b{pair.fds[1]};
  b.channel->send_payload("one");
  b.channel->send_payload("two");
  turn_until([&] { return !b.closed.empty(); });
  EXPECT_EQ(messages, 1);
}

TEST(Channel, FlushWaitsUntilTheSocketHasEverything) {
  const Pair pair;
  End a{pair.fds[0]};
  ASSERT_TRUE(a.channel->send_payload("bye"));
  EXPECT_TRUE(a.channel->flush(std::chrono::milliseconds{1'000}));
  const std::string big(1U << 20U, 'x');
  ASSERT_TRUE(a.channel->send_payload(big));
  EXPECT_FALSE(a.channel->flush(std::chrono::milliseconds{1})) << "nobody reads the other end";
  ::close(pair.fds[1]);
}

}  // namespace
}  // namespace auralink::worker
