// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/api.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "orchestrator/session/serial.hpp"

namespace auralink::api {
namespace {

using Query = std::map<std::string, std::string>;

[[nodiscard]] Reply json_reply(unsigned status, const json::Value& body) {
  return {.status = status,
          .content_type = "application/json",
          .body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace)};
}

[[nodiscard]] Reply conference_reply(unsigned status, const session::Conference& conference) {
  auto reply = json_reply(status, session::to_json(conference));
  reply.headers.emplace_back("ETag", "\"" + std::to_string(conference.generation) + "\"");
  return reply;
}

[[nodiscard]] Reply missing(std::string_view what, std::string_view id) {
  return refuse(
      session::Problem{.kind = session::Problem::Kind::not_found,
                       .detail = "there is no " + std::string{what} + " \"" + std::string{id} + "\""});
}

/// What a body names and is not there: the answer says which member named it.
[[nodiscard]] session::Problem pointing_at(session::Problem problem, std::string pointer) {
  if (problem.kind == session::Problem::Kind::not_found && problem.errors.empty())
    problem.errors.push_back({std::move(pointer), problem.detail});
  return problem;
}

[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

/// Everything not in `known` is a mistake worth telling.
[[nodiscard]] std::optional<Refusal> check_query(const Query& query,
                                                 std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = json::closest(name, {known.begin(), known.size()});
    return invalid_query(name, near ? "not known here, did you mean \"" + *near + "\"?" : "not known here");
  }
  return std::nullopt;
}

struct Page {
  std::size_t limit = Api::kDefaultPage;
  std::string cursor;
};
[[nodiscard]] tl::expected<Page, Refusal> parse_page(const Query& query) {
  Page page;
  if (const auto found = query.find("limit"); found != query.end()) {
    const auto limit = parse_integer(found->second);
    if (!limit || *limit < 1 || *limit > static_cast<std::int64_t>(Api::kLargestPage))
      return tl::unexpected(invalid_query("limit", "expected 1 to " + std::to_string(Api::kLargestPage)));
    page.limit = static_cast<std::size_t>(*limit);
  }
  if (const auto found = query.find("cursor"); found != query.end()) page.cursor = found->second;
  return page;
}

/// One page of `all`, which is sorted by id; the cursor is the last id of the page before.
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

}  // namespace

Api::Api(session::Service& service, telemetry::Metrics& metrics, About about,
         std::function<void()> before_scrape)
    : service_{service},
      metrics_{metrics},
      about_{std::move(about)},
      before_scrape_{std::move(before_scrape)} {}

Reply Api::handle(const Match& match, const Request& request) {
  auto command = parse_command(match, request.content_type, request.body);
  if (!command) return refuse(command.error());
  const auto query = parse_query(request.query);
  if (!query)
    return refuse(Refusal{.status = 400, .detail = "the query cannot be decoded or names something twice"});
  if (auto refusal = check_precondition(match, request)) return refuse(*refusal);
  return answer(match, request, *query, std::move(*command));
}

Reply Api::answer(const Match& match, const Request& request, const Query& query, Command command) {
  using O = Operation;
  const auto operation = match.route->operation;
  const bool listing =
      operation == O::list_conferences || operation == O::list_recordings || operation == O::events;
  if (!listing)
    if (auto refusal = check_query(query, {})) return refuse(*refusal);
  switch (operation) {
    case O::health:
    case O::ready:
    case O::metrics:
      return answer_probe(operation);
    case O::status:
      return status();
    case O::list_pipelines:
    case O::get_pipeline:
      return pipelines(match);
    case O::list_conferences:
      return list_conferences(query);
    case O::create_conference:
    case O::put_conference:
      return create(match, std::get<session::NewConference>(command));
    case O::get_conference:
    case O::stop_conference:
    case O::get_graph:
    case O::list_branches:
      return conference(match, request);
    case O::delete_conference:
      return remove(match.parameters.at(0));
    case O::get_branch:
    case O::put_branch:
    case O::delete_branch:
      return branch(match, std::move(command));
    case O::list_recordings:
      return list_recordings(query);
    case O::start_recording:
      return start_recording(std::get<session::NewRecording>(command));
    case O::get_recording:
    case O::stop_recording:
      return recording(match);
    case O::events:
      return events(request, query);
  }
  return refuse(Refusal{.status = 500, .type = "internal", .detail = "no handler"});
}

