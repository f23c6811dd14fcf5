// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace auralink::pipeline::finish {
namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10U;

std::string failed(std::string_view what, const std::filesystem::path& path) {
  return std::string{what} + " " + path.filename().string() + ": " + std::strerror(errno);
}

bool read_all(int fd, std::uint64_t offset, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

FileSource::FileSource(int fd, std::uint64_t size) : fd_{fd}, size_{size} {}
FileSource::FileSource(FileSource&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)},
      size_{other.size_},
      block_{std::move(other.block_)},
      block_at_{other.block_at_} {}
FileSource::~FileSource() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileSource> FileSource::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return tl::unexpected(failed("cannot open", path));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return tl::unexpected(path.filename().string() + " is not a regular file");
  }
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return FileSource{fd, static_cast<std::uint64_t>(info.st_size)};
}

bool FileSource::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (offset > size_ || out.size() > size_ - offset) return false;
  if (out.size() >= kBlock) return read_all(fd_, offset, out);
  if (block_.empty() || offset < block_at_ || offset + out.size() > block_at_ + block_.size()) {
    block_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, size_ - offset)));
    block_at_ = offset;
    if (!read_all(fd_, offset, block_)) {
      block_.clear();
      return false;
    }
  }
  std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(offset - block_at_), out.size(), out.begin());
  return true;
}

struct Digest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string hex;
  State() { EVP_DigestInit_ex(context, EVP_sha256(), nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};
Digest::Digest() : state_{std::make_unique<State>()} {}
Digest::~Digest() = default;
void Digest::add(View bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }
std::string Digest::hex() {
  if (!state_->hex.empty()) return state_->hex;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context, raw.data(), &length);
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const auto byte : std::span{raw}.first(length)) {
    state_->hex.push_back(kDigits[byte >> 4U]);
    state_->hex.push_back(kDigits[byte & 15U]);
  }
  return state_->hex;
}

std::filesystem::path temporary_of(const std::filesystem::path& target) {
  return target.parent_path() / ("." + target.filename().string() + ".part");
}

Result<std::unique_ptr<NewFile>> NewFile::create(const std::filesystem::path& target, Advance advance) {
  const auto temporary = temporary_of(target);
  ::unlink(temporary.c_str());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return tl::unexpected(failed("cannot create", temporary));
  return std::unique_ptr<NewFile>{new NewFile{fd, target, temporary, std::move(advance)}};
}

NewFile::NewFile(int fd, std::filesystem::path target, std::filesystem::path temporary, Advance advance)
    : fd_{fd}, target_{std::move(target)}, temporary_{std::move(temporary)}, advance_{std::move(advance)} {}

NewFile::~NewFile() {
  ::close(fd_);
  if (!committed_) ::unlink(temporary_.c_str());
}

Result<void> NewFile::write(View bytes) {
  digest_.add(bytes);
  bytes_ += bytes.size();
  const auto all = bytes.size();
  while (!bytes.empty()) {
    const auto done = ::write(fd_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return tl::unexpected(failed("cannot write", temporary_));
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  if (advance_ && !advance_(all)) return tl::unexpected(std::string{"cancelled"});
  return {};
}

Result<void> NewFile::settle() {
  if (settled_) return {};
  // The new file is as readable as the one it replaces.
  if (struct stat old{}; ::stat(target_.c_str(), &old) == 0 && ::fchmod(fd_, old.st_mode & 07777U) != 0)
    return tl::unexpected(failed("cannot set the mode of", temporary_));
  if (::fsync(fd_) != 0) return tl::unexpected(failed("cannot write", temporary_));
  settled_ = true;
  return {};
}

Result<void> NewFile::commit() {
  if (auto settled = settle(); !settled) return settled;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return tl::unexpected(failed("cannot name", target_));
  committed_ = true;
  sync_folder(target_.parent_path());
  return {};
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

Result<std::string> read_text(const std::filesystem::path& path, std::uint64_t most) {
  auto file = FileSource::open(path);
  if (!file) return tl::unexpected(file.error());
  if (file->size() > most) return tl::unexpected(path.filename().string() + " is too large");
  Bytes bytes(static_cast<std::size_t>(file->size()));
  if (!file->read(0, bytes)) return tl::unexpected(failed("cannot read", path));
  return std::string{bytes.begin(), bytes.end()};
}

Result<void> replace_text(const std::filesystem::path& path, std::string_view text) {
  auto file = NewFile::create(path);
  if (!file) return tl::unexpected(file.error());
  const Bytes bytes{text.begin(), text.end()};
  if (auto written = (*file)->write(bytes); !written) return written;
  return (*file)->commit();
}

Result<std::string> hash(const ByteSource& source, const Advance& advance) {
  Digest digest;
  Bytes buffer(std::size_t{1} << 20U);
  for (std::uint64_t at = 0; at < source.size();) {
    const auto part = std::span{buffer}.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), source.size() - at)));
    if (!source.read(at, part)) return tl::unexpected(std::string{"the file cannot be read to its end"});
    digest.add(part);
    at += part.size();
    if (advance && !advance(part.size())) return tl::unexpected(std::string{"cancelled"});
  }
  return digest.hex();
}

}  // namespace auralink::pipeline::finish
