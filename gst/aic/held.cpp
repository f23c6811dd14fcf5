// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/held.hpp"

#include <array>
#include <utility>

namespace auralink::aic {

using support::adopt;
using support::Owned;

namespace {

constexpr GstClockTime kUsualFrame = 40 * GST_MSECOND;

/// Writes the sequence number of an RTP packet, without copying its payload when header and payload are
/// apart.
Owned<GstBuffer> renumber(Owned<GstBuffer> packet, std::uint16_t sequence) {
  const auto high = static_cast<std::uint8_t>(sequence >> 8U);
  const auto low = static_cast<std::uint8_t>(sequence & 0xFFU);
  std::array<std::uint8_t, 2> present{};
  if (gst_buffer_extract(packet.get(), 2, present.data(), 2) == 2 && present[0] == high && present[1] == low)
    return packet;
  auto out = adopt(gst_buffer_make_writable(packet.release()));
  support::BufferMap head{out.get(), 0, 1, GST_MAP_READWRITE};
  if (head.bytes().size() >= 4) {
    head.writable()[2] = high;
    head.writable()[3] = low;
  } else {
    const std::array<std::uint8_t, 2> number{high, low};
    gst_buffer_fill(out.get(), 2, number.data(), number.size());
  }
  return out;
}

}  // namespace

rtp::Handle Held::add(Owned<GstBuffer> buffer) {
  const rtp::Handle handle = next_++;
  buffers_.emplace(handle, std::move(buffer));
  return handle;
}

Owned<GstBuffer> Held::take(rtp::Handle handle) {
  auto node = buffers_.extract(handle);
  return node.empty() ? nullptr : std::move(node.mapped());
}

Owned<GstBuffer> Held::carry_out(const rtp::Output& output) {
  Owned<GstBuffer> buffer;
  switch (output.kind) {
    case rtp::Output::Kind::kDrop:
      buffers_.erase(output.handle);
      return nullptr;
    case rtp::Output::Kind::kForward:
      buffer = take(output.handle);
      if (buffer != nullptr && output.renumber) buffer = renumber(std::move(buffer), output.sequence);
      break;
    case rtp::Output::Kind::kMade: {
      buffer = adopt(gst_buffer_new_memdup(output.bytes.data(), output.bytes.size()));
      const auto like = buffers_.find(output.handle);
      if (like != buffers_.end())
        gst_buffer_copy_into(buffer.get(), like->second.get(), GST_BUFFER_COPY_TIMESTAMPS, 0,
                             static_cast<gsize>(-1));
      if ((output.bytes[1] & 0x80U) != 0) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_MARKER);
      break;
    }
  }
  if (buffer != nullptr && output.discontinuity) {
    buffer = adopt(gst_buffer_make_writable(buffer.release()));
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  }
  return buffer;
}

std::int64_t now_us() noexcept { return g_get_monotonic_time(); }

GstClockTime frame_duration(const GstCaps* caps) noexcept {
  const char* rate = gst_structure_get_string(gst_caps_get_structure(caps, 0), "a-framerate");
  const double frames = rate != nullptr ? g_ascii_strtod(rate, nullptr) : 0.0;
  if (!(frames >= 1.0 && frames <= 1000.0)) return kUsualFrame;
  return static_cast<GstClockTime>(static_cast<double>(GST_SECOND) / frames);
}

bool add_latency(GstPad* sinkpad, GstQuery* query, GstClockTime added) noexcept {
  if (!gst_pad_peer_query(sinkpad, query)) return false;
  gboolean live = FALSE;
  GstClockTime least = 0;
  GstClockTime most = 0;
  gst_query_parse_latency(query, &live, &least, &most);
  if (GST_CLOCK_TIME_IS_VALID(most)) most += added;
  gst_query_set_latency(query, live, least + added, most);
  return true;
}

}  // namespace auralink::aic
