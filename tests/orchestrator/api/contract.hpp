// SPDX-License-Identifier: LGPL-2.1-or-later
// openapi.json as something answers and bodies can be held against.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/orchestrator/api/fixture.hpp"

namespace auralink::api {

class Contract {
 public:
  [[nodiscard]] static Contract& get();

  [[nodiscard]] const json::Value& document() const noexcept { return document_; }
  /// A local reference followed, or the value itself.
  [[nodiscard]] const json::Value& resolved(const json::Value& value) const;

  struct Operation {
    std::string method;  ///< upper case
    std::string path;
    json::Value value;
  };
  /// By operationId.
  [[nodiscard]] const std::map<std::string, Operation>& operations() const noexcept { return operations_; }

  /// What in this answer the file does not describe, in words; nothing: all of it is described. Members that
  /// a schema does not name count as not described.
  [[nodiscard]] std::vector<std::string> check(std::string_view method, std::string_view target,
                                               const Response& response);

  /// Whether the file's schema of that request body takes `body`.
  [[nodiscard]] bool takes(const std::string& operation, const json::Value& body);

  /// Each operation and status that check() has seen.
  [[nodiscard]] const std::set<std::pair<std::string, unsigned>>& seen() const noexcept { return seen_; }

 private:
  Contract();
  [[nodiscard]] std::string fits(const json::Value& schema, const json::Value& value, bool closed) const;
  void check_headers(const json::Value& described, const Response& response,
                     std::vector<std::string>& complaints) const;

  json::Value document_;
  json::Value closed_;  ///< the components with every described object closed to other members
  std::map<std::string, Operation> operations_;
  std::set<std::pair<std::string, unsigned>> seen_;
};

}  // namespace auralink::api
