// SPDX-License-Identifier: LGPL-2.1-or-later
// Mapped views of buffers that are unmapped when they leave scope.
#pragma once

#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace auralink::support {

/// The bytes of a buffer, or of `count` of its memories from `first`; more than one memory is merged into a
/// copy.
class BufferMap final {
 public:
  BufferMap(GstBuffer* buffer, GstMapFlags flags) noexcept
      : buffer_{buffer}, ok_{gst_buffer_map(buffer, &info_, flags) != FALSE} {}
  BufferMap(GstBuffer* buffer, guint first, gint count, GstMapFlags flags) noexcept
      : buffer_{buffer}, ok_{gst_buffer_map_range(buffer, first, count, &info_, flags) != FALSE} {}
  ~BufferMap() {
    if (ok_) gst_buffer_unmap(buffer_, &info_);
  }
  BufferMap(const BufferMap&) = delete;
  BufferMap& operator=(const BufferMap&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Empty when the mapping failed.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return ok_ ? std::span<const std::uint8_t>{info_.data, info_.size} : std::span<const std::uint8_t>{};
  }
  /// Only with GST_MAP_WRITE. Not const: the bytes belong to the map.
  // NOLINTNEXTLINE(readability-make-member-function-const)
  [[nodiscard]] std::span<std::uint8_t> writable() noexcept {
    return ok_ ? std::span<std::uint8_t>{info_.data, info_.size} : std::span<std::uint8_t>{};
  }

 private:
  GstMapInfo info_{};  // before ok_: the initialiser of ok_ fills it
  GstBuffer* buffer_;
  bool ok_;
};

/// The bytes of one memory.
class MemoryMap final {
 public:
  MemoryMap(GstMemory* memory, GstMapFlags flags) noexcept
      : memory_{memory}, ok_{gst_memory_map(memory, &info_, flags) != FALSE} {}
  ~MemoryMap() {
    if (ok_) gst_memory_unmap(memory_, &info_);
  }
  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Empty when the mapping failed.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return ok_ ? std::span<const std::uint8_t>{info_.data, info_.size} : std::span<const std::uint8_t>{};
  }
  /// Only with GST_MAP_WRITE. Not const: the bytes belong to the map.
  // NOLINTNEXTLINE(readability-make-member-function-const)
  [[nodiscard]] std::span<std::uint8_t> writable() noexcept {
    return ok_ ? std::span<std::uint8_t>{info_.data, info_.size} : std::span<std::uint8_t>{};
  }

 private:
  GstMapInfo info_{};  // before ok_: the initialiser of ok_ fills it
  GstMemory* memory_;
  bool ok_;
};

/// A buffer seen as an RTP packet; `ok()` is false when it is none.
class RtpMap final {
 public:
  RtpMap(GstBuffer* buffer, GstMapFlags flags) noexcept
      : ok_{gst_rtp_buffer_map(buffer, flags, &rtp_) != FALSE} {}
  ~RtpMap() {
    if (ok_) gst_rtp_buffer_unmap(&rtp_);
  }
  RtpMap(const RtpMap&) = delete;
  RtpMap& operator=(const RtpMap&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// For the gst_rtp_buffer_* functions; only when ok().
  [[nodiscard]] GstRTPBuffer* get() noexcept { return &rtp_; }

 private:
  GstRTPBuffer rtp_ = GST_RTP_BUFFER_INIT;
  bool ok_;
};

}  // namespace auralink::support
