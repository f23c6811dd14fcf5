// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/parameters.hpp"

#include <set>

#include "orchestrator/ctl/format.hpp"

namespace auralink::ctl {

tl::expected<json::Value, std::string> read_parameters(const std::optional<std::string>& file,
                                                       std::span<const std::string> pairs) {
  json::Value parameters = json::Value::object();
  if (file) {
    auto parsed = json::parse(*file);
    if (!parsed) return tl::make_unexpected("--params:\n" + format_violations(parsed.error()));
    if (!parsed->is_object()) return tl::make_unexpected("--params: expected a JSON object");
    parameters = std::move(*parsed);
  }
  std::set<std::string> seen;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return tl::make_unexpected("-p " + pair + ": expected KEY=VALUE");
    const std::string key = pair.substr(0, equals), text = pair.substr(equals + 1);
    if (!seen.insert(key).second) return tl::make_unexpected("-p " + key + ": given twice");
    auto value = json::parse(text);
    parameters[key] = value ? std::move(*value) : json::Value(text);
  }
  return parameters;
}

}  // namespace auralink::ctl
