// SPDX-License-Identifier: LGPL-2.1-or-later
// A disk that does what no real one does on demand: a library loaded before libc's write functions
// (LD_PRELOAD) that slows or fails writes to files whose path holds BAD_DISK_MATCH. What it does is read from
// the file BAD_DISK_CONTROL at every write, so that a test can change it: "slow N" (bytes per second), "error
// N" (errno), anything else: nothing.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

bool matches(int fd) {
  const char* match = std::getenv("BAD_DISK_MATCH");
  std::array<char, 64> link{};
  std::array<char, PATH_MAX> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link.data(), path.data(), path.size() - 1);
  return match != nullptr && length > 0 && std::strstr(path.data(), match) != nullptr;
}

/// False with errno: what the disk has to say about so many bytes.
bool passes(int fd, std::size_t bytes) {
  const char* control = std::getenv("BAD_DISK_CONTROL");
  if (control == nullptr || !matches(fd)) return true;
  const int file = ::open(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) return true;
  std::array<char, 64> text{};
  const ssize_t got = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  long number = 0;
  if (got > 0 && std::sscanf(text.data(), "error %ld", &number) == 1) {
    errno = static_cast<int>(number);
    return false;
  }
  if (got > 0 && std::sscanf(text.data(), "slow %ld", &number) == 1 && number > 0) {
    const auto nanos = static_cast<long long>(bytes) * 1'000'000'000 / number;
    timespec rest{static_cast<time_t>(nanos / 1'000'000'000), static_cast<long>(nanos % 1'000'000'000)};
    while (::nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
  }
  return true;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t bytes) {
  return passes(fd, bytes) ? ::syscall(SYS_write, fd, data, bytes) : -1;
}

// With 64-bit offsets, as everybody builds today, this is pwrite64.
ssize_t pwrite(int fd, const void* data, size_t bytes, off_t at) {
  return passes(fd, bytes) ? ::syscall(SYS_pwrite64, fd, data, bytes, at) : -1;
}

ssize_t writev(int fd, const iovec* parts, int count) {
  std::size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
  return passes(fd, bytes) ? ::syscall(SYS_writev, fd, parts, count) : -1;
}

}  // extern "C"
