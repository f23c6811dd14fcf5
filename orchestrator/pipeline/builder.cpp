// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/builder.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "orchestrator/pipeline/fragment_sink.hpp"

namespace auralink::pipeline {
namespace {

using support::Owned;
using Elements = std::map<std::string, GstElement*>;
using Status = tl::expected<void, BuildError>;

bool to_gvalue(const PropertyValue& from, GParamSpec* spec, GValue* to) {
  struct Visitor {
    GParamSpec* spec;
    GValue* to;
    bool transform(GValue* source) const {
      const bool ok = g_value_transform(source, to) != FALSE;
      g_value_unset(source);
      return ok;
    }
    bool operator()(bool v) const {
      if (G_PARAM_SPEC_VALUE_TYPE(spec) != G_TYPE_BOOLEAN) return false;
      g_value_set_boolean(to, v);
      return true;
    }
    bool operator()(std::int64_t v) const {
      // Through text, because g_value_transform wraps a number that does not fit instead of refusing it.
      return (*this)(std::to_string(v));
    }
    bool operator()(std::uint64_t v) const { return (*this)(std::to_string(v)); }
    bool operator()(double v) const {
      if (G_PARAM_SPEC_VALUE_TYPE(spec) != G_TYPE_DOUBLE && G_PARAM_SPEC_VALUE_TYPE(spec) != G_TYPE_FLOAT)
        return false;
      GValue source = G_VALUE_INIT;
      g_value_init(&source, G_TYPE_DOUBLE);
      g_value_set_double(&source, v);
      return transform(&source);
    }
    bool operator()(const std::string& v) const {
      if (G_PARAM_SPEC_VALUE_TYPE(spec) == G_TYPE_STRING) {
        g_value_set_string(to, v.c_str());
        return true;
      }
      return gst_value_deserialize_with_pspec(to, v.c_str(), spec) != FALSE;
    }
  };
  return std::visit(Visitor{spec, to}, from);
}

/// The properties of one node, converted and checked, in the form gst_element_factory_create_with_properties
/// wants.
class ConstructionProperties {
 public:
  ConstructionProperties() = default;
  ~ConstructionProperties() {
    std::ranges::for_each(values_, [](GValue& v) { g_value_unset(&v); });
  }
  ConstructionProperties(const ConstructionProperties&) = delete;
  ConstructionProperties& operator=(const ConstructionProperties&) = delete;

  Status add(GObjectClass* klass, const std::string& factory, const std::string& name,
             const PropertyValue& value) {
    const std::string what = factory + "." + name;
    auto* spec = g_object_class_find_property(klass, name.c_str());
    if (!spec) return tl::unexpected(what + ": no such property");
    if ((spec->flags & G_PARAM_WRITABLE) == 0) return tl::unexpected(what + ": read-only");
    GValue converted = G_VALUE_INIT;
    g_value_init(&converted, G_PARAM_SPEC_VALUE_TYPE(spec));
    names_.push_back(spec->name);
    values_.push_back(converted);
    if (!to_gvalue(value, spec, &values_.back()))
      return tl::unexpected(what + ": expected " + g_type_name(G_PARAM_SPEC_VALUE_TYPE(spec)));
    // gst_value_deserialize accepts numbers out of range; validation that changes the value means it was.
    if (g_param_value_validate(spec, &values_.back())) return tl::unexpected(what + ": value out of range");
    return {};
  }
  [[nodiscard]] guint size() const { return static_cast<guint>(names_.size()); }
  [[nodiscard]] const char** names() { return names_.data(); }
  [[nodiscard]] const GValue* values() const { return values_.data(); }

