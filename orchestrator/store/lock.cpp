// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/store/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "orchestrator/store/error.hpp"

namespace auralink::store {

FolderLock::FolderLock(const std::string& folder) {
  // A file of its own: SQLite takes POSIX locks on the database, which any close() in the process would drop.
  const auto file = folder + "/lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) throw StoreError{file + ": " + std::generic_category().message(errno)};
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int why = errno;
  ::close(fd_);
  if (why == EWOULDBLOCK) throw StoreError{"data folder " + folder + " is in use by another auralinkd"};
  throw StoreError{file + ": " + std::generic_category().message(why)};
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace auralink::store
