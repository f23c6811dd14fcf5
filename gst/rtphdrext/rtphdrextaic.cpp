// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-rtphdrextaic
 * @title: rtphdrextaic
 * @short_description: AIC metadata as an RTP header extension of payloaders and depayloaders
 *
 * Tells the receiver what AIC did to an access unit: mode, percent saved, SSIM lost, model epoch and access
 * unit sequence number, in seven bytes under the URI `urn:auralink:rtp-hdrext:aic`. It informs; nothing that
 * a decoder needs is in it.
 *
 * A payloader takes it through the `add-extension` signal, or by itself when `extmap-N` in the caps asks for
 * the URI; so does a depayloader with `auto-header-extension`. Written is what the custom meta
 * `AuralinkAicMeta` of the frame says, and otherwise the properties. What was read is the property
 * #RtpHdrextAic:last, and the same meta on the depayloaded buffer.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=25 ! vp8enc deadline=1 ! rtpvp8pay ! \
 *     'application/x-rtp,extmap-5=(string)urn:auralink:rtp-hdrext:aic' ! rtpvp8depay ! fakesink
 * ]| The payloader writes the extension because the caps ask for it, and the depayloader reads it.
 *
 * Threads: properties from any thread; write() and read() on the streaming thread.
 *
 * Since: 0.1
 */
#include <gst/gst.h>
#include <gst/rtp/gstrtphdrext.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "gst/rtphdrext/aic_meta.hpp"
#include "gst/rtphdrext/core/aic_metadata.hpp"
#include "gst/rtphdrext/core/kinds.hpp"
#include "gst/rtphdrext/elements.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

GST_DEBUG_CATEGORY_STATIC(debug);
#define GST_CAT_DEFAULT debug

struct AicSettings {
  AicMode mode = AicMode::kOff;
  bool native = false;
  guint saved = 0, ssim_loss = 0, epoch = 0, au_seq = 0;

  std::optional<AicMetadata> last;
  guint64 written = 0, read = 0, refused = 0;
};

}  // namespace

struct RtpHdrextAic {
  GstRTPHeaderExtension parent;
  support::Guarded<AicSettings> settings;
};
struct RtpHdrextAicClass {
  GstRTPHeaderExtensionClass parent;
};

namespace {

GstStructure* read_last(GObject* object) {
  const auto last =
      reinterpret_cast<RtpHdrextAic*>(object)->settings.with([](const AicSettings& s) { return s.last; });
  if (!last) return nullptr;
  GstStructure* out = gst_structure_new_empty("application/x-rtphdrextaic");
  fill(out, *last);
  return out;
}

GstStructure* read_stats(GObject* object) {
  const AicSettings s = reinterpret_cast<RtpHdrextAic*>(object)->settings.load();
  return gst_structure_new("application/x-rtphdrextaic-stats", "written", G_TYPE_UINT64, s.written, "read",
                           G_TYPE_UINT64, s.read, "refused", G_TYPE_UINT64, s.refused, nullptr);
}

constexpr support::Prop<AicSettings> kProps[] = {
    support::enum_prop<&AicSettings::mode>("mode", "What is done to the access units", aic_mode_type),
    support::BoolProp<AicSettings>{"native", "Whether the access unit goes out as it came in",
                                   &AicSettings::native},
    support::UIntProp<AicSettings>{"saved", "Percent of the access unit's bytes that were saved",
                                   &AicSettings::saved, 0, kMaxAicSaved},
    support::UIntProp<AicSettings>{"ssim-loss",
                                   "Thousandths of SSIM lost against the incoming picture; 255: or more",
                                   &AicSettings::ssim_loss, 0, 255},
    support::UIntProp<AicSettings>{"epoch", "Epoch of the model, modulo 256", &AicSettings::epoch, 0, 255},
    support::UIntProp<AicSettings>{"au-seq", "Sequence number of the access unit, modulo 65536",
                                   &AicSettings::au_seq, 0, 65535},
    support::StructureProp{"last", "What was read last, as fields like the properties; null before that",
                           read_last},
    support::StructureProp{"stats", "Counters: elements written, read, and refused as unreadable",
                           read_stats},
};

}  // namespace

