// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "orchestrator/units.hpp"

namespace auralink {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  tl::expected<Config, std::string> read(std::vector<std::string_view> arguments) {
    return read_config(
        arguments, {.environment = [this](const std::string& name) -> std::optional<std::string> {
                      const auto found = environment_.find(name);
                      return found == environment_.end() ? std::nullopt : std::optional{found->second};
                    },
                    .read_file = [this](const std::string& path) -> tl::expected<std::string, std::string> {
                      const auto found = files_.find(path);
                      if (found == files_.end()) return tl::unexpected(std::string{"no such file"});
                      return found->second;
                    },
                    .executable = [this](const std::string& path) { return path == beside_; },
                    .own_folder = "/build",
                    .installed_pipelines = "/usr/share/auralink/pipelines",
                    .installed_libexec = "/usr/libexec/auralink"});
  }
  std::map<std::string, std::string> environment_{{"HOME", "/home/u"}};
  std::map<std::string, std::string> files_;
  std::string beside_;
};

TEST_F(ConfigTest, NeedsNothing) {
  const auto config = read({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listen, "127.0.0.1:8470");
  EXPECT_EQ(config->state_dir, "/home/u/.local/state/auralink");
  EXPECT_EQ(config->recordings_dir, "/home/u/.local/state/auralink/recordings");
  EXPECT_EQ(config->pipelines_dirs, std::vector<std::string>{"/usr/share/auralink/pipelines"});
  EXPECT_EQ(config->worker, "/usr/libexec/auralink/auralink-worker");
  EXPECT_EQ(config->warm_workers, 1U);
  EXPECT_TRUE(config->token_file.empty());
  EXPECT_TRUE(config->media_root.empty());
}

TEST_F(ConfigTest, FindsStateByTheEnvironment) {
  environment_["XDG_STATE_HOME"] = "/xdg";
  EXPECT_EQ(read({})->state_dir, "/xdg/auralink");
  environment_["STATE_DIRECTORY"] = "/var/lib/auralink:/var/lib/other";
  EXPECT_EQ(read({})->state_dir, "/var/lib/auralink");
  EXPECT_EQ(read({})->run_dir, "/var/lib/auralink/run");
  environment_["RUNTIME_DIRECTORY"] = "/run/auralink";
  EXPECT_EQ(read({})->run_dir, "/run/auralink");
  EXPECT_EQ(read({"--run-dir=/r"})->run_dir, "/r");
  environment_ = {{"XDG_STATE_HOME", "relative"}};
  EXPECT_FALSE(read({}));
}

TEST_F(ConfigTest, PrefersAWorkerBesideItself) {
  beside_ = "/build/auralink-worker";
  EXPECT_EQ(read({})->worker, "/build/auralink-worker");
  EXPECT_EQ(read({"--worker", "/other"})->worker, "/other");
}

TEST_F(ConfigTest, TakesPipelinesFromTheEnvironment) {
  environment_["AURALINK_PIPELINES_DIR"] = "/a::/b";
  EXPECT_EQ(read({})->pipelines_dirs, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(read({"--pipelines-dir", "/c", "--pipelines-dir=/d"})->pipelines_dirs,
            (std::vector<std::string>{"/c", "/d"}));
}

TEST_F(ConfigTest, FlagsGoOverTheFile) {
  files_["/etc/a.json"] =
      R"({"listen":"0.0.0.0:80","warm-workers":3,"pipelines-dir":["/x","/y"],"log-level":"debug",
          "values":{"storage":{"default":"s3://b"}}})";
  const auto config = read({"--config", "/etc/a.json", "--listen=[::1]:9"});
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->listen, "[::1]:9");
  EXPECT_EQ(config->warm_workers, 3U);
  EXPECT_EQ(config->pipelines_dirs, (std::vector<std::string>{"/x", "/y"}));
  EXPECT_EQ(config->log_level, telemetry::Level::debug);
  EXPECT_EQ(lookup(config->values, "storage.default"), json::Value("s3://b"));
  EXPECT_EQ(lookup(config->values, "storage.other"), std::nullopt);
  EXPECT_EQ(lookup(config->values, "storage.default.deeper"), std::nullopt);
  EXPECT_EQ(lookup(config->values, ""), std::nullopt);
}

