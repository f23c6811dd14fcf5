// SPDX-License-Identifier: LGPL-2.1-or-later
// Feedback within one pipeline: a custom upstream event with the fields of rtp::Feedback (README.md). Any
// thread.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "gst/aic/core/rtp/feedback.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic {

[[nodiscard]] support::Owned<GstEvent> make_feedback_event(const rtp::Feedback& feedback) noexcept;
/// Empty when the event is another one.
[[nodiscard]] std::optional<rtp::Feedback> read_feedback_event(GstEvent* event) noexcept;

}  // namespace auralink::aic
