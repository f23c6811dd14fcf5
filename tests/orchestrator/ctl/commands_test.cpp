// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/commands.hpp"

#include <gtest/gtest.h>

#include <set>

#include "orchestrator/ctl/remote.hpp"

namespace auralink::ctl {
namespace {

tl::expected<Invocation, std::string> parse(std::vector<std::string> words) {
  return parse_command_line(words);
}

TEST(Commands, AreReachableByTheirPath) {
  for (const auto& command : commands()) {
    std::vector<std::string> words;
    if (!command.group.empty()) words.emplace_back(command.group);
    words.emplace_back(command.name);
    for (const auto& positional : command.positionals)
      words.emplace_back(positional.choices.empty() ? "x" : std::string{positional.choices.front()});
    const auto invocation = parse(words);
    ASSERT_TRUE(invocation) << command.path() << ": " << invocation.error();
    EXPECT_EQ(invocation->command, &command);
  }
}

TEST(Commands, HaveOneRowEach) {
  std::set<std::string> paths;
  for (const auto& command : commands()) EXPECT_TRUE(paths.insert(command.path()).second) << command.path();
}

TEST(Commands, OfOneWordAreNeverAGroup) {
  for (const auto& command : commands()) {
    if (command.group.empty())
      EXPECT_EQ(group_help(command.name), "") << command.name;
    else
      EXPECT_NE(group_help(command.group), "") << command.group;
  }
}

TEST(Commands, HaveDistinctOptionsThatDoNotHideGlobalOnes) {
  for (const auto& command : commands()) {
    std::set<std::string_view> names;
    std::set<char> letters;
    std::vector<Option> all = command.options;
    all.insert(all.end(), global_options().begin(), global_options().end());
    for (const auto& option : all) {
      EXPECT_TRUE(names.insert(option.name).second) << command.path() << " --" << option.name;
      if (option.letter != 0) {
        EXPECT_TRUE(letters.insert(option.letter).second) << command.path() << option.letter;
      }
      EXPECT_EQ(option.complete == Complete::choice, !option.choices.empty()) << option.name;
    }
  }
}

TEST(Commands, AreCarriedOutByTheDaemonOrHere) {
  for (const auto& command : commands())
    EXPECT_EQ(needs_daemon(command),
              command.group != "pipeline" && command.group != "token" && command.name != "completion")
        << command.path();
}

TEST(CommandLine, TakesOptionsAnywhereBehindTheCommand) {
  const auto invocation =
      parse({"conference", "create", "--id", "a", "composite", "-p", "x=1", "-py=2", "--wait"});
  ASSERT_TRUE(invocation) << invocation.error();
  EXPECT_EQ(invocation->argument(0), "composite");
  EXPECT_EQ(invocation->value("id"), "a");
  EXPECT_EQ(invocation->values("param"), (std::vector<std::string>{"x=1", "y=2"}));
  EXPECT_TRUE(invocation->has("wait"));
}

TEST(CommandLine, TakesGlobalOptionsBeforeTheCommandToo) {
  const auto invocation = parse({"--url=http://[::1]:1", "--json", "status"});
  ASSERT_TRUE(invocation) << invocation.error();
  EXPECT_EQ(invocation->value("url"), "http://[::1]:1");
  EXPECT_TRUE(invocation->has("json"));
}

TEST(CommandLine, EndsOptionsAtTwoDashes) {
  const auto invocation = parse({"record", "show", "--", "--strange"});
  ASSERT_TRUE(invocation) << invocation.error();
  EXPECT_EQ(invocation->argument(0), "--strange");
}

TEST(CommandLine, TakesManyArgumentsWhereTheLastRepeats) {
  const auto invocation = parse({"pipeline", "lint", "a", "b", "c"});
  ASSERT_TRUE(invocation) << invocation.error();
  EXPECT_EQ(invocation->arguments.size(), 3U);
}

TEST(CommandLine, ShowsHelpWithoutMissingArguments) {
  EXPECT_EQ(parse({"conference", "create", "--help"})->help_for, "conference create");
  EXPECT_EQ(parse({"conference", "-h"})->help_for, "conference");
  EXPECT_TRUE(parse({"help"})->help);
  EXPECT_TRUE(parse({"--version"})->version);
}

struct Wrong {
  std::vector<std::string> words;
  std::string_view says;
};
class CommandLineRefuses : public testing::TestWithParam<Wrong> {};
TEST_P(CommandLineRefuses, AndSaysWhy) {
  const auto invocation = parse(GetParam().words);
  ASSERT_FALSE(invocation);
  EXPECT_NE(invocation.error().find(GetParam().says), std::string::npos) << invocation.error();
}
INSTANTIATE_TEST_SUITE_P(
    Lines, CommandLineRefuses,
    testing::Values(Wrong{{}, "no command"}, Wrong{{"conference"}, "which conference command"},
                    Wrong{{"confrence", "list"}, "did you mean conference?"},
                    Wrong{{"conference", "creat"}, "did you mean create?"},
                    Wrong{{"conference", "show"}, "missing CONFERENCE"},
                    Wrong{{"conference", "show", ""}, "must not be empty"},
                    Wrong{{"conference", "show", "a", "b"}, "unexpected argument b"},
                    Wrong{{"conference", "create", "x", "--params"}, "--params needs FILE"},
                    Wrong{{"conference", "create", "x", "--parms", "f"}, "did you mean param"},
                    Wrong{{"conference", "create", "x", "--wait=yes"}, "takes no value"},
                    Wrong{{"conference", "create", "x", "-wx"}, "takes no value"},
                    Wrong{{"conference", "create", "x", "-q"}, "unknown option -q"},
                    Wrong{{"conference", "create", "x", "--id", "a", "--id", "b"}, "given twice"},
                    Wrong{{"--id", "a", "conference", "create", "x"}, "stand behind it"},
                    Wrong{{"record", "start", "x", "--container", "mp5"}, "did you mean mp4?"},
                    Wrong{{"completion", "fish"}, "expected one of bash zsh"}));

TEST(Help, NamesEveryCommandThatIsNotHidden) {
  const std::string all = help_text("");
  for (const auto& command : commands())
    EXPECT_EQ(all.find("  " + command.path() + " ") != std::string::npos, !command.hidden) << command.path();
  EXPECT_NE(all.find("3 the daemon cannot be reached"), std::string::npos);
}

TEST(Help, NamesEveryOptionOfACommand) {
  for (const auto& command : commands())
    for (const auto& option : command.options)
      EXPECT_NE(help_text(command.path()).find("--" + std::string{option.name}), std::string::npos)
          << command.path();
}

}  // namespace
}  // namespace auralink::ctl
