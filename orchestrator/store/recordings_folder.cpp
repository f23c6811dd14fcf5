// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/store/recordings_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace auralink::store {
namespace {

using session::Outcome;
using session::Problem;

class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_{fd} {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

Problem problem_for(int error) {
  const auto says = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT)
    return {
        .kind = Problem::Kind::limit, .detail = "the recordings folder is full: " + says, .reason = "disk"};
  if (error == EEXIST)
    return {.kind = Problem::Kind::conflict,
            .detail = "the path is taken",
            .errors = {{"/path", "exists already; recordings are never overwritten"}}};
  if (error == ELOOP || error == EXDEV || error == ENOTDIR || error == ENAMETOOLONG || error == EINVAL)
    return {
        .kind = Problem::Kind::invalid,
        .detail = "the path is not usable",
        .errors = {{"/path", error == ELOOP || error == EXDEV ? "would leave the recordings folder" : says}}};
  return {.kind = Problem::Kind::unavailable,
          .detail = "the recordings folder cannot be written: " + says,
          .errors = {{"/path", says}},
          .reason = "disk"};
}

/// Components, or nothing when the path is not a plain relative one. paths.hpp refused these before; a port
/// does not rely on its caller for safety.
std::vector<std::string> components(const std::string& relative) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= relative.size();) {
    const auto end = std::min(relative.find('/', begin), relative.size());
    auto part = relative.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) return {};
    parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

Fd open_beneath(int folder, const std::string& name, int flags, mode_t mode, bool fallback) {
  if (!fallback) {
    struct open_how how {};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return Fd{static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how))};
  }
  // One component without symbolic links cannot lead anywhere but into `folder`.
  return Fd{::openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)};
}

bool lacks_openat2(int folder) {
  const Fd probe = open_beneath(folder, ".", O_PATH | O_DIRECTORY, 0, false);
  return !probe && (errno == ENOSYS || errno == EPERM || errno == EINVAL);
}

std::uint64_t size_beneath(Fd folder, unsigned depth) {
  DIR* const listing = ::fdopendir(folder.get());
  if (listing == nullptr) return 0;
  const int fd = folder.release();  // closedir owns it now
  std::uint64_t total = 0;
  while (const dirent* item = ::readdir(listing)) {
    const std::string name = item->d_name;
    if (name == "." || name == "..") continue;
    struct stat info {};
    if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(info.st_mode)) total += static_cast<std::uint64_t>(info.st_size);
    if (S_ISDIR(info.st_mode) && depth > 0)
      if (Fd child{::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)})
        total += size_beneath(std::move(child), depth - 1);
  }
  ::closedir(listing);
  return total;
}

/// Removes what is in a folder. Deeper than recordings ever are, it gives up rather than exhaust the stack.
int empty_beneath(Fd folder, unsigned depth) {
  DIR* const listing = ::fdopendir(folder.get());
  if (listing == nullptr) return errno;
  const int fd = folder.release();  // closedir owns it now
  int error = 0;
  while (const dirent* item = ::readdir(listing)) {
    const std::string name = item->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) {
      error = errno;
      continue;
    }
    Fd child{::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!child)
      error = errno;
    else if (depth == 0)
      error = ENOTEMPTY;
    else if (const int inner = empty_beneath(std::move(child), depth - 1); inner != 0)
      error = inner;
    else if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      error = errno;
  }
  ::closedir(listing);
  return error;
}

std::string canonical_root(const std::string& root) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) throw StoreError{"recordings folder " + root + ": " + error.message()};
  auto real = std::filesystem::canonical(root, error);
  if (error) throw StoreError{"recordings folder " + root + ": " + error.message()};
  return real.string();
}

}  // namespace

class RecordingsFolder::Impl {
 public:
  explicit Impl(const FolderSettings& settings)
      : root{canonical_root(settings.root)},
        fd{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
        fallback{settings.force_fallback} {
    if (!fd) throw StoreError{"recordings folder " + root + ": " + std::generic_category().message(errno)};
    fallback = fallback || lacks_openat2(fd.get());
  }

  /// Components of an absolute path beneath the root; none when it is not.
  [[nodiscard]] std::vector<std::string> parts_of(const std::string& path) const {
    const auto prefix = root + "/";
    if (path.compare(0, prefix.size(), prefix) != 0) return {};
    return components(path.substr(prefix.size()));
  }

  /// The folder that holds the last component; missing folders on the way are created.
  [[nodiscard]] tl::expected<Fd, int> parent(const std::vector<std::string>& parts, bool create) const {
    Fd at{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)};
    for (std::size_t i = 0; at && i + 1 < parts.size(); ++i) {
      if (create && ::mkdirat(at.get(), parts[i].c_str(), 0750) != 0 && errno != EEXIST)
        return tl::unexpected(errno);
      at = open_beneath(at.get(), parts[i], O_RDONLY | O_DIRECTORY, 0, fallback);
    }
    if (!at) return tl::unexpected(errno);
    return at;
  }

