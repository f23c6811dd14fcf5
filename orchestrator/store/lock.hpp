// SPDX-License-Identifier: LGPL-2.1-or-later
// One daemon per data folder, by flock: the kernel lets go when the process ends, however it ends.
#pragma once

#include <string>

namespace auralink::store {

class FolderLock {
 public:
  /// Throws StoreError when another process holds the folder.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  FolderLock(FolderLock&&) = delete;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace auralink::store
