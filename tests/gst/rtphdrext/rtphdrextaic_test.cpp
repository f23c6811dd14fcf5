// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/app/gstappsink.h>
#include <gst/rtp/gstrtphdrext.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/support/support.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using support::adopt;
using support::Owned;
using test::Wire;

constexpr char kUri[] = "urn:auralink:rtp-hdrext:aic";
constexpr auto kOneByte = GST_RTP_HEADER_EXTENSION_ONE_BYTE;

/// As another plugin gets one: by its URI.
Owned<GstElement> extension() {
  auto* made = gst_rtp_header_extension_create_from_uri(kUri);
  auto owned = adopt(reinterpret_cast<GstElement*>(made));
  if (made != nullptr) gst_rtp_header_extension_set_id(made, 5);
  return owned;
}
GstRTPHeaderExtension* ext(const Owned<GstElement>& element) {
  return GST_RTP_HEADER_EXTENSION(element.get());
}

Wire written(const Owned<GstElement>& element, GstBuffer* frame) {
  std::array<guint8, 16> data{};
  const auto packet = adopt(gst_buffer_new());
  const gssize size =
      gst_rtp_header_extension_write(ext(element), frame, kOneByte, packet.get(), data.data(), data.size());
  return size < 0 ? Wire{} : Wire{data.begin(), data.begin() + size};
}

Owned<GstStructure> structure(GstElement* element, const char* property) {
  GstStructure* out = nullptr;
  g_object_get(element, property, &out, nullptr);
  return adopt(out);
}
guint uint_field(const GstStructure* s, const char* name) {
  guint value = 99999;
  EXPECT_TRUE(gst_structure_get_uint(s, name, &value)) << name;
  return value;
}
guint64 stat(const Owned<GstElement>& element, const char* name) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(structure(element.get(), "stats").get(), name, &value)) << name;
  return value;
}

TEST(RtpHdrextAic, IsFoundByItsUri) {
  const auto element = extension();
  ASSERT_NE(element, nullptr);
  EXPECT_STREQ(gst_rtp_header_extension_get_uri(ext(element)), kUri);
  const auto frame = adopt(gst_buffer_new());
  EXPECT_EQ(gst_rtp_header_extension_get_max_size(ext(element), frame.get()), 7U);
  EXPECT_EQ(gst_rtp_header_extension_get_supported_flags(ext(element)),
            GST_RTP_HEADER_EXTENSION_ONE_BYTE | GST_RTP_HEADER_EXTENSION_TWO_BYTE);
}

TEST(RtpHdrextAic, WritesItsProperties) {
  const auto element = extension();
  g_object_set(element.get(), "mode", 2U, "saved", 40U, "ssim-loss", 12U, "epoch", 3U, "au-seq", 513U,
               "native", TRUE, nullptr);
  const auto frame = adopt(gst_buffer_new());
  EXPECT_EQ(written(element, frame.get()), (Wire{0x20, 2, 40, 12, 3, 2, 1}));
  EXPECT_EQ(stat(element, "written"), 1U);
}

TEST(RtpHdrextAic, PrefersWhatTheFrameSays) {
  const auto element = extension();
  g_object_set(element.get(), "saved", 40U, nullptr);
  const auto frame = adopt(gst_buffer_new());
  GstCustomMeta* meta = gst_buffer_add_custom_meta(frame.get(), "AuralinkAicMeta");
  ASSERT_NE(meta, nullptr);
  gst_structure_set(gst_custom_meta_get_structure(meta), "mode", G_TYPE_STRING, "conservative", "native",
                    G_TYPE_BOOLEAN, TRUE, "saved", G_TYPE_UINT, 500, "epoch", G_TYPE_STRING, "nonsense",
                    "au-seq", G_TYPE_UINT, 70000, nullptr);
  EXPECT_EQ(decode_aic(written(element, frame.get())),
            (AicMetadata{.mode = AicMode::kConservative, .native = true, .saved = 100, .au_seq = 0xFFFF}))
      << "what is out of range or of another type does no harm";
}

TEST(RtpHdrextAic, RefusesToWriteIntoTooLittleRoom) {
  const auto element = extension();
  const auto frame = adopt(gst_buffer_new());
  std::array<guint8, 6> data{};
  EXPECT_LT(gst_rtp_header_extension_write(ext(element), frame.get(), kOneByte, frame.get(), data.data(), 6),
            0);
}

