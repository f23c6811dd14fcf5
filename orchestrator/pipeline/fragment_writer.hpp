// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of the fragmented MP4 of a recording that is a folder: hls_writer.hpp, segment_writer.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace auralink::pipeline {

/// Thread-compatible.
class FragmentWriter {
 public:
  using Status = tl::expected<void, std::string>;
  virtual ~FragmentWriter() = default;
  /// Any part of what mp4mux writes. An error is the system's sentence with the name of the file, or what is
  /// wrong with the bytes.
  [[nodiscard]] virtual Status write(std::span<const std::uint8_t> bytes) = 0;
  /// Nothing more comes: ends what is open.
  [[nodiscard]] virtual Status finish() = 0;
};

/// The files of such a folder, one open at a time, written without a buffer so that a killed process loses
/// nothing. After the first error nothing is done any more.
class FolderFile final {
 public:
  explicit FolderFile(std::string folder) : folder_{std::move(folder)} {}
  ~FolderFile() { close(); }
  FolderFile(const FolderFile&) = delete;
  FolderFile& operator=(const FolderFile&) = delete;

  /// Closes the one before. Does not follow a symbolic link; replaces what has the name.
  void create(const std::string& name);
  void append(std::span<const std::uint8_t> bytes);
  void overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes);
  void close();
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& name);

  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] bool failed() const noexcept { return !error_.empty(); }
  /// Of the open file.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  [[nodiscard]] FragmentWriter::Status status() const;

 private:
  void fail(std::string_view name);

  std::string folder_, name_, error_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace auralink::pipeline
