// SPDX-License-Identifier: LGPL-2.1-or-later
// Refusals as RFC 9457 problem details. The types are stable: clients branch on them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/api/http.hpp"
#include "orchestrator/json/json.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::api {

inline constexpr std::string_view kProblemType = "https://auralink.dev/problems/";
inline constexpr std::string_view kProblemMedia = "application/problem+json";

struct Refusal {
  unsigned status = 422;
  std::string_view type = "invalid";  ///< last part of the type URI
  std::string detail;
  json::Violations errors = {};
  std::string reason = {};
  std::optional<unsigned> retry_after_s = {};
};

[[nodiscard]] Reply refuse(const Refusal& refusal);
[[nodiscard]] Reply refuse(const session::Problem& problem);

[[nodiscard]] Refusal malformed(json::Violations errors);  ///< 400: the body is not JSON
[[nodiscard]] Refusal invalid(json::Violations errors);    ///< 422: the body is not what was expected
[[nodiscard]] Refusal invalid_query(std::string_view name, std::string_view expected);

}  // namespace auralink::api
