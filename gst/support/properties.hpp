// SPDX-License-Identifier: LGPL-2.1-or-later
// GObject properties of an element from one constexpr table: it replaces the property enum, the installs and
// both switches. Defaults live in Settings{} alone.
#pragma once

#include <gst/gst.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace auralink::support {

template <class S>
struct BoolProp {
  const char *name, *blurb;
  bool S::*field;
};
template <class S>
struct UIntProp {
  const char *name, *blurb;
  guint S::*field;
  guint min, max;
};
template <class S>
struct IntProp {
  const char *name, *blurb;
  gint S::*field;
  gint min, max;
};
/// A set of bits; `type` is built by flags_type().
template <class S>
struct FlagsProp {
  const char *name, *blurb;
  GType (*type)();
  guint S::*field;
};
/// A GstValueArray of integers, "<1, 2>" in launch syntax; empty by default.
template <class S>
struct IntListProp {
  const char *name, *blurb;
  std::vector<gint> S::*field;
  gint min, max;
};
/// NULL is stored as the empty string.
template <class S>
struct StringProp {
  const char *name, *blurb;
  std::string S::*field;
};
/// Built by enum_prop(); the core sees the enum class, GObject sees its number.
template <class S>
struct EnumProp {
  const char *name, *blurb;
  GType (*type)();
  gint (*get)(const S&);
  void (*set)(S&, gint);
};
/// Read-only GstStructure that `read` builds (transfer full) from the element, on any thread.
struct StructureProp {
  const char *name, *blurb;
  GstStructure* (*read)(GObject*);
};

template <class S>
using Prop = std::variant<BoolProp<S>, UIntProp<S>, IntProp<S>, FlagsProp<S>, IntListProp<S>, StringProp<S>,
                          EnumProp<S>, StructureProp>;

/// One value of an enum class as GObject shows it.
template <class E>
struct EnumValue {
  E value;
  const char *nick, *blurb;
};

/// Registers E once under `kName` and returns its type. kValues is a constexpr array of EnumValue<E>.
template <const auto& kName, const auto& kValues>
GType enum_type() {
  static const GType type = [] {
    // GObject keeps the pointer for the life of the process; the last entry stays zero as the end mark.
    static std::array<GEnumValue, std::size(kValues) + 1> rows{};
    for (std::size_t i = 0; i < std::size(kValues); ++i)
      rows[i] = GEnumValue{static_cast<gint>(kValues[i].value), kValues[i].blurb, kValues[i].nick};
    return g_enum_register_static(kName, rows.data());
  }();
  return type;
}

/// One bit of a set as GObject shows it.
struct FlagValue {
  guint bit;
  const char *nick, *blurb;
};

/// Registers the flags once under `kName` and returns their type. kValues is a constexpr array of FlagValue.
template <const auto& kName, const auto& kValues>
GType flags_type() {
  static const GType type = [] {
    static std::array<GFlagsValue, std::size(kValues) + 1> rows{};
    for (std::size_t i = 0; i < std::size(kValues); ++i)
      rows[i] = GFlagsValue{kValues[i].bit, kValues[i].blurb, kValues[i].nick};
    return g_flags_register_static(kName, rows.data());
  }();
  return type;
}

namespace detail {
template <class M>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
  using Class = S;
  using Type = T;
};
template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;
}  // namespace detail

template <auto kField, class S = typename detail::MemberOf<decltype(kField)>::Class>
[[nodiscard]] constexpr EnumProp<S> enum_prop(const char* name, const char* blurb, GType (*type)()) {
  using E = typename detail::MemberOf<decltype(kField)>::Type;
  return {name, blurb, type, [](const S& s) { return static_cast<gint>(s.*kField); },
          [](S& s, gint v) { s.*kField = static_cast<E>(v); }};
}

/// Installs the table on a class of element `Self` that has a member `Guarded<S> settings`. All settings may
/// change while PLAYING. When Self has `static void changed(Self&, S&) noexcept`, it is called under the
/// settings lock after each write, to derive from the raw settings what the streaming thread needs.
template <class Self, class S, const auto& kTable>
struct Properties {
  static void install(GObjectClass* klass) {
    klass->set_property = set;
    klass->get_property = get;
    const S defaults{};
    guint id = 1;
    for (const auto& row : kTable)
      g_object_class_install_property(klass, id++,
                                      std::visit([&](const auto& p) { return spec(p, defaults); }, row));
  }

 private:
  static constexpr auto kRead = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  static constexpr auto kLive =
      static_cast<GParamFlags>(kRead | G_PARAM_WRITABLE | GST_PARAM_MUTABLE_PLAYING);