TEST_F(ConfigTest, SaysWhatIsWrong) {
  files_["/bad.json"] = R"({"listn":"x"})";
  files_["/type.json"] = R"({"warm-workers":"many"})";
  files_["/list.json"] = R"({"listen":["a"]})";
  files_["/values.json"] = R"({"values":[]})";
  files_["/broken.json"] = "{";
  const std::map<std::string, std::vector<std::string_view>> expected{
      {"did you mean \"listen\"", {"--listn", "x"}},
      {"--listen: expected a value", {"--listen"}},
      {"unexpected argument \"start\"", {"start"}},
      {"expected a number from 0 to 16", {"--warm-workers", "17"}},
      {"expected a number from 1 to 10000", {"--max-conferences", "1x"}},
      {"expected error, warning", {"--log-level", "loud"}},
      {"/none.json: no such file", {"--config", "/none.json"}},
      {"/bad.json: key \"listn\" is not known, did you mean \"listen\"?", {"--config", "/bad.json"}},
      {"/type.json: /warm-workers", {"--config", "/type.json"}},
      {"/list.json: /listen", {"--config", "/list.json"}},
      {"/values.json: /values", {"--config", "/values.json"}},
      {"/broken.json", {"--config", "/broken.json"}}};
  for (const auto& [part, arguments] : expected) {
    const auto config = read(arguments);
    ASSERT_FALSE(config) << part;
    EXPECT_THAT(config.error(), HasSubstr(part));
  }
}

