// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/metadata.hpp"

namespace auralink::session {

json::Violations check_metadata(const json::Value& metadata, const std::string& pointer) {
  if (!metadata.is_object()) return {{pointer, "expected an object"}};
  json::Violations errors;
  if (metadata.size() > kMaxMetadataMembers)
    errors.push_back({pointer, "expected at most " + std::to_string(kMaxMetadataMembers) + " members"});
  for (const auto& [key, value] : metadata.items())
    if (!value.is_string() && !value.is_number() && !value.is_boolean())
      errors.push_back({json::child(pointer, key), "expected a string, a number or a boolean"});
  if (!errors.empty()) return errors;
  const auto text = metadata.dump(-1, ' ', false, json::Value::error_handler_t::replace);
  if (text.size() > kMaxMetadataBytes)
    errors.push_back({pointer, "expected at most " + std::to_string(kMaxMetadataBytes) + " bytes in all"});
  return errors;
}

json::Checked<json::Value> merge_metadata(const json::Value& metadata, const json::Value& patch) {
  if (!patch.is_object()) return tl::unexpected(json::Violations{{"", "expected an object"}});
  auto merged = metadata;
  // Members are never objects, so one level of the RFC's recursion is all of it.
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null())
      merged.erase(key);
    else
      merged[key] = value;
  }
  if (auto errors = check_metadata(merged, ""); !errors.empty()) return tl::unexpected(std::move(errors));
  return merged;
}

}  // namespace auralink::session
