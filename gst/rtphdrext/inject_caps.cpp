// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/inject_caps.hpp"

#include <charconv>
#include <string>
#include <string_view>

namespace auralink::rtphdrext {
namespace {

constexpr std::string_view kPrefix = "extmap-";

std::string field_of(unsigned id) { return std::string{kPrefix} + std::to_string(id); }

/// The N of extmap-N, 0 for other fields.
unsigned id_of(std::string_view field) {
  if (!field.starts_with(kPrefix)) return 0;
  field.remove_prefix(kPrefix.size());
  unsigned id = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), id);
  return error == std::errc{} && end == field.data() + field.size() && id <= kMaxId ? id : 0;
}

/// Empty when the value is none of the forms that a mapping may have.
std::string uri_of(const GValue* value) {
  constexpr guint kUri = 1;  // of direction, URI, attributes
  if (GST_VALUE_HOLDS_ARRAY(value)) {
    if (gst_value_array_get_size(value) <= kUri) return {};
    value = gst_value_array_get_value(value, kUri);
  }
  const char* uri = G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
  return uri != nullptr ? uri : "";
}

gboolean collect(GQuark field, const GValue* value, gpointer data) noexcept {
  auto& extmap = *static_cast<std::map<unsigned, std::string>*>(data);
  const unsigned id = id_of(g_quark_to_string(field));
  if (id == 0) return TRUE;
  if (auto uri = uri_of(value); !uri.empty()) extmap[id] = std::move(uri);
  return TRUE;
}

template <class F>
support::Owned<GstCaps> each_structure(const GstCaps* caps, F change) {
  auto out = support::adopt(gst_caps_copy(caps));
  for (guint i = 0; i < gst_caps_get_size(out.get()); ++i) change(gst_caps_get_structure(out.get(), i));
  return out;
}

}  // namespace

StreamFacts facts_of(const GstCaps* caps) {
  StreamFacts facts;
  if (gst_caps_get_size(caps) == 0) return facts;
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  gst_structure_foreach(structure, collect, &facts.extmap);
  const char* encoding = gst_structure_get_string(structure, "encoding-name");
  if (encoding != nullptr) facts.codec = codec_from_encoding_name(encoding);
  return facts;
}

support::Owned<GstCaps> after(const Assignment& assignment, const GstCaps* caps) {
  return each_structure(caps, [&](GstStructure* structure) {
    for (const auto& [id, uri] : assignment.declares) {
      const auto field = field_of(id);
      const GValue* known = gst_structure_get_value(structure, field.c_str());
      if (known == nullptr || uri_of(known) != uri)
        gst_structure_set(structure, field.c_str(), G_TYPE_STRING, uri.c_str(), nullptr);
    }
    for (unsigned id = 1; id <= kMaxId; ++id)
      if (assignment.remove[id]) gst_structure_remove_field(structure, field_of(id).c_str());
  });
}

support::Owned<GstCaps> before(const Assignment& assignment, const GstCaps* caps) {
  return each_structure(caps, [&](GstStructure* structure) {
    for (const auto& [id, uri] : assignment.declares)
      gst_structure_remove_field(structure, field_of(id).c_str());
  });
}

}  // namespace auralink::rtphdrext
