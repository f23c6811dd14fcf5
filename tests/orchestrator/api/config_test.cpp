// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

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

TEST_F(ConfigTest, KnowsVersionAndHelp) {
  EXPECT_EQ(read({"--version"})->mode, Config::Mode::version);
  EXPECT_EQ(read({"--listen", "x:1", "-h"})->mode, Config::Mode::help);
  for (const char* flag :
       {"--listen", "--state-dir", "--recordings-dir", "--media-root", "--pipelines-dir", "--token-file",
        "--worker", "--warm-workers", "--max-conferences", "--log-level", "--config"})
    EXPECT_THAT(std::string{usage()}, HasSubstr(flag));
}

}  // namespace
}  // namespace auralink