 private:
  std::vector<const char*> names_;
  std::vector<GValue> values_;
};

struct Checked {
  Owned<GstElementFactory> factory;
  ConstructionProperties properties;
};

/// Finds the factory and converts all properties, before anything is made.
tl::expected<std::unique_ptr<Checked>, BuildError> check_node(const Node& node) {
  auto out = std::make_unique<Checked>();
  if (node.factory == "fmp4foldersink") register_fragment_sink();
  const Owned<GstElementFactory> found{gst_element_factory_find(node.factory.c_str())};
  if (found)
    out->factory.reset(GST_ELEMENT_FACTORY(gst_plugin_feature_load(GST_PLUGIN_FEATURE(found.get()))));
  if (!out->factory) return tl::unexpected("element \"" + node.factory + "\" is not available here");
  const std::unique_ptr<void, void (*)(gpointer)> klass{
      g_type_class_ref(gst_element_factory_get_element_type(out->factory.get())), g_type_class_unref};
  for (const auto& [name, value] : node.properties)
    if (auto added = out->properties.add(G_OBJECT_CLASS(klass.get()), node.factory, name, value); !added)
      return tl::unexpected(added.error());
  return out;
}

/// With its properties from the start: some (force-live of the mixers) can only be set at construction.
tl::expected<GstElement*, BuildError> make_element(const Node& node) {
  const auto checked = check_node(node);
  if (!checked) return tl::unexpected(checked.error());
  auto& properties = (*checked)->properties;
  return gst_element_factory_create_with_properties((*checked)->factory.get(), properties.size(),
                                                    properties.names(), properties.values());
}

std::string pad_or_any(const std::string& name) { return name.empty() ? "any pad" : name; }

/// One decodebin or parsebin whose pads appear later, and who waits for them.
struct DelayedLinks {
  struct Waiting {
    std::string media_or_caps;
    GstElement* to;
    std::string to_pad;
    bool taken = false;
  };
  std::vector<Waiting> waiting;
  OnDelayedLink on_link;
  std::mutex mutex;  // pad-added comes from several demuxer threads
};

bool wants(const DelayedLinks::Waiting& waiting, GstCaps* caps) {
  // A bare media name ("video") takes any caps of that media: coded streams are not known in advance.
  if (waiting.media_or_caps.find('/') == std::string::npos) {
    const std::string name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    return name.starts_with(waiting.media_or_caps + "/");
  }
  const Owned<GstCaps> filter{gst_caps_from_string(waiting.media_or_caps.c_str())};
  return filter && gst_caps_can_intersect(caps, filter.get());
}

void on_pad_added(GstElement*, GstPad* pad, gpointer data) noexcept {
  auto& links = *static_cast<DelayedLinks*>(data);
  Owned<GstCaps> caps{gst_pad_get_current_caps(pad)};
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  if (!caps || gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())) return;
  const std::scoped_lock lock{links.mutex};
  for (auto& waiting : links.waiting) {
    if (waiting.taken || !wants(waiting, caps.get())) continue;
    const Owned<GstPad> consumer{waiting.to_pad.empty()
                                     ? gst_element_get_compatible_pad(waiting.to, pad, nullptr)
                                     : gst_element_get_static_pad(waiting.to, waiting.to_pad.c_str())};
    if (!consumer) continue;
    if (links.on_link) links.on_link(consumer.get());
    waiting.taken = GST_PAD_LINK_SUCCESSFUL(gst_pad_link(pad, consumer.get()));
    return;
  }
}

/// What decodebin and parsebin may plug: a clip that is really a playlist or a session description must not
/// make us open sockets or other files.
gint on_autoplug_select(GstElement*, GstPad*, GstCaps*, GstElementFactory* factory, gpointer) noexcept {
  constexpr gint kTry = 0, kSkip = 2;  // GstAutoplugSelectResult, which no header declares
  const std::string klass = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
  for (const char* outward : {"Adaptive", "Network", "Source"})
    if (klass.find(outward) != std::string::npos) return kSkip;
  return kTry;
}

void link_later(GstElement* from, std::vector<DelayedLinks::Waiting> waiting, const OnDelayedLink& on_link) {
  if (g_signal_lookup("autoplug-select", G_OBJECT_TYPE(from)) != 0)
    g_signal_connect(from, "autoplug-select", G_CALLBACK(on_autoplug_select), nullptr);
  auto* links = new DelayedLinks{std::move(waiting), on_link, {}};
  g_signal_connect_data(
      from, "pad-added", G_CALLBACK(on_pad_added), links,
      [](gpointer p, GClosure*) { delete static_cast<DelayedLinks*>(p); }, GConnectFlags{});
}

tl::expected<Elements, BuildError> make_elements(GstBin* bin, const Fragment& fragment,
                                                 const std::string& prefix) {
  Elements elements;
  for (const Node& node : fragment.nodes) {
    const auto element = make_element(node);
    if (!element) return tl::unexpected(element.error());
    gst_object_set_name(GST_OBJECT(*element), (prefix + node.id).c_str());
    gst_bin_add(bin, *element);  // sinks the floating reference
    elements.emplace(node.id, *element);
  }
  return elements;
}

Status make_links(const Fragment& fragment, const Elements& elements, const OnDelayedLink& on_delayed) {
  std::map<std::string, std::vector<DelayedLinks::Waiting>> delayed;
  for (const Link& link : fragment.links) {
    const auto from = elements.find(link.from), to = elements.find(link.to);
    if (from == elements.end() || to == elements.end())
      return tl::unexpected("link " + link.from + " -> " + link.to + ": no such node in " + fragment.name);
    if (link.delayed) {
      delayed[link.from].push_back({link.caps, to->second, link.to_pad});
      continue;
    }
    const Owned<GstCaps> caps{link.caps.empty() ? nullptr : gst_caps_from_string(link.caps.c_str())};
    if (!link.caps.empty() && !caps)
      return tl::unexpected("link " + link.from + " -> " + link.to + ": bad caps");
    const char* from_pad = link.from_pad.empty() ? nullptr : link.from_pad.c_str();
    const char* to_pad = link.to_pad.empty() ? nullptr : link.to_pad.c_str();
    if (!gst_element_link_pads_filtered(from->second, from_pad, to->second, to_pad, caps.get()))
      return tl::unexpected(fragment.name + ": cannot link " + link.from + " (" + pad_or_any(link.from_pad) +
                            ") to " + link.to + " (" + pad_or_any(link.to_pad) + ")");
  }
  for (auto& [from, waiting] : delayed) link_later(elements.at(from), std::move(waiting), on_delayed);
  return {};
}

Status make_ghost(GstElement* bin, const Elements& elements, const Port& port) {
  const auto node = elements.find(port.node);
  if (node == elements.end()) return tl::unexpected("port " + port.name + ": no node " + port.node);
  const Owned<GstPad> target{gst_element_get_static_pad(node->second, port.pad.c_str())};
  if (!target) return tl::unexpected("port " + port.name + ": " + port.node + " has no pad " + port.pad);
  gst_element_add_pad(bin, gst_ghost_pad_new(port.name.c_str(), target.get()));
  return {};
}

}  // namespace

