// SPDX-License-Identifier: LGPL-2.1-or-later
// The folder recordings live in. Names come from callers, so the kernel, not string handling, makes sure that
// nothing outside the folder can be touched: every step is openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS),
// or, on kernels without it, one component at a time with O_NOFOLLOW.
#pragma once

#include <memory>
#include <string>

#include "orchestrator/session/ports.hpp"
#include "orchestrator/store/error.hpp"

namespace auralink::store {

struct FolderSettings {
  std::string root;             ///< created when missing; may itself be a symbolic link
  bool force_fallback = false;  ///< behave as on a kernel without openat2 (for tests)
};

class RecordingsFolder final : public session::Storage {
 public:
  /// Throws StoreError when the root cannot be created or opened.
  explicit RecordingsFolder(const FolderSettings& settings);
  ~RecordingsFolder() override;

  session::Outcome<std::string> reserve(const std::string& relative, bool directory) override;
  void release(const std::string& path) override;
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string& path) const override;
  /// Symbolic links are removed themselves, never followed; nothing outside the root is touched.
  session::Outcome<void> remove(const std::string& path) override;

  [[nodiscard]] const std::string& root() const noexcept;  ///< absolute, without symbolic links
  /// Bytes an ordinary process may still write; nullopt when the file system does not say.
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::store
