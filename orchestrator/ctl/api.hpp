// SPDX-License-Identifier: LGPL-2.1-or-later
// The control API as functions: answers as JSON, refusals as an exit status with the words for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "orchestrator/ctl/client.hpp"
#include "orchestrator/ctl/outcome.hpp"
#include "orchestrator/ctl/terminal.hpp"
#include "orchestrator/json/json.hpp"

namespace auralink::ctl {

struct Failure {
  Exit exit = Exit::failed;
  std::string why;
  unsigned status = 0;  ///< HTTP, 0: none
};
template <class T>
using Told = tl::expected<T, Failure>;

class Api {
 public:
  Api(Client& client, Terminal& terminal) : client_{client}, terminal_{terminal} {}

  /// null for an answer without a body.
  [[nodiscard]] Told<json::Value> get(const std::string& path) { return call("GET", path); }
  [[nodiscard]] Told<json::Value> call(const char* method, const std::string& path,
                                       const std::optional<json::Value>& body = {});
  [[nodiscard]] Told<std::string> text(const std::string& path);
  /// Every page of a list: {"items":[…]}. `query` begins with '?' or is empty.
  [[nodiscard]] Told<json::Value> list(const std::string& path, const std::string& query = {});

  /// Looks at `path` at every event and twice a second until `judge` has an opinion; shows `line` meanwhile.
  /// A resource that is not there any more counts as gone_is. A bad outcome is a Failure with the resource's
  /// reason.
  struct Await {
    std::string path;
    std::function<Outcome(const json::Value&)> judge;
    std::function<std::string(const json::Value&)> line;
    std::optional<Outcome> gone_is = {};
  };
  [[nodiscard]] Told<json::Value> await(const Await&);

  [[nodiscard]] Client& client() { return client_; }

 private:
  Client& client_;
  Terminal& terminal_;
};

}  // namespace auralink::ctl
