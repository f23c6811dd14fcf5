// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/rescue.hpp"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot the C linkage
}

namespace auralink::worker {
namespace {

constexpr int kBacklog = 4;
constexpr mode_t kPrivate = 0700;

[[nodiscard]] std::string failed(const std::string& what) { return what + ": " + std::strerror(errno); }

[[nodiscard]] sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

[[nodiscard]] std::optional<ucred> peer_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer;
}

}  // namespace

std::string rescue_path(const std::string& folder, std::string_view conference, std::uint32_t epoch) {
  return folder + "/" + std::string{conference} + "." + std::to_string(epoch) + ".sock";
}

bool rescue_path_fits(const std::string& path) noexcept { return path.size() < sizeof sockaddr_un::sun_path; }

tl::expected<int, std::string> claim_rescue_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), kPrivate) != 0 && errno != EEXIST)
    return tl::unexpected(failed("cannot create " + folder));
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(failed(folder));
  const auto give_up = [fd](std::string why) {
    ::close(fd);
    return tl::unexpected(std::move(why));
  };
  struct stat found {};
  if (::fstat(fd, &found) != 0 || found.st_uid != ::geteuid())
    return give_up(folder + ": expected a folder of this user");
  if ((found.st_mode & 0777U) != kPrivate && ::fchmod(fd, kPrivate) != 0)
    return give_up(failed("cannot protect " + folder));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return give_up(folder + ": another daemon uses it");
  return fd;
}

tl::expected<std::unique_ptr<Rescue>, std::string> Rescue::listen(const std::string& path,
                                                                  OnConnect on_connect) {
  if (!rescue_path_fits(path)) return tl::unexpected(path + ": too long for a socket");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return tl::unexpected(failed("socket"));
  const auto address = address_of(path);
  // The name holds conference and epoch, which are never used twice: what lies there is left over.
  ::unlink(path.c_str());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    auto error = failed("cannot listen at " + path);
    ::close(fd);
    return tl::unexpected(std::move(error));
  }
  return std::unique_ptr<Rescue>{new Rescue{fd, path, std::move(on_connect)}};
}

Rescue::Rescue(int fd, std::string path, OnConnect on_connect)
    : fd_{fd}, path_{std::move(path)}, on_connect_{std::move(on_connect)} {}

Rescue::~Rescue() {
  close();
  ::unlink(path_.c_str());
  ::close(fd_);
}

void Rescue::open() {
  if (source_ != nullptr) return;
  source_ = g_unix_fd_source_new(fd_, G_IO_IN);
  g_source_set_callback(source_, G_SOURCE_FUNC(&Rescue::on_ready), this, nullptr);
  g_source_attach(source_, nullptr);
}

void Rescue::close() {
  if (source_ == nullptr) return;
  g_source_destroy(source_);
  g_source_unref(source_);
  source_ = nullptr;
}

gboolean Rescue::on_ready(gint fd, GIOCondition /*condition*/, gpointer data) {
  auto* self = static_cast<Rescue*>(data);
  const int peer_fd = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (peer_fd < 0) return G_SOURCE_CONTINUE;  // it went away again, or no descriptor is free: next time
  const auto peer = peer_of(peer_fd);
  if (!peer || peer->uid != ::geteuid()) {
    ::close(peer_fd);
    return G_SOURCE_CONTINUE;
  }
  const auto handler = self->on_connect_;  // it may end this object
  handler(peer_fd);
  return G_SOURCE_CONTINUE;
}

tl::expected<Rescued, std::string> connect_to_orphan(const std::string& path) {
  if (!rescue_path_fits(path)) return tl::unexpected(path + ": too long for a socket");
  Rescued out;
  out.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (out.fd < 0) return tl::unexpected(failed("socket"));
  const auto give_up = [&out](std::string why) {
    ::close(out.fd);
    if (out.pidfd >= 0) ::close(out.pidfd);
    return tl::unexpected(std::move(why));
  };
  const auto address = address_of(path);
  if (::connect(out.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    auto error = failed("nobody at " + path);
    if (errno == ECONNREFUSED) ::unlink(path.c_str());
    return give_up(std::move(error));
  }
  const auto peer = peer_of(out.fd);
  if (!peer || peer->uid != ::geteuid()) return give_up(path + ": held by another user");
  out.pid = peer->pid;
  out.pidfd = ::pidfd_open(out.pid, 0);
  if (out.pidfd < 0) return give_up(failed("pidfd_open"));
  // The number may have changed hands before pidfd_open(); not if the listener still holds our connection
  // after it.
  pollfd held{.fd = out.fd, .events = 0, .revents = 0};
  if (::poll(&held, 1, 0) != 0) return give_up(path + ": the worker ended just now");
  return out;
}

}  // namespace auralink::worker
