// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/reading.hpp"

#include <algorithm>
#include <charconv>

#include "orchestrator/api/commands.hpp"

namespace auralink::api {

Reply json_reply(unsigned status, const json::Value& body) {
  return {.status = status,
          .content_type = "application/json",
          .body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace)};
}

Reply missing(std::string_view what, std::string_view id) {
  return refuse(
      session::Problem{.kind = session::Problem::Kind::not_found,
                       .detail = "there is no " + std::string{what} + " \"" + std::string{id} + "\""});
}

session::Problem pointing_at(session::Problem problem, std::string pointer) {
  if (problem.kind == session::Problem::Kind::not_found && problem.errors.empty())
    problem.errors.push_back({std::move(pointer), problem.detail});
  return problem;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<Refusal> check_query(const Query& query, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = json::closest(name, {known.begin(), known.size()});
    return invalid_query(name, near ? "not known here, did you mean \"" + *near + "\"?" : "not known here");
  }
  return std::nullopt;
}

tl::expected<Page, Refusal> parse_page(const Query& query) {
  Page page;
  if (const auto found = query.find("limit"); found != query.end()) {
    const auto limit = parse_integer(found->second);
    if (!limit || *limit < 1 || *limit > static_cast<std::int64_t>(kLargestPage))
      return tl::unexpected(invalid_query("limit", "expected 1 to " + std::to_string(kLargestPage)));
    page.limit = static_cast<std::size_t>(*limit);
  }
  if (const auto found = query.find("cursor"); found != query.end()) {
    if (!is_identifier(found->second))
      return tl::unexpected(invalid_query("cursor", "expected \"next\" of the page before"));
    page.cursor = found->second;
  }
  return page;
}

}  // namespace auralink::api
