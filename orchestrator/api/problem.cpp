// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/problem.hpp"

#include <array>

namespace auralink::api {
namespace {

struct Title {
  std::string_view type, title;
};
constexpr std::array<Title, 13> kTitles{{
    {"invalid", "The request does not fit what was expected"},
    {"not-found", "There is no such resource"},
    {"method-not-allowed", "The resource does not know this method"},
    {"conflict", "The request contradicts the state of the resource"},
    {"precondition-failed", "The resource has changed"},
    {"unauthorized", "A bearer token is needed"},
    {"forbidden", "Not for who asks, or not from there"},
    {"too-large", "The request is too long"},
    {"unsupported-media-type", "The body is not of a type that is taken here"},
    {"timeout", "The request took too long"},
    {"limit", "A limit is reached"},
    {"unavailable", "The daemon cannot do this now"},
    {"internal", "The daemon failed"},
}};

[[nodiscard]] std::string_view title_of(std::string_view type) {
  for (const auto& entry : kTitles)
    if (entry.type == type) return entry.title;
  return type;
}

}  // namespace

Reply refuse(const Refusal& refusal) {
  json::Value body{{"type", std::string{kProblemType} + std::string{refusal.type}},
                   {"title", title_of(refusal.type)},
                   {"status", refusal.status},
                   {"detail", refusal.detail}};
  if (!refusal.errors.empty()) {
    auto& errors = body["errors"] = json::Value::array();
    for (const auto& error : refusal.errors)
      errors.push_back({{"pointer", error.pointer}, {"detail", error.detail}});
  }
  if (!refusal.reason.empty()) body["reason"] = refusal.reason;
  Reply reply{.status = refusal.status,
              .content_type = std::string{kProblemMedia},
              // A detail may quote what a client sent: whatever is not UTF-8 in it becomes U+FFFD.
              .body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace)};
  if (refusal.retry_after_s)
    reply.headers.emplace_back("Retry-After", std::to_string(*refusal.retry_after_s));
  if (refusal.type == "unauthorized")
    reply.headers.emplace_back("WWW-Authenticate",
                               refusal.reason == "missing"
                                   ? "Bearer realm=\"auralink\""
                                   : "Bearer realm=\"auralink\", error=\"invalid_token\"");
  if (refusal.reason == "scope")
    reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"auralink\", error=\"insufficient_scope\"");
  return reply;
}

Reply refuse(const session::Problem& problem) {
  using Kind = session::Problem::Kind;
  constexpr unsigned kRetrySeconds = 5;
  Refusal refusal{.detail = problem.detail,
                  .errors = problem.errors,
                  .reason = problem.reason,
                  .retry_after_s = problem.retry_after_s};
  switch (problem.kind) {
    case Kind::invalid:
      break;
    case Kind::not_found:
      refusal.status = 404, refusal.type = "not-found";
      break;
    case Kind::conflict:
      refusal.status = 409, refusal.type = "conflict";
      break;
    case Kind::limit:
      refusal.status = 429, refusal.type = "limit";
      break;
    case Kind::unavailable:
      refusal.status = 503, refusal.type = "unavailable";
      break;
  }
  const bool later = problem.kind == Kind::limit || problem.kind == Kind::unavailable;
  if (later && !refusal.retry_after_s) refusal.retry_after_s = kRetrySeconds;
  return refuse(refusal);
}

Refusal malformed(json::Violations errors) {
  std::string detail = "the body is not JSON as this API reads it";
  if (!errors.empty()) detail += ": " + errors.front().detail;
  return {.status = 400, .type = "invalid", .detail = std::move(detail), .errors = std::move(errors)};
}

Refusal invalid(json::Violations errors) {
  std::string detail = "the body does not fit";
  if (!errors.empty())
    detail = (errors.front().pointer.empty() ? std::string{"the body"} : errors.front().pointer) + ": " +
             errors.front().detail;
  return {.detail = std::move(detail), .errors = std::move(errors)};
}

Refusal invalid_query(std::string_view name, std::string_view expected) {
  return {.detail = "query parameter " + std::string{name} + ": " + std::string{expected}};
}

}  // namespace auralink::api
