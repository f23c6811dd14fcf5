// SPDX-License-Identifier: LGPL-2.1-or-later
// What an operator has done with every finished recording: a program, or a POST. Both block, within a time
// limit, and are given up when `tick` says so.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace auralink::worker {

struct HookCallbacks {
  std::function<void(const std::string&)> line = {};  ///< of its output; bounded in length and number
  std::function<bool()> tick = {};                    ///< about four times a second; false: stop it
};
/// Runs `command` (the first is a program, looked for on PATH; the rest its arguments) with `last` as further
/// argument: no shell, descriptor 0 is /dev/null, nothing inherited but PATH, HOME and LANG, a process group
/// of its own. After `timeout` the group gets SIGTERM, five seconds later SIGKILL. Fails unless it exits with
/// 0; whatever it left running in its group is killed.
[[nodiscard]] tl::expected<void, std::string> run_hook(const std::vector<std::string>& command,
                                                       const std::string& last,
                                                       std::chrono::milliseconds timeout,
                                                       const HookCallbacks& callbacks);
/// POSTs `json` to an http or https URL; fails unless the answer is 2xx. Errors never repeat the URL, which
/// may hold a secret.
[[nodiscard]] tl::expected<void, std::string> post_hook(const std::string& url, std::string_view json,
                                                        std::chrono::milliseconds timeout,
                                                        const HookCallbacks& callbacks);

}  // namespace auralink::worker
