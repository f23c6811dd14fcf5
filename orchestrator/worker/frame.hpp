// SPDX-License-Identifier: LGPL-2.1-or-later
// Framing of the channel between auralinkd and a worker: a 32-bit big-endian length, then that many bytes of
// one protobuf message. Pure: bytes in, payloads out.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace auralink::worker {

inline constexpr std::size_t kHeaderBytes = 4;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{4} << 20U;  ///< longest payload either side accepts

/// Collects bytes as they arrive and hands out whole payloads. Thread-compatible.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_bytes = kMaxFrameBytes) : max_bytes_{max_bytes} {}

  /// Fails as soon as a header announces more than the limit; from then on the reader stays broken and
  /// next() gives only payloads that were complete before.
  [[nodiscard]] tl::expected<void, std::string> feed(std::span<const std::uint8_t> bytes);
  /// The next complete payload, in order.
  [[nodiscard]] std::optional<std::string> next();
  /// Bytes of a frame that has begun but not ended; 0 between frames.
  [[nodiscard]] std::size_t pending() const noexcept { return buffer_.size() - consumed_; }

 private:
  [[nodiscard]] std::optional<std::size_t> announced(std::size_t at) const noexcept;

  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t consumed_ = 0;  ///< bytes of buffer_ already handed out
  std::size_t checked_ = 0;   ///< where the first header that was not looked at yet will be
  bool broken_ = false;
};

/// Header and payload of one message. The caller keeps messages below kMaxFrameBytes: the peer refuses longer
/// ones.
[[nodiscard]] std::string frame(const google::protobuf::MessageLite& message);
[[nodiscard]] std::string frame(std::string_view payload);

}  // namespace auralink::worker
