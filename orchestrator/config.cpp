// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace auralink {
namespace {

constexpr unsigned kMostWarm = 16;
constexpr unsigned kMostConferences = 10'000;

using Error = tl::unexpected<std::string>;

/// One setting: its flag without the dashes is its key in the file too.
struct Setting {
  std::string_view name;
  std::optional<std::string> (*apply)(Config&, const std::string& value);  ///< a complaint, or nullopt
};

template <unsigned Config::*field, unsigned minimum, unsigned maximum>
std::optional<std::string> number(Config& config, const std::string& value) {
  unsigned parsed = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  if (error != std::errc{} || end != value.data() + value.size() || parsed < minimum || parsed > maximum)
    return "expected a number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  config.*field = parsed;
  return std::nullopt;
}

template <std::string Config::*field>
std::optional<std::string> text(Config& config, const std::string& value) {
  if (value.empty()) return "expected a value";
  config.*field = value;
  return std::nullopt;
}

std::optional<std::string> folder(Config& config, const std::string& value) {
  if (value.empty()) return "expected a folder";
  config.pipelines_dirs.push_back(value);
  return std::nullopt;
}

std::optional<std::string> level(Config& config, const std::string& value) {
  const auto parsed = telemetry::level_from_string(value);
  if (!parsed) return "expected error, warning, info, debug or trace";
  config.log_level = *parsed;
  return std::nullopt;
}

constexpr std::array kSettings{
    Setting{"listen", text<&Config::listen>},
    Setting{"state-dir", text<&Config::state_dir>},
    Setting{"recordings-dir", text<&Config::recordings_dir>},
    Setting{"media-root", text<&Config::media_root>},
    Setting{"pipelines-dir", folder},
    Setting{"token-file", text<&Config::token_file>},
    Setting{"worker", text<&Config::worker>},
    Setting{"log-level", level},
    Setting{"warm-workers", number<&Config::warm_workers, 0, kMostWarm>},
    Setting{"max-conferences", number<&Config::max_conferences, 1, kMostConferences>},
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

[[nodiscard]] tl::expected<void, std::string> fill_defaults(Config& config,
                                                            const Surroundings& surroundings) {
  if (config.state_dir.empty()) {
    auto state_dir = default_state_dir(surroundings);
    if (!state_dir) return Error{"neither --state-dir nor HOME says where to keep state"};
    config.state_dir = std::move(*state_dir);
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
  --recordings-dir DIR    where recordings go (STATE_DIR/recordings)
  --media-root DIR        file sources must lie beneath (with a token or off loopback STATE_DIR/media,
                          else any file this user may read)
  --pipelines-dir DIR     descriptions; may be repeated, the first that knows a name wins
                          ($AURALINK_PIPELINES_DIR, else the installed ones)
  --token-file FILE       bearer token every request must carry; needed to listen off loopback
  --worker FILE           the auralink-worker program
  --warm-workers N        idle workers kept ready for the next conference (1)
  --max-conferences N     running at the same time (64)
  --log-level LEVEL       error, warning, info, debug or trace (info)
  --config FILE           JSON object with the same names as keys, and "values" for {"$config":...}
  --version, --help
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
