// SPDX-License-Identifier: LGPL-2.1-or-later
// Queries -> pages and filters, and the few forms all replies have. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/api/http.hpp"
#include "orchestrator/api/problem.hpp"
#include "orchestrator/json/json.hpp"
#include "orchestrator/session/serial.hpp"

namespace auralink::api {

using Query = std::map<std::string, std::string>;

inline constexpr std::size_t kLargestPage = 200;
inline constexpr std::size_t kDefaultPage = 100;

[[nodiscard]] Reply json_reply(unsigned status, const json::Value& body);
[[nodiscard]] Reply missing(std::string_view what, std::string_view id);

/// What a body names and is not there: the answer says which member named it.
[[nodiscard]] session::Problem pointing_at(session::Problem problem, std::string pointer);

/// Not negative, and nothing else in the text.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

/// Everything not in `known` is a mistake worth telling.
[[nodiscard]] std::optional<Refusal> check_query(const Query& query,
                                                 std::initializer_list<std::string_view> known);

struct Page {
  std::size_t limit = kDefaultPage;
  std::string cursor;  ///< the last id of the page before; empty: the first page
};
[[nodiscard]] tl::expected<Page, Refusal> parse_page(const Query& query);

/// One page of `all`, which is sorted by id, of those that `keep` wants.
template <class T, class Keep>
[[nodiscard]] json::Value paginate(const std::vector<const T*>& all, const Page& page, const Keep& keep) {
  auto items = json::Value::array();
  json::Value next = nullptr;
  std::string last;
  for (const auto* one : all) {
    if ((!page.cursor.empty() && one->id <= page.cursor) || !keep(*one)) continue;
    if (items.size() == page.limit) {
      next = last;
      break;
    }
    items.push_back(session::to_json(*one));
    last = one->id;
  }
  return {{"items", std::move(items)}, {"next", std::move(next)}};
}

/// The value of ?state= as an enum; nullopt inside when it was not given.
template <class State>
[[nodiscard]] tl::expected<std::optional<State>, Refusal> parse_state(const Query& query) {
  const auto found = query.find("state");
  if (found == query.end()) return std::optional<State>{};
  const auto state = session::from_string<State>(found->second);
  if (!state) return tl::unexpected(invalid_query("state", "not a state"));
  return state;
}

}  // namespace auralink::api
