// SPDX-License-Identifier: LGPL-2.1-or-later
// Every element of every plugin named on the command line: documented, and calm through states and property
// ranges.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <vector>

#include "gst/support/support.hpp"

namespace auralink {
namespace {

using support::adopt;
using support::Owned;

/// Names of all elements whose plugin says it is ours.
std::vector<std::string> our_elements() {
  std::vector<std::string> names;
  GList* plugins = gst_registry_get_plugin_list(gst_registry_get());
  for (GList* p = plugins; p != nullptr; p = p->next) {
    auto* plugin = GST_PLUGIN(p->data);
    if (std::string{gst_plugin_get_source(plugin)} != "auralink") continue;
    GList* features =
        gst_registry_get_feature_list_by_plugin(gst_registry_get(), gst_plugin_get_name(plugin));
    for (GList* f = features; f != nullptr; f = f->next)
      if (GST_IS_ELEMENT_FACTORY(f->data)) names.emplace_back(gst_plugin_feature_get_name(f->data));
    gst_plugin_feature_list_free(features);
  }
  gst_plugin_list_free(plugins);
  return names;
}

/// The properties that the element's own class adds.
std::vector<GParamSpec*> own_properties(GstElement* element) {
  guint count = 0;
  GParamSpec** all = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  std::vector<GParamSpec*> own;
  for (guint i = 0; i < count; ++i)
    if (all[i]->owner_type == G_OBJECT_TYPE(element)) own.push_back(all[i]);
  g_free(all);
  return own;
}

/// Calls `with(value)` for each value at the edge of a property's range, the default last.
template <class F>
void for_each_edge(GParamSpec* spec, F with) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  if (G_IS_PARAM_SPEC_UINT(spec)) {
    for (const guint edge : {G_PARAM_SPEC_UINT(spec)->minimum, G_PARAM_SPEC_UINT(spec)->maximum}) {
      g_value_set_uint(&value, edge);
      with(&value);
    }
  } else if (G_IS_PARAM_SPEC_INT(spec)) {
    for (const gint edge : {G_PARAM_SPEC_INT(spec)->minimum, G_PARAM_SPEC_INT(spec)->maximum}) {
      g_value_set_int(&value, edge);
      with(&value);
    }
  } else if (G_IS_PARAM_SPEC_FLAGS(spec)) {
    for (const guint edge : {0U, G_PARAM_SPEC_FLAGS(spec)->flags_class->mask}) {
      g_value_set_flags(&value, edge);
      with(&value);
    }
  } else if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    for (const bool edge : {false, true}) {
      g_value_set_boolean(&value, edge ? TRUE : FALSE);
      with(&value);
    }
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    const GEnumClass* klass = G_PARAM_SPEC_ENUM(spec)->enum_class;
    for (guint i = 0; i < klass->n_values; ++i) {
      g_value_set_enum(&value, klass->values[i].value);
      with(&value);
    }
  } else if (GST_IS_PARAM_SPEC_ARRAY_LIST(spec)) {
    auto* item = GST_PARAM_SPEC_ARRAY_LIST(spec)->element_spec;
    ASSERT_TRUE(item != nullptr && G_IS_PARAM_SPEC_INT(item)) << spec->name;
    for (const gint edge : {G_PARAM_SPEC_INT(item)->minimum, G_PARAM_SPEC_INT(item)->maximum}) {
      GValue one = G_VALUE_INIT;
      g_value_init(&one, G_TYPE_INT);
      g_value_set_int(&one, edge);
      gst_value_array_append_and_take_value(&value, &one);
      with(&value);
    }
  } else {
    // A type without a row here would silently stay untested.
    EXPECT_TRUE(G_IS_PARAM_SPEC_STRING(spec) || G_IS_PARAM_SPEC_BOXED(spec)) << spec->name;
  }
  g_param_value_set_default(spec, &value);
  with(&value);
  g_value_unset(&value);
}

bool is_header_extension(GstElement* element) {
  const GType type = g_type_from_name("GstRTPHeaderExtension");  // 0 when no plugin uses it
  return type != 0 && g_type_is_a(G_OBJECT_TYPE(element), type) != FALSE;
}

