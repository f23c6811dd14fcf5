// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/support/properties.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "gst/support/guarded.hpp"
#include "gst/support/owned.hpp"

namespace auralink::support {
namespace {

enum class Shade { kDark = 3, kLight = 9 };
constexpr char kShadeName[] = "AuralinkTestShade";
constexpr EnumValue<Shade> kShades[] = {{Shade::kDark, "dark", "Night"}, {Shade::kLight, "light", "Day"}};

constexpr char kColoursName[] = "AuralinkTestColours";
constexpr FlagValue kColours[] = {{1, "red", "Apples"}, {2, "green", "Grass"}};

struct Settings {
  bool on = true;
  guint size = 5;
  std::string text = "hello";
  Shade shade = Shade::kLight;
  gint offset = -1;
  guint colours = 2;
  std::vector<gint> list;
};

struct Probe {
  GstElement parent;
  Guarded<Settings> settings;
  guint derived;
  guint announced;
  static void changed(Probe& self, Settings& s) noexcept { self.derived = s.size * 2; }
  static void after_change(Probe& self) noexcept {
    // The lock is free again here: this would deadlock otherwise.
    self.announced = self.settings.load().size;
  }
};
struct ProbeClass {
  GstElementClass parent;
};

GstStructure* read_stats(GObject* object) {
  return gst_structure_new("stats", "derived", G_TYPE_UINT, reinterpret_cast<Probe*>(object)->derived,
                           nullptr);
}

constexpr Prop<Settings> kTable[] = {
    BoolProp<Settings>{"on", "Switch", &Settings::on},
    UIntProp<Settings>{"size", "Size in bytes", &Settings::size, 1, 10},
    StringProp<Settings>{"text", "Words", &Settings::text},
    enum_prop<&Settings::shade>("shade", "Brightness", enum_type<kShadeName, kShades>),
    IntProp<Settings>{"offset", "Offset in bytes", &Settings::offset, -1, 5},
    FlagsProp<Settings>{"colours", "Colours of it", flags_type<kColoursName, kColours>, &Settings::colours},
    IntListProp<Settings>{"list", "Numbers of it", &Settings::list, 1, 9},
    StructureProp{"stats", "Counters", read_stats},
};

G_DEFINE_TYPE(Probe, auralink_test_probe, GST_TYPE_ELEMENT)

void auralink_test_probe_init(Probe* self) {
  std::construct_at(&self->settings);
  self->derived = 0;
}
void finalize(GObject* object) {
  std::destroy_at(&reinterpret_cast<Probe*>(object)->settings);
  G_OBJECT_CLASS(auralink_test_probe_parent_class)->finalize(object);
}
void auralink_test_probe_class_init(ProbeClass* klass) {
  Properties<Probe, Settings, kTable>::install(G_OBJECT_CLASS(klass));
  G_OBJECT_CLASS(klass)->finalize = finalize;
}

Owned<GstElement> probe() { return sink(GST_ELEMENT(g_object_new(auralink_test_probe_get_type(), nullptr))); }

TEST(Properties, TakeTheirDefaultsFromTheSettings) {
  const auto element = probe();
  gboolean on = FALSE;
  guint size = 0;
  gchar* text = nullptr;
  gint shade = 0;
  g_object_get(element.get(), "on", &on, "size", &size, "text", &text, "shade", &shade, nullptr);
  const auto owned = adopt(text);
  EXPECT_TRUE(on);
  EXPECT_EQ(size, 5U);
  EXPECT_STREQ(text, "hello");
  EXPECT_EQ(shade, 9);
  auto* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), "text");
  EXPECT_STREQ(g_value_get_string(g_param_spec_get_default_value(spec)), "hello");
}

TEST(Properties, ReachTheSettingsAndTheDerivedState) {
  const auto element = probe();
  g_object_set(element.get(), "on", FALSE, "size", 7U, "text", "bye", "shade", 3, nullptr);
  const auto* self = reinterpret_cast<Probe*>(element.get());
  const auto s = self->settings.load();
  EXPECT_FALSE(s.on);
  EXPECT_EQ(s.size, 7U);
  EXPECT_EQ(s.text, "bye");
  EXPECT_EQ(s.shade, Shade::kDark);
  EXPECT_EQ(self->derived, 14U);
  EXPECT_EQ(self->announced, 7U);
}

TEST(Properties, ReadNullTextAsEmpty) {
  const auto element = probe();
  g_object_set(element.get(), "text", nullptr, nullptr);
  EXPECT_EQ(reinterpret_cast<Probe*>(element.get())->settings.load().text, "");
}

TEST(Properties, ShowEnumsByNick) {
  const auto element = probe();
  gst_util_set_object_arg(G_OBJECT(element.get()), "shade", "dark");
  EXPECT_EQ(reinterpret_cast<Probe*>(element.get())->settings.load().shade, Shade::kDark);
}

TEST(Properties, TakeSignedNumbersBitsAndLists) {
  const auto element = probe();
  auto* object = G_OBJECT(element.get());
  gint offset = 0;
  guint colours = 0;
  g_object_get(object, "offset", &offset, "colours", &colours, nullptr);
  EXPECT_EQ(offset, -1);
  EXPECT_EQ(colours, 2U);
  gst_util_set_object_arg(object, "offset", "5");
  gst_util_set_object_arg(object, "colours", "red+green");
  gst_util_set_object_arg(object, "list", "<3, 9>");
  const auto s = reinterpret_cast<Probe*>(element.get())->settings.load();
  EXPECT_EQ(s.offset, 5);
  EXPECT_EQ(s.colours, 3U);
  EXPECT_EQ(s.list, (std::vector<gint>{3, 9}));
  GValue list = G_VALUE_INIT;
  g_object_get_property(object, "list", &list);
  ASSERT_EQ(gst_value_array_get_size(&list), 2U);
  EXPECT_EQ(g_value_get_int(gst_value_array_get_value(&list, 1)), 9);
  g_value_unset(&list);
  gst_util_set_object_arg(object, "list", "<>");
  EXPECT_TRUE(reinterpret_cast<Probe*>(element.get())->settings.load().list.empty());
}

TEST(Properties, BuildAStructureOnRead) {
  const auto element = probe();
  g_object_set(element.get(), "size", 4U, nullptr);
  GstStructure* stats = nullptr;
  g_object_get(element.get(), "stats", &stats, nullptr);
  const auto owned = adopt(stats);
  guint derived = 0;
  ASSERT_TRUE(gst_structure_get_uint(stats, "derived", &derived));
  EXPECT_EQ(derived, 8U);
}

TEST(Properties, MayChangeWhilePlayingExceptStatistics) {
  const auto element = probe();
  auto* klass = G_OBJECT_GET_CLASS(element.get());
  for (const char* name : {"on", "size", "text", "shade", "offset", "colours", "list"})
    EXPECT_TRUE(g_object_class_find_property(klass, name)->flags & GST_PARAM_MUTABLE_PLAYING) << name;
  EXPECT_FALSE(g_object_class_find_property(klass, "stats")->flags & G_PARAM_WRITABLE);
}

}  // namespace
}  // namespace auralink::support
