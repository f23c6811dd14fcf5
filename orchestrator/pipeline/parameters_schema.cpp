// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks the schema itself when a description is loaded. JSON Schema ignores keywords it does not know, so a
// typing error would silently widen what callers may say; here it is an error.
#include <algorithm>
#include <regex>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/pipeline/parameters_formats.hpp"

namespace auralink::pipeline::parts {
namespace {

constexpr std::array<std::string_view, 7> kTypes{"object", "array",   "string", "integer",
                                                 "number", "boolean", "null"};
constexpr std::int64_t kMaxArrayItems = 1000;

bool check_type(ObjectReader& reader, const Value& type) {
  const auto ok = [](const Value& t) {
    return t.is_string() &&
           std::find(kTypes.begin(), kTypes.end(), t.get_ref<const std::string&>()) != kTypes.end();
  };
  if (type.is_array() && !type.empty() && std::all_of(type.begin(), type.end(), ok)) return true;
  if (ok(type)) return true;
  reader.complain(
      "type", "expected " + json::listed(kTypes) + ", or an array of these, found " + json::shown(type) +
                  (type.is_string() ? json::did_you_mean(type.get_ref<const std::string&>(), kTypes) : ""));
  return false;
}

bool allows(const Value& type, std::string_view name) {
  return type.is_string() ? type == name : std::find(type.begin(), type.end(), name) != type.end();
}

void check_numbers(ObjectReader& reader) {
  for (const std::string_view key : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    (void)reader.number(key, -1e15, 1e15);
  (void)reader.number("multipleOf", 1e-9, 1e15);
}

void check_strings(ObjectReader& reader) {
  (void)reader.integer("minLength", 0, 65536);
  (void)reader.integer("maxLength", 0, 65536);
  if (const auto pattern = reader.string("pattern")) {
    try {
      (void)std::regex{*pattern, std::regex::ECMAScript};
    } catch (const std::regex_error&) {
      reader.complain("pattern", "not a regular expression (ECMAScript)");
    }
  }
  (void)reader.choice("format", format_names());
}

void check_array(ObjectReader& reader, Violations& violations) {
  if (const auto* items = reader.object("items", Need::required))
    check_schema(*items, reader.at("items"), violations);
  (void)reader.integer("minItems", 0, kMaxArrayItems);
  // Required, because comparing for uniqueItems and every later check cost more with each item.
  (void)reader.integer("maxItems", 0, kMaxArrayItems, Need::required);
  (void)reader.boolean("uniqueItems");
}

void check_object(ObjectReader& reader, Violations& violations) {
  const auto* properties = reader.object("properties");
  std::vector<std::string_view> names;
  if (properties != nullptr)
    for (const auto& [name, member] : properties->items()) {
      names.emplace_back(properties->find(name).key());
      check_schema(member, json::child(reader.at("properties"), name), violations);
    }
  if (const auto* required = reader.array("required", 256))
    for (std::size_t i = 0; i < required->size(); ++i) {
      const auto& name = (*required)[i];
      const auto text = name.is_string() ? name.get<std::string>() : "";
      if (std::find(names.begin(), names.end(), text) == names.end())
        violations.push_back({json::child(reader.at("required"), i),
                              "expected the name of a property" + json::did_you_mean(text, names)});
    }
  // Open objects would let misspelt parameters through unnoticed.
  const auto additional = reader.boolean("additionalProperties", Need::required);
  if (additional && *additional) reader.complain("additionalProperties", "expected false");
}

}  // namespace

void check_schema(const Value& schema, const std::string& pointer, Violations& violations) {
  ObjectReader reader{schema, pointer, violations};
  if (!schema.is_object()) return;
  const auto* type = reader.any("type", Need::required);
  for (const std::string_view key : {"title", "description"}) (void)reader.string(key);
  (void)reader.any("default");
  (void)reader.any("const");
  (void)reader.array("examples", 16);
  if (const auto* options = reader.array("enum", 256); options != nullptr && options->empty())
    reader.complain("enum", "expected at least one value");
  if (type != nullptr && check_type(reader, *type)) {
    if (pointer == "/parameters" && *type != "object") reader.complain("type", "expected \"object\"");
    if (allows(*type, "integer") || allows(*type, "number")) check_numbers(reader);
    if (allows(*type, "string")) check_strings(reader);
    if (allows(*type, "array")) check_array(reader, violations);
    if (allows(*type, "object")) check_object(reader, violations);
  }
  reader.finish();
}

}  // namespace auralink::pipeline::parts
