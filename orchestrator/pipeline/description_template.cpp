// SPDX-License-Identifier: LGPL-2.1-or-later
// A description file before its parameters are known: the head, the schema, and where references may stand.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline {

using namespace parts;

namespace {

constexpr std::array<std::string_view, 11> kPipelineMembers{"apiVersion", "kind",       "name",    "version",
                                                            "why",        "parameters", "source",  "mix",
                                                            "encode",     "branches",   "policies"};
constexpr std::array<std::string_view, 9> kCustomMembers{"apiVersion", "kind",     "name",  "version", "why",
                                                         "parameters", "elements", "links", "policies"};

class ReferenceCheck {
 public:
  ReferenceCheck(const Value& parameters, Violations& violations) : violations_{violations} {
    const auto it = parameters.find("properties");
    if (it == parameters.end() || !it->is_object()) return;
    for (const auto& [name, unused] : it->items()) declared_.push_back(name);
  }

  /// Looks at everything below `value`; `file` says that a reference here would name a file (kind Custom).
  void walk(const Value& value, const std::string& pointer) {
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], json::child(pointer, i));
    } else if (value.is_object()) {
      for (const auto& [key, member] : value.items())
        if (key.starts_with('$')) return reference(value, key, pointer);
      for (const auto& [key, member] : value.items()) walk(member, json::child(pointer, key));
    }
  }

  void parameter(const Value& name, const std::string& pointer) {
    const std::vector<std::string_view> names{declared_.begin(), declared_.end()};
    if (!name.is_string())
      return violations_.push_back({pointer, "expected the name of a parameter, found " + json::shown(name)});
    const auto& text = name.get_ref<const std::string&>();
    if (std::find(declared_.begin(), declared_.end(), text) == declared_.end())
      violations_.push_back(
          {pointer, "no parameter is called " + json::shown(name) + json::did_you_mean(text, names)});
  }

 private:
  void reference(const Value& value, const std::string& key, const std::string& pointer) {
    constexpr std::array<std::string_view, 3> kinds{"$param", "$config", "$secret"};
    if (std::find(kinds.begin(), kinds.end(), key) == kinds.end())
      return violations_.push_back({pointer, "expected a reference of $param, $config or $secret, found \"" +
                                                 key.substr(0, 32) + "\"" + json::did_you_mean(key, kinds)});
    if (key == "$secret")
      return violations_.push_back({pointer, "expected a plain value: nothing here takes a secret"});
    const bool fallback = key == "$config" && value.size() == 2 && value.contains("default");
    if (value.size() != 1 && !fallback)
      return violations_.push_back(
          {pointer, "a reference object has one member" +
                        std::string{key == "$config" ? " and perhaps \"default\"" : ""}});
    if (key == "$param") return parameter(value.at(key), json::child(pointer, key));
    if (!value.at(key).is_string() || !is_name(value.at(key).get_ref<const std::string&>()))
      violations_.push_back({json::child(pointer, key), "expected a dotted configuration key"});
  }

  std::vector<std::string> declared_;
  Violations& violations_;
};

void check_when(const Value& branches, ReferenceCheck& references, Violations& violations) {
  for (const auto& [name, branch] : branches.items()) {
    const auto at = json::child(json::child("/branches", name), "when");
    if (!branch.is_object() || !branch.contains("when")) continue;
    ObjectReader reader{branch.at("when"), at, violations};
    if (const auto* parameter = reader.any("param", Need::required))
      references.parameter(*parameter, reader.at("param"));
    (void)reader.any("is");
    reader.finish();
  }
}

/// A caller's parameter must never decide which file a custom graph reads or writes.
void check_custom_files(const Value& elements, Violations& violations) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto& element = elements[i];
    if (!element.is_object() || !element.contains("properties")) continue;
    const auto location = element.at("properties").find("location");
    if (element.at("properties").is_object() && location != element.at("properties").end() &&
        !location->is_string())
      violations.push_back({json::child(json::child("/elements", i), "properties") + "/location",
                            "expected a plain string: parameters cannot choose files of a custom graph"});
  }
}

}  // namespace

json::Checked<Template> parse_template(const json::Value& document) {
  Violations violations;
  ObjectReader reader{document, "", violations};
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  constexpr std::array<std::string_view, 1> versions{"auralink/v1"};
  constexpr std::array<std::string_view, 2> kinds{"Pipeline", "Custom"};
  Template t;
  (void)reader.choice("apiVersion", versions, Need::required);
  const auto kind = reader.choice("kind", kinds, Need::required);
  t.name = read_name(reader);
  t.version = static_cast<unsigned>(reader.integer("version", 1, 1'000'000).value_or(1));
  t.why = reader.string("why").value_or("");
  if (t.why.size() > 1000) reader.complain("why", "expected at most 1000 bytes");
  t.parameters = Value::object({{"type", "object"}, {"properties", Value::object()}});
  if (const auto* schema = reader.object("parameters")) {
    const auto before = violations.size();
    check_schema(*schema, "/parameters", violations);
    if (violations.size() == before) t.parameters = *schema;
  }
  t.document = document;

  ReferenceCheck references{t.parameters, violations};
  const bool custom = kind == "Custom";
  for (const auto member : custom ? std::span<const std::string_view>{kCustomMembers}
                                  : std::span<const std::string_view>{kPipelineMembers}) {
    const auto* value = reader.any(member);
    if (value != nullptr && member != "parameters") references.walk(*value, reader.at(member));
  }
  if (!custom && reader.has("branches") && document.at("branches").is_object())
    check_when(document.at("branches"), references, violations);
  if (custom && reader.has("elements") && document.at("elements").is_array())
    check_custom_files(document.at("elements"), violations);
  if (kind == "Pipeline")
    for (const auto member : {"source", "mix"}) (void)reader.any(member, Need::required);
  if (custom) (void)reader.any("elements", Need::required);
  if (kind) reader.finish();
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  return t;
}

}  // namespace auralink::pipeline
