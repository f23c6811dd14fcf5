// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/frame_extension.hpp"

#include <gst/rtp/gstrtpbuffer.h>
#include <gst/rtp/gstrtphdrext.h>

#include <array>

namespace auralink::aic {
namespace {

constexpr const char* kUri = "urn:auralink:rtp-hdrext:aic";
constexpr guint kConservative = 1;  // its mode: lossless
constexpr guint kMaxOneByteId = 14;

/// Other versions of the extension may lack a property.
void set(GstElement* extension, const char* name, guint value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(extension), name) != nullptr)
    g_object_set(extension, name, value, nullptr);
}

guint saved_percent(const rtp::UnitReport& report) noexcept {
  if (report.sent_bytes >= report.native_bytes || report.native_bytes == 0) return 0;
  return static_cast<guint>(100 * (report.native_bytes - report.sent_bytes) / report.native_bytes);
}

}  // namespace

void FrameExtension::use(guint id) {
  if (id == id_) return;
  id_ = id;
  extension_.reset();
  if (id == 0) return;
  GstRTPHeaderExtension* made = gst_rtp_header_extension_create_from_uri(kUri);
  if (made == nullptr) return;
  extension_ = support::sink(GST_ELEMENT(made));
  gst_rtp_header_extension_set_id(made, id);
}

support::Owned<GstBuffer> FrameExtension::write(support::Owned<GstBuffer> packet,
                                                const rtp::UnitReport& report, guint number) {
  if (extension_ == nullptr) return packet;
  const bool coded = report.cause == rtp::Cause::kNone;
  set(extension_.get(), "mode", kConservative);
  set(extension_.get(), "native", coded ? 0U : 1U);
  set(extension_.get(), "saved", coded ? saved_percent(report) : 0U);
  set(extension_.get(), "ssim-loss", 0);
  set(extension_.get(), "epoch", report.epoch);
  set(extension_.get(), "au-seq", number & 0xFFFFU);

  const bool one_byte = id_ <= kMaxOneByteId;
  const auto flags = one_byte ? GST_RTP_HEADER_EXTENSION_ONE_BYTE : GST_RTP_HEADER_EXTENSION_TWO_BYTE;
  std::array<guint8, 16> data{};
  packet = support::adopt(gst_buffer_make_writable(packet.release()));
  const gssize size = gst_rtp_header_extension_write(GST_RTP_HEADER_EXTENSION(extension_.get()), packet.get(),
                                                     flags, packet.get(), data.data(), data.size());
  if (size <= 0) return packet;
  support::RtpMap map{packet.get(), GST_MAP_READWRITE};
  if (!map.ok()) return packet;
  const auto length = static_cast<guint>(size);
  if (one_byte)
    gst_rtp_buffer_add_extension_onebyte_header(map.get(), static_cast<guint8>(id_), data.data(), length);
  else
    gst_rtp_buffer_add_extension_twobytes_header(map.get(), 0, static_cast<guint8>(id_), data.data(), length);
  return packet;
}

}  // namespace auralink::aic