G_DEFINE_FINAL_TYPE_WITH_CODE(RtpHdrextAic, rtp_hdrext_aic, GST_TYPE_RTP_HEADER_EXTENSION,
                              GST_DEBUG_CATEGORY_INIT(debug, "rtphdrextaic", 0,
                                                      "AIC metadata header extension"))

namespace {

GstRTPHeaderExtensionFlags supported_flags(GstRTPHeaderExtension* /*ext*/) noexcept {
  return static_cast<GstRTPHeaderExtensionFlags>(GST_RTP_HEADER_EXTENSION_ONE_BYTE |
                                                 GST_RTP_HEADER_EXTENSION_TWO_BYTE);
}

gsize max_size(GstRTPHeaderExtension* /*ext*/, const GstBuffer* /*input_meta*/) noexcept {
  return kAicMetadataSize;
}

gssize write(GstRTPHeaderExtension* ext, const GstBuffer* input_meta, GstRTPHeaderExtensionFlags /*flags*/,
             GstBuffer* /*output*/, guint8* data, gsize size) noexcept {
  if (size < kAicMetadataSize) return -1;
  auto* self = reinterpret_cast<RtpHdrextAic*>(ext);
  const auto of_frame = get_aic_meta(input_meta);
  const auto wire = encode(self->settings.with([&](AicSettings& s) {
    ++s.written;
    return of_frame.value_or(AicMetadata{.mode = s.mode,
                                         .native = s.native,
                                         .saved = static_cast<std::uint8_t>(s.saved),
                                         .ssim_loss = static_cast<std::uint8_t>(s.ssim_loss),
                                         .epoch = static_cast<std::uint8_t>(s.epoch),
                                         .au_seq = static_cast<std::uint16_t>(s.au_seq)});
  }));
  std::copy(wire.begin(), wire.end(), data);
  return kAicMetadataSize;
}

/// Succeeds on bytes that it cannot read: failing would keep the depayloader from the other extensions.
gboolean read(GstRTPHeaderExtension* ext, GstRTPHeaderExtensionFlags /*flags*/, const guint8* data,
              gsize size, GstBuffer* buffer) noexcept {
  auto* self = reinterpret_cast<RtpHdrextAic*>(ext);
  const auto metadata = decode_aic({data, size});
  self->settings.with([&](AicSettings& s) {
    ++(metadata ? s.read : s.refused);
    if (metadata) s.last = metadata;
  });
  if (!metadata)
    GST_INFO_OBJECT(self, "element of %" G_GSIZE_FORMAT " bytes is not AIC metadata of version 0", size);
  else if (gst_buffer_is_writable(buffer))
    set_aic_meta(buffer, *metadata);
  return TRUE;
}

void finalize(GObject* object) noexcept {
  std::destroy_at(&reinterpret_cast<RtpHdrextAic*>(object)->settings);
  G_OBJECT_CLASS(rtp_hdrext_aic_parent_class)->finalize(object);
}

}  // namespace

static void rtp_hdrext_aic_init(RtpHdrextAic* self) { std::construct_at(&self->settings); }

static void rtp_hdrext_aic_class_init(RtpHdrextAicClass* klass) {
  support::Properties<RtpHdrextAic, AicSettings, kProps>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* extension = GST_RTP_HEADER_EXTENSION_CLASS(klass);
  extension->get_supported_flags = supported_flags;
  extension->get_max_size = max_size;
  extension->write = write;
  extension->read = read;
  gst_rtp_header_extension_class_set_uri(extension, name_of(Kind::kAic).uri.data());
  gst_element_class_set_static_metadata(
      GST_ELEMENT_CLASS(klass), "AIC metadata", GST_RTP_HDREXT_ELEMENT_CLASS,
      "Carries what AIC did to an access unit, urn:auralink:rtp-hdrext:aic", "AuraLink contributors");
}

}  // namespace auralink::rtphdrext

GST_ELEMENT_REGISTER_DEFINE(rtphdrextaic, "rtphdrextaic", GST_RANK_MARGINAL,
                            auralink::rtphdrext::rtp_hdrext_aic_get_type())
