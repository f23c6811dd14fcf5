// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/json/json.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <limits>

#include "orchestrator/json/text.hpp"

namespace auralink::json {
namespace {

using ::testing::HasSubstr;
using Need = ObjectReader::Need;

Violation refused(std::string_view text, const Limits& limits = {}) {
  const auto result = parse(text, limits);
  if (result) return {"accepted", result->dump()};
  return result.error().front();
}

TEST(Parse, KeepsEveryKindOfValue) {
  const auto v = parse(R"({"a":[1,-2,0.5,true,null,"ü\n"],"b":{}})");
  ASSERT_TRUE(v);
  EXPECT_EQ(v->dump(), R"({"a":[1,-2,0.5,true,null,"ü\n"],"b":{}})");
}

TEST(Parse, SaysWhereTheSyntaxBreaks) {
  const auto v = refused("{\"a\":\n {\"b\": [1, }]}");
  EXPECT_EQ(v.pointer, "/a/b");
  EXPECT_THAT(v.detail, HasSubstr("line 2, column 12"));
}

TEST(Parse, NeverRepeatsTheTokenItStumbledOver) {
  EXPECT_THAT(refused(R"({"key":"hunter2)").detail, testing::Not(HasSubstr("hunter2")));
}

TEST(Parse, RefusesDuplicateKeysWithTheirPointer) {
  EXPECT_EQ(refused(R"({"a":{"b/c":1,"b/c":2}})"), (Violation{"/a/b~1c", "duplicate key"}));
}

TEST(Parse, CountsDepthOfArraysAndObjects) {
  EXPECT_TRUE(parse("[[[1]]]", {.depth = 3}));
  EXPECT_EQ(refused("[[[[1]]]]", {.depth = 3}).pointer, "/0/0/0");
  EXPECT_EQ(refused(R"({"a":{"b":{}}})", {.depth = 2}).pointer, "/a/b");
}

TEST(Parse, BoundsBytesAndStrings) {
  EXPECT_THAT(refused("[1,2,3]", {.bytes = 6}).detail, HasSubstr("longer than 6"));
  EXPECT_EQ(refused(R"(["abcd"])", {.string_bytes = 3}).pointer, "/0");
  EXPECT_THAT(refused(R"({"abcd":1})", {.string_bytes = 3}).detail, HasSubstr("longer than 3"));
}

TEST(Parse, RefusesNumbersItCannotKeepExactly) {
  EXPECT_EQ(refused("[9223372036854775808]").pointer, "/0");
  EXPECT_EQ(refused("[-99999999999999999999]").pointer, "/0");
  EXPECT_NE(refused("[1e999]").pointer, "accepted");
  EXPECT_EQ(parse("[9223372036854775807]")->front().get<std::int64_t>(),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse("[1.5e3]")->front().get<double>(), 1500);
}

TEST(Parse, RefusesWhatOnlyLooksLikeJson) {
  for (const std::string_view text : {"", " ", "nul", "NaN", "{'a':1}", "[1,]", "// c\n1", "1 2",
                                      "\"\\ud800\"", "\"\xff\"", "\xef\xbb\xbf{}", "\"\\u0000\""})
    EXPECT_FALSE(parse(text)) << text;
  EXPECT_FALSE(parse(std::string_view{"1\0garbage", 9}));
}

TEST(Pointer, EscapesTokens) {
  EXPECT_EQ(child("", "a/b~c"), "/a~1b~0c");
  EXPECT_EQ(child("/x", std::size_t{7}), "/x/7");
}

TEST(Closest, FindsSlipsAndNothingFarAway) {
  constexpr std::array<std::string_view, 4> words{"grid", "speaker", "single", "x"};
  EXPECT_EQ(closest("gird", words), "grid");
  EXPECT_EQ(closest("SPEAKER", words), "speaker");
  EXPECT_EQ(closest("singel", words), "single");
  EXPECT_EQ(closest("mosaic", words), std::nullopt);
  EXPECT_EQ(closest("", words), std::nullopt);
  EXPECT_EQ(closest("y", words), std::nullopt);
  EXPECT_EQ(closest(std::string(5000, 'g'), words), std::nullopt);
}

TEST(Shown, HidesLongBinaryAndStructuredValues) {
  EXPECT_EQ(shown("short"), "\"short\"");
  EXPECT_EQ(shown(std::string(100, 'a')), "a string of 100 bytes");
  EXPECT_EQ(shown("a\nb"), "a string of 3 bytes");
  EXPECT_EQ(shown(Value::array({1})), "an array");
  EXPECT_EQ(shown(Value::object()), "an object");
  EXPECT_EQ(shown(nullptr), "null");
  EXPECT_EQ(shown(true), "true");
  EXPECT_EQ(shown(1.5), "1.5");
  EXPECT_EQ(kind_of(1.5), "a number");
  EXPECT_EQ(kind_of(1), "an integer");
  EXPECT_EQ(kind_of(1U), "an integer");
  EXPECT_EQ(kind_of(false), "a boolean");
  EXPECT_EQ(kind_of("x"), "a string");
  EXPECT_EQ(kind_of(Value::binary({})), "not JSON");
}

TEST(Duration, ReadsOneNumberAndOneUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250'000'000);
  EXPECT_EQ(parse_duration("30s"), 30'000'000'000);
  EXPECT_EQ(parse_duration("10m"), 600'000'000'000);
  EXPECT_EQ(parse_duration("4h"), 14'400'000'000'000);
  EXPECT_EQ(parse_duration("0s"), 0);
  for (const std::string_view text :
       {"", "s", "1", "1 s", "-1s", "1.5s", "1us", "1s2", "99999999999999999h", "1111111111111111111s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Duration, PrintsWhatItReads) {
  for (const std::string_view text : {"250ms", "30s", "10m", "4h", "90m", "0s"})
    EXPECT_EQ(print_duration(*parse_duration(text)), text);
}

TEST(ObjectReader, CollectsEveryComplaint) {
  const auto value = *parse(R"({"s":1,"c":"gird","i":1.5,"n":"x","b":0,"d":"soon","o":[],"a":{},"nmae":1})");
  constexpr std::array<std::string_view, 2> choices{"grid", "single"};
  Violations out;
  ObjectReader r{value, "/at", out};
  EXPECT_FALSE(r.string("s"));
  EXPECT_FALSE(r.choice("c", choices));
  EXPECT_FALSE(r.integer("i", 0, 9));
  EXPECT_FALSE(r.number("n", 0, 9));
  EXPECT_FALSE(r.boolean("b"));
  EXPECT_FALSE(r.duration_ns("d", 0, 9));
  EXPECT_EQ(r.object("o"), nullptr);
  EXPECT_EQ(r.array("a", 3), nullptr);
  EXPECT_FALSE(r.string("name", Need::required));
  r.finish();
  ASSERT_EQ(out.size(), 10U);
  EXPECT_EQ(out[1], (Violation{"/at/c", "expected grid or single, found \"gird\"; did you mean \"grid\"?"}));
  EXPECT_EQ(out[8], (Violation{"/at/name", "required member is missing"}));
  EXPECT_EQ(out[9], (Violation{"/at/nmae", "unknown member; did you mean \"name\"?"}));
}

TEST(ObjectReader, EnforcesRanges) {
  const auto value = *parse(R"({"low":1,"high":10,"n":0.5,"d":"5s","a":[1,2,3]})");
  Violations out;
  ObjectReader r{value, "", out};
  EXPECT_FALSE(r.integer("low", 2, 9));
  EXPECT_FALSE(r.integer("high", 2, 9));
  EXPECT_FALSE(r.number("n", 1, 2));
  EXPECT_FALSE(r.duration_ns("d", 0, 1'000'000'000));
  EXPECT_EQ(r.array("a", 2), nullptr);
  EXPECT_EQ(out.size(), 5U);
  EXPECT_EQ(out[3].detail, "expected a duration from 0s to 1s, found \"5s\"");
  EXPECT_EQ(r.integer("low", 1, 1), 1);
  EXPECT_EQ(r.number("low", 1, 1), 1.0);
}

TEST(ObjectReader, RefusesValuesThatNoParserMakes) {
  const Value value{{"big", std::numeric_limits<std::uint64_t>::max()},
                    {"nan", std::nan("")},
                    {"nul", std::string("a\0b", 3)}};
  Violations out;
  ObjectReader r{value, "", out};
  EXPECT_FALSE(
      r.integer("big", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
  EXPECT_FALSE(r.number("nan", -1e9, 1e9));
  EXPECT_FALSE(r.string("nul"));
  EXPECT_EQ(out.size(), 3U);
}

TEST(ObjectReader, IsEmptyWhenTheValueIsNoObject) {
  Violations out;
  const Value value = 5;
  ObjectReader r{value, "/p", out};
  EXPECT_FALSE(r.has("a"));
  EXPECT_EQ(r.any("a", Need::required), nullptr);
  r.finish();
  EXPECT_EQ(out, (Violations{{"/p", "expected an object, found an integer"}}));
}

TEST(ObjectReader, StopsListingUnknownMembers) {
  Value value = Value::object();
  for (int i = 0; i < 1000; ++i) value["k" + std::to_string(i)] = i;
  Violations out;
  ObjectReader r{value, "", out};
  r.finish();
  EXPECT_EQ(out.size(), 16U);
}

}  // namespace
}  // namespace auralink::json
