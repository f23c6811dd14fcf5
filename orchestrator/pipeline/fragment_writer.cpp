// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/fragment_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace auralink::pipeline {

void FolderFile::create(const std::string& name) {
  close();
  if (failed()) return;
  name_ = name;
  size_ = 0;
  fd_ = ::open((folder_ + "/" + name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd_ < 0) fail(name);
}

void FolderFile::append(std::span<const std::uint8_t> bytes) {
  overwrite(size_, bytes);
  if (open() && !failed()) size_ += bytes.size();
}

void FolderFile::overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty() && open() && !failed()) {
    const auto written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(name_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void FolderFile::close() {
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0) fail(name_);
}

void FolderFile::rename(const std::string& from, const std::string& to) {
  if (!failed() && std::rename((folder_ + "/" + from).c_str(), (folder_ + "/" + to).c_str()) != 0) fail(to);
}

void FolderFile::remove(const std::string& name) { ::unlink((folder_ + "/" + name).c_str()); }

bool FolderFile::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const auto got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

FragmentWriter::Status FolderFile::status() const {
  if (failed()) return tl::unexpected(error_);
  return {};
}

void FolderFile::fail(std::string_view name) {
  if (error_.empty()) error_ = "cannot write " + std::string{name} + ": " + std::strerror(errno);
}

}  // namespace auralink::pipeline
