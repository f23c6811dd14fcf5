// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/commands.hpp"

#include <algorithm>
#include <array>

namespace auralink::api {
namespace {

using json::ObjectReader;
using Need = ObjectReader::Need;

constexpr std::array<std::string_view, 4> kContainers{"mp4", "webm", "mkv", "segments"};
constexpr std::size_t kLongestId = 64;
constexpr std::size_t kLongestPath = 1024;

[[nodiscard]] bool is_json(const std::optional<std::string>& content_type) {
  if (!content_type) return false;
  std::string flat;
  for (const char c : *content_type)
    if (c != ' ' && c != '\t') flat.push_back((c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c);
  return flat == "application/json" || flat == "application/json;charset=utf-8" ||
         flat == "application/json;charset=\"utf-8\"";
}

void check_length(ObjectReader& reader, std::string_view key, const std::optional<std::string>& value,
                  std::size_t longest) {
  if (value && (value->empty() || value->size() > longest))
    reader.complain(key, "expected 1 to " + std::to_string(longest) + " bytes");
}

[[nodiscard]] session::NewConference read_conference(const json::Value& body, const std::string* path_id,
                                                     json::Violations& violations) {
  ObjectReader reader{body, "", violations};
  session::NewConference out;
  out.id = reader.string("id");
  check_length(reader, "id", out.id, kLongestId);
  if (path_id != nullptr) {
    if (out.id && *out.id != *path_id) reader.complain("id", "expected the id of the path, or none");
    out.id = *path_id;
  }
  out.pipeline = reader.string("pipeline", Need::required).value_or("");
  if (const auto* parameters = reader.object("parameters")) out.parameters = *parameters;
  reader.finish();
  return out;
}

[[nodiscard]] session::NewRecording read_recording(const json::Value& body, json::Violations& violations) {
  ObjectReader reader{body, "", violations};
  session::NewRecording out;
  out.conference = reader.string("conference", Need::required).value_or("");
  out.id = reader.string("id");
  check_length(reader, "id", out.id, kLongestId);
  if (auto container = reader.choice("container", kContainers)) out.container = std::move(*container);
  out.path = reader.string("path");
  check_length(reader, "path", out.path, kLongestPath);
  reader.finish();
  return out;
}

[[nodiscard]] tl::expected<Command, Refusal> read(const Match& match, json::Value body) {
  json::Violations violations;
  Command command;
  switch (match.route->operation) {
    case Operation::create_conference:
      command = read_conference(body, nullptr, violations);
      break;
    case Operation::put_conference:
      command = read_conference(body, &match.parameters.front(), violations);
      break;
    case Operation::start_recording:
      command = read_recording(body, violations);
      break;
    case Operation::put_branch:
      if (body.is_object()) {
        command = BranchBody{std::move(body)};
      } else {
        violations.push_back({"", "expected an object"});
      }
      break;
    default:
      break;
  }
  if (!violations.empty()) return tl::unexpected(invalid(std::move(violations)));
  return command;
}

}  // namespace

tl::expected<Command, Refusal> parse_command(const Match& match,
                                             const std::optional<std::string>& content_type,
                                             std::string_view body) {
  if (match.route->body != Body::json) {
    const auto blank = body.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (!blank && !(match.route->body == Body::empty && body == "{}"))
      return tl::unexpected(Refusal{.status = 400, .detail = "this operation takes no body"});
    return Command{};
  }
  if (!is_json(content_type))
    return tl::unexpected(Refusal{.status = 415,
                                  .type = "unsupported-media-type",
                                  .detail = "expected Content-Type: application/json"});
  auto parsed = json::parse(body);
  if (!parsed) return tl::unexpected(malformed(std::move(parsed.error())));
  return read(match, std::move(*parsed));
}

}  // namespace auralink::api
