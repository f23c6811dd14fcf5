// SPDX-License-Identifier: LGPL-2.1-or-later
// Parameters against their schema. valijson decides; what we add are sentences a person can act on, `format`,
// and bounds that hold before any regular expression runs (std::regex recurses with the length of its input).
#include "orchestrator/pipeline/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <regex>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/pipeline/parameters_formats.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::pipeline {

using namespace parts;

namespace parts {
namespace {

constexpr std::size_t kMaxText = 16384;       ///< of any string
constexpr std::size_t kMaxPatternText = 512;  ///< of a string that a pattern will be tried on
constexpr std::size_t kMaxParameterBytes = 256 * 1024;

using Fault = std::string (*)(const std::string&);
constexpr std::array kFormats{
    Word<Fault>{"name",
                [](const std::string& t) { return is_name(t) ? std::string{} : std::string{kNameRule}; }},
    Word<Fault>{"participant-name",
                [](const std::string& t) { return is_name(t) ? std::string{} : std::string{kNameRule}; }},
    Word<Fault>{"file", [](const std::string& t) { return path_fault(t, true); }},
    Word<Fault>{"path-template",
                [](const std::string& t) {
                  auto fault = path_fault(t, false);
                  if (!fault.empty()) return fault;
                  const auto wrong = session::check_path(t);
                  return wrong.empty() ? fault : wrong.front().detail;
                }},
    Word<Fault>{"duration", [](const std::string& t) {
                  return json::parse_duration(t)
                             ? std::string{}
                             : std::string{"expected a duration like \"250ms\", \"30s\", \"10m\" or \"4h\""};
                }}};
constexpr auto kFormatNames = words_of(kFormats);

}  // namespace

std::span<const std::string_view> format_names() noexcept { return kFormatNames; }

std::string format_fault(std::string_view format, const std::string& text) {
  for (const auto& entry : kFormats)
    if (entry.word == format) return entry.value(text);
  return "unknown format";
}

}  // namespace parts

