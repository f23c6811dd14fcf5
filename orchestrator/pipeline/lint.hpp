// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong or doubtful in a description, found without running it. Whether this machine has the elements
// is checked by the builder on top. Pure.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

struct Finding {
  enum class Level { error, warning };
  Level level = Level::warning;
  std::string pointer;  ///< into the description file
  std::string detail;
  bool operator==(const Finding&) const = default;
};

/// Findings about a description file: what parse_template() and parse_description() refuse are errors; unused
/// encodes and parameters, a missing `why` and required parameters without an example are warnings.
/// Parameters are the schema's defaults and examples.
[[nodiscard]] std::vector<Finding> lint(const json::Value& document, const ConfigLookup& config = {});

}  // namespace auralink::pipeline
