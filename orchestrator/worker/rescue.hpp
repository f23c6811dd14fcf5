// SPDX-License-Identifier: LGPL-2.1-or-later
// The address at which a worker waits for its next daemon when the one that started it is gone. A UNIX socket
// in a folder only this user may enter; both sides ask the kernel who the other is.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace auralink::worker {

/// "<folder>/<conference>.<epoch>.sock"
[[nodiscard]] std::string rescue_path(const std::string& folder, std::string_view conference,
                                      std::uint32_t epoch);
/// The kernel's limit for the path of a UNIX socket.
[[nodiscard]] bool rescue_path_fits(const std::string& path) noexcept;

/// The worker's side. Exists, and so can be connected to, from the start of its conference on: a daemon that
/// starts quickly finds it even when the worker has not noticed yet that the last one is gone. Connections
/// wait in the backlog until open().
class Rescue {
 public:
  using OnConnect = std::function<void(int fd)>;  ///< takes ownership

  [[nodiscard]] static tl::expected<std::unique_ptr<Rescue>, std::string> listen(const std::string& path,
                                                                                 OnConnect on_connect);
  ~Rescue();  ///< the address is gone
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;

  void open();   ///< accept from now on
  void close();  ///< connections wait again

 private:
  Rescue(int fd, std::string path, OnConnect on_connect);
  static gboolean on_ready(gint fd, GIOCondition condition, gpointer self);

  int fd_;
  std::string path_;
  OnConnect on_connect_;
  GSource* source_ = nullptr;
};

/// What a daemon gets when it takes a worker over; both descriptors are the caller's.
struct Rescued {
  int fd = -1;
  int pidfd = -1;
  pid_t pid = 0;
};
/// Never blocks. Fails when nobody listens there (a socket that is left over is removed), or when the
/// listener is another user's.
[[nodiscard]] tl::expected<Rescued, std::string> connect_to_orphan(const std::string& path);

/// Creates the folder with mode 0700, or checks that it is ours and nobody else's, and locks it: two daemons
/// would take each other's workers for left over. The lock is held as long as the returned descriptor, which
/// is the caller's.
[[nodiscard]] tl::expected<int, std::string> claim_rescue_folder(const std::string& folder);

}  // namespace auralink::worker