class Elements : public testing::Test {
 protected:
  void SetUp() override { ASSERT_FALSE(names.empty()) << "no plugin of ours was loaded"; }
  const std::vector<std::string> names = our_elements();
};

TEST_F(Elements, CycleThroughTheirStatesRepeatedly) {
  for (const auto& name : names) {
    const auto element = support::make_element(name.c_str());
    ASSERT_NE(element, nullptr) << name;
    for (int round = 0; round < 3; ++round)
      for (const GstState state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                                   GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL})
        EXPECT_NE(gst_element_set_state(element.get(), state), GST_STATE_CHANGE_FAILURE)
            << name << " to " << gst_element_state_get_name(state);
  }
}

TEST_F(Elements, TakeEveryEdgeOfEveryPropertyInEveryState) {
  for (const auto& name : names) {
    const auto element = support::make_element(name.c_str());
    ASSERT_NE(element, nullptr) << name;
    for (const GstState state : {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING}) {
      ASSERT_NE(gst_element_set_state(element.get(), state), GST_STATE_CHANGE_FAILURE) << name;
      for (GParamSpec* spec : own_properties(element.get())) {
        const bool live = state <= GST_STATE_READY || (spec->flags & GST_PARAM_MUTABLE_PLAYING) != 0;
        if ((spec->flags & G_PARAM_WRITABLE) == 0 || !live) continue;
        for_each_edge(spec, [&](const GValue* edge) {
          g_object_set_property(G_OBJECT(element.get()), spec->name, edge);
          GValue read = G_VALUE_INIT;
          g_object_get_property(G_OBJECT(element.get()), spec->name, &read);
          EXPECT_EQ(g_param_values_cmp(spec, edge, &read), 0) << name << "::" << spec->name;
          g_value_unset(&read);
        });
      }
    }
    gst_element_set_state(element.get(), GST_STATE_NULL);
  }
}

TEST_F(Elements, DocumentEveryProperty) {
  for (const auto& name : names) {
    const auto element = support::make_element(name.c_str());
    ASSERT_NE(element, nullptr) << name;
    for (GParamSpec* spec : own_properties(element.get())) {
      const char* blurb = g_param_spec_get_blurb(spec);
      ASSERT_NE(blurb, nullptr) << name << "::" << spec->name;
      EXPECT_GT(std::string{blurb}.size(), 10U) << name << "::" << spec->name;
      EXPECT_TRUE(std::isupper(static_cast<unsigned char>(blurb[0]))) << name << "::" << spec->name;
    }
  }
}

TEST_F(Elements, DescribeThemselves) {
  for (const auto& name : names) {
    const auto factory = adopt(gst_element_factory_find(name.c_str()));
    ASSERT_NE(factory, nullptr);
    for (const char* key : {GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS,
                            GST_ELEMENT_METADATA_DESCRIPTION, GST_ELEMENT_METADATA_AUTHOR}) {
      const char* text = gst_element_factory_get_metadata(factory.get(), key);
      EXPECT_TRUE(text != nullptr && *text != '\0') << name << " " << key;
    }
    // A header extension lives inside a payloader and has no pads.
    const bool extension = is_header_extension(support::make_element(name.c_str()).get());
    EXPECT_EQ(gst_element_factory_get_num_pad_templates(factory.get()) > 0, !extension) << name;
  }
}

TEST_F(Elements, OfferTheirStatisticsAsAStructure) {
  for (const auto& name : names) {
    const auto element = support::make_element(name.c_str());
    ASSERT_NE(element, nullptr) << name;
    if (is_header_extension(element.get())) continue;  // it lives inside a payloader, which has them
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), "stats");
    ASSERT_NE(spec, nullptr) << name;
    GstStructure* stats = nullptr;
    g_object_get(element.get(), "stats", &stats, nullptr);
    EXPECT_NE(adopt(stats), nullptr) << name;
  }
}

}  // namespace
}  // namespace auralink