  std::string root;
  Fd fd;
  bool fallback;
};

RecordingsFolder::RecordingsFolder(const FolderSettings& settings)
    : impl_{std::make_unique<Impl>(settings)} {}
RecordingsFolder::~RecordingsFolder() = default;

const std::string& RecordingsFolder::root() const noexcept { return impl_->root; }

std::optional<std::uint64_t> RecordingsFolder::free_bytes() const {
  struct statvfs info {};
  if (::fstatvfs(impl_->fd.get(), &info) != 0) return std::nullopt;
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

Outcome<std::string> RecordingsFolder::reserve(const std::string& relative, bool directory) {
  const auto parts = components(relative);
  if (parts.empty())
    return tl::unexpected(
        Problem{.kind = Problem::Kind::invalid,
                .detail = "the path is not usable",
                .errors = {{"/path", "expected a relative path without empty, '.' or '..' parts"}}});
  const auto folder = impl_->parent(parts, true);
  if (!folder) return tl::unexpected(problem_for(folder.error()));
  const auto& name = parts.back();
  if (directory) {
    if (::mkdirat(folder->get(), name.c_str(), 0750) != 0) return tl::unexpected(problem_for(errno));
  } else {
    const Fd file =
        open_beneath(folder->get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640, impl_->fallback);
    if (!file) return tl::unexpected(problem_for(errno));
  }
  return impl_->root + "/" + relative;
}

void RecordingsFolder::release(const std::string& path) {
  const auto parts = impl_->parts_of(path);
  if (parts.empty()) return;
  const auto folder = impl_->parent(parts, false);
  struct stat info {};
  if (!folder || ::fstatat(folder->get(), parts.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (S_ISREG(info.st_mode) && info.st_size == 0) ::unlinkat(folder->get(), parts.back().c_str(), 0);
  if (S_ISDIR(info.st_mode))
    ::unlinkat(folder->get(), parts.back().c_str(), AT_REMOVEDIR);  // only when empty
}

std::optional<std::uint64_t> RecordingsFolder::size(const std::string& path) const {
  const auto parts = impl_->parts_of(path);
  if (parts.empty()) return std::nullopt;
  const auto folder = impl_->parent(parts, false);
  if (!folder) return std::nullopt;
  struct stat info {};
  if (::fstatat(folder->get(), parts.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  if (S_ISREG(info.st_mode)) return static_cast<std::uint64_t>(info.st_size);
  if (!S_ISDIR(info.st_mode)) return std::nullopt;
  constexpr unsigned kDeepest = 4;
  return size_beneath(open_beneath(folder->get(), parts.back(), O_RDONLY | O_DIRECTORY, 0, impl_->fallback),
                      kDeepest);
}

Outcome<void> RecordingsFolder::remove(const std::string& path) {
  const auto parts = impl_->parts_of(path);
  if (parts.empty())
    return tl::unexpected(Problem{.kind = Problem::Kind::invalid,
                                  .detail = "the path is not usable",
                                  .errors = {{"/path", "expected a path in the recordings folder"}}});
  const auto refused = [](int error) {
    auto problem = problem_for(error);
    problem.detail = "the recording cannot be removed: " + std::generic_category().message(error);
    return tl::unexpected(std::move(problem));
  };
  const auto folder = impl_->parent(parts, false);
  if (!folder && folder.error() == ENOENT) return {};
  if (!folder) return refused(folder.error());
  const auto* name = parts.back().c_str();
  if (::unlinkat(folder->get(), name, 0) != 0 && errno != ENOENT) {
    if (errno != EISDIR && errno != EPERM) return refused(errno);
    constexpr unsigned kDeepest = 8;
    auto inside = open_beneath(folder->get(), name, O_RDONLY | O_DIRECTORY, 0, impl_->fallback);
    if (!inside) return refused(errno);
    if (const int error = empty_beneath(std::move(inside), kDeepest); error != 0) return refused(error);
    if (::unlinkat(folder->get(), name, AT_REMOVEDIR) != 0 && errno != ENOENT) return refused(errno);
  }
  // Folders that templates made go with their last recording; rmdir keeps those that hold something.
  for (auto above = parts; above.size() > 1;) {
    above.pop_back();
    const auto holder = impl_->parent(above, false);
    if (!holder || ::unlinkat(holder->get(), above.back().c_str(), AT_REMOVEDIR) != 0) break;
  }
  return {};
}

}  // namespace auralink::store
