// SPDX-License-Identifier: LGPL-2.1-or-later
// If-Match and If-None-Match, RFC 9110 section 13.
#include "orchestrator/api/api.hpp"

namespace auralink::api {
namespace {

[[nodiscard]] Refusal unreadable(std::string_view header) {
  return {.status = 400, .detail = std::string{header} + ": expected \"*\" or quoted entity tags"};
}

[[nodiscard]] Refusal failed(std::string detail) {
  return {.status = 412, .type = "precondition-failed", .detail = std::move(detail)};
}

}  // namespace

std::optional<Tag> Api::current(const Match& match) const {
  const auto& pattern = match.route->pattern;
  const auto tag = [](const auto* resource) {
    return resource == nullptr ? std::nullopt : std::optional{tag_of(*resource)};
  };
  if (pattern == "/v1/conferences") return tag_of(list_conferences({}).body);
  if (pattern == "/v1/recordings") return tag_of(list_recordings({}).body);
  if (pattern.starts_with("/v1/recordings/{id}")) return tag(service_.recording(match.parameters.at(0)));
  if (!pattern.starts_with("/v1/conferences/{id}")) return std::nullopt;
  const auto* conference = service_.conference(match.parameters.at(0));
  if (!pattern.ends_with("/branches/{name}")) return tag(conference);
  if (conference == nullptr) return std::nullopt;
  const auto found = conference->branches.find(match.parameters.at(1));
  return tag(found == conference->branches.end() ? nullptr : &found->second);
}

std::optional<Refusal> Api::check_preconditions(const Match& match, const Request& request) const {
  if (!request.if_match && !request.if_none_match) return std::nullopt;
  const auto wanted = request.if_match ? TagList::parse(*request.if_match) : std::nullopt;
  if (request.if_match && !wanted) return unreadable("If-Match");
  const auto unwanted = request.if_none_match ? TagList::parse(*request.if_none_match) : std::nullopt;
  if (request.if_none_match && !unwanted) return unreadable("If-None-Match");
  const auto now = current(match);
  // A request that would be refused anyway gets that answer, not this one.
  if (!now && match.route->method != "PUT") return std::nullopt;
  if (wanted && !now) return failed("If-Match: the resource does not exist");
  if (wanted && !wanted->knows_version(*now)) return failed("If-Match: the resource is at " + now->text());
  if (unwanted && now && unwanted->has_answer(*now))
    return failed(unwanted->any() ? "If-None-Match: the resource exists"
                                  : "If-None-Match: the resource is at " + now->text());
  return std::nullopt;
}

Reply conditional(Reply reply, const Request& request, const std::optional<Tag>& tag) {
  if (reply.status != 200 || reply.then != Reply::Then::done || reply.content_type != "application/json")
    return reply;
  const auto now = tag.value_or(tag_of(reply.body));
  if (request.if_match) {
    const auto wanted = TagList::parse(*request.if_match);
    if (!wanted) return refuse(unreadable("If-Match"));
    if (!wanted->knows_version(now)) return refuse(failed("If-Match: the resource is at " + now.text()));
  }
  if (request.if_none_match) {
    const auto known = TagList::parse(*request.if_none_match);
    if (!known) return refuse(unreadable("If-None-Match"));
    if (known->has_answer(now)) reply = Reply{.status = 304};
  }
  reply.headers.emplace_back("ETag", now.text());
  return reply;
}

}  // namespace auralink::api
