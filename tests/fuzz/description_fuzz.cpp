// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a description: template, parameters, typed form, plan and every text form of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "orchestrator/pipeline/lint.hpp"
#include "orchestrator/pipeline/parameters.hpp"
#include "orchestrator/pipeline/plan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace auralink;
  const auto document = json::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  (void)pipeline::lint(*document);
  const auto t = pipeline::parse_template(*document);
  if (!t) return t.error().empty() ? (std::abort(), 0) : 0;
  const auto parameters = pipeline::example_parameters(*t);
  const auto resolved = pipeline::resolve(*t, parameters.value_or(json::Value::object()), {});
  if (!resolved) return resolved.error().errors.empty() ? (std::abort(), 0) : 0;
  auto typed = pipeline::parse_description(*resolved);
  if (!typed) return typed.error().empty() ? (std::abort(), 0) : 0;
  std::map<std::string, std::string> paths;
  for (const auto& [name, branch] : typed->branches) paths[name] = "/r/" + name;
  for (const bool tested : {false, true}) {
    const auto plan = pipeline::make_plan(tested ? pipeline::with_test_source(*typed, 3) : *typed, paths);
    (void)pipeline::render_launch(plan);
    (void)pipeline::render_dot(plan);
    (void)pipeline::render_json(plan).dump();
  }
  return 0;
}
