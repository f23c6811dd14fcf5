// SPDX-License-Identifier: LGPL-2.1-or-later
// The one table of what this API answers. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace auralink::api {

enum class Operation {
  health,
  ready,
  status,
  metrics,
  openapi,
  list_pipelines,
  get_pipeline,
  list_conferences,
  create_conference,
  put_conference,
  get_conference,
  delete_conference,
  stop_conference,
  get_graph,
  list_branches,
  get_branch,
  put_branch,
  delete_branch,
  list_recordings,
  start_recording,
  get_recording,
  put_recording,
  patch_recording,
  delete_recording,
  stop_recording,
  pause_recording,
  resume_recording,
  events,
};

/// What a request body must be.
enum class Body { none, empty, json, merge_patch };

struct Route {
  std::string_view method;   ///< GET routes answer HEAD too
  std::string_view pattern;  ///< segments in braces match anything
  Operation operation;
  Body body = Body::none;
  bool open = false;  ///< answered without a token
};
[[nodiscard]] std::span<const Route> routes() noexcept;

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parameters;  ///< decoded brace segments, in order
};
struct NoRoute {};
struct WrongMethod {
  std::string_view pattern;
  std::string allow;  ///< for the Allow header
};

[[nodiscard]] std::variant<Match, NoRoute, WrongMethod> match(std::string_view method, std::string_view path);

}  // namespace auralink::api
