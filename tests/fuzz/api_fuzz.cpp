// SPDX-License-Identifier: LGPL-2.1-or-later
// A request as the API's pure part sees it: one line "METHOD path?query", one line of content type, then the
// body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "orchestrator/api/commands.hpp"
#include "orchestrator/api/guard.hpp"
#include "orchestrator/api/http.hpp"
#include "orchestrator/api/reading.hpp"
#include "orchestrator/api/router.hpp"

namespace {

std::string_view take(std::string_view& text, char end) {
  const auto part = text.substr(0, text.find(end));
  text.remove_prefix(part.size() < text.size() ? part.size() + 1 : text.size());
  return part;
}

void check(bool holds) {
  if (!holds) std::abort();
}

/// What a refusal must be, whatever the request was.
void check_refusal(const auralink::api::Refusal& refusal) {
  const auto reply = auralink::api::refuse(refusal);
  const auto body = auralink::json::Value::parse(reply.body, nullptr, false);
  check(reply.status >= 400 && reply.status < 500);
  check(body.is_object() && body.at("status") == reply.status && body.at("type").is_string());
  for (const auto& error : refusal.errors) check(error.pointer.empty() || error.pointer.front() == '/');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace auralink::api;
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  auto line = take(rest, '\n');
  const auto type = take(rest, '\n');
  const auto method = take(line, ' ');
  const auto path = take(line, '?');
  const auto query = parse_query(line);
  if (query) static_cast<void>(parse_page(*query));
  static_cast<void>(authority_host(type));
  static_cast<void>(parse_listen(type));
  const auto matched = match(method, path);
  if (const auto* wrong = std::get_if<WrongMethod>(&matched)) check(!wrong->allow.empty());
  const auto* found = std::get_if<Match>(&matched);
  if (found == nullptr) return 0;
  const auto command = parse_command(*found, std::string{type}, rest);
  if (!command) {
    check_refusal(command.error());
  } else if (const auto* conference = std::get_if<auralink::session::NewConference>(&*command)) {
    check(conference->parameters.is_object());
  } else if (const auto* branch = std::get_if<BranchBody>(&*command)) {
    check(branch->branch.is_object());
  } else if (const auto* recording = std::get_if<auralink::session::NewRecording>(&*command)) {
    check(recording->metadata.is_object() && (!recording->id || is_identifier(*recording->id)));
  } else if (const auto* patch = std::get_if<RecordingPatch>(&*command)) {
    check(!patch->metadata || patch->metadata->is_object() || patch->metadata->is_null());
  }
  return 0;
}
