// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/telemetry/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace auralink::telemetry {
namespace {

using std::chrono::milliseconds;

TEST(Redact, MasksWhatUrlsCarry) {
  EXPECT_EQ(redact("push to rtmp://live.example/app/sk-4711?a=b failed"),
            "push to rtmp://live.example/app/***?*** failed");
  EXPECT_EQ(redact("rtmps://u:p@h:443/app/key"), "rtmps://***@h:443/app/***");
  EXPECT_EQ(redact("https://user:pw@host/a/b?sig=x#f"), "https://***@host/a/b?***");
  EXPECT_EQ(redact("two http://a/x?y http://b@c/"), "two http://a/x?*** http://***@c/");
  EXPECT_EQ(redact("s3://bucket/folder/file.mp4"), "s3://bucket/folder/file.mp4");
}

TEST(Redact, KeepsTextWithoutSecrets) {
  for (const char* text : {"", "plain", "://", "unknown key: name", "a basic thing", "keyframe=2s", "a:b=c",
                           "file:///tmp/x.mp4", "12:30:15 ratio 4:3", "key", "token"})
    EXPECT_EQ(redact(text), text);
}

TEST(Redact, MasksAuthorizationSchemes) {
  EXPECT_EQ(redact("Authorization: Bearer abc.def-ghi"), "Authorization: *** ***");
  EXPECT_EQ(redact("sent bearer abc then more"), "sent bearer *** then more");
  EXPECT_EQ(redact("Basic dXNlcjpwdw=="), "Basic ***");
}

TEST(Redact, MasksNamedValues) {
  EXPECT_EQ(redact("password=hunter2, next"), "password=***, next");
  EXPECT_EQ(redact("db_password: hunter2"), "db_password: ***");
  EXPECT_EQ(redact(R"({"api_key":"abc","x":1})"), R"({"api_key":"***","x":1})");
  EXPECT_EQ(redact("stream-key='a b c' tail"), "stream-key='***' tail");
  EXPECT_EQ(redact("secret-access-key=(string)AKIA/x+y, region=eu"),
            "secret-access-key=(string)***, region=eu");
  EXPECT_EQ(redact("TOKEN = \"a\\\"b\" c"), "TOKEN = \"***\" c");
}

TEST(Redact, IsLinearOnHostileText) {
  // Each pass looks at most 64 bytes back, so these finish at once even at this length.
  const std::string colons(200'000, ':');
  EXPECT_EQ(redact(colons), colons);
  std::string urls;
  for (int i = 0; i < 20'000; ++i) urls += "a://";
  EXPECT_FALSE(redact(urls).empty());
  EXPECT_FALSE(redact(std::string(200'000, '=')).empty());
}

TEST(Redact, MasksMembersByNameAndStringsInside) {
  const json::Value in{{"token", "t"}, {"url", "rtmp://h/a/k"}, {"list", {"password=x", 3}}, {"n", 1}};
  const json::Value out = redact_value(in);
  EXPECT_EQ(out.at("token"), "***");
  EXPECT_EQ(out.at("url"), "rtmp://h/a/***");
  EXPECT_EQ(out.at("list").at(0), "password=***");
  EXPECT_EQ(out.at("n"), 1);
}

struct Captured {
  std::vector<std::string> lines;
  milliseconds now{1'700'000'000'250};
  Logger logger(Level threshold = Level::info) {
    return Logger{"test", threshold, [this](std::string_view line) { lines.emplace_back(line); },
                  [this] { return now; }};
  }
};

TEST(Logger, WritesOneJsonObjectALine) {
  Captured out;
  out.logger().info("hello \"you\"\n", {{"conference", "c1"}, {"n", 3}, {"password", "x"}});
  ASSERT_EQ(out.lines.size(), 1U);
  ASSERT_EQ(out.lines[0].back(), '\n');
  EXPECT_EQ(out.lines[0].find('\n'), out.lines[0].size() - 1);
  EXPECT_TRUE(out.lines[0].starts_with(R"({"ts":"2023-11-14T22:13:20.250Z","level":"info","msg":"hello )"));
  const auto line = json::Value::parse(out.lines[0]);
  EXPECT_EQ(line.at("msg"), "hello \"you\"\n");
  EXPECT_EQ(line.at("service"), "test");
  EXPECT_EQ(line.at("version"), AURALINK_VERSION);
  EXPECT_EQ(line.at("conference"), "c1");
  EXPECT_EQ(line.at("n"), 3);
  EXPECT_EQ(line.at("password"), "***");
}

TEST(Logger, SurvivesBytesThatAreNotText) {
  Captured out;
  out.logger().error("bad \xff\xfe", {{"what", "\xc3"}});
  EXPECT_TRUE(json::Value::accept(out.lines.at(0)));
}

TEST(Logger, DropsBelowItsThreshold) {
  Captured out;
  const auto logger = out.logger(Level::warning);
  logger.info("no");
  logger.debug("no");
  logger.warning("yes");
  EXPECT_EQ(out.lines.size(), 1U);
}

TEST(Logger, LimitsRepeatedLinesAndSaysHowMany) {
  Captured out;
  const auto logger = out.logger();
  for (int i = 0; i < 100; ++i) logger.warning("again", {{"conference", "a"}});
  logger.warning("again", {{"conference", "b"}});
  EXPECT_EQ(out.lines.size(), Logger::kBurst + 1);
  out.now += milliseconds{1'000};
  logger.warning("again", {{"conference", "a"}});
  ASSERT_EQ(out.lines.size(), Logger::kBurst + 2);
  EXPECT_EQ(json::Value::parse(out.lines.back()).at("suppressed"), 90);
}

TEST(Logger, TellsOfSilencedNoiseThatEnded) {
  Captured out;
  const auto logger = out.logger();
  for (int i = 0; i < 15; ++i) logger.warning("noise");
  out.now += milliseconds{5'000};
  logger.info("something else");
  ASSERT_EQ(out.lines.size(), Logger::kBurst + 2);
  const auto summary = json::Value::parse(out.lines.at(Logger::kBurst));
  EXPECT_EQ(summary.at("msg"), "noise");
  EXPECT_EQ(summary.at("suppressed"), 5);
}

TEST(Logger, RemembersABoundedNumberOfLines) {
  Captured out;
  const auto logger = out.logger();
  for (int i = 0; i < 5'000; ++i) logger.info("line " + std::to_string(i));
  EXPECT_EQ(out.lines.size(), 5'000U);
}

TEST(Level, HasNames) {
  for (const auto level : {Level::error, Level::warning, Level::info, Level::debug, Level::trace})
    EXPECT_EQ(level_from_string(to_string(level)), level);
  EXPECT_FALSE(level_from_string("loud"));
}

}  // namespace
}  // namespace auralink::telemetry
