// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/parameters.hpp"

#include <gtest/gtest.h>

namespace auralink::ctl {
namespace {

tl::expected<json::Value, std::string> read(std::vector<std::string> pairs,
                                            std::optional<std::string> file = {}) {
  return read_parameters(file, pairs);
}

TEST(Parameters, AreJsonWhenTheyCanBe) {
  EXPECT_EQ(*read({"n=1280", "b=true", "l=[1,2]", "z=null"}),
            (json::Value{{"n", 1280}, {"b", true}, {"l", {1, 2}}, {"z", nullptr}}));
}

TEST(Parameters, AreStringsOtherwise) {
  EXPECT_EQ(*read({"name=ann", "url=http://x/?a=b", "empty=", "open=[1"}),
            (json::Value{{"name", "ann"}, {"url", "http://x/?a=b"}, {"empty", ""}, {"open", "[1"}}));
}

TEST(Parameters, CanBeForcedToBeStrings) { EXPECT_EQ((*read({"room=\"42\""}))["room"], "42"); }

TEST(Parameters, WinOverTheFile) {
  EXPECT_EQ(*read({"a=2"}, R"({"a":1,"b":1})"), (json::Value{{"a", 2}, {"b", 1}}));
}

TEST(Parameters, RefuseWhatIsNoPair) {
  EXPECT_FALSE(read({"width"}));
  EXPECT_FALSE(read({"=1"}));
  EXPECT_FALSE(read({"a=1", "a=1"}));
}

TEST(Parameters, RefuseAFileThatIsNoObject) {
  EXPECT_FALSE(read({}, "[]"));
  EXPECT_FALSE(read({}, "{"));
  EXPECT_FALSE(read({}, R"({"a":1,"a":2})"));
}

}  // namespace
}  // namespace auralink::ctl
