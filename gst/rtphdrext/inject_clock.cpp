// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/inject_clock.hpp"

#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

/// A reference timestamp as nanoseconds since 1970.
std::optional<std::uint64_t> reference_of(GstBuffer* packet) noexcept {
  static GstStaticCaps ntp = GST_STATIC_CAPS("timestamp/x-ntp");
  static GstStaticCaps unix_time = GST_STATIC_CAPS("timestamp/x-unix");
  constexpr guint64 kSeventyYears = 2'208'988'800 * GST_SECOND;  // 1900 to 1970
  const auto since_1900 = support::adopt(gst_static_caps_get(&ntp));
  if (const auto* meta = gst_buffer_get_reference_timestamp_meta(packet, since_1900.get());
      meta != nullptr && meta->timestamp >= kSeventyYears)
    return meta->timestamp - kSeventyYears;
  const auto since_1970 = support::adopt(gst_static_caps_get(&unix_time));
  if (const auto* meta = gst_buffer_get_reference_timestamp_meta(packet, since_1970.get()))
    return meta->timestamp;
  return std::nullopt;
}

}  // namespace

void StreamClock::begin() noexcept {
  offset_ = static_cast<std::uint64_t>(g_get_real_time() - g_get_monotonic_time()) * GST_USECOND;
}

std::optional<NtpTime> StreamClock::captured(GstElement* element, const GstSegment& segment,
                                             GstBuffer* packet) const noexcept {
  if (const auto reference = reference_of(packet)) return ntp_from_unix(*reference);
  const auto clock = support::adopt(gst_element_get_clock(element));
  if (clock == nullptr || !GST_BUFFER_PTS_IS_VALID(packet) || segment.format != GST_FORMAT_TIME)
    return std::nullopt;
  const GstClockTime base = gst_element_get_base_time(element);
  const GstClockTime running = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(packet));
  if (!GST_CLOCK_TIME_IS_VALID(running) || !GST_CLOCK_TIME_IS_VALID(base)) return std::nullopt;
  return ntp_from_unix(unix_now() - gst_clock_get_time(clock.get()) + base + running);
}

}  // namespace auralink::rtphdrext
