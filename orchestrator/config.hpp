// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's configuration: flags over a JSON file over the environment over defaults that need none of
// them. usage() is its reference.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/service.hpp"
#include "orchestrator/telemetry/log.hpp"
#include "orchestrator/worker/cgroup.hpp"

namespace auralink {

struct Config {
  std::string listen = "127.0.0.1:8470";
  std::string state_dir;
  std::string
      run_dir;  ///< where workers wait for the next daemon: short, private, gone after a reboot is fine
  std::string recordings_dir;
  std::string media_root;  ///< empty: any readable file, or STATE_DIR/media when a token is needed
  std::vector<std::string> pipelines_dirs;  ///< the first that knows a name wins
  std::string token_file;                   ///< empty: no token
  std::string tokens_file;                  ///< digests of tokens with their scopes; empty: none
  std::string worker;
  telemetry::Level log_level = telemetry::Level::info;
  unsigned warm_workers = 1;
  bool core_dumps = false;  ///< for developers: dumps of these processes hold media and secrets
  worker::GroupUse worker_groups = worker::GroupUse::delegated;
  session::Settings session = {};              ///< limits, admission, retention, hook, previews
  json::Value values = json::Value::object();  ///< what {"$config":"a.b"} in descriptions finds
  enum class Mode { run, version, help } mode = Mode::run;
};

/// What configuration is read from; real in the daemon, made up in tests.
struct Surroundings {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<tl::expected<std::string, std::string>(const std::string& path)> read_file;
  std::function<bool(const std::string& path)> executable;
  std::string own_folder;  ///< where auralinkd itself lies
  std::string installed_pipelines, installed_libexec;
};

[[nodiscard]] tl::expected<Config, std::string> read_config(std::span<const std::string_view> arguments,
                                                            const Surroundings& surroundings);
[[nodiscard]] std::string_view usage() noexcept;

/// "a.b.c" in nested objects.
[[nodiscard]] std::optional<json::Value> lookup(const json::Value& values, std::string_view dotted);

}  // namespace auralink
