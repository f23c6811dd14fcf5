// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/idempotency.hpp"

#include <algorithm>

#include "orchestrator/api/digest.hpp"

namespace auralink::api {
namespace {

constexpr std::size_t kLongestKey = 255;

using Remembered = session::ReplyMemory::Remembered;

/// A NUL cannot be in any of the parts but the last, so no two requests look alike. Preconditions belong to
/// the request: one that asks for another version is another request.
[[nodiscard]] std::string fingerprint_of(const Request& request) {
  std::string all;
  const auto add = [&all](std::string_view part) { all.append(part).push_back('\0'); };
  const auto add_header = [&](const std::optional<std::string>& value) {
    add(value ? "present" : "absent");
    add(value.value_or(std::string{}));
  };
  add(request.method);
  add(request.path);
  add(request.query);
  add_header(request.if_match);
  add_header(request.if_none_match);
  all += request.body;
  return sha256(all);
}

[[nodiscard]] std::string header_of(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers)
    if (key == name) return value;
  return {};
}

[[nodiscard]] Reply as_before(const Remembered& first) {
  Reply reply{.status = first.status, .content_type = first.content_type, .body = first.body};
  if (!first.etag.empty()) reply.headers.emplace_back("ETag", first.etag);
  if (!first.location.empty()) reply.headers.emplace_back("Location", first.location);
  reply.headers.emplace_back("Idempotency-Replayed", "true");
  return reply;
}

}  // namespace

tl::expected<std::string, Refusal> parse_idempotency_key(std::string_view header) {
  const auto wrong = [] {
    return tl::unexpected(Refusal{.status = 400,
                                  .detail = "Idempotency-Key: expected 1 to " + std::to_string(kLongestKey) +
                                            " visible ASCII characters, plain or as a quoted string"});
  };
  std::string key;
  if (header.starts_with('"')) {
    if (header.size() < 2 || !header.ends_with('"')) return wrong();
    header = header.substr(1, header.size() - 2);
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (header[i] == '"') return wrong();
      if (header[i] == '\\' && (++i == header.size() || (header[i] != '"' && header[i] != '\\')))
        return wrong();
      key.push_back(header[i]);
    }
  } else {
    key = header;
  }
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };
  if (key.empty() || key.size() > kLongestKey || !std::all_of(key.begin(), key.end(), visible))
    return wrong();
  return key;
}

Reply Replays::once(const std::string& principal, const std::string& key, const Request& request,
                    const std::function<Reply()>& work) {
  const auto now = clock_.wall();
  memory_.forget_before(now - kKept);
  const auto fingerprint = fingerprint_of(request);
  // A note without fingerprint is a key that was given back.
  if (const auto first = memory_.recall(principal, key); first && !first->fingerprint.empty()) {
    if (first->fingerprint != fingerprint)
      return refuse(Refusal{.detail = "Idempotency-Key: this key was used for another request"});
    if (first->status == 0)
      return refuse(Refusal{.status = 409,
                            .type = "conflict",
                            .detail = "the first request with this key was not answered: look whether it was "
                                      "carried out, then use a new key",
                            .reason = "in-flight"});
    return as_before(*first);
  }
  memory_.remember(principal, key, {.fingerprint = fingerprint}, now);
  auto reply = work();
  const bool success = reply.status >= 200 && reply.status < 300;
  const Remembered answer{.fingerprint = fingerprint,
                          .status = reply.status,
                          .content_type = reply.content_type,
                          .location = header_of(reply, "Location"),
                          .etag = header_of(reply, "ETag"),
                          .body = reply.body};
  memory_.remember(principal, key, success ? answer : Remembered{}, now);
  return reply;
}

}  // namespace auralink::api