TEST(RtpHdrextAic, ReadsIntoItsPropertyAndTheBuffer) {
  const auto element = extension();
  EXPECT_EQ(structure(element.get(), "last"), nullptr);
  const Wire wire{0x20, 2, 40, 12, 3, 2, 1};
  const auto buffer = adopt(gst_buffer_new());
  ASSERT_TRUE(gst_rtp_header_extension_read(ext(element), kOneByte, wire.data(), wire.size(), buffer.get()));
  const auto last = structure(element.get(), "last");
  ASSERT_NE(last, nullptr);
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer.get(), "AuralinkAicMeta");
  ASSERT_NE(meta, nullptr);
  for (const GstStructure* found : {static_cast<const GstStructure*>(last.get()),
                                    static_cast<const GstStructure*>(gst_custom_meta_get_structure(meta))}) {
    EXPECT_STREQ(gst_structure_get_string(found, "mode"), "adaptive");
    EXPECT_EQ(uint_field(found, "saved"), 40U);
    EXPECT_EQ(uint_field(found, "ssim-loss"), 12U);
    EXPECT_EQ(uint_field(found, "epoch"), 3U);
    EXPECT_EQ(uint_field(found, "au-seq"), 513U);
    gboolean native = FALSE;
    EXPECT_TRUE(gst_structure_get_boolean(found, "native", &native) && native);
  }
  const auto copy = adopt(gst_buffer_copy(buffer.get()));
  EXPECT_NE(gst_buffer_get_custom_meta(copy.get(), "AuralinkAicMeta"), nullptr) << "copies keep it";
}

TEST(RtpHdrextAic, ToleratesWhatItCannotRead) {
  const auto element = extension();
  const auto buffer = adopt(gst_buffer_new());
  for (const Wire& wire : {Wire{0}, Wire{0x40, 0, 0, 0, 0, 0, 0}, Wire{0, 0, 255, 0, 0, 0, 0}})
    EXPECT_TRUE(gst_rtp_header_extension_read(ext(element), kOneByte, wire.data(), wire.size(), buffer.get()))
        << "failing would hide the other extensions from the depayloader";
  EXPECT_EQ(structure(element.get(), "last"), nullptr);
  EXPECT_EQ(gst_buffer_get_custom_meta(buffer.get(), "AuralinkAicMeta"), nullptr);
  EXPECT_EQ(stat(element, "refused"), 3U);
  EXPECT_EQ(stat(element, "read"), 0U);
}

/// A pipeline that ends in an appsink "out", with elements "pay" and "depay".
class Pipeline {
 public:
  explicit Pipeline(const std::string& middle)
      : bin_{support::sink(
            gst_parse_launch(("videotestsrc num-buffers=5 ! video/x-raw,width=64,height=64 ! "
                              "vp8enc deadline=1 ! rtpvp8pay name=pay ! " +
                              middle + " ! rtpvp8depay name=depay ! appsink name=out sync=false")
                                 .c_str(),
                             nullptr))} {}
  ~Pipeline() { gst_element_set_state(bin_.get(), GST_STATE_NULL); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  [[nodiscard]] Owned<GstElement> element(const char* name) const {
    return adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), name));
  }
  /// Values of "saved" on the depayloaded frames; -1 where the meta is missing.
  std::vector<int> saved() {
    gst_element_set_state(bin_.get(), GST_STATE_PLAYING);
    std::vector<int> out;
    const auto sink = element("out");
    while (const auto sample = adopt(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())))) {
      GstCustomMeta* meta =
          gst_buffer_get_custom_meta(gst_sample_get_buffer(sample.get()), "AuralinkAicMeta");
      out.push_back(
          meta == nullptr ? -1 : static_cast<int>(uint_field(gst_custom_meta_get_structure(meta), "saved")));
    }
    return out;
  }

 private:
  Owned<GstElement> bin_;
};

TEST(RtpHdrextAic, TravelsFromPayloaderToDepayloader) {
  Pipeline pipeline{"identity"};
  const auto element = extension();
  g_object_set(element.get(), "mode", 1U, "saved", 24U, nullptr);
  g_signal_emit_by_name(pipeline.element("pay").get(), "add-extension", element.get());
  EXPECT_EQ(pipeline.saved(), std::vector<int>(5, 24));
  EXPECT_GE(stat(element, "written"), 5U);
}

TEST(RtpHdrextAic, IsChosenByTheCapsAlone) {
  Pipeline pipeline{"application/x-rtp,extmap-5=(string)urn:auralink:rtp-hdrext:aic"};
  EXPECT_EQ(pipeline.saved(), std::vector<int>(5, 0));
}

TEST(RtpHdrextAic, IsReadFromWhatRtpextinjectWrote) {
  Pipeline pipeline{"rtpextinject aic-id=5 aic-mode=conservative aic-saved=24"};
  // vp8 frames of this size are one packet each, so the first of a frame, which has it, is also the last.
  EXPECT_EQ(pipeline.saved(), std::vector<int>(5, 24));
}

}  // namespace
}  // namespace auralink::rtphdrext
