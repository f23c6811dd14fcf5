// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/discovery.hpp"

#include <gtest/gtest.h>

#include <map>

namespace auralink::ctl {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

struct World {
  Texts environment, files;
  tl::expected<Endpoint, Refused> find(const Wanted& wanted = {}) const {
    const auto in = [](const Texts& texts) {
      return [&texts](std::string_view key) -> std::optional<std::string> {
        const auto found = texts.find(key);
        return found == texts.end() ? std::nullopt : std::optional{found->second};
      };
    };
    return discover(wanted, in(environment), in(files));
  }
};

TEST(Discovery, PrefersTheCommandLineThenTheEnvironmentThenTheDaemonsFile) {
  World world{{{"HOME", "/h"}}, {{"/h/.local/state/auralink/auralinkd.url", "http://127.0.0.1:1\n"}}};
  EXPECT_EQ(world.find()->url, "http://127.0.0.1:1");
  world.environment["AURALINK_URL"] = "http://127.0.0.1:2/";
  EXPECT_EQ(world.find()->url, "http://127.0.0.1:2");
  EXPECT_EQ(world.find({.url = "http://127.0.0.1:3"})->url, "http://127.0.0.1:3");
}

TEST(Discovery, TakesAStateFolderOverTheEnvironment) {
  const World world{{{"AURALINK_URL", "http://127.0.0.1:2"}}, {{"/s/auralinkd.url", "http://127.0.0.1:4"}}};
  EXPECT_EQ(world.find({.state_dir = "/s"})->url, "http://127.0.0.1:4");
}

TEST(Discovery, LooksWhereTheDaemonKeepsItsState) {
  const World world{{{"HOME", "/h"}, {"XDG_STATE_HOME", "/x"}},
                    {{"/x/auralink/auralinkd.url", "http://127.0.0.1:5"}}};
  EXPECT_EQ(world.find()->url, "http://127.0.0.1:5");
  EXPECT_EQ(default_state_dir([](std::string_view name) {
              return name == "HOME" ? std::optional<std::string>{"/h"}
                                    : std::optional<std::string>{"relative"};
            }),
            "/h/.local/state/auralink");
}

TEST(Discovery, TellsAbsenceFromWrongUse) {
  const World world{{{"HOME", "/h"}}, {}};
  EXPECT_FALSE(world.find().error().usage);
  EXPECT_TRUE(world.find({.url = "127.0.0.1:8470"}).error().usage);
  EXPECT_TRUE(world.find({.url = "ftp://127.0.0.1"}).error().usage);
  EXPECT_TRUE(world.find({.url = "http://user:secret@127.0.0.1"}).error().usage);
  EXPECT_TRUE(world.find({.url = "http://127.0.0.1", .token_file = "/none"}).error().usage);
}

TEST(Discovery, ReadsTheTokenFromAFile) {
  World world{{{"AURALINK_TOKEN_FILE", "/t"}},
              {{"/t", "  s3cret\n"}, {"/u", "other"}, {"/broken", "a b"}, {"/empty", "\n"}}};
  EXPECT_EQ(world.find({.url = "http://127.0.0.1:1"})->token, "s3cret");
  EXPECT_EQ(world.find({.url = "http://127.0.0.1:1", .token_file = "/u"})->token, "other");
  EXPECT_FALSE(world.find({.url = "http://127.0.0.1:1", .token_file = "/broken"}));
  EXPECT_FALSE(world.find({.url = "http://127.0.0.1:1", .token_file = "/empty"}));
}

TEST(Discovery, SendsATokenInClearOnlyToThisMachine) {
  const World world{{{"AURALINK_TOKEN_FILE", "/t"}}, {{"/t", "s3cret"}}};
  for (const auto* good :
       {"http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "http://localhost", "https://a.example"})
    EXPECT_TRUE(world.find({.url = good})) << good;
  for (const auto* bad :
       {"http://a.example", "http://127.example.org", "http://localhost.example.org", "http://10.0.0.1"})
    EXPECT_FALSE(world.find({.url = bad})) << bad;
}

}  // namespace
}  // namespace auralink::ctl
