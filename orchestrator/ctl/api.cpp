// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/api.hpp"

#include "orchestrator/ctl/format.hpp"

namespace auralink::ctl {
namespace {

// What a daemon sends is longer than what it takes: lists of many conferences.
constexpr json::Limits kAnswerLimits{
    .bytes = std::size_t{64} << 20U, .depth = 64, .string_bytes = std::size_t{8} << 20U};
constexpr std::chrono::milliseconds kAwaitTick{500};

Failure unreachable(std::string why) { return {Exit::unreachable, std::move(why)}; }

/// What a resource says about itself when it ended badly.
std::string blame(const json::Value& resource) {
  std::string why = printable(text_of(resource, "id", text_of(resource, "name"))) + " is " +
                    printable(text_of(resource, "state", "?"));
  if (const auto exit = text_of(resource, "exit"); !exit.empty()) why += " (" + printable(exit) + ")";
  for (const auto* key : {"error", "reason"})
    if (const auto text = text_of(resource, key); !text.empty()) why += ": " + printable(text);
  return why;
}

}  // namespace

Told<json::Value> Api::call(const char* method, const std::string& path,
                            const std::optional<json::Value>& body) {
  const auto answer = client_.request(
      method, path,
      body ? std::optional{body->dump(-1, ' ', false, json::Value::error_handler_t::replace)} : std::nullopt);
  if (!answer) return tl::make_unexpected(unreachable(answer.error()));
  if (!answer->ok())
    return tl::make_unexpected(
        Failure{Exit::failed, format_problem(answer->status, answer->body), answer->status});
  if (answer->body.empty()) return json::Value{};
  auto value = json::parse(answer->body, kAnswerLimits);
  if (!value) return tl::make_unexpected(Failure{Exit::failed, "the answer to " + path + " is not JSON"});
  return std::move(*value);
}

Told<std::string> Api::text(const std::string& path) {
  auto answer = client_.request("GET", path);
  if (!answer) return tl::make_unexpected(unreachable(answer.error()));
  if (!answer->ok())
    return tl::make_unexpected(
        Failure{Exit::failed, format_problem(answer->status, answer->body), answer->status});
  return std::move(answer->body);
}

Told<json::Value> Api::list(const std::string& path, const std::string& query) {
  json::Value items = json::Value::array();
  std::string cursor;
  do {
    std::string page = path + query;
    if (!cursor.empty()) page += (query.empty() ? "?cursor=" : "&cursor=") + segment(cursor);
    auto answer = get(page);
    if (!answer) return answer;
    for (const auto& item : member(*answer, "items")) items.push_back(item);
    const std::string next = text_of(*answer, "next");
    if (next == cursor) break;  // a daemon that gives the same page for ever is not followed
    cursor = next;
  } while (!cursor.empty());
  return json::Value{{"items", std::move(items)}};
}

Told<json::Value> Api::await(const Await& wanted) {
  Told<json::Value> last = json::Value{};
  Outcome outcome = Outcome::going_on;
  Client::Follow follow;
  follow.tick = kAwaitTick;
  follow.on_tick = [&] {
    last = get(wanted.path);
    if (last) {
      outcome = wanted.judge(*last);
      terminal_.progress(wanted.line(*last));
    } else if (last.error().status == 404 && wanted.gone_is) {
      outcome = *wanted.gone_is;
      last = json::Value{};
    }
    return !last || outcome != Outcome::going_on ? Client::Next::stop : Client::Next::go_on;
  };
  const auto ended = client_.follow(follow);
  terminal_.end_progress();
  if (!ended) return tl::make_unexpected(unreachable(ended.error()));
  if (!last) return last;
  if (*ended == Client::Ended::interrupted && outcome == Outcome::going_on)
    return tl::make_unexpected(Failure{Exit::failed, "no longer waiting; the daemon goes on"});
  if (outcome == Outcome::bad) return tl::make_unexpected(Failure{Exit::failed, blame(*last)});
  return last;
}

}  // namespace auralink::ctl
