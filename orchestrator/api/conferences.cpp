// SPDX-License-Identifier: LGPL-2.1-or-later
// Conferences and their branches.
#include "orchestrator/api/api.hpp"

namespace auralink::api {
namespace {

/// The answer to a change: the resource as it is now, with its version.
template <class Resource>
[[nodiscard]] Reply changed(unsigned status, const Resource& resource) {
  auto reply = json_reply(status, session::to_json(resource));
  reply.headers.emplace_back("ETag", tag_of(resource).text());
  return reply;
}

}  // namespace

Reply Api::list_conferences(const Query& query) const {
  if (auto refusal = check_query(query, {"state", "limit", "cursor"})) return refuse(*refusal);
  const auto page = parse_page(query);
  if (!page) return refuse(page.error());
  const auto state = parse_state<session::ConferenceState>(query);
  if (!state) return refuse(state.error());
  return json_reply(200, paginate(service_.conferences(), *page, [&](const session::Conference& one) {
                      return !*state || one.state == **state;
                    }));
}

Reply Api::create(const Match& match, const session::NewConference& wanted) {
  const bool known = wanted.id && service_.conference(*wanted.id) != nullptr;
  if (known && match.route->operation == Operation::create_conference)
    return refuse(session::Problem{.kind = session::Problem::Kind::conflict,
                                   .detail = "conference \"" + *wanted.id + "\" exists",
                                   .errors = {{"/id", "expected an id that is not taken"}}});
  auto made = service_.create(wanted);
  if (!known) count_admission(made ? nullptr : &made.error());
  if (!made) return refuse(pointing_at(std::move(made.error()), "/pipeline"));
  auto reply = changed(known ? 200 : 201, *made);
  if (!known) reply.headers.emplace_back("Location", "/v1/conferences/" + made->id);
  return reply;
}

Reply Api::conference(const Match& match) {
  const auto& id = match.parameters.at(0);
  const auto* found = service_.conference(id);
  if (found == nullptr) return missing("conference", id);
  switch (match.route->operation) {
    case Operation::stop_conference: {
      auto stopped = service_.stop(id);
      return stopped ? changed(202, *stopped) : refuse(stopped.error());
    }
    case Operation::get_graph: {
      const auto asked = service_.request_graph(id);
      if (!asked) return refuse(asked.error());
      return {.content_type = "text/vnd.graphviz; charset=utf-8", .then = Reply::Then::graph, .subject = id};
    }
    case Operation::list_branches: {
      auto items = json::Value::array();
      for (const auto& [name, one] : found->branches) items.push_back(session::to_json(one));
      return json_reply(200, {{"items", std::move(items)}, {"next", nullptr}});
    }
    default:
      return json_reply(200, session::to_json(*found));
  }
}

Reply Api::remove(const std::string& id) {
  const auto* found = service_.conference(id);
  if (found == nullptr) return missing("conference", id);
  if (found->state != session::ConferenceState::ended) {
    auto stopped = service_.stop(id);
    return stopped ? changed(202, *stopped) : refuse(stopped.error());
  }
  const auto forgotten = service_.forget(id);
  if (!forgotten) return refuse(forgotten.error());
  return {.status = 204};
}

Reply Api::branch(const Match& match, Command command) {
  const auto& id = match.parameters.at(0);
  const auto& name = match.parameters.at(1);
  const auto* found = service_.conference(id);
  if (found == nullptr) return missing("conference", id);
  const auto at = found->branches.find(name);
  const bool known = at != found->branches.end();
  switch (match.route->operation) {
    case Operation::put_branch: {
      const auto before = known ? std::optional{at->second.state} : std::nullopt;
      auto added = service_.add_branch(id, name, std::get<BranchBody>(command).branch);
      if (!added) return refuse(added.error());
      // A name whose branch is gone may be used again: that makes a new branch.
      const bool again = before == session::BranchState::removed || before == session::BranchState::failed;
      if (known && !(again && added->state == session::BranchState::adding)) return changed(200, *added);
      auto reply = changed(201, *added);
      reply.headers.emplace_back("Location", "/v1/conferences/" + id + "/branches/" + name);
      return reply;
    }
    case Operation::delete_branch: {
      if (!known) return missing("branch", name);
      auto removed = service_.remove_branch(id, name);
      return removed ? changed(202, *removed) : refuse(removed.error());
    }
    default:
      return known ? json_reply(200, session::to_json(at->second)) : missing("branch", name);
  }
}

}  // namespace auralink::api
