// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/feedback_event.hpp"

#include <vector>

namespace auralink::aic {
namespace {

constexpr const char* kName = "application/x-aic-feedback";

}  // namespace

// The event carries the RTCP packet itself, so that there is one format and one reader.
support::Owned<GstEvent> make_feedback_event(const rtp::Feedback& feedback) noexcept {
  std::vector<std::uint8_t> packet;
  rtp::write_app(feedback, packet);
  const auto bytes = support::adopt(g_bytes_new(packet.data(), packet.size()));
  GstStructure* what = gst_structure_new(
      kName, "kind", G_TYPE_STRING, feedback.kind == rtp::Feedback::Kind::kResync ? "resync" : "acknowledge",
      "chain", G_TYPE_UINT, guint{feedback.chain}, "rtcp", G_TYPE_BYTES, bytes.get(), nullptr);
  return support::adopt(gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, what));
}

std::optional<rtp::Feedback> read_feedback_event(GstEvent* event) noexcept {
  if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM || !gst_event_has_name(event, kName))
    return std::nullopt;
  support::Owned<GBytes> bytes;
  GBytes* raw = nullptr;
  if (!gst_structure_get(gst_event_get_structure(event), "rtcp", G_TYPE_BYTES, &raw, nullptr))
    return std::nullopt;
  bytes.reset(raw);
  gsize size = 0;
  const auto* data = static_cast<const std::uint8_t*>(g_bytes_get_data(bytes.get(), &size));
  return rtp::read_feedback({data, size});
}

}  // namespace auralink::aic
