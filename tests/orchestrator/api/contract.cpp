// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/orchestrator/api/contract.hpp"

#include <algorithm>
#include <regex>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "orchestrator/api/openapi.hpp"

namespace auralink::api {
namespace {

/// Objects that name their members have no others. Open on purpose: what is not described member by member.
void close_objects(json::Value& value) {
  if (value.is_array())
    for (auto& item : value) close_objects(item);
  if (!value.is_object()) return;
  for (auto& [name, member] : value.items()) close_objects(member);
  if (value.contains("properties") && value["properties"].is_object() && value.contains("type") &&
      !value.contains("additionalProperties"))
    value["additionalProperties"] = false;
}

[[nodiscard]] std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Contract& Contract::get() {
  static Contract contract;
  return contract;
}

Contract::Contract() : document_(json::Value::parse(openapi_text())), closed_(document_.at("components")) {
  close_objects(closed_["schemas"]);
  for (const auto& [path, item] : document_.at("paths").items())
    for (const auto& [method, operation] : item.items())
      if (operation.is_object())
        operations_[operation.at("operationId").get<std::string>()] = {upper(method), path, operation};
}

const json::Value& Contract::resolved(const json::Value& value) const {
  if (!value.is_object() || !value.contains("$ref")) return value;
  return document_.at(json::Value::json_pointer{value.at("$ref").get<std::string>().substr(1)});
}

std::string Contract::fits(const json::Value& schema, const json::Value& value, bool closed) const {
  const json::Value root{{"allOf", {schema}}, {"components", closed ? closed_ : document_.at("components")}};
  valijson::Schema compiled;
  valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{root}, compiled);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter{value}, &results)) return {};
  std::string out;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const auto& part : error.context) out += part;
    out += ": " + error.description + "; ";
  }
  return out.empty() ? "does not fit" : out;
}

bool Contract::takes(const std::string& operation, const json::Value& body) {
  const auto& content = operations_.at(operation).value.at("requestBody").at("content");
  return fits(content.begin()->at("schema"), body, false).empty();
}

void Contract::check_headers(const json::Value& described, const Response& response,
                             std::vector<std::string>& complaints) const {
  for (const auto& [name, reference] : described.items()) {
    const auto& header = resolved(reference);
    std::string lower{name};
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto found = response.headers.find(lower);
    if (found == response.headers.end()) {
      if (header.value("required", false)) complaints.push_back("no header " + name);
      continue;
    }
    const auto& schema = header.at("schema");
    const json::Value value = schema.at("type") == "integer"
                                  ? json::Value::parse(found->second, nullptr, false)
                                  : json::Value(found->second);
    if (auto why = fits(schema, value, true); !why.empty())
      complaints.push_back(name + ": " + found->second + ": " + why);
  }
}

std::vector<std::string> Contract::check(std::string_view method, std::string_view target,
                                         const Response& response) {
  std::vector<std::string> complaints;
  const auto about = std::string{method} + " " + std::string{target.substr(0, 200)} + " -> " +
                     std::to_string(response.status);
  const auto complain = [&](const std::string& what) { complaints.push_back(about + ": " + what); };
  const auto type = response.headers.contains("content-type") ? response.headers.at("content-type") : "";
  const auto matched = match(method, target.substr(0, target.find('?')));
  const auto* found = std::get_if<Match>(&matched);
  // Refused before it was looked up: described in words only.
  static const std::set<unsigned> kEarly{0, 400, 408, 411, 414, 417, 431, 501, 505};
  if (found == nullptr) {
    if (response.status == 0 || method == "HEAD") return complaints;
    if (type != kProblemMedia) complain("content type " + type);
    if (auto why = fits({{"$ref", "#/components/schemas/Problem"}}, response.json(), true); !why.empty())
      complain(why);
    return complaints;
  }
  const auto described = std::find_if(operations_.begin(), operations_.end(), [&](const auto& entry) {
    return entry.second.path == found->route->pattern && entry.second.method == found->route->method;
  });
  if (described == operations_.end()) return complain("the operation is not described"), complaints;
  seen_.emplace(described->first, response.status);
  const auto& responses = described->second.value.at("responses");
  const auto status = std::to_string(response.status);
  if (!responses.contains(status)) {
    if (!kEarly.contains(response.status)) complain("the status is not described");
    return complaints;
  }
  const auto& answer = resolved(responses.at(status));
  check_headers(answer.value("headers", json::Value::object()), response, complaints);
  if (!answer.contains("content")) {
    if (!response.body.empty()) complain("a body where none is described");
    return complaints;
  }
  if (method == "HEAD") return complaints;
  const auto& content = answer.at("content");
  if (!content.contains(type)) return complain("content type " + type), complaints;
  if (type.find("json") == std::string::npos) return complaints;
  if (auto why = fits(content.at(type).at("schema"), response.json(), true); !why.empty())
    complain(why + response.body.substr(0, 600));
  return complaints;
}

}  // namespace auralink::api
