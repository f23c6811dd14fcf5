// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/router.hpp"

#include <array>
#include <optional>

#include "orchestrator/api/http.hpp"

namespace auralink::api {
namespace {

using enum Operation;

constexpr std::array kRoutes{
    Route{"GET", "/health", health, Body::none, true},
    Route{"GET", "/ready", ready, Body::none, true},
    Route{"GET", "/status", status},
    Route{"GET", "/metrics", metrics},
    Route{"GET", "/openapi.json", openapi, Body::none, true},
    Route{"GET", "/v1/pipelines", list_pipelines},
    Route{"GET", "/v1/pipelines/{name}", get_pipeline},
    Route{"GET", "/v1/conferences", list_conferences},
    Route{"POST", "/v1/conferences", create_conference, Body::json},
    Route{"PUT", "/v1/conferences/{id}", put_conference, Body::json},
    Route{"GET", "/v1/conferences/{id}", get_conference},
    Route{"DELETE", "/v1/conferences/{id}", delete_conference, Body::empty},
    Route{"POST", "/v1/conferences/{id}/stop", stop_conference, Body::empty},
    Route{"GET", "/v1/conferences/{id}/graph", get_graph},
    Route{"GET", "/v1/conferences/{id}/branches", list_branches},
    Route{"GET", "/v1/conferences/{id}/branches/{name}", get_branch},
    Route{"PUT", "/v1/conferences/{id}/branches/{name}", put_branch, Body::json},
    Route{"DELETE", "/v1/conferences/{id}/branches/{name}", delete_branch, Body::empty},
    Route{"GET", "/v1/recordings", list_recordings},
    Route{"POST", "/v1/recordings", start_recording, Body::json},
    Route{"GET", "/v1/recordings/{id}", get_recording},
    Route{"PUT", "/v1/recordings/{id}", put_recording, Body::json},
    Route{"PATCH", "/v1/recordings/{id}", patch_recording, Body::merge_patch},
    Route{"DELETE", "/v1/recordings/{id}", delete_recording, Body::empty},
    Route{"POST", "/v1/recordings/{id}/stop", stop_recording, Body::empty},
    Route{"POST", "/v1/recordings/{id}/pause", pause_recording, Body::empty},
    Route{"POST", "/v1/recordings/{id}/resume", resume_recording, Body::empty},
    Route{"GET", "/v1/events", events},
};

[[nodiscard]] std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the '/'
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

/// The brace segments when `path` fits `pattern`. A segment that does not decode fits nothing.
[[nodiscard]] std::optional<std::vector<std::string>> fit(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty() && path.starts_with('/')) {
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (!wanted.starts_with('{')) {
      if (wanted != given) return std::nullopt;
      continue;
    }
    auto decoded = percent_decode(given);
    if (!decoded || decoded->empty()) return std::nullopt;
    parameters.push_back(std::move(*decoded));
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

}  // namespace

std::span<const Route> routes() noexcept { return kRoutes; }

std::variant<Match, NoRoute, WrongMethod> match(std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  WrongMethod wrong;
  for (const auto& route : kRoutes) {
    auto parameters = fit(route.pattern, path);
    if (!parameters) continue;
    if (route.method == wanted) return Match{.route = &route, .parameters = std::move(*parameters)};
    wrong.pattern = route.pattern;
    if (!wrong.allow.empty()) wrong.allow += ", ";
    wrong.allow += route.method == "GET" ? "GET, HEAD" : std::string{route.method};
  }
  if (wrong.allow.empty()) return NoRoute{};
  return wrong;
}

}  // namespace auralink::api