Reply Api::answer_probe(Operation operation) const {
  if (operation == Operation::health) return json_reply(200, {{"status", "ok"}});
  if (operation == Operation::metrics) {
    if (before_scrape_) before_scrape_();
    return {.content_type = std::string{telemetry::Metrics::kContentType}, .body = metrics_.text()};
  }
  const bool draining = service_.draining();
  if (!draining && service_.store_ok()) return json_reply(200, {{"status", "ready"}});
  return refuse(session::Problem{.kind = session::Problem::Kind::unavailable,
                                 .detail = draining ? "the daemon finishes what runs and takes no new work"
                                                    : "the store cannot be written",
                                 .reason = draining ? "draining" : "store"});
}

Reply Api::status() const {
  auto by_state = json::Value::object();
  unsigned live = 0;
  for (const auto* one : service_.conferences()) {
    auto& count = by_state[std::string{to_string(one->state)}];
    count = count.is_null() ? 1 : count.get<int>() + 1;
    if (one->state != session::ConferenceState::ended) ++live;
  }
  auto recordings = json::Value::object();
  for (const auto* one : service_.recordings()) {
    auto& count = recordings[std::string{to_string(one->state)}];
    count = count.is_null() ? 1 : count.get<int>() + 1;
  }
  const auto uptime =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - about_.started).count();
  return json_reply(
      200, {{"version", AURALINK_VERSION},
            {"status", service_.draining() ? "draining" : (service_.store_ok() ? "ready" : "store")},
            {"uptimeSeconds",
             std::chrono::floor<std::chrono::seconds>(std::chrono::duration<double>(uptime)).count()},
            {"conferences", {{"live", live}, {"byState", std::move(by_state)}}},
            {"recordings", {{"byState", std::move(recordings)}}},
            {"workers", {{"warm", about_.warm_workers ? about_.warm_workers() : 0}}},
            {"limits", {{"conferences", about_.max_conferences}, {"branches", about_.max_branches}}},
            {"directories",
             {{"state", about_.state_dir},
              {"recordings", about_.recordings_dir},
              {"pipelines", about_.pipelines_dir},
              {"media", about_.media_root.empty() ? json::Value{} : json::Value(about_.media_root)}}}});
}

Reply Api::pipelines(const Match& match) const {
  auto items = json::Value::array();
  for (const auto& one : service_.catalog().list()) {
    json::Value item{
        {"name", one.name}, {"version", one.version}, {"why", one.why}, {"parameters", one.parameters}};
    if (match.route->operation == Operation::list_pipelines) {
      items.push_back(std::move(item));
    } else if (one.name == match.parameters.at(0)) {
      return json_reply(200, item);
    }
  }
  if (match.route->operation == Operation::get_pipeline) return missing("pipeline", match.parameters.at(0));
  return json_reply(200, {{"items", std::move(items)}, {"next", nullptr}});
}

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

void Api::count_admission(const session::Problem* problem) {
  using Kind = session::Problem::Kind;
  if (problem == nullptr) return metrics_.admission("accepted", "");
  if (problem->kind != Kind::limit && problem->kind != Kind::unavailable) return;
  metrics_.admission("refused", problem->reason.empty() ? "other" : problem->reason);
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
  auto reply = conference_reply(known ? 200 : 201, *made);
  if (!known) reply.headers.emplace_back("Location", "/v1/conferences/" + made->id);
  return reply;
}

