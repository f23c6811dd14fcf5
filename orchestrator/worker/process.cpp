// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/process.hpp"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot the C linkage
}

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX asks the program to declare it

namespace auralink::worker {
namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr int kFirstFreeFd = 10;  // away from 0..3, which the child's descriptor actions overwrite one by one
constexpr int kReadsPerWakeup = 8;
constexpr int kNicer = 5;             // a third of this process's share of the CPUs
constexpr int kForeignEndMs = 5'000;  // how long a killed process of another parent may take to vanish

class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_{fd} {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// Kills counted by the memory cgroup this process (and so its children) is in; nullopt without cgroup v2.
[[nodiscard]] std::optional<unsigned long> oom_kills() {
  std::ifstream self{"/proc/self/cgroup"};
  for (std::string line; std::getline(self, line);) {
    if (!line.starts_with("0::")) continue;
    std::ifstream events{"/sys/fs/cgroup" + line.substr(3) + "/memory.events"};
    std::string key;
    for (unsigned long count = 0; events >> key >> count;)
      if (key == "oom_kill") return count;
  }
  return std::nullopt;
}

struct SpawnSetup {
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void fill(int channel, int output) {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, channel, 3);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 4);
    sigset_t none{};
    sigset_t all{};
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

[[nodiscard]] std::string failed(std::string_view what, int error) {
  return std::string{what} + ": " + std::strerror(error);
}

}  // namespace

std::vector<std::string> minimal_environment(const char* const* environment) {
  static constexpr std::array<std::string_view, 4> kNames{"PATH=", "HOME=", "LANG=", "TMPDIR="};
  static constexpr std::array<std::string_view, 7> kPrefixes{
      "LC_", "GST_", "XDG_", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
  std::vector<std::string> out;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry{*environment};
    const auto starts = [entry](std::string_view prefix) { return entry.starts_with(prefix); };
    if (std::any_of(kNames.begin(), kNames.end(), starts) ||
        std::any_of(kPrefixes.begin(), kPrefixes.end(), starts))
      out.emplace_back(entry);
  }
  return out;
}

tl::expected<std::unique_ptr<Process>, std::string> Process::spawn(
    const std::string& program, int channel_fd, Callbacks callbacks, GMainContext* context,
    const std::vector<std::string>& arguments) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return tl::unexpected(failed("pipe2", errno));
  const Fd low_write{pipe[1]};
  Fd read_end{pipe[0]};
  const Fd write_end{::fcntl(low_write.get(), F_DUPFD_CLOEXEC, kFirstFreeFd)};
  const Fd channel{::fcntl(channel_fd, F_DUPFD_CLOEXEC, kFirstFreeFd)};
  if (write_end.get() < 0 || channel.get() < 0) return tl::unexpected(failed("fcntl", errno));
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);

  auto environment = minimal_environment(environ);
  std::vector<char*> pointers;
  pointers.reserve(environment.size() + 1);
  for (auto& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  SpawnSetup setup;
  setup.fill(channel.get(), write_end.get());
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &setup.actions, &setup.attributes, argv.data(), pointers.data());
  if (error != 0) return tl::unexpected(failed("cannot run " + program, error));
  // Fifty workers that start at once would leave this process its fifty-first part, and whoever asks it
  // anything would wait for seconds. Threads inherit it. When it fails they are equals, as without it.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), ::getpriority(PRIO_PROCESS, 0) + kNicer);
  const int pidfd = ::pidfd_open(pid, 0);  // close-on-exec by definition
  if (pidfd < 0) {
    const int reason = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return tl::unexpected(failed("pidfd_open", reason));
  }
  return std::unique_ptr<Process>{new Process{pid, pidfd, read_end.release(), std::move(callbacks), context}};
}