tl::expected<Owned<GstElement>, BuildError> build_bin(const Fragment& fragment, OnDelayedLink on_delayed) {
  Owned<GstElement> bin{GST_ELEMENT(gst_object_ref_sink(gst_bin_new(fragment.name.c_str())))};
  const auto elements = make_elements(GST_BIN(bin.get()), fragment, "");
  if (!elements) return tl::unexpected(elements.error());
  if (auto linked = make_links(fragment, *elements, on_delayed); !linked)
    return tl::unexpected(linked.error());
  for (const auto* ports : {&fragment.inputs, &fragment.outputs})
    for (const Port& port : *ports)
      if (auto made = make_ghost(bin.get(), *elements, port); !made) return tl::unexpected(made.error());
  return bin;
}

tl::expected<Elements, BuildError> build_into(GstBin* parent, const Fragment& fragment) {
  auto elements = make_elements(parent, fragment, fragment.name + ".");
  if (!elements) return elements;
  if (auto linked = make_links(fragment, *elements, {}); !linked) return tl::unexpected(linked.error());
  return elements;
}

tl::expected<void, BuildError> check(const Fragment& fragment) {
  for (const Node& node : fragment.nodes)
    if (const auto checked = check_node(node); !checked) return tl::unexpected(checked.error());
  return {};
}

}  // namespace auralink::pipeline
