// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_hook.hpp"

#include <gmock/gmock.h>
#include <libsoup/soup.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <thread>

namespace auralink::worker {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  // Killed with its group; perhaps nobody has reaped it yet.
  std::string state;
  if (FILE* stat = std::fopen(("/proc/" + std::to_string(grandchild) + "/stat").c_str(), "r");
      stat != nullptr) {
    std::array<char, 256> text{};
    if (std::fgets(text.data(), text.size(), stat) != nullptr) state = text.data();
    std::fclose(stat);
  }
  EXPECT_TRUE(state.empty() || state.find(") Z") != std::string::npos || ::kill(grandchild, 0) != 0) << state;
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

/// A web server on a thread of its own that answers every POST with one status, or not at all.
class Answering {
 public:
  explicit Answering(unsigned status) : status_{status} {
    std::atomic<bool> ready{false};
    thread_ = std::thread{[this, &ready] {
      auto* context = g_main_context_new();
      g_main_context_push_thread_default(context);
      loop_ = g_main_loop_new(context, FALSE);
      server_ = soup_server_new(nullptr, nullptr);
      soup_server_add_handler(server_, nullptr, handle, this, nullptr);
      soup_server_listen_local(server_, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr);
      GSList* uris = soup_server_get_uris(server_);
      port_ = g_uri_get_port(static_cast<GUri*>(uris->data));
      g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
      ready = true;
      ready.notify_one();
      g_main_loop_run(loop_);
      g_object_unref(server_);
      g_main_context_pop_thread_default(context);
      g_main_context_unref(context);
    }};
    ready.wait(false);
  }
  ~Answering() {
    g_main_loop_quit(loop_);
    g_main_context_wakeup(g_main_loop_get_context(loop_));
    thread_.join();
    g_main_loop_unref(loop_);
  }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/hook?token=hunter2";
  }
  std::string body, type;

 private:
  static void handle(SoupServer*, SoupServerMessage* message, const char*, GHashTable*,
                     gpointer data) {
    auto& self = *static_cast<Answering*>(data);
    auto* request = soup_server_message_get_request_body(message);
    self.body.assign(request->data, static_cast<std::size_t>(request->length));
    self.type =
        soup_message_headers_get_content_type(soup_server_message_get_request_headers(message), nullptr);
    if (self.status_ == 0) return soup_server_message_pause(message);
    soup_server_message_set_status(message, self.status_, nullptr);
  }
  unsigned status_;
  int port_ = 0;
  GMainLoop* loop_ = nullptr;
  SoupServer* server_ = nullptr;
  std::thread thread_;
};

TEST(HookUrl, GetsTheSidecar) {
  Heard heard;
  Answering server{204};
  const auto posted = post_hook(server.url(), R"({"a":1})", milliseconds{10'000}, heard.callbacks);
  EXPECT_TRUE(posted) << posted.error();
  EXPECT_EQ(server.body, R"({"a":1})");
  EXPECT_EQ(server.type, "application/json");
}

TEST(HookUrl, RefusalsAndSilenceAreFailuresWithoutTheUrl) {
  Heard heard;
  for (const unsigned status : {500U, 302U, 0U}) {
    Answering server{status};
    const auto posted = post_hook(server.url(), "{}", milliseconds{300}, heard.callbacks);
    ASSERT_FALSE(posted);
    EXPECT_EQ(posted.error().find("hunter2"), std::string::npos) << posted.error();
    EXPECT_THAT(posted.error(),
                HasSubstr(status == 0 ? "did not answer" : "answered " + std::to_string(status)));
  }
  EXPECT_FALSE(post_hook("file:///etc/passwd", "{}", milliseconds{300}, heard.callbacks));
  EXPECT_FALSE(post_hook("http://127.0.0.1:1/", "{}", milliseconds{300}, heard.callbacks));
}

}  // namespace
}  // namespace auralink::worker