namespace {

std::size_t weight(const Value& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() + 16;
  std::size_t sum = 16;
  if (value.is_structured())
    for (const auto& [key, member] : value.items())
      sum += (value.is_object() ? key.size() : 0) + weight(member);
  return sum;
}

bool is_type(const Value& v, std::string_view type) {
  if (type == "object") return v.is_object();
  if (type == "array") return v.is_array();
  if (type == "string") return v.is_string();
  if (type == "integer") return v.is_number_integer();
  if (type == "number") return v.is_number();
  if (type == "boolean") return v.is_boolean();
  return v.is_null();
}

std::vector<std::string_view> types_of(const Value& schema) {
  std::vector<std::string_view> out;
  const auto& type = schema.at("type");
  if (type.is_string()) return {type.get_ref<const std::string&>()};
  for (const auto& t : type) out.emplace_back(t.get_ref<const std::string&>());
  return out;
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

/// Walks schema and value side by side and says what is wrong in words.
class Explainer {
 public:
  explicit Explainer(Violations& out) : out_{out} {}

  void explain(const Value& schema, const Value& v, const std::string& at) {
    const auto types = types_of(schema);
    if (std::none_of(types.begin(), types.end(), [&](auto t) { return is_type(v, t); }))
      return complain(at, "expected " + with_article(types) + ", found " + json::shown(v));
    if (schema.contains("const") && schema.at("const") != v)
      complain(at, "expected " + json::shown(schema.at("const")));
    if (schema.contains("enum")) options(schema.at("enum"), v, at);
    if (v.is_number()) number(schema, v, at);
    if (v.is_string()) text(schema, v.get_ref<const std::string&>(), at);
    if (v.is_array()) array(schema, v, at);
    if (v.is_object()) object(schema, v, at);
  }

 private:
  void complain(const std::string& at, std::string detail) { out_.push_back({at, std::move(detail)}); }

  static std::string with_article(const std::vector<std::string_view>& types) {
    std::vector<std::string> words;
    for (const auto t : types)
      words.push_back(t == "null"
                          ? std::string{t}
                          : std::string{t == "integer" || t == "array" || t == "object" ? "an " : "a "} +
                                std::string{t});
    const std::vector<std::string_view> views{words.begin(), words.end()};
    return json::listed(views);
  }

  void options(const Value& allowed, const Value& v, const std::string& at) {
    if (std::find(allowed.begin(), allowed.end(), v) != allowed.end()) return;
    std::vector<std::string> words;
    for (const auto& option : allowed)
      words.push_back(option.is_string() ? option.get<std::string>() : option.dump());
    const std::vector<std::string_view> views{words.begin(), words.end()};
    complain(at, "expected " + json::listed(views) + ", found " + json::shown(v) +
                     (v.is_string() ? json::did_you_mean(v.get_ref<const std::string&>(), views) : ""));
  }

  void number(const Value& schema, const Value& v, const std::string& at) {
    const auto n = v.get<double>();
    const auto limit = [&](const char* key, auto wrong, const char* words) {
      if (schema.contains(key) && wrong(n, schema.at(key).get<double>()))
        complain(at, std::string{words} + schema.at(key).dump() + ", found " + v.dump());
    };
    limit("minimum", std::less{}, "expected at least ");
    limit("maximum", std::greater{}, "expected at most ");
    limit("exclusiveMinimum", std::less_equal{}, "expected more than ");
    limit("exclusiveMaximum", std::greater_equal{}, "expected less than ");
    limit(
        "multipleOf", [](double a, double b) { return std::abs(std::remainder(a, b)) > 1e-9 * b; },
        "expected a multiple of ");
  }

  void text(const Value& schema, const std::string& v, const std::string& at) {
    const auto length = characters(v);
    if (schema.contains("minLength") && length < schema.at("minLength").get<std::size_t>())
      complain(at, "expected at least " + schema.at("minLength").dump() + " characters, found " +
                       std::to_string(length));
    if (schema.contains("maxLength") && length > schema.at("maxLength").get<std::size_t>())
      complain(at, "expected at most " + schema.at("maxLength").dump() + " characters, found " +
                       std::to_string(length));
    if (schema.contains("pattern") &&
        !std::regex_search(
            v, std::regex{schema.at("pattern").get_ref<const std::string&>(), std::regex::ECMAScript}))
      complain(at, "expected text matching " + schema.at("pattern").get<std::string>() + ", found " +
                       json::shown(v));
    if (schema.contains("format"))
      if (auto fault = format_fault(schema.at("format").get_ref<const std::string&>(), v); !fault.empty())
        complain(at, std::move(fault));
  }

  void array(const Value& schema, const Value& v, const std::string& at) {
    const auto size = v.size();
    if (schema.contains("minItems") && size < schema.at("minItems").get<std::size_t>())
      complain(at,
               "expected at least " + schema.at("minItems").dump() + " items, found " + std::to_string(size));
    if (size > schema.at("maxItems").get<std::size_t>())
      return complain(
          at, "expected at most " + schema.at("maxItems").dump() + " items, found " + std::to_string(size));
    for (std::size_t i = 0; i < size; ++i) {
      if (schema.value("uniqueItems", false) &&
          std::find(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(i), v[i]) !=
              v.begin() + static_cast<std::ptrdiff_t>(i))
        complain(json::child(at, i), "expected items that differ from each other");
      explain(schema.at("items"), v[i], json::child(at, i));
    }
  }

  void object(const Value& schema, const Value& v, const std::string& at) {
    std::vector<std::string> names;
    const auto properties = schema.find("properties");
    if (properties != schema.end())
      for (const auto& [name, unused] : properties->items()) names.push_back(name);
    const std::vector<std::string_view> views{names.begin(), names.end()};
    if (schema.contains("required"))
      for (const auto& name : schema.at("required"))
        if (!v.contains(name.get_ref<const std::string&>()))
          complain(json::child(at, name.get_ref<const std::string&>()), "required member is missing");
    for (const auto& [name, member] : v.items()) {
      if (out_.size() > kMost) return;
      if (std::find(names.begin(), names.end(), name) == names.end())
        complain(json::child(at, name), "unknown member" + json::did_you_mean(name, views));
      else
        explain(properties->at(name), member, json::child(at, name));
    }
  }

  static constexpr std::size_t kMost = 100;
  Violations& out_;
};

/// What must hold before valijson and its regular expressions see the value.
void check_bounds(const Value& schema, const Value& v, const std::string& at, Violations& out) {
  if (v.is_string()) {
    const auto longest = schema.contains("pattern") ? kMaxPatternText : kMaxText;
    const auto& text = v.get_ref<const std::string&>();
    if (text.size() > longest)
      out.push_back({at, "expected at most " + std::to_string(longest) + " bytes, found " +
                             std::to_string(text.size())});
    if (text.find('\0') != std::string::npos) out.push_back({at, "text holds the character U+0000"});
  } else if (v.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < v.size(); ++i)
      check_bounds(schema.at("items"), v[i], json::child(at, i), out);
  } else if (v.is_object() && schema.contains("properties")) {
    for (const auto& [name, member] : schema.at("properties").items())
      if (v.contains(name)) check_bounds(member, v.at(name), json::child(at, name), out);
  }
}

bool valid(const Value& schema, const Value& parameters) {
  valijson::Schema compiled;
  valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{schema}, compiled);
  valijson::Validator validator{valijson::Validator::kStrongTypes};
  return validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter{parameters}, nullptr);
}

void fill_defaults(const Value& schema, Value& v) {
  if (v.is_object() && schema.contains("properties")) {
    for (const auto& [name, member] : schema.at("properties").items()) {
      if (!v.contains(name) && member.contains("default")) v[name] = member.at("default");
      if (v.contains(name)) fill_defaults(member, v[name]);
    }
  } else if (v.is_array() && schema.contains("items")) {
    for (auto& item : v) fill_defaults(schema.at("items"), item);
  }
}

}  // namespace

json::Checked<json::Value> check_parameters(const json::Value& schema, const json::Value& parameters) {
  Violations violations;
  if (weight(parameters) > kMaxParameterBytes)
    return tl::unexpected(
        Violations{{"", "expected parameters of at most " + std::to_string(kMaxParameterBytes) + " bytes"}});
  check_bounds(schema, parameters, "", violations);
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  Value filled = parameters;
  fill_defaults(schema, filled);
  Explainer{violations}.explain(schema, filled, "");
  try {
    if (violations.empty() && !valid(schema, filled))
      violations.push_back({"", "the parameters do not satisfy the schema of this pipeline"});
  } catch (const std::exception&) {  // valijson throws on schemas it cannot compile
    violations.push_back({"", "the parameter schema of this pipeline cannot be used"});
  }
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  return filled;
}

std::optional<json::Value> example_parameters(const Template& t) {
  Value out = Value::object();
  const auto required = t.parameters.find("required");
  if (required == t.parameters.end()) return out;
  for (const auto& name : *required) {
    const auto& schema = t.parameters.at("properties").at(name.get_ref<const std::string&>());
    if (schema.contains("default")) continue;
    if (!schema.contains("examples") || schema.at("examples").empty()) return std::nullopt;
    out[name.get_ref<const std::string&>()] = schema.at("examples").front();
  }
  return out;
}

}  // namespace auralink::pipeline