Process::Process(pid_t pid, int pidfd, int output, Callbacks callbacks, GMainContext* context)
    : pid_{pid},
      pidfd_{pidfd},
      output_{output},
      callbacks_{std::move(callbacks)},
      context_{context},
      oom_before_{oom_kills()} {
  exit_source_ = g_unix_fd_source_new(pidfd_, G_IO_IN);
  g_source_set_callback(exit_source_, G_SOURCE_FUNC(&Process::on_pidfd), this, nullptr);
  g_source_attach(exit_source_, context_);
  if (output_ < 0) return;
  output_source_ = g_unix_fd_source_new(output_, G_IO_IN);
  g_source_set_callback(output_source_, G_SOURCE_FUNC(&Process::on_output), this, nullptr);
  g_source_attach(output_source_, context_);
}

std::unique_ptr<Process> Process::adopt(pid_t pid, int pidfd, Callbacks callbacks, GMainContext* context) {
  return std::unique_ptr<Process>{new Process{pid, pidfd, -1, std::move(callbacks), context}};
}

Process::~Process() {
  if (!ended_) {
    signal(SIGKILL);
    End end;
    reap(end, true);
  }
  drop(exit_source_);
  drop(output_source_);
  if (output_ >= 0) ::close(output_);
  ::close(pidfd_);
}

void Process::drop(GSource*& source) {
  if (source == nullptr) return;
  g_source_destroy(source);
  g_source_unref(source);
  source = nullptr;
}

void Process::signal(int signo) {
  if (ended_) return;
  if (signo == SIGKILL) {
    killed_by_us_ = true;
    // The pid, and so the group's number, of a child cannot be reused before reap(): this reaches its group
    // only. Of an adopted process that is not sure, and the pidfd below is all that may be used.
    if (output_ >= 0) ::kill(-pid_, SIGKILL);
  }
  ::pidfd_send_signal(pidfd_, signo, nullptr, 0);
}

bool Process::reap(End& end, bool wait) {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED | (wait ? 0 : WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == ECHILD) {
    pollfd exited{.fd = pidfd_, .events = POLLIN, .revents = 0};
    if (::poll(&exited, 1, wait ? kForeignEndMs : 0) <= 0) return false;
    ended_ = true;
    end.known = false;
    end.signo = killed_by_us_ ? SIGKILL : 0;
    return true;
  }
  if (result != 0 || info.si_pid == 0) return false;
  ended_ = true;
  if (info.si_code == CLD_EXITED) {
    end.code = info.si_status;
    return true;
  }
  end.signo = info.si_status;
  if (end.signo == SIGKILL && !killed_by_us_ && oom_before_) {
    const auto now = oom_kills();
    end.oom = now && *now > *oom_before_;
  }
  return true;
}

gboolean Process::on_pidfd(gint /*fd*/, GIOCondition /*condition*/, gpointer data) {
  auto* self = static_cast<Process*>(data);
  End end;
  if (!self->reap(end, false)) return G_SOURCE_CONTINUE;
  self->drop(self->exit_source_);
  while (self->read_output()) {
  }
  if (!self->line_.empty() && self->callbacks_.on_line) self->callbacks_.on_line(self->line_);
  self->line_.clear();
  self->drop(self->output_source_);
  const auto handler = std::exchange(self->callbacks_, {}).on_end;
  if (handler) handler(end);
  return G_SOURCE_REMOVE;
}

gboolean Process::on_output(gint /*fd*/, GIOCondition /*condition*/, gpointer data) {
  auto* self = static_cast<Process*>(data);
  for (int i = 0; i < kReadsPerWakeup; ++i)
    if (!self->read_output()) break;
  return G_SOURCE_CONTINUE;  // at the end of the pipe read_output() has destroyed this source
}

bool Process::read_output() {
  if (output_source_ == nullptr) return false;
  std::array<char, 4096> bytes;  // NOLINT(*-member-init): filled by read
  const auto got = ::read(output_, bytes.data(), bytes.size());
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    drop(output_source_);
    return false;
  }
  for (const char c : std::string_view{bytes.data(), static_cast<std::size_t>(got)}) {
    if (c != '\n') line_.push_back(c);
    if (c != '\n' && line_.size() < kLongestLine) continue;
    if (!line_.empty() && callbacks_.on_line) callbacks_.on_line(line_);
    line_.clear();
  }
  return true;
}

}  // namespace auralink::worker
