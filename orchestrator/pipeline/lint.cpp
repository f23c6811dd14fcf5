// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/lint.hpp"

#include <algorithm>
#include <set>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/pipeline/parameters.hpp"

namespace auralink::pipeline {
namespace {

using json::Value;

void add(std::vector<Finding>& out, Finding::Level level, const json::Violations& violations) {
  for (const auto& v : violations) out.push_back({level, v.pointer, v.detail});
}

void collect_parameters(const Value& value, std::set<std::string>& used) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      const bool reference =
          key == "$param" || (key == "when" && member.is_object() && member.contains("param"));
      if (reference) used.insert((key == "when" ? member.at("param") : member).get<std::string>());
      collect_parameters(member, used);
    }
  } else if (value.is_array()) {
    for (const auto& item : value) collect_parameters(item, used);
  }
}

void unused_parameters(const Template& t, std::vector<Finding>& out) {
  std::set<std::string> used;
  for (const auto& [key, member] : t.document.items())
    if (key != "parameters") collect_parameters(member, used);
  const auto properties = t.parameters.find("properties");
  if (properties == t.parameters.end()) return;
  for (const auto& [name, schema] : properties->items()) {
    const auto at = json::child("/parameters/properties", name);
    if (!used.contains(name)) out.push_back({Finding::Level::warning, at, "nothing uses this parameter"});
    if (!schema.contains("description"))
      out.push_back(
          {Finding::Level::warning, at, "a \"description\" would tell callers what this parameter is for"});
  }
}

/// Encodes that no branch of the file names and that fit no container a later branch could have.
void unused_encodes(const Description& d, std::vector<Finding>& out) {
  std::set<std::string> used;
  for (const auto& [name, branch] : d.branches)
    used.insert(inputs_of(branch).begin(), inputs_of(branch).end());
  for (const auto& [name, encode] : d.encode) {
    if (used.contains(name)) continue;
    const bool redundant = std::any_of(d.encode.begin(), d.encode.end(),
                                       [&, &own = name, format = format_of(encode.codec)](const auto& other) {
                                         return other.first != own && format_of(other.second.codec) == format;
                                       });
    if (redundant)
      out.push_back({Finding::Level::warning, json::child("/encode", name),
                     "unreachable: no branch names it and another encode of the same format comes first"});
  }
}

}  // namespace

std::vector<Finding> lint(const json::Value& document, const ConfigLookup& config) {
  std::vector<Finding> out;
  const auto t = parse_template(document);
  if (!t) return add(out, Finding::Level::error, t.error()), out;
  if (t->why.empty())
    out.push_back({Finding::Level::warning, "/why", "a sentence should say what this pipeline is for"});
  unused_parameters(*t, out);
  const auto example = example_parameters(*t);
  if (!example) {
    out.push_back({Finding::Level::warning, "/parameters/required",
                   "required parameters without \"examples\" keep the rest from being checked"});
    return out;
  }
  const auto resolution = resolve_traced(*t, *example, config);
  if (!resolution) {
    // A machine without this configuration can still ship the file; wrong defaults or examples are its own
    // fault.
    const bool own = resolution.error().in_parameters;
    add(out, own ? Finding::Level::error : Finding::Level::warning, resolution.error().errors);
    return out;
  }
  const auto typed = parse_description(resolution->document);
  if (!typed) return add(out, Finding::Level::error, typed.error()), out;
  if (!typed->custom) unused_encodes(*typed, out);
  return out;
}

}  // namespace auralink::pipeline
