// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "orchestrator/units.hpp"

namespace auralink {
namespace {

constexpr unsigned kMostWarm = 16;
constexpr unsigned kMostConferences = 10'000;
constexpr unsigned kMostBranches = 256;
constexpr std::size_t kLongestHook = 64;  ///< words of a command

using Error = tl::unexpected<std::string>;

/// One setting: its flag without the dashes is its key in the file too, and AURALINK_ with its name in
/// capitals its variable in the environment.
struct Setting {
  std::string_view name;
  std::optional<std::string> (*apply)(Config&, const std::string& value);  ///< a complaint, or nullopt
};

using Complaint = std::optional<std::string>;

/// A member of Config, or of the session's settings within it.
template <auto member>
[[nodiscard]] auto& place(Config& config) {
  if constexpr (requires { config.*member; })
    return config.*member;
  else
    return config.session.*member;
}

template <auto member, unsigned minimum, unsigned maximum>
Complaint number(Config& config, const std::string& value) {
  unsigned parsed = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  if (error != std::errc{} || end != value.data() + value.size() || parsed < minimum || parsed > maximum)
    return "expected a number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  place<member>(config) = parsed;
  return std::nullopt;
}

template <auto member>
Complaint text(Config& config, const std::string& value) {
  if (value.empty()) return "expected a value";
  place<member>(config) = value;
  return std::nullopt;
}

template <auto member>
Complaint flag(Config& config, const std::string& value) {
  const bool on = value == "on" || value == "true" || value == "yes";
  if (!on && value != "off" && value != "false" && value != "no") return "expected on or off";
  place<member>(config) = on;
  return std::nullopt;
}

template <auto member, std::int64_t least_ms = 0>
Complaint duration(Config& config, const std::string& value) {
  const auto parsed = parse_duration(value);
  if (!parsed) return "expected a duration such as 500ms, 10s, 5m, 12h or 7d";
  // 0 always means "none" or "never"; what is short but not that is a mistake.
  if (parsed->count() < least_ms && parsed->count() != 0)
    return "expected 0 or at least " + std::to_string(least_ms / 1000) + "s";
  place<member>(config) = *parsed;
  return std::nullopt;
}

template <auto member>
Complaint bytes(Config& config, const std::string& value) {
  const auto parsed = parse_bytes(value);
  if (!parsed) return "expected a size such as 512MiB, 20GiB or 1TB";
  place<member>(config) = *parsed;
  return std::nullopt;
}

template <auto member>
Complaint share(Config& config, const std::string& value) {
  const auto parsed = parse_share(value);
  if (!parsed) return "expected a share from 0 to 1, such as 0.8 or 80%";
  place<member>(config) = *parsed;
  return std::nullopt;
}

Complaint folder(Config& config, const std::string& value) {
  if (value.empty()) return "expected a folder";
  config.pipelines_dirs.push_back(value);
  return std::nullopt;
}

Complaint level(Config& config, const std::string& value) {
  const auto parsed = telemetry::level_from_string(value);
  if (!parsed) return "expected error, warning, info, debug or trace";
  config.log_level = *parsed;
  return std::nullopt;
}

Complaint groups(Config& config, const std::string& value) {
  if (value != "off" && value != "auto" && value != "on") return "expected auto, on or off";
  config.worker_groups = value == "off"    ? worker::GroupUse::off
                         : value == "auto" ? worker::GroupUse::delegated
                                           : worker::GroupUse::always;
  return std::nullopt;
}

/// A program, or a JSON array of a program and its arguments: no shell splits it later, so none does here.
Complaint hook(Config& config, const std::string& value) {
  std::vector<std::string> words;
  if (value.starts_with('[')) {
    const auto parsed = json::parse(value);
    if (!parsed || !parsed->is_array()) return "expected a program or a JSON array of strings";
    for (const auto& word : *parsed) {
      if (!word.is_string()) return "expected a JSON array of strings";
      words.push_back(word.get<std::string>());
    }
  } else {
    words.push_back(value);
  }
  if (words.empty() || !words.front().starts_with('/'))
    return "expected the absolute path of a program, or a JSON array that begins with one";
  if (words.size() > kLongestHook) return "expected at most " + std::to_string(kLongestHook) + " words";
  for (const auto& word : words)
    if (word.find('\0') != std::string::npos) return "expected words without NUL";
  config.session.hook = std::move(words);
  return std::nullopt;
}

Complaint hook_url(Config& config, const std::string& value) {
  const auto host = value.find("://");
  if ((!value.starts_with("http://") && !value.starts_with("https://")) || host + 3 >= value.size() ||
      value[host + 3] == '/')
    return "expected an http:// or https:// URL";
  config.session.hook_url = value;
  return std::nullopt;
}

using session::Settings;
constexpr std::int64_t kShortestPreview = 1'000;

constexpr std::array kSettings{
    Setting{"listen", text<&Config::listen>},
    Setting{"state-dir", text<&Config::state_dir>},
    Setting{"run-dir", text<&Config::run_dir>},
    Setting{"recordings-dir", text<&Config::recordings_dir>},
    Setting{"media-root", text<&Config::media_root>},
    Setting{"pipelines-dir", folder},
    Setting{"token-file", text<&Config::token_file>},
    Setting{"tokens-file", text<&Config::tokens_file>},
    Setting{"worker", text<&Config::worker>},
    Setting{"log-level", level},
    Setting{"worker-cgroups", groups},
    Setting{"core-dumps", flag<&Config::core_dumps>},
    Setting{"warm-workers", number<&Config::warm_workers, 0, kMostWarm>},
    Setting{"max-conferences", number<&Settings::max_conferences, 1, kMostConferences>},
    Setting{"max-branches", number<&Settings::max_branches, 1, kMostBranches>},
    Setting{"cpu-ceiling", share<&Settings::cpu_ceiling>},
    Setting{"memory-headroom", bytes<&Settings::memory_headroom>},
    Setting{"keep-recordings", duration<&Settings::keep_recordings>},
    Setting{"recordings-quota", bytes<&Settings::recordings_quota>},
    Setting{"free-space-floor", bytes<&Settings::free_space_floor>},
    Setting{"make-room", flag<&Settings::make_room>},
    Setting{"forget-ended", duration<&Settings::forget_ended>},
    Setting{"preview-interval", duration<&Settings::preview_interval, kShortestPreview>},
    Setting{"hook", hook},
    Setting{"hook-url", hook_url},
    Setting{"hook-timeout", duration<&Settings::hook_timeout, kShortestPreview>},
};

[[nodiscard]] const Setting* find(std::string_view name) {
  const auto* const found = std::find_if(kSettings.begin(), kSettings.end(),
                                         [name](const Setting& one) { return one.name == name; });
  return found == kSettings.end() ? nullptr : found;
}

[[nodiscard]] std::string unknown(std::string_view what, std::string_view name) {
  std::vector<std::string_view> names{"config", "values"};
  for (const auto& setting : kSettings) names.push_back(setting.name);
  const auto near = json::closest(name, names);
  return std::string{what} + " \"" + std::string{name} + "\" is not known" +
         (near ? ", did you mean \"" + *near + "\"?" : std::string{});
}

[[nodiscard]] std::optional<std::string> apply_json(Config& config, const Setting& setting,
                                                    const json::Value& value) {
  if (value.is_string()) return setting.apply(config, value.get<std::string>());
  if (value.is_number_integer()) return setting.apply(config, std::to_string(value.get<std::int64_t>()));
  if (value.is_boolean()) return setting.apply(config, value.get<bool>() ? "on" : "off");
  if (value.is_number_float()) return setting.apply(config, value.dump());
  if (value.is_array() && setting.name == "hook") return setting.apply(config, value.dump());
  if (!value.is_array() || setting.name != "pipelines-dir") return "expected a string or a number";
  for (const auto& item : value) {
    if (!item.is_string()) return "expected an array of strings";
    if (auto complaint = setting.apply(config, item.get<std::string>())) return complaint;
  }
  return std::nullopt;
}

[[nodiscard]] tl::expected<void, std::string> apply_file(Config& config, const std::string& path,
                                                         const Surroundings& surroundings) {
  const auto content = surroundings.read_file(path);
  if (!content) return Error{path + ": " + content.error()};
  const auto parsed = json::parse(*content);
  if (!parsed)
    return Error{path + ": " + parsed.error().front().pointer + ": " + parsed.error().front().detail};
  if (!parsed->is_object()) return Error{path + ": expected an object"};
  for (const auto& [key, value] : parsed->items()) {
    if (key == "values") {
      if (!value.is_object()) return Error{path + ": /values: expected an object"};
      config.values = value;
      continue;
    }
    const auto* setting = find(key);
    if (setting == nullptr) return Error{path + ": " + unknown("key", key)};
    if (auto complaint = apply_json(config, *setting, value))
      return Error{path + ": /" + key + ": " + *complaint};
  }
  return {};
}

struct Flag {
  std::string name, value;
};
/// "--name value" or "--name=value".
[[nodiscard]] tl::expected<std::vector<Flag>, std::string> split(std::span<const std::string_view> arguments,
                                                                 Config& config) {
  std::vector<Flag> flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto argument = arguments[i];
    if (argument == "--version" || argument == "--help" || argument == "-h") {
      config.mode = argument == "--version" ? Config::Mode::version : Config::Mode::help;
      return flags;
    }
    if (!argument.starts_with("--")) return Error{"unexpected argument \"" + std::string{argument} + "\""};
    const auto equals = argument.find('=');
    Flag flag{.name = std::string{argument.substr(2, equals == std::string_view::npos ? equals : equals - 2)},
              .value = {}};
    if (flag.name != "config" && find(flag.name) == nullptr) return Error{unknown("flag", flag.name)};
    if (equals != std::string_view::npos) {
      flag.value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      flag.value = arguments[++i];
    } else {
      return Error{"--" + flag.name + ": expected a value"};
    }
    flags.push_back(std::move(flag));
  }
  return flags;
}

[[nodiscard]] std::vector<std::string> split_folders(const std::string& joined) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= joined.size()) {
    const auto end = std::min(joined.find(':', begin), joined.size());
    if (end > begin) out.push_back(joined.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

[[nodiscard]] std::optional<std::string> default_state_dir(const Surroundings& surroundings) {
  const auto get = [&](const char* name) {
    auto value = surroundings.environment(name);
    return value && value->starts_with('/') ? value : std::nullopt;
  };
  if (auto given = get("STATE_DIRECTORY"))
    return given->substr(0, given->find(':'));  // systemd may name several
  if (auto state = get("XDG_STATE_HOME")) return *state + "/auralink";
  if (auto home = get("HOME")) return *home + "/.local/state/auralink";
  return std::nullopt;
}

[[nodiscard]] std::string variable_of(std::string_view setting) {
  std::string name{"AURALINK_"};
  for (const char c : setting)
    name.push_back(c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
  return name;
}

[[nodiscard]] tl::expected<void, std::string> apply_environment(Config& config,
                                                                const Surroundings& surroundings) {
  for (const auto& setting : kSettings) {
    // A list of folders: fill_defaults(). And $AURALINK_TOKEN_FILE is what clients send, not what we accept.
    if (setting.name == "pipelines-dir" || setting.name == "token-file") continue;
    const auto name = variable_of(setting.name);
    const auto value = surroundings.environment(name);
    if (!value) continue;
    if (auto complaint = setting.apply(config, *value)) return Error{"$" + name + ": " + *complaint};
  }
  return {};
}

[[nodiscard]] tl::expected<void, std::string> fill_defaults(Config& config,
                                                            const Surroundings& surroundings) {
  if (config.state_dir.empty()) {
    auto state_dir = default_state_dir(surroundings);
    if (!state_dir) return Error{"neither --state-dir nor HOME says where to keep state"};
    config.state_dir = std::move(*state_dir);
  }
  if (!config.session.hook.empty() && !config.session.hook_url.empty())
    return Error{"--hook and --hook-url: expected one of them, not both"};
  if (config.session.hook_timeout.count() == 0) return Error{"--hook-timeout: expected more than 0"};
  if (config.run_dir.empty()) {
    const auto given = surroundings.environment("RUNTIME_DIRECTORY").value_or("");
    config.run_dir = given.starts_with('/') ? given.substr(0, given.find(':')) : config.state_dir + "/run";
  }
  if (config.recordings_dir.empty()) config.recordings_dir = config.state_dir + "/recordings";
  if (config.pipelines_dirs.empty()) {
    config.pipelines_dirs = split_folders(surroundings.environment("AURALINK_PIPELINES_DIR").value_or(""));
    if (config.pipelines_dirs.empty()) config.pipelines_dirs = {surroundings.installed_pipelines};
  }
  if (config.worker.empty()) {
    const auto beside = surroundings.own_folder + "/auralink-worker";
    config.worker =
        surroundings.executable(beside) ? beside : surroundings.installed_libexec + "/auralink-worker";
  }
  return {};
}

}  // namespace

tl::expected<Config, std::string> read_config(std::span<const std::string_view> arguments,
                                              const Surroundings& surroundings) {
  Config config;
  const auto flags = split(arguments, config);
  if (!flags) return Error{flags.error()};
  if (config.mode != Config::Mode::run) return config;
  if (auto applied = apply_environment(config, surroundings); !applied) return Error{applied.error()};
  for (const auto& flag : *flags)
    if (flag.name == "config")
      if (auto read = apply_file(config, flag.value, surroundings); !read) return Error{read.error()};
  bool own_folders = false;
  for (const auto& flag : *flags) {
    if (flag.name == "config") continue;
    // Folders given as flags replace those of the file rather than joining them.
    if (flag.name == "pipelines-dir" && !std::exchange(own_folders, true)) config.pipelines_dirs.clear();
    if (auto complaint = find(flag.name)->apply(config, flag.value))
      return Error{"--" + flag.name + ": " + *complaint};
  }
  if (auto filled = fill_defaults(config, surroundings); !filled) return Error{filled.error()};
  return config;
}

std::string_view usage() noexcept {
  return R"(auralinkd: records and distributes conferences; controlled over HTTP (see auralinkctl)

  --listen HOST:PORT      where to answer HTTP (127.0.0.1:8470; port 0: any free one)
  --state-dir DIR         database and auralinkd.url ($STATE_DIRECTORY, else $XDG_STATE_HOME/auralink,
                          else ~/.local/state/auralink)
  --run-dir DIR           where workers wait for the next daemon ($RUNTIME_DIRECTORY, else STATE_DIR/run)
  --recordings-dir DIR    where recordings go (STATE_DIR/recordings)
  --media-root DIR        file sources must lie beneath (with a token or off loopback STATE_DIR/media,
                          else any file this user may read)
  --pipelines-dir DIR     descriptions; may be repeated, the first that knows a name wins
                          ($AURALINK_PIPELINES_DIR, else the installed ones)
  --token-file FILE       bearer token that may do everything; with it, or with --tokens-file, every request must
                          carry one; needed to listen off loopback
  --tokens-file FILE      more tokens as a JSON array of {"name","sha256","scopes","expires"}, see `auralinkctl token
                          new`; both files are read again on SIGHUP
  --worker FILE           the auralink-worker program
  --warm-workers N        idle workers kept ready for the next conference (1)
  --max-conferences N     running at the same time (64)
  --max-branches N        of one conference (32)
  --log-level LEVEL       error, warning, info, debug or trace (info)
  --worker-cgroups WHEN   a control group for each worker: auto (where systemd delegated ours), on or off (auto)
  --core-dumps on|off     allow core dumps of daemon and workers; they hold media and secrets (off)
  --config FILE           JSON object with the same names as keys, and "values" for {"$config":...}
  --version, --help

Admission: a conference that would not fit is refused, with the reason
  --cpu-ceiling SHARE     of the CPUs that may be used or promised, such as 0.8 or 80%; 0: no limit (0.8)
  --memory-headroom SIZE  that stays free; 0: no limit (256MiB)

Recordings
  --keep-recordings TIME  ended ones are deleted after this, such as 7d; 0: kept (0)
  --recordings-quota SIZE all of them together, such as 20GiB, the oldest ended ones go first; 0: no limit (0)
  --free-space-floor SIZE no recording starts with less free space; 0: no limit (512MiB)
  --make-room on|off      below the floor the oldest ended recordings are deleted (off)
  --preview-interval TIME distance of thumbnails; 0: none (10s)
  --hook PROGRAM          run after each recording with the path of its sidecar as last argument: an absolute path,
                          or a JSON array of program and arguments; no shell
  --hook-url URL          or: gets the sidecar by POST; put it into --config or the environment when it holds a secret
  --hook-timeout TIME     the hook is ended after this (60s)
  --forget-ended TIME     conferences that ended this long ago are forgotten; 0: kept (0)

TIME is a number with ms, s, m, h or d; SIZE one with KiB, MiB, GiB, TiB, kB, MB, GB or TB. Flags go over the file,
the file over the environment, where --free-space-floor is AURALINK_FREE_SPACE_FLOOR.
)";
}

std::optional<json::Value> lookup(const json::Value& values, std::string_view dotted) {
  const auto* at = &values;
  while (!dotted.empty()) {
    const auto name = dotted.substr(0, dotted.find('.'));
    dotted.remove_prefix(std::min(name.size() + 1, dotted.size()));
    if (!at->is_object()) return std::nullopt;
    const auto found = at->find(std::string{name});
    if (found == at->end()) return std::nullopt;
    at = &*found;
  }
  return at == &values ? std::nullopt : std::optional<json::Value>{*at};
}

}  // namespace auralink
