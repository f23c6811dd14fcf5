// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/support/owned.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace auralink::support {
namespace {

void note_gone(gpointer flag, GObject* /*where*/) { *static_cast<bool*>(flag) = true; }
void note_gone_mini(gpointer flag, GstMiniObject* /*where*/) { *static_cast<bool*>(flag) = true; }

TEST(Owned, IsAsSmallAsAPointer) { static_assert(sizeof(Owned<GstBuffer>) == sizeof(GstBuffer*)); }

TEST(Owned, GivesItsReferenceBackAtTheEndOfScope) {
  bool gone = false;
  {
    const auto buffer = adopt(gst_buffer_new());
    gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(buffer.get()), note_gone_mini, &gone);
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(gone);
}

TEST(Owned, HandsItsReferenceToATransferFullParameter) {
  auto caps = adopt(gst_caps_new_empty_simple("application/x-rtp"));
  const auto list = adopt(gst_caps_new_empty());
  gst_caps_append(list.get(), caps.release());
  EXPECT_EQ(caps, nullptr);
  EXPECT_EQ(gst_caps_get_size(list.get()), 1U);
}

TEST(Owned, SinksTheFloatingReferenceOfAFactory) {
  bool gone = false;
  {
    const auto element = make_element("identity", "one");
    ASSERT_NE(element, nullptr);
    EXPECT_FALSE(g_object_is_floating(element.get()));
    EXPECT_EQ(GST_OBJECT_REFCOUNT_VALUE(element.get()), 1);
    g_object_weak_ref(G_OBJECT(element.get()), note_gone, &gone);
  }
  EXPECT_TRUE(gone);
}

TEST(Owned, IsEmptyForAnUnknownFactory) { EXPECT_EQ(make_element("no-such-element"), nullptr); }

TEST(Owned, StaysValidWhenTheBinThatHeldTheElementIsGone) {
  const auto element = make_element("identity");
  {
    const auto bin = make_bin("room");
    ASSERT_TRUE(gst_bin_add(GST_BIN(bin.get()), element.get()));
    EXPECT_EQ(GST_OBJECT_REFCOUNT_VALUE(element.get()), 2);
  }
  EXPECT_EQ(GST_OBJECT_REFCOUNT_VALUE(element.get()), 1);
}

TEST(Share, AddsAReference) {
  const auto pipeline = make_pipeline("p");
  const auto again = share(pipeline.get());
  EXPECT_EQ(GST_OBJECT_REFCOUNT_VALUE(pipeline.get()), 2);
  const auto caps = adopt(gst_caps_new_empty());
  const auto same = share_mini(caps.get());
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(caps.get()), 2);
  EXPECT_EQ(share(static_cast<GstPad*>(nullptr)), nullptr);
}

TEST(Out, CatchesAnErrorReturnedThroughAPointer) {
  Owned<GError> error;
  const auto none = sink(gst_parse_launch("no-such-element", Out<GError>{error}));
  ASSERT_NE(error, nullptr);
  EXPECT_NE(std::string{error->message}.find("no-such-element"), std::string::npos);
}

TEST(Out, LeavesNothingWhenTheCallSucceeded) {
  Owned<GError> error;
  const auto element = sink(gst_parse_launch("identity", Out<GError>{error}));
  EXPECT_NE(element, nullptr);
  EXPECT_EQ(error, nullptr);
}

template <class T>
concept Releasable = requires(T* p) {
  Release<T>{}(p);
};

TEST(Release, CoversTheTypesTheHouseHandles) {
  static_assert(Releasable<GstElement> && Releasable<GstBus> && Releasable<GstMessage> &&
                Releasable<GstCaps>);
  static_assert(Releasable<GstPad> && Releasable<GstEvent> && Releasable<GstQuery> && Releasable<GstSample>);
  static_assert(Releasable<GstStructure> && Releasable<GstBuffer> && Releasable<GstBufferList>);
  static_assert(Releasable<GError> && Releasable<gchar> && Releasable<gchar*> && Releasable<GMainLoop>);
}

TEST(Release, DoesNotExistForAnUnlistedType) { static_assert(!Releasable<GstTagList>); }

}  // namespace
}  // namespace auralink::support
