// SPDX-License-Identifier: LGPL-2.1-or-later
// Wall-clock times of a stream's packets. Streaming thread only.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

#include "gst/rtphdrext/core/values.hpp"

namespace auralink::rtphdrext {

/// The wall clock as it was when the stream began, walked on by the monotonic clock: differences between
/// times of sending stay true when somebody sets the wall clock.
class StreamClock final {
 public:
  void begin() noexcept;
  [[nodiscard]] NtpTime now() const noexcept { return ntp_from_unix(unix_now()); }

  /// When the packet's media was captured: what a reference timestamp (timestamp/x-ntp, timestamp/x-unix)
  /// says, or else its running time on the clock of `element`. Empty when neither is known.
  [[nodiscard]] std::optional<NtpTime> captured(GstElement* element, const GstSegment& segment,
                                                GstBuffer* packet) const noexcept;

 private:
  [[nodiscard]] std::uint64_t unix_now() const noexcept {
    return static_cast<std::uint64_t>(g_get_monotonic_time()) * GST_USECOND + offset_;
  }

  std::uint64_t offset_ = 0;  // nanoseconds from the monotonic clock to the wall clock
};

}  // namespace auralink::rtphdrext
