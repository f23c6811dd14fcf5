// SPDX-License-Identifier: LGPL-2.1-or-later
// Files behind finish_bytes.hpp, made so that a reader sees all of a new file or the one before it, whenever
// the process or the machine ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

/// Called often during long work with the number of bytes done since the last call; false means: give up.
using Advance = std::function<bool(std::uint64_t bytes)>;

class FileSource final : public ByteSource {
 public:
  /// Does not follow a symbolic link in the last part of the path.
  [[nodiscard]] static Result<FileSource> open(const std::filesystem::path& path);
  FileSource(FileSource&& other) noexcept;
  FileSource& operator=(FileSource&&) = delete;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override;
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const override;

 private:
  FileSource(int fd, std::uint64_t size);
  int fd_;
  std::uint64_t size_;
  // Tables are read in little steps: the last block serves most of them.
  mutable Bytes block_;
  mutable std::uint64_t block_at_ = 0;
};

/// SHA-256 of what goes through it, as lower-case hex.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  void add(View);
  [[nodiscard]] std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A new file under a temporary name in the same folder; gone again unless commit() is called.
class NewFile final : public ByteSink {
 public:
  /// An earlier try's leftover is replaced.
  [[nodiscard]] static Result<std::unique_ptr<NewFile>> create(const std::filesystem::path& target,
                                                               Advance advance = {});
  ~NewFile() override;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  [[nodiscard]] Result<void> write(View) override;
  /// Everything is on the disk, but not under its name.
  [[nodiscard]] Result<void> settle();
  /// settle(), then takes the name, replacing what has it.
  [[nodiscard]] Result<void> commit();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string sha256() { return digest_.hex(); }

 private:
  NewFile(int fd, std::filesystem::path target, std::filesystem::path temporary, Advance advance);
  int fd_;
  std::filesystem::path target_, temporary_;
  Advance advance_;
  Digest digest_;
  std::uint64_t bytes_ = 0;
  bool settled_ = false, committed_ = false;
};

/// Where a file lies before it takes its name: ".<name>.part" beside it.
[[nodiscard]] std::filesystem::path temporary_of(const std::filesystem::path& target);
/// The whole of a small file, or what it is replaced with in one step.
[[nodiscard]] Result<std::string> read_text(const std::filesystem::path& path, std::uint64_t most);
[[nodiscard]] Result<void> replace_text(const std::filesystem::path& path, std::string_view text);
/// Makes names that were given or taken away in that folder last.
void sync_folder(const std::filesystem::path& folder);
/// SHA-256 of a whole file.
[[nodiscard]] Result<std::string> hash(const ByteSource& source, const Advance& advance = {});

}  // namespace auralink::pipeline::finish
