// SPDX-License-Identifier: LGPL-2.1-or-later
// Buffers that the core knows by number, and what becomes of its answers. Streaming thread only.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <unordered_map>

#include "gst/aic/core/rtp/output.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {

class Held final {
 public:
  [[nodiscard]] rtp::Handle add(support::Owned<GstBuffer> buffer);
  [[nodiscard]] support::Owned<GstBuffer> take(rtp::Handle handle);
  /// The buffer that an answer asks for; empty when it only drops one.
  [[nodiscard]] support::Owned<GstBuffer> carry_out(const rtp::Output& output);
  void clear() noexcept { buffers_.clear(); }

 private:
  std::unordered_map<rtp::Handle, support::Owned<GstBuffer>> buffers_;
  rtp::Handle next_ = 1;
};

/// A clock for the core: microseconds, monotonic.
[[nodiscard]] std::int64_t now_us() noexcept;

/// The duration of a frame as caps tell it (a-framerate), or that of 25 frames a second.
[[nodiscard]] GstClockTime frame_duration(const GstCaps* caps) noexcept;

/// Answers a LATENCY query on a source pad with what upstream says and `added` more; false when upstream
/// cannot tell.
[[nodiscard]] bool add_latency(GstPad* sinkpad, GstQuery* query, GstClockTime added) noexcept;

}  // namespace auralink::aic
