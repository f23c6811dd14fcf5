// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/commands.hpp"

#include <algorithm>
#include <array>

#include "orchestrator/session/metadata.hpp"

namespace auralink::api {
namespace {

using json::ObjectReader;
using Need = ObjectReader::Need;

constexpr std::array<std::string_view, 6> kContainers{"mp4", "webm", "mkv", "ogg", "segments", "hls"};
constexpr std::array<std::string_view, 3> kTracks{"both", "video", "audio"};
constexpr std::array<std::string_view, 4> kPresets{"480p", "720p", "1080p", "4k"};
constexpr std::size_t kLongestId = 64;
constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestPath = 512;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kHourNs = 3600 * kSecondNs;

[[nodiscard]] bool is_media_type(const std::optional<std::string>& content_type, std::string_view wanted) {
  if (!content_type) return false;
  std::string flat;
  for (const char c : *content_type)
    if (c != ' ' && c != '\t') flat.push_back((c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c);
  if (!flat.starts_with(wanted)) return false;
  const auto parameter = std::string_view{flat}.substr(wanted.size());
  return parameter.empty() || parameter == ";charset=utf-8" || parameter == ";charset=\"utf-8\"";
}

/// As JSON Schema counts: characters, not bytes. The parser has checked that it is UTF-8.
void check_length(ObjectReader& reader, std::string_view key, const std::optional<std::string>& value,
                  std::size_t longest) {
  if (!value) return;
  const auto characters = static_cast<std::size_t>(std::count_if(
      value->begin(), value->end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  if (characters == 0 || characters > longest)
    reader.complain(key, "expected 1 to " + std::to_string(longest) + " characters");
}

[[nodiscard]] std::optional<std::string> read_id(ObjectReader& reader, const std::string* path_id) {
  auto id = reader.string("id");
  if (id && !is_identifier(*id)) reader.complain("id", kExpectedIdentifier);
  if (path_id == nullptr) return id;
  if (id && *id != *path_id) reader.complain("id", "expected the id of the path, or none");
  if (!is_identifier(*path_id)) reader.complain("id", std::string{"the path: "} + kExpectedIdentifier);
  return *path_id;
}

[[nodiscard]] session::NewConference read_conference(const json::Value& body, const std::string* path_id,
                                                     json::Violations& violations) {
  ObjectReader reader{body, "", violations};
  session::NewConference out;
  out.id = read_id(reader, path_id);
  out.pipeline = reader.string("pipeline", Need::required).value_or("");
  if (const auto* parameters = reader.object("parameters")) out.parameters = *parameters;
  reader.finish();
  return out;
}

/// `false`: none; `{"interval":"10s"}`: one so often. As in descriptions.
[[nodiscard]] std::optional<session::Millis> read_previews(ObjectReader& reader,
                                                           json::Violations& violations) {
  const auto* value = reader.any("previews");
  if (value == nullptr) return std::nullopt;
  if (*value == false) return session::Millis{0};
  if (!value->is_object()) {
    reader.complain("previews", "expected false or an object with \"interval\"");
    return std::nullopt;
  }
  ObjectReader inner{*value, reader.at("previews"), violations};
  const auto interval = inner.duration_ns("interval", kSecondNs, kHourNs, Need::required);
  inner.finish();
  return interval ? std::optional{session::Millis{*interval / 1'000'000}} : std::nullopt;
}

[[nodiscard]] session::NewRecording read_recording(const json::Value& body, const std::string* path_id,
                                                   json::Violations& violations) {
  ObjectReader reader{body, "", violations};
  session::NewRecording out;
  out.conference = reader.string("conference", Need::required).value_or("");
  out.id = read_id(reader, path_id);
  if (auto container = reader.choice("container", kContainers)) out.container = std::move(*container);
  out.path = reader.string("path");
  check_length(reader, "path", out.path, kLongestPath);
  const auto participant = reader.string("participant");
  check_length(reader, "participant", participant, kLongestName);
  out.participant = participant.value_or("");
  if (auto tracks = reader.choice("tracks", kTracks)) out.tracks = std::move(*tracks);
  out.preset = reader.choice("preset", kPresets);
  if (const auto* metadata = reader.object("metadata")) {
    out.metadata = *metadata;
    for (auto& wrong : session::check_metadata(*metadata, "/metadata"))
      violations.push_back(std::move(wrong));
  }
  out.preview_interval = read_previews(reader, violations);
  reader.finish();
  return out;
}

[[nodiscard]] RecordingPatch read_patch(const json::Value& body, json::Violations& violations) {
  ObjectReader reader{body, "", violations};
  RecordingPatch out;
  // A null in a merge patch removes; ObjectReader takes it for the wrong type.
  if (body.is_object() && body.contains("metadata") && body.at("metadata").is_null()) {
    static_cast<void>(reader.any("metadata"));
    out.metadata = json::Value{};
  } else if (const auto* metadata = reader.object("metadata")) {
    // Judged by itself: what the recording has already is the session's to know.
    if (auto merged = session::merge_metadata(json::Value::object(), *metadata); !merged)
      for (auto& wrong : merged.error()) violations.push_back({"/metadata" + wrong.pointer, wrong.detail});
    out.metadata = *metadata;
  }
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
      command = read_recording(body, nullptr, violations);
      break;
    case Operation::put_recording:
      command = read_recording(body, &match.parameters.front(), violations);
      break;
    case Operation::patch_recording:
      command = read_patch(body, violations);
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

bool is_identifier(std::string_view text) noexcept {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= kLongestId && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || c == '.'; });
}

tl::expected<Command, Refusal> parse_command(const Match& match,
                                             const std::optional<std::string>& content_type,
                                             std::string_view body) {
  const auto wanted = match.route->body;
  if (wanted == Body::none || wanted == Body::empty) {
    const auto blank = body.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (!blank && !(wanted == Body::empty && body == "{}"))
      return tl::unexpected(Refusal{.status = 400, .detail = "this operation takes no body"});
    return Command{};
  }
  const std::string_view type =
      wanted == Body::merge_patch ? "application/merge-patch+json" : "application/json";
  if (!is_media_type(content_type, type))
    return tl::unexpected(Refusal{.status = 415,
                                  .type = "unsupported-media-type",
                                  .detail = "expected Content-Type: " + std::string{type}});
  auto parsed = json::parse(body);
  if (!parsed) return tl::unexpected(malformed(std::move(parsed.error())));
  return read(match, std::move(*parsed));
}

}  // namespace auralink::api
