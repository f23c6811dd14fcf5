// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets as buffers, and what GStreamer reads of them.
#pragma once

#include <gst/rtp/gstrtpbuffer.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "gst/support/harness.hpp"
#include "gst/support/support.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext::test {

inline support::Owned<GstBuffer> to_buffer(const Wire& wire) {
  return support::adopt(gst_buffer_new_memdup(wire.data(), wire.size()));
}

/// As payloaders build them: header and payload in memories of their own.
inline support::Owned<GstBuffer> payloaded(guint payload, std::uint8_t fill) {
  auto head = support::adopt(gst_rtp_buffer_new_allocate(0, 0, 0));
  auto body = support::adopt(gst_buffer_new_allocate(nullptr, payload, nullptr));
  gst_buffer_memset(body.get(), 0, fill, payload);
  return support::adopt(gst_buffer_append(head.release(), body.release()));
}

inline Wire bytes_of(GstBuffer* buffer) {
  const support::BufferMap map{buffer, GST_MAP_READ};
  return {map.bytes().begin(), map.bytes().end()};
}

/// The first element of an id, in either form; empty when there is none.
inline Wire element_of(GstBuffer* buffer, guint8 id) {
  support::RtpMap map{buffer, GST_MAP_READ};
  guint8 appbits = 0;
  gpointer data = nullptr;
  guint size = 0;
  if (!map.ok()) return {};
  if (!(id < 15 && gst_rtp_buffer_get_extension_onebyte_header(map.get(), id, 0, &data, &size)) &&
      !gst_rtp_buffer_get_extension_twobytes_header(map.get(), &appbits, id, 0, &data, &size))
    return {};
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return {bytes, bytes + size};
}

inline support::Owned<GstBuffer> through(GstHarness* h, support::Owned<GstBuffer> buffer) {
  EXPECT_EQ(gst_harness_push(h, buffer.release()), GST_FLOW_OK);
  return support::adopt(gst_harness_try_pull(h));
}

/// A field of the `stats` of the only element of a kind.
inline std::uint64_t stat(GstHarness* h, const char* field) {
  const auto element = support::adopt(gst_harness_find_element(h, "rtpextinject"));
  GstStructure* raw = nullptr;
  g_object_get(element.get(), "stats", &raw, nullptr);
  const auto stats = support::adopt(raw);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats.get(), field, &value)) << field;
  return value;
}

}  // namespace auralink::rtphdrext::test
