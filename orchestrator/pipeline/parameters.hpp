// SPDX-License-Identifier: LGPL-2.1-or-later
// What callers may say: parameters against their JSON Schema, and the references that put them into a
// description. The schema language is the part of JSON Schema draft 7 listed in README.md. Pure.
#pragma once

#include <map>
#include <string>

#include "orchestrator/json/json.hpp"
#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

/// The parameters with defaults filled in, or what is wrong with them (pointers into `parameters`). `schema`
/// must have passed parse_template().
[[nodiscard]] json::Checked<json::Value> check_parameters(const json::Value& schema,
                                                          const json::Value& parameters);

/// A resolved document that remembers where its values came from, so that a complaint about the result can
/// name what the caller wrote.
struct Resolution {
  json::Value document;
  /// Pointer in the document -> pointer in the parameters, for every value that a $param reference brought.
  std::map<std::string, std::string> origins;

  /// Pointer in the parameters for a pointer in the document; nullopt when no parameter decided it.
  [[nodiscard]] std::optional<std::string> parameter_for(std::string_view pointer) const;
};

/// resolve(), with the origins.
[[nodiscard]] tl::expected<Resolution, Unresolved> resolve_traced(const Template&,
                                                                  const json::Value& parameters,
                                                                  const ConfigLookup&);

/// Parameters that only satisfy what is required, taken from the schema's `examples`; nullopt when a required
/// parameter has neither default nor example. What lint and render use when the caller gives none.
[[nodiscard]] std::optional<json::Value> example_parameters(const Template&);

}  // namespace auralink::pipeline
