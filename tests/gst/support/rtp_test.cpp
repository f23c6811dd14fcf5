// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/support/rtp.hpp"

#include <gtest/gtest.h>

#include "gst/support/owned.hpp"

namespace auralink::support {
namespace {

TEST(RtpMap, ReadsAPacket) {
  const auto buffer = adopt(gst_rtp_buffer_new_allocate(20, 0, 0));
  RtpMap map{buffer.get(), GST_MAP_READ};
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(gst_rtp_buffer_get_payload_len(map.get()), 20U);
}

TEST(RtpMap, RefusesWhatIsNoPacket) {
  const auto buffer = adopt(gst_buffer_new_allocate(nullptr, 5, nullptr));
  gst_buffer_memset(buffer.get(), 0, 0, 5);
  EXPECT_FALSE((RtpMap{buffer.get(), GST_MAP_READ}.ok()));
}

TEST(BufferMap, UnmapsAtTheEndOfScope) {
  const auto buffer = adopt(gst_buffer_new_allocate(nullptr, 4, nullptr));
  {
    BufferMap map{buffer.get(), GST_MAP_WRITE};
    ASSERT_TRUE(map.ok());
    map.writable()[0] = 7;
  }
  GstMemory* memory = gst_buffer_peek_memory(buffer.get(), 0);
  EXPECT_TRUE(gst_mini_object_is_writable(GST_MINI_OBJECT_CAST(memory)));
  EXPECT_EQ((BufferMap{buffer.get(), GST_MAP_READ}.bytes()[0]), 7);
}

TEST(BufferMap, MapsOneMemoryWithoutMergingTheRest) {
  const auto buffer = adopt(gst_buffer_new_allocate(nullptr, 4, nullptr));
  gst_buffer_append_memory(buffer.get(), gst_allocator_alloc(nullptr, 100, nullptr));
  EXPECT_EQ((BufferMap{buffer.get(), 0, 1, GST_MAP_READ}.bytes().size()), 4U);
  EXPECT_EQ(gst_buffer_n_memory(buffer.get()), 2U);
  EXPECT_EQ((BufferMap{buffer.get(), GST_MAP_READ}.bytes().size()), 104U);
}

TEST(BufferMap, IsEmptyWhenThereIsNothingToMap) {
  const auto buffer = adopt(gst_buffer_new());
  EXPECT_TRUE((BufferMap{buffer.get(), GST_MAP_READ}.bytes().empty()));
}

}  // namespace
}  // namespace auralink::support
