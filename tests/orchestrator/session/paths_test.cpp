// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/paths.hpp"

#include <gtest/gtest.h>

#include "orchestrator/session/times.hpp"

namespace auralink::session {
namespace {

const PathValues kValues{.conference = "demo",
                         .recording = "demo-record-2",
                         .branch = "record",
                         .pipeline = "composite",
                         .epoch = 3,
                         .seq = 2,
                         .wall = Millis{1'767'312'245'042}};

std::string expand(std::string_view text, std::string_view suffix = ".mp4") {
  const auto path = expand_path(text, kValues, suffix);
  return path ? *path : "refused: " + path.error().front().detail;
}

TEST(Path, KnowsEveryVariable) {
  EXPECT_EQ(expand("{conference}/{recording}"), "demo/demo-record-2.mp4");
  EXPECT_EQ(expand("{pipeline}/{branch}-{epoch}-{seq}"), "composite/record-3-2.mp4");
  EXPECT_EQ(expand("{date}/{time}"), "2026-01-02/00-04-05.mp4");
  EXPECT_EQ(expand("{utc}"), "20260102T000405Z.mp4");
}

TEST(Path, GetsItsSuffixOnce) {
  EXPECT_EQ(expand("a.mp4"), "a.mp4");
  EXPECT_EQ(expand("a.mkv"), "a.mkv.mp4");
  EXPECT_EQ(expand("a", ""), "a");
  EXPECT_EQ(suffix_for("webm"), ".webm");
  EXPECT_EQ(suffix_for("segments"), "");
  EXPECT_EQ(suffix_for(""), "");
}

TEST(Path, KeepsWhatPeopleWrite) { EXPECT_EQ(expand("Bürger/räume 1"), "Bürger/räume 1.mp4"); }

TEST(Path, TakesTheStructureOutOfValues) {
  auto values = kValues;
  const auto only = [&](std::string_view conference) {
    values.conference = conference;
    const auto path = expand_path("{conference}/x", values, "");
    return path ? *path : "refused";
  };
  EXPECT_EQ(only("../../etc"), "_.._.._etc/x");
  EXPECT_EQ(only(".."), "_../x");
  EXPECT_EQ(only(""), "_/x");
  EXPECT_EQ(only("a/b"), "a_b/x");
  EXPECT_EQ(only(std::string_view{"a\0b", 3}), "a_b/x");
  EXPECT_EQ(only("a\n\x1b[31m"), "a___31m/x");
  EXPECT_EQ(only("{branch}"), "_branch_/x") << "a value is never a template";
  EXPECT_EQ(only(std::string(5000, 'x')).size(), 142U);
}

struct Hostile {
  std::string text;
  std::string part_of_answer;
};

TEST(Path, RefusesWhatLeavesTheFolderOrConfuses) {
  const std::vector<Hostile> cases{
      {"", "empty"},
      {"/etc/passwd", "relative"},
      {"..", "leave"},
      {"../x", "leave"},
      {"a/../../x", "leave"},
      {"a/..", "leave"},
      {"./x", "begin with '.'"},
      {".ssh/authorized_keys", "begin with '.'"},
      {"a//b", "empty path component"},
      {"a/", "empty path component"},
      {std::string{"a\0b", 3}, "control"},
      {"a\nb", "control"},
      {"a\x7f", "control"},
      {"a\\..\\b", "'\\'"},
      {"{conferense}", "did you mean {conference}?"},
      {"{}", "unknown variable"},
      {"{HOME}", "unknown variable"},
      {"{a{b}", "unknown variable"},
      {"{conference", "'{' without '}'"},
      {"conference}", "'}' without '{'"},
      {"$(reboot)/{", "'{' without '}'"},
      {std::string(513, 'a'), "longer than 512"},
      {std::string(201, 'a'), "component is longer than 200"},
      {"a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "16 folders"},
  };
  for (const auto& [text, answer] : cases) {
    const auto path = expand_path(text, kValues, ".mp4");
    ASSERT_FALSE(path) << text;
    ASSERT_EQ(path.error().size(), 1U);
    EXPECT_EQ(path.error()[0].pointer, "/path");
    EXPECT_NE(path.error()[0].detail.find(answer), std::string::npos)
        << text << ": " << path.error()[0].detail;
    EXPECT_FALSE(check_path(text).empty()) << text;
  }
}

TEST(Path, DoesNotRepeatUnprintableNamesInItsAnswers) {
  EXPECT_EQ(expand("{" + std::string(100, 'a') + "}").find("aaaa"), std::string::npos);
}

TEST(Path, ThatMultipliesIntoAnEndlessOneIsRefused) {
  std::string text;
  for (int i = 0; i < 16; ++i) text += (i == 0 ? "" : "/") + std::string{"{conference}"};
  EXPECT_TRUE(check_path(text).empty());
  auto values = kValues;
  const std::string longest(64, 'x');
  values.conference = longest;
  EXPECT_FALSE(expand_path(text, values, "")) << "16 times 64 bytes, and the separators";
}

TEST(Path, CheckAcceptsTheDefault) { EXPECT_TRUE(check_path("{conference}/{recording}").empty()); }

TEST(Path, NumbersBeforeTheSuffix) {
  EXPECT_EQ(numbered_path("a/b.mp4", 2, ".mp4"), "a/b-2.mp4");
  EXPECT_EQ(numbered_path("a/b", 3, ""), "a/b-3");
  EXPECT_EQ(numbered_path("a/b", 3, ".mp4"), "a/b-3");
}

}  // namespace
}  // namespace auralink::session
