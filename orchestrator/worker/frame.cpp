// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/frame.hpp"

namespace auralink::worker {

std::optional<std::size_t> FrameReader::announced(std::size_t at) const noexcept {
  if (at > buffer_.size() || buffer_.size() - at < kHeaderBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHeaderBytes; ++i)
    length = (length << 8U) | static_cast<std::uint8_t>(buffer_[at + i]);
  return length;
}

tl::expected<void, std::string> FrameReader::feed(std::span<const std::uint8_t> bytes) {
  if (broken_) return tl::unexpected(std::string{"the stream is broken"});
  if (consumed_ > 0) {
    buffer_.erase(0, consumed_);
    checked_ -= consumed_;
    consumed_ = 0;
  }
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (const auto length = announced(checked_)) {
    if (*length > max_bytes_) {
      broken_ = true;
      buffer_.resize(checked_);
      return tl::unexpected("a frame of " + std::to_string(*length) + " bytes is longer than " +
                            std::to_string(max_bytes_));
    }
    checked_ += kHeaderBytes + *length;
  }
  return {};
}

std::optional<std::string> FrameReader::next() {
  const auto length = announced(consumed_);
  if (!length || buffer_.size() - consumed_ - kHeaderBytes < *length) return std::nullopt;
  std::string payload = buffer_.substr(consumed_ + kHeaderBytes, *length);
  consumed_ += kHeaderBytes + *length;
  return payload;
}

std::string frame(std::string_view payload) {
  std::string out;
  out.reserve(kHeaderBytes + payload.size());
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    out.push_back(static_cast<char>((payload.size() >> shift) & 0xFFU));
  }
  out.append(payload);
  return out;
}

std::string frame(const google::protobuf::MessageLite& message) { return frame(message.SerializeAsString()); }

}  // namespace auralink::worker
