// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_hook.hpp"

#include <fcntl.h>
#include <libsoup/soup.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot the C linkage
}

namespace auralink::worker {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kTickMs = 250;
constexpr milliseconds kGrace{5'000};
constexpr std::size_t kLongestLine = 1'000, kMostLines = 200;

tl::unexpected<std::string> failed(std::string why) { return tl::unexpected(std::move(why)); }

/// Output in lines; what is too much is counted, not kept.
class Lines {
 public:
  explicit Lines(const std::function<void(const std::string&)>& out) : out_{out} {}
  ~Lines() {
    end_line();
    if (dropped_ > 0 && out_) out_("and " + std::to_string(dropped_) + " more lines");
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n')
        end_line();
      else if (line_.size() < kLongestLine)
        line_.push_back(c);
    }
  }

 private:
  void end_line() {
    if (line_.empty()) return;
    if (told_ < kMostLines) {
      ++told_;
      if (out_) out_(line_);
    } else {
      ++dropped_;
    }
    line_.clear();
  }
  const std::function<void(const std::string&)>& out_;
  std::string line_;
  std::size_t told_ = 0, dropped_ = 0;
};

struct Child {
  pid_t pid = -1;
  int pidfd = -1, output = -1;
  Child() = default;
  ~Child() {
    if (pid > 0) {
      ::kill(-pid, SIGKILL);  // not reaped yet: the group's number is still ours
      siginfo_t info{};
      while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
      }
    }
    if (pidfd >= 0) ::close(pidfd);
    if (output >= 0) ::close(output);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
};

std::vector<std::string> small_environment() {
  std::vector<std::string> out;
  for (const char* name : {"PATH", "HOME", "LANG"})
    if (const char* value = ::getenv(name); value != nullptr) out.push_back(std::string{name} + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int spawn(std::vector<std::string> arguments, int output, pid_t& pid) {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none{}, all{};
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  auto environment = small_environment();
  const auto argv = pointers(arguments), envp = pointers(environment);
  const int error = ::posix_spawnp(&pid, argv.front(), &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

/// What is in the pipe now; false when every writer has closed it.
bool read_output(int fd, Lines& lines) {
  std::array<char, 4096> bytes{};
  for (int i = 0; i < 64; ++i) {
    const auto got = ::read(fd, bytes.data(), bytes.size());
    if (got == 0) return false;
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    lines.add({bytes.data(), static_cast<std::size_t>(got)});
  }
  return true;
}

/// Waits until the process has ended; nullopt when it had to be killed.
bool wait_for(const Child& child, Lines& lines, milliseconds timeout, const HookCallbacks& callbacks,
              std::string& why) {
  const auto deadline = Clock::now() + timeout;
  std::optional<Clock::time_point> kill_at;
  bool writing = true;
  for (;;) {
    std::array<pollfd, 2> wait{{{child.pidfd, POLLIN, 0}, {writing ? child.output : -1, POLLIN, 0}}};
    ::poll(wait.data(), wait.size(), kTickMs);
    if (writing && wait[1].revents != 0) writing = read_output(child.output, lines);
    if (wait[0].revents != 0) {
      if (writing) read_output(child.output, lines);
      return why.empty();
    }
    const auto now = Clock::now();
    if (callbacks.tick && !callbacks.tick()) {
      why = "cancelled";
      return false;  // Child's destructor kills
    }
    if (!kill_at && now >= deadline) {
      why = "it took longer than " + std::to_string(timeout.count() / 1000) + " s";
      ::kill(-child.pid, SIGTERM);
      kill_at = now + kGrace;
    } else if (kill_at && now >= *kill_at) {
      return false;
    }
  }
}

}  // namespace

tl::expected<void, std::string> run_hook(const std::vector<std::string>& command, const std::string& last,
                                         milliseconds timeout, const HookCallbacks& callbacks) {
  if (command.empty()) return failed("the hook has no program");
  auto arguments = command;
  arguments.push_back(last);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return failed(std::string{"pipe2: "} + std::strerror(errno));
  Child child;
  child.output = pipe[0];
  ::fcntl(child.output, F_SETFL, O_NONBLOCK);
  const int error = spawn(std::move(arguments), pipe[1], child.pid);
  ::close(pipe[1]);
  if (error != 0) {
    child.pid = -1;
    return failed("the hook cannot be run: " + std::string{std::strerror(error)});
  }
  child.pidfd = ::pidfd_open(child.pid, 0);
  if (child.pidfd < 0) return failed(std::string{"pidfd_open: "} + std::strerror(errno));
  Lines lines{callbacks.line};
  std::string why;
  if (!wait_for(child, lines, timeout, callbacks, why)) return failed("the hook was stopped: " + why);
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd), &info, WEXITED | WNOWAIT) != 0)
    return failed(std::string{"waitid: "} + std::strerror(errno));
  if (info.si_code != CLD_EXITED)
    return failed("the hook was ended by signal " + std::to_string(info.si_status));
  if (info.si_status != 0) return failed("the hook exited with status " + std::to_string(info.si_status));
  return {};
}

namespace {

struct Post {
  GMainContext* context = g_main_context_new();
  GMainLoop* loop = g_main_loop_new(context, FALSE);
  GCancellable* cancellable = g_cancellable_new();
  GError* error = nullptr;
  bool late = false;
  const HookCallbacks* callbacks = nullptr;
  Post() { g_main_context_push_thread_default(context); }
  ~Post() {
    g_main_context_pop_thread_default(context);
    g_main_loop_unref(loop);
    g_main_context_unref(context);
    g_object_unref(cancellable);
    g_clear_error(&error);
  }
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  void every(unsigned ms, GSourceFunc call) {
    GSource* source = g_timeout_source_new(ms);
    g_source_set_callback(source, call, this, nullptr);
    g_source_attach(source, context);
    g_source_unref(source);
  }
};

void on_answer(GObject* session, GAsyncResult* result, gpointer data) {
  auto& post = *static_cast<Post*>(data);
  if (GInputStream* body = soup_session_send_finish(SOUP_SESSION(session), result, &post.error);
      body != nullptr)
    g_object_unref(body);  // what it says beyond its status is not needed
  g_main_loop_quit(post.loop);
}

gboolean on_late(gpointer data) {
  auto& post = *static_cast<Post*>(data);
  post.late = true;
  g_cancellable_cancel(post.cancellable);
  return G_SOURCE_REMOVE;
}

gboolean on_tick(gpointer data) {
  auto& post = *static_cast<Post*>(data);
  if (post.callbacks->tick && !post.callbacks->tick()) g_cancellable_cancel(post.cancellable);
  return G_SOURCE_CONTINUE;
}

}  // namespace

tl::expected<void, std::string> post_hook(const std::string& url, std::string_view json, milliseconds timeout,
                                          const HookCallbacks& callbacks) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return failed("the hook URL is neither http nor https");
  SoupMessage* message = soup_message_new(SOUP_METHOD_POST, url.c_str());
  if (message == nullptr) return failed("the hook URL is not valid");
  Post post;
  post.callbacks = &callbacks;
  SoupSession* session = soup_session_new();
  GBytes* body = g_bytes_new(json.data(), json.size());
  soup_message_set_request_body_from_bytes(message, "application/json", body);
  soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
  post.every(static_cast<unsigned>(std::clamp<std::int64_t>(timeout.count(), 1, 3'600'000)), on_late);
  post.every(kTickMs, on_tick);
  soup_session_send_async(session, message, G_PRIORITY_DEFAULT, post.cancellable, on_answer, &post);
  g_main_loop_run(post.loop);
  const auto status = static_cast<unsigned>(soup_message_get_status(message));
  std::string why;
  if (post.late)
    why = "the hook URL did not answer within " + std::to_string(timeout.count() / 1000) + " s";
  else if (post.error != nullptr)
    why = std::string{"the hook URL cannot be reached: "} + g_quark_to_string(post.error->domain) + " " +
          std::to_string(post.error->code);
  else if (status < 200 || status > 299)
    why = "the hook URL answered " + std::to_string(status);
  soup_session_abort(session);
  g_bytes_unref(body);
  g_object_unref(message);
  g_object_unref(session);
  if (!why.empty()) return failed(std::move(why));
  return {};
}

}  // namespace auralink::worker