TEST_F(ConfigTest, TakesEverySettingOfTheSession) {
  files_["/c.json"] = R"({"cpu-ceiling":0.5,"make-room":true,"hook":["/bin/tell","--a b"],"max-branches":7})";
  const auto config =
      read({"--config", "/c.json", "--memory-headroom=1GiB", "--keep-recordings", "7d", "--recordings-quota",
            "20GB", "--free-space-floor=0", "--hook-timeout=5m", "--preview-interval=2s", "--forget-ended",
            "12h", "--max-conferences", "9", "--core-dumps", "on", "--worker-cgroups=off"});
  ASSERT_TRUE(config) << config.error();
  const auto& session = config->session;
  EXPECT_DOUBLE_EQ(session.cpu_ceiling, 0.5);
  EXPECT_EQ(session.memory_headroom, std::uint64_t{1} << 30U);
  EXPECT_EQ(session.keep_recordings, std::chrono::hours{7 * 24});
  EXPECT_EQ(session.recordings_quota, 20'000'000'000U);
  EXPECT_EQ(session.free_space_floor, 0U);
  EXPECT_TRUE(session.make_room);
  EXPECT_EQ(session.hook, (std::vector<std::string>{"/bin/tell", "--a b"}));
  EXPECT_EQ(session.hook_timeout, std::chrono::minutes{5});
  EXPECT_EQ(session.preview_interval, std::chrono::seconds{2});
  EXPECT_EQ(session.forget_ended, std::chrono::hours{12});
  EXPECT_EQ(session.max_conferences, 9U);
  EXPECT_EQ(session.max_branches, 7U);
  EXPECT_TRUE(config->core_dumps);
  EXPECT_EQ(config->worker_groups, worker::GroupUse::off);
  EXPECT_EQ(read({})->worker_groups, worker::GroupUse::delegated);
}

TEST_F(ConfigTest, TheFileGoesOverTheEnvironment) {
  environment_["AURALINK_CPU_CEILING"] = "70%";
  environment_["AURALINK_KEEP_RECORDINGS"] = "1d";
  environment_["AURALINK_HOOK"] = R"(["/bin/tell","x"])";
  environment_["AURALINK_TOKEN_FILE"] = "/what/a/client/sends";
  files_["/c.json"] = R"({"keep-recordings":"2d"})";
  const auto config = read({"--config", "/c.json"});
  ASSERT_TRUE(config) << config.error();
  EXPECT_DOUBLE_EQ(config->session.cpu_ceiling, 0.7);
  EXPECT_EQ(config->session.keep_recordings, std::chrono::hours{48});
  EXPECT_EQ(config->session.hook, (std::vector<std::string>{"/bin/tell", "x"}));
  EXPECT_TRUE(config->token_file.empty());
  environment_["AURALINK_MAKE_ROOM"] = "perhaps";
  EXPECT_EQ(read({}).error(), "$AURALINK_MAKE_ROOM: expected on or off");
}

TEST_F(ConfigTest, SaysWhichUnitsItExpects) {
  const std::map<std::string, std::vector<std::string_view>> expected{
      {"--cpu-ceiling: expected a share from 0 to 1", {"--cpu-ceiling", "1.5"}},
      {"--memory-headroom: expected a size such as", {"--memory-headroom", "much"}},
      {"--keep-recordings: expected a duration such as", {"--keep-recordings", "7 days"}},
      {"--preview-interval: expected 0 or at least 1s", {"--preview-interval", "20ms"}},
      {"--hook-timeout: expected more than 0", {"--hook-timeout", "0"}},
      {"--make-room: expected on or off", {"--make-room", "1"}},
      {"--hook: expected the absolute path", {"--hook", "tell"}},
      {"--hook: expected the absolute path", {"--hook", "[]"}},
      {"--hook: expected a JSON array of strings", {"--hook", "[1]"}},
      {"--hook: expected a program or a JSON array", {"--hook", "[\"/bin/tell\""}},
      {"--hook-url: expected an http:// or https:// URL", {"--hook-url", "ftp://host/x"}},
      {"--hook and --hook-url: expected one of them", {"--hook", "/bin/tell", "--hook-url", "http://host/x"}},
      {"--worker-cgroups: expected auto, on or off", {"--worker-cgroups", "yes"}},
      {"--max-branches: expected a number from 1 to 256", {"--max-branches", "0"}}};
  for (const auto& [part, arguments] : expected) {
    const auto config = read(arguments);
    ASSERT_FALSE(config) << part;
    EXPECT_THAT(config.error(), HasSubstr(part));
  }
}

TEST(Units, ReadDurations) {
  using std::chrono::milliseconds;
  EXPECT_EQ(parse_duration("0"), milliseconds{0});
  EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
  EXPECT_EQ(parse_duration("90s"), milliseconds{90'000});
  EXPECT_EQ(parse_duration("7d"), milliseconds{7LL * 86'400'000});
  for (const char* wrong :
       {"", "5", "s", "-1s", "1.5s", "1 s", "1s ", "1w", "99999999999999999999s", "40000d"})
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
}

TEST(Units, ReadSizesAndShares) {
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("1KiB"), 1024U);
  EXPECT_EQ(parse_bytes("2TB"), 2'000'000'000'000U);
  for (const char* wrong : {"", "1k", "1GB ", "-1", "1.5GiB", "9999999999999GiB", "18446744073709551615"})
    EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
  EXPECT_DOUBLE_EQ(*parse_share("80%"), 0.8);
  EXPECT_DOUBLE_EQ(*parse_share("0"), 0);
  for (const char* wrong : {"", "%", "101%", "-0.1", "nan", "1e-1", "0.5x"})
    EXPECT_EQ(parse_share(wrong), std::nullopt) << wrong;
}

TEST_F(ConfigTest, KnowsVersionAndHelp) {
  EXPECT_EQ(read({"--version"})->mode, Config::Mode::version);
  EXPECT_EQ(read({"--listen", "x:1", "-h"})->mode, Config::Mode::help);
  for (const char* flag : {"--listen",           "--state-dir",
                           "--recordings-dir",   "--media-root",
                           "--pipelines-dir",    "--token-file",
                           "--worker",           "--warm-workers",
                           "--max-conferences",  "--max-branches",
                           "--log-level",        "--config",
                           "--core-dumps",       "--cpu-ceiling",
                           "--memory-headroom",  "--keep-recordings",
                           "--recordings-quota", "--free-space-floor",
                           "--make-room",        "--forget-ended",
                           "--preview-interval", "--hook",
                           "--hook-url",         "--hook-timeout",
                           "--worker-cgroups"})
    EXPECT_THAT(std::string{usage()}, HasSubstr(flag));
}

}  // namespace
}  // namespace auralink
