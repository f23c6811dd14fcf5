// SPDX-License-Identifier: LGPL-2.1-or-later
// Per-frame detail for whoever watches the stream: the AIC metadata header extension, when the plugin that
// knows it is installed. Streaming thread only.
#pragma once

#include <gst/gst.h>

#include "gst/aic/core/rtp/sender.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {

class FrameExtension final {
 public:
  /// Most bytes that write() adds to a packet.
  static constexpr std::size_t kMaxAdded = 12;

  /// 0: none. Another id makes another extension; without the plugin nothing is written, and `missing()` says
  /// so.
  void use(guint id);
  [[nodiscard]] bool ready() const noexcept { return extension_ != nullptr; }
  [[nodiscard]] bool missing() const noexcept { return id_ != 0 && extension_ == nullptr; }
  /// On the first packet of an access unit. The packet goes on unchanged when its own extension leaves no
  /// room.
  [[nodiscard]] support::Owned<GstBuffer> write(support::Owned<GstBuffer> packet,
                                                const rtp::UnitReport& report, guint number);

 private:
  guint id_ = 0;
  support::Owned<GstElement> extension_;  // a GstRTPHeaderExtension is one
};

}  // namespace auralink::aic
