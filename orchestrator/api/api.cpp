// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/api.hpp"

#include <exception>

#include "orchestrator/api/openapi.hpp"
#include "orchestrator/session/serial.hpp"

namespace auralink::api {
namespace {

/// Answers that carry a version. Probes and streams are about this moment only.
[[nodiscard]] bool is_versioned(const Route& route) {
  return route.method == "GET" &&
         (route.pattern.starts_with("/v1/") || route.operation == Operation::openapi);
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
  if (is_versioned(*match.route)) {
    auto reply = answer(match, request, *query, std::move(*command));
    // What has a version of its own shows it; anything else is as new as its bytes.
    const bool own = !match.parameters.empty() && match.route->operation != Operation::list_branches;
    return conditional(std::move(reply), request, own ? current(match) : std::nullopt);
  }
  if (match.route->method != "POST" || !request.idempotency_key)
    return carry_out(match, request, *query, std::move(*command));
  const auto key = parse_idempotency_key(*request.idempotency_key);
  if (!key) return refuse(key.error());
  if (replays_ == nullptr)
    return refuse(session::Problem{.kind = session::Problem::Kind::unavailable,
                                   .detail = "this daemon has no memory for Idempotency-Keys",
                                   .reason = "store"});
  return replays_->once(request.principal, *key, request,
                        [&] { return carry_out(match, request, *query, std::move(*command)); });
}

Reply Api::carry_out(const Match& match, const Request& request, const Query& query, Command command) {
  if (match.route->method == "GET") return answer(match, request, query, std::move(command));
  if (auto refusal = check_preconditions(match, request)) return refuse(*refusal);
  return answer(match, request, query, std::move(command));
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
    case O::openapi:
      return {.content_type = "application/json", .body = std::string{openapi_text()}};
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
      return conference(match);
    case O::delete_conference:
      return remove(match.parameters.at(0));
    case O::get_branch:
    case O::put_branch:
    case O::delete_branch:
      return branch(match, std::move(command));
    case O::list_recordings:
      return list_recordings(query);
    case O::start_recording:
    case O::put_recording:
      return start_recording(std::get<session::NewRecording>(command));
    case O::get_recording:
    case O::patch_recording:
    case O::delete_recording:
    case O::stop_recording:
    case O::pause_recording:
    case O::resume_recording:
      return recording(match, std::move(command));
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
  const auto oldest = service_.events_after(0, 1);
  return json_reply(200, {{"items", std::move(items)},
                          {"next", std::move(next)},
                          {"oldest", oldest.empty() ? json::Value{} : json::Value(oldest.front().seq)}});
}

void Api::count_admission(const session::Problem* problem) {
  using Kind = session::Problem::Kind;
  if (problem == nullptr) return metrics_.admission("accepted", "");
  if (problem->kind != Kind::limit && problem->kind != Kind::unavailable) return;
  metrics_.admission("refused", problem->reason.empty() ? "other" : problem->reason);
}

}  // namespace auralink::api