Reply Api::conference(const Match& match, const Request& /*request*/) {
  const auto& id = match.parameters.at(0);
  const auto* found = service_.conference(id);
  if (found == nullptr) return missing("conference", id);
  switch (match.route->operation) {
    case Operation::stop_conference: {
      auto stopped = service_.stop(id);
      return stopped ? conference_reply(202, *stopped) : refuse(stopped.error());
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
      return conference_reply(200, *found);
  }
}

Reply Api::remove(const std::string& id) {
  const auto* found = service_.conference(id);
  if (found == nullptr) return missing("conference", id);
  if (found->state != session::ConferenceState::ended) {
    auto stopped = service_.stop(id);
    return stopped ? conference_reply(202, *stopped) : refuse(stopped.error());
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
      return json_reply(known && !(again && added->state == session::BranchState::adding) ? 200 : 201,
                        session::to_json(*added));
    }
    case Operation::delete_branch: {
      if (!known) return missing("branch", name);
      auto removed = service_.remove_branch(id, name);
      return removed ? json_reply(202, session::to_json(*removed)) : refuse(removed.error());
    }
    default:
      return known ? json_reply(200, session::to_json(at->second)) : missing("branch", name);
  }
}

Reply Api::list_recordings(const Query& query) const {
  if (auto refusal = check_query(query, {"conference", "state", "limit", "cursor"})) return refuse(*refusal);
  const auto page = parse_page(query);
  if (!page) return refuse(page.error());
  const auto state = parse_state<session::RecordingState>(query);
  if (!state) return refuse(state.error());
  const auto wanted = query.find("conference");
  return json_reply(200, paginate(service_.recordings(), *page, [&](const session::Recording& one) {
                      return (!*state || one.state == **state) &&
                             (wanted == query.end() || one.conference == wanted->second);
                    }));
}

Reply Api::start_recording(const session::NewRecording& wanted) {
  const bool known = wanted.id && service_.recording(*wanted.id) != nullptr;
  auto started = service_.start_recording(wanted);
  if (!known) count_admission(started ? nullptr : &started.error());
  if (!started) return refuse(pointing_at(std::move(started.error()), "/conference"));
  auto reply = json_reply(known ? 200 : 201, session::to_json(*started));
  if (!known) reply.headers.emplace_back("Location", "/v1/recordings/" + started->id);
  return reply;
}

Reply Api::recording(const Match& match) {
  const auto& id = match.parameters.at(0);
  const auto* found = service_.recording(id);
  if (found == nullptr) return missing("recording", id);
  if (match.route->operation == Operation::get_recording) return json_reply(200, session::to_json(*found));
  auto stopped = service_.stop_recording(id);
  return stopped ? json_reply(202, session::to_json(*stopped)) : refuse(stopped.error());
}

Reply Api::events(const Request& request, const Query& query) const {
  if (auto refusal = check_query(query, {"after", "limit"})) return refuse(*refusal);
  std::optional<std::int64_t> after;
  if (const auto found = query.find("after"); found != query.end()) {
    after = parse_integer(found->second);
    if (!after) return refuse(invalid_query("after", "expected a sequence number"));
  }
  if (request.accept && request.accept->find("text/event-stream") != std::string::npos) {
    if (request.last_event_id) {
      after = parse_integer(*request.last_event_id);
      if (!after)
        return refuse(Refusal{.status = 400, .detail = "Last-Event-ID: expected a sequence number"});
    }
    return {.content_type = "text/event-stream; charset=utf-8", .then = Reply::Then::events, .after = after};
  }
  const auto page = parse_page(query);
  if (!page) return refuse(page.error());
  auto items = json::Value::array();
  json::Value next = nullptr;
  for (const auto& event : service_.events_after(after.value_or(0), page->limit)) {
    items.push_back(session::to_json(event));
    next = std::to_string(event.seq);
  }
  if (items.size() < page->limit) next = nullptr;
  return json_reply(200, {{"items", std::move(items)}, {"next", std::move(next)}});
}

std::optional<Refusal> Api::check_precondition(const Match& match, const Request& request) const {
  if (!request.if_match || *request.if_match == "*" || match.parameters.empty()) return std::nullopt;
  if (!match.route->pattern.starts_with("/v1/conferences/{id}")) return std::nullopt;
  const auto* found = service_.conference(match.parameters.front());
  if (found != nullptr && *request.if_match == "\"" + std::to_string(found->generation) + "\"")
    return std::nullopt;
  return Refusal{.status = 412,
                 .type = "precondition-failed",
                 .detail = found == nullptr
                               ? "the conference does not exist"
                               : "the conference is at generation " + std::to_string(found->generation)};
}

}  // namespace auralink::api
