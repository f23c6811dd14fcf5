// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_hook.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot the C linkage
}

namespace auralink::worker {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Heard {
  std::vector<std::string> lines;
  HookCallbacks callbacks{.line = [this](const std::string& line) { lines.push_back(line); }, .tick = {}};
};

TEST(Hook, GetsItsArgumentsAsTheyAreAndTheSidecarLast) {
  Heard heard;
  const auto ran =
      run_hook({"printf", "%s\\n", "$HOME; `id`", "a b"}, "/r/x.json", milliseconds{10'000}, heard.callbacks);
  EXPECT_TRUE(ran) << ran.error();
  EXPECT_THAT(heard.lines, ElementsAre("$HOME; `id`", "a b", "/r/x.json"));
}

TEST(Hook, InheritsNextToNothing) {
  ::setenv("AURALINK_SECRET", "hunter2", 1);
  Heard heard;
  const auto ran =
      run_hook({"sh", "-c", "env | cut -d= -f1 | sort; ls /proc/self/fd | wc -l; readlink /proc/self/fd/0"},
               "x", milliseconds{10'000}, heard.callbacks);
  ASSERT_TRUE(ran) << ran.error();
  for (const auto& line : heard.lines)
    EXPECT_THAT(line, ::testing::AnyOf("PATH", "HOME", "LANG", "PWD", "SHLVL", "_", "OLDPWD", "/dev/null",
                                       ::testing::MatchesRegex("[0-9]+")));
  EXPECT_EQ(heard.lines.back(), "/dev/null");
}

TEST(Hook, FailuresSayWhat) {
  Heard heard;
  EXPECT_THAT(run_hook({"false"}, "x", milliseconds{10'000}, heard.callbacks).error(), HasSubstr("status 1"));
  EXPECT_THAT(run_hook({"/nonexistent/hook"}, "x", milliseconds{10'000}, heard.callbacks).error(),
              HasSubstr("cannot be run"));
  EXPECT_THAT(run_hook({"sh", "-c", "kill -SEGV $$"}, "x", milliseconds{10'000}, heard.callbacks).error(),
              HasSubstr("signal 11"));
}

TEST(Hook, TooLongIsStoppedWithEverythingItStarted) {
  Heard heard;
  const auto ran =
      run_hook({"sh", "-c", "sleep 1000 & echo $!; wait"}, "x", milliseconds{300}, heard.callbacks);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error(), HasSubstr("took longer"));
  ASSERT_EQ(heard.lines.size(), 1U);
  const auto grandchild = static_cast<pid_t>(std::stol(heard.lines[0]));
  // Killed with its group; the end of a process that is not our child is told by its pidfd.
  if (const int pidfd = ::pidfd_open(grandchild, 0); pidfd >= 0) {
    pollfd ended{pidfd, POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 10'000), 1) << grandchild << " goes on";
    ::close(pidfd);
  }
}

TEST(Hook, OutputIsBounded) {
  Heard heard;
  ASSERT_TRUE(run_hook({"sh", "-c", "seq 100000; head -c 100000 /dev/zero | tr '\\0' x"}, "x",
                       milliseconds{30'000}, heard.callbacks));
  EXPECT_LE(heard.lines.size(), 202U);
  for (const auto& line : heard.lines) EXPECT_LE(line.size(), 1000U);
}

TEST(Hook, IsGivenUpWhenAsked) {
  Heard heard;
  heard.callbacks.tick = [] { return false; };
  EXPECT_FALSE(run_hook({"sleep", "1000"}, "", milliseconds{60'000}, heard.callbacks));
}

/// An address where connections are taken, by the kernel, and nothing is ever said.
class Silent {
 public:
  Silent() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_, any, size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    EXPECT_EQ(::getsockname(fd_, any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Silent() { ::close(fd_); }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/hook?token=hunter2";
  }
  [[nodiscard]] int accept() const { return ::accept(fd_, nullptr, nullptr); }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

/// Answers one request with the given status. By hand, since libsoup 3.2's own server loses its listener's
/// address and sockets, which the leak checker takes for ours.
class Answering {
 public:
  explicit Answering(unsigned status) : thread_{[this, status] { serve(status); }} {}
  [[nodiscard]] std::string url() const { return listener_.url(); }
  /// The whole request, once it was answered.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  void serve(unsigned status) {
    const int fd = listener_.accept();
    std::array<char, 4096> bytes{};
    while (!request_.ends_with('}')) {
      const auto got = ::read(fd, bytes.data(), bytes.size());
      if (got <= 0) break;
      request_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    const auto answer = "HTTP/1.1 " + std::to_string(status) +
                        " whatever\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::write(fd, answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
    ::close(fd);
  }
  Silent listener_;
  std::string request_;
  std::jthread thread_;
};

TEST(HookUrl, GetsTheSidecar) {
  Heard heard;
  Answering server{204};
  const auto posted = post_hook(server.url(), R"({"a":1})", milliseconds{10'000}, heard.callbacks);
  EXPECT_TRUE(posted) << posted.error();
  EXPECT_THAT(server.request(), StartsWith("POST /hook?token=hunter2 HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(server.request(), EndsWith("\r\n\r\n{\"a\":1}"));
}

TEST(HookUrl, RefusalsAreFailuresWithoutTheUrl) {
  Heard heard;
  for (const unsigned status : {500U, 302U}) {
    Answering server{status};
    const auto posted = post_hook(server.url(), "{}", milliseconds{10'000}, heard.callbacks);
    ASSERT_FALSE(posted);
    EXPECT_EQ(posted.error().find("hunter2"), std::string::npos) << posted.error();
    EXPECT_THAT(posted.error(), HasSubstr("answered " + std::to_string(status)));
  }
  EXPECT_FALSE(post_hook("file:///etc/passwd", "{}", milliseconds{300}, heard.callbacks));
  EXPECT_FALSE(post_hook("http://127.0.0.1:1/", "{}", milliseconds{300}, heard.callbacks));
}

TEST(HookUrl, SilenceIsAFailureWithoutTheUrl) {
  Heard heard;
  Silent server;
  const auto posted = post_hook(server.url(), "{}", milliseconds{300}, heard.callbacks);
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().find("hunter2"), std::string::npos) << posted.error();
  EXPECT_THAT(posted.error(), HasSubstr("did not answer"));
}

}  // namespace
}  // namespace auralink::worker
