// SPDX-License-Identifier: LGPL-2.1-or-later
// Template + parameters + configuration -> a document without references. Values replace values; no string is
// ever built from another.
#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/pipeline/parameters.hpp"

namespace auralink::pipeline {

using namespace parts;

namespace {

// One reference can stand in many places, so the product is bounded and not only its factors.
constexpr std::size_t kMaxResolvedBytes = std::size_t{1} << 20U;

class Resolver {
 public:
  Resolver(const Value& parameters, const ConfigLookup& config) : parameters_{parameters}, config_{config} {}

  /// nullopt: the reference names an optional parameter that was not given, so the member does not exist.
  std::optional<Value> walk(const Value& value, const std::string& pointer) {
    spend(value);
    if (too_large) return std::nullopt;
    if (value.is_array()) {
      Value out = Value::array();
      for (const auto& item : value)
        if (auto v = walk(item, json::child(pointer, out.size()))) out.push_back(std::move(*v));
      return out;
    }
    if (!value.is_object()) return value;
    if (value.contains("$param")) return parameter(value.at("$param").get<std::string>(), pointer);
    if (value.contains("$config")) return configured(value, pointer);
    Value out = Value::object();
    for (const auto& [key, member] : value.items())
      if (auto v = walk(member, json::child(pointer, key))) out[key] = std::move(*v);
    return out;
  }

  /// Whether a branch with this condition stays.
  [[nodiscard]] bool wanted(const Value& when) const {
    const auto it = parameters_.find(when.at("param").get<std::string>());
    if (it == parameters_.end()) return when.contains("is") && when.at("is").is_null();
    if (when.contains("is")) return *it == when.at("is");
    return !it->is_null() && *it != false;
  }

  Resolution result;
  Violations configuration;
  bool too_large = false;

 private:
  void spend(const Value& value) {
    spent_ += 16;
    if (value.is_string()) spent_ += value.get_ref<const std::string&>().size();
    if (value.is_object())
      for (const auto& [key, unused] : value.items()) spent_ += key.size();
    too_large = too_large || spent_ > kMaxResolvedBytes;
  }

  /// Copies a value that came from outside, in which nothing is a reference any more.
  void spend_all(const Value& value) {
    spend(value);
    if (!value.is_structured() || too_large) return;
    for (const auto& member : value) spend_all(member);
  }

  std::optional<Value> parameter(const std::string& name, const std::string& pointer) {
    const auto it = parameters_.find(name);
    if (it == parameters_.end()) return std::nullopt;
    spend_all(*it);
    result.origins[pointer] = json::child("", name);
    return *it;
  }

  std::optional<Value> configured(const Value& reference, const std::string& pointer) {
    const auto key = reference.at("$config").get<std::string>();
    auto value = config_ ? config_(key) : std::nullopt;
    if (!value && reference.contains("default")) value = reference.at("default");
    if (!value) configuration.push_back({pointer, "configuration key \"" + key + "\" is not set"});
    if (value) spend_all(*value);
    return value;
  }

  const Value& parameters_;
  const ConfigLookup& config_;
  std::size_t spent_ = 0;
};

}  // namespace

std::optional<std::string> Resolution::parameter_for(std::string_view pointer) const {
  // The longest origin that is the pointer itself or one of its ancestors.
  for (std::string_view at = pointer;; at = at.substr(0, at.rfind('/'))) {
    if (const auto it = origins.find(std::string{at}); it != origins.end())
      return it->second + std::string{pointer.substr(at.size())};
    if (at.empty()) return std::nullopt;
  }
}

tl::expected<Resolution, Unresolved> resolve_traced(const Template& t, const json::Value& parameters,
                                                    const ConfigLookup& config) {
  auto checked = check_parameters(t.parameters, parameters);
  if (!checked) return tl::unexpected(Unresolved{true, std::move(checked.error())});
  Resolver resolver{*checked, config};
  Value document = Value::object();
  for (const auto& [key, member] : t.document.items()) {
    if (key == "parameters") continue;
    Value value = member;
    if (key == "branches" && value.is_object()) {
      value = Value::object();
      for (const auto& [name, branch] : member.items()) {
        const bool conditional = branch.is_object() && branch.contains("when");
        if (conditional && !resolver.wanted(branch.at("when"))) continue;
        value[name] = branch;
        if (conditional) value[name].erase("when");
      }
    }
    if (auto v = resolver.walk(value, json::child("", key))) document[key] = std::move(*v);
  }
  if (resolver.too_large)
    return tl::unexpected(
        Unresolved{true, {{"", "the description these parameters make is longer than 1 MiB"}}});
  if (!resolver.configuration.empty())
    return tl::unexpected(Unresolved{false, std::move(resolver.configuration)});
  resolver.result.document = std::move(document);
  return std::move(resolver.result);
}

tl::expected<json::Value, Unresolved> resolve(const Template& t, const json::Value& parameters,
                                              const ConfigLookup& config) {
  auto traced = resolve_traced(t, parameters, config);
  if (!traced) return tl::unexpected(std::move(traced.error()));
  return std::move(traced->document);
}

}  // namespace auralink::pipeline