  static GParamSpec* spec(const BoolProp<S>& p, const S& d) {
    return g_param_spec_boolean(p.name, p.name, p.blurb, d.*p.field ? TRUE : FALSE, kLive);
  }
  static GParamSpec* spec(const UIntProp<S>& p, const S& d) {
    return g_param_spec_uint(p.name, p.name, p.blurb, p.min, p.max, d.*p.field, kLive);
  }
  static GParamSpec* spec(const IntProp<S>& p, const S& d) {
    return g_param_spec_int(p.name, p.name, p.blurb, p.min, p.max, d.*p.field, kLive);
  }
  static GParamSpec* spec(const FlagsProp<S>& p, const S& d) {
    return g_param_spec_flags(p.name, p.name, p.blurb, p.type(), d.*p.field, kLive);
  }
  static GParamSpec* spec(const IntListProp<S>& p, const S& /*defaults*/) {
    return gst_param_spec_array(
        p.name, p.name, p.blurb,
        g_param_spec_int("item", "item", "One of the list", p.min, p.max, p.min, kLive), kLive);
  }
  static GParamSpec* spec(const StringProp<S>& p, const S& d) {
    return g_param_spec_string(p.name, p.name, p.blurb, (d.*p.field).c_str(), kLive);
  }
  static GParamSpec* spec(const EnumProp<S>& p, const S& d) {
    return g_param_spec_enum(p.name, p.name, p.blurb, p.type(), p.get(d), kLive);
  }
  static GParamSpec* spec(const StructureProp& p, const S& /*defaults*/) {
    return g_param_spec_boxed(p.name, p.name, p.blurb, GST_TYPE_STRUCTURE, kRead);
  }

  static void set(GObject* object, guint id, const GValue* value, GParamSpec* /*spec*/) {
    auto* self = reinterpret_cast<Self*>(object);
    self->settings.with([&](S& s) {
      std::visit(
          detail::Overload{
              [&](const BoolProp<S>& p) { s.*p.field = g_value_get_boolean(value) != FALSE; },
              [&](const UIntProp<S>& p) { s.*p.field = g_value_get_uint(value); },
              [&](const IntProp<S>& p) { s.*p.field = g_value_get_int(value); },
              [&](const FlagsProp<S>& p) { s.*p.field = g_value_get_flags(value); },
              [&](const IntListProp<S>& p) {
                auto& list = s.*p.field;
                list.clear();
                for (guint i = 0; i < gst_value_array_get_size(value); ++i)
                  list.push_back(g_value_get_int(gst_value_array_get_value(value, i)));
              },
              [&](const StringProp<S>& p) {
                const char* text = g_value_get_string(value);
                s.*p.field = text != nullptr ? text : "";
              },
              [&](const EnumProp<S>& p) { p.set(s, g_value_get_enum(value)); },
              [](const StructureProp&) {},  // GObject refuses writes to a read-only property before this
          },
          kTable[id - 1]);
      if constexpr (requires { Self::changed(*self, s); }) Self::changed(*self, s);
    });
    if constexpr (requires { Self::after_change(*self); }) Self::after_change(*self);
  }

  static void get(GObject* object, guint id, GValue* value, GParamSpec* /*spec*/) {
    auto* self = reinterpret_cast<Self*>(object);
    const auto& row = kTable[id - 1];
    if (const auto* structure = std::get_if<StructureProp>(&row)) {
      g_value_take_boxed(value, structure->read(object));  // outside the settings lock: it may take others
      return;
    }
    const S s = self->settings.load();
    std::visit(detail::Overload{
                   [&](const BoolProp<S>& p) { g_value_set_boolean(value, s.*p.field ? TRUE : FALSE); },
                   [&](const UIntProp<S>& p) { g_value_set_uint(value, s.*p.field); },
                   [&](const IntProp<S>& p) { g_value_set_int(value, s.*p.field); },
                   [&](const FlagsProp<S>& p) { g_value_set_flags(value, s.*p.field); },
                   [&](const IntListProp<S>& p) {
                     for (const gint number : s.*p.field) {
                       GValue item = G_VALUE_INIT;
                       g_value_init(&item, G_TYPE_INT);
                       g_value_set_int(&item, number);
                       gst_value_array_append_and_take_value(value, &item);
                     }
                   },
                   [&](const StringProp<S>& p) { g_value_set_string(value, (s.*p.field).c_str()); },
                   [&](const EnumProp<S>& p) { g_value_set_enum(value, p.get(s)); },
                   [](const StructureProp&) {},
               },
               row);
  }
};

}  // namespace auralink::support
