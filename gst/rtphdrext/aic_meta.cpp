// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/aic_meta.hpp"

#include <algorithm>
#include <array>

#include "gst/support/support.hpp"

namespace auralink::rtphdrext {
namespace {

constexpr std::array kModes{
    support::EnumValue<AicMode>{AicMode::kOff, "off", "Passed through"},
    support::EnumValue<AicMode>{AicMode::kConservative, "conservative", "Lossless"},
    support::EnumValue<AicMode>{AicMode::kAdaptive, "adaptive", "Re-encoded at a bounded loss"},
    support::EnumValue<AicMode>{AicMode::kAggressive, "aggressive", "Re-encoded with a lower floor"},
};
constexpr char kModeName[] = "RtpHdrextAicMode";

guint field(const GstStructure* structure, const char* name, guint max) {
  guint value = 0;
  gst_structure_get_uint(structure, name, &value);
  return std::min(value, max);
}

}  // namespace

GType aic_mode_type() { return support::enum_type<kModeName, kModes>(); }

void register_aic_meta() {
  // No tags: it stays true when a frame is copied, cut into packets or re-timed.
  static std::array<const gchar*, 1> no_tags{nullptr};
  if (gst_meta_get_info(kAicMeta) == nullptr)
    gst_meta_register_custom(kAicMeta, no_tags.data(), nullptr, nullptr, nullptr);
}

void fill(GstStructure* structure, const AicMetadata& m) {
  const char* mode = kModes.at(static_cast<std::size_t>(m.mode)).nick;
  gst_structure_set(structure, "mode", G_TYPE_STRING, mode, "native", G_TYPE_BOOLEAN, m.native ? TRUE : FALSE,
                    "saved", G_TYPE_UINT, guint{m.saved}, "ssim-loss", G_TYPE_UINT, guint{m.ssim_loss},
                    "epoch", G_TYPE_UINT, guint{m.epoch}, "au-seq", G_TYPE_UINT, guint{m.au_seq}, nullptr);
}

void set_aic_meta(GstBuffer* buffer, const AicMetadata& metadata) {
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kAicMeta);
  if (meta == nullptr) meta = gst_buffer_add_custom_meta(buffer, kAicMeta);
  if (meta != nullptr) fill(gst_custom_meta_get_structure(meta), metadata);
}

std::optional<AicMetadata> get_aic_meta(const GstBuffer* buffer) {
  GstCustomMeta* meta = gst_buffer_get_custom_meta(const_cast<GstBuffer*>(buffer), kAicMeta);
  if (meta == nullptr) return std::nullopt;
  const GstStructure* s = gst_custom_meta_get_structure(meta);
  AicMetadata out;
  const char* mode = gst_structure_get_string(s, "mode");
  for (const auto& known : kModes)
    if (g_strcmp0(mode, known.nick) == 0) out.mode = known.value;
  gboolean native = FALSE;
  out.native = gst_structure_get_boolean(s, "native", &native) && native;
  out.saved = static_cast<std::uint8_t>(field(s, "saved", kMaxAicSaved));
  out.ssim_loss = static_cast<std::uint8_t>(field(s, "ssim-loss", 0xFF));
  out.epoch = static_cast<std::uint8_t>(field(s, "epoch", 0xFF));
  out.au_seq = static_cast<std::uint16_t>(field(s, "au-seq", 0xFFFF));
  return out;
}

}  // namespace auralink::rtphdrext
