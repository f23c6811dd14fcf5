// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/parameters.hpp"

#include <gmock/gmock.h>

#include "orchestrator/pipeline/lint.hpp"
#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

using json::Value;
using ::testing::HasSubstr;

Template with(const char* properties, const char* required = "[]") {
  auto document = sample();
  document["parameters"] = {{"type", "object"},
                            {"additionalProperties", false},
                            {"required", *json::parse(required)},
                            {"properties", *json::parse(properties)}};
  auto t = parse_template(document);
  if (t) return *t;
  ADD_FAILURE() << t.error().front().pointer << ": " << t.error().front().detail;
  return {};
}

std::string complaint(const Template& t, const char* parameters) {
  const auto checked = check_parameters(t.parameters, *json::parse(parameters));
  return checked ? "accepted" : checked.error().front().pointer + ": " + checked.error().front().detail;
}

TEST(Parameters, AreFilledWithDefaultsAtEveryDepth) {
  const auto t = with(R"({"a":{"type":"integer","default":7},
      "l":{"type":"array","maxItems":3,"items":{"type":"object","additionalProperties":false,
           "properties":{"x":{"type":"boolean","default":true}}}}})");
  const auto checked = check_parameters(t.parameters, *json::parse(R"({"l":[{},{"x":false}]})"));
  ASSERT_TRUE(checked);
  EXPECT_EQ(*checked, *json::parse(R"({"a":7,"l":[{"x":true},{"x":false}]})"));
}

TEST(Parameters, AreRefusedInWords) {
  const auto t = with(
      R"({"e":{"type":"string","enum":["grid","single"]},"i":{"type":"integer","minimum":2,"maximum":8,"multipleOf":2},
      "n":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1},"s":{"type":"string","minLength":2,"maxLength":4},
      "p":{"type":"string","pattern":"^[a-z]+$"},"u":{"type":"array","minItems":1,"maxItems":2,"uniqueItems":true,"items":{"type":"integer"}},
      "c":{"type":"integer","const":3},"b":{"type":["boolean","null"]},"d":{"type":"string","format":"duration"},
      "o":{"type":"string","format":"name"},"f":{"type":"string","format":"file"},"t":{"type":"string","format":"path-template"}})");
  EXPECT_EQ(complaint(t, R"({"e":"gird"})"),
            "/e: expected grid or single, found \"gird\"; did you mean \"grid\"?");
  EXPECT_EQ(complaint(t, R"({"i":1})"), "/i: expected at least 2, found 1");
  EXPECT_EQ(complaint(t, R"({"i":10})"), "/i: expected at most 8, found 10");
  EXPECT_EQ(complaint(t, R"({"i":3})"), "/i: expected a multiple of 2, found 3");
  EXPECT_EQ(complaint(t, R"({"i":2.0})"), "/i: expected an integer, found 2.0");
  EXPECT_EQ(complaint(t, R"({"n":0})"), "/n: expected more than 0, found 0");
  EXPECT_EQ(complaint(t, R"({"n":1})"), "/n: expected less than 1, found 1");
  EXPECT_EQ(complaint(t, R"({"s":"ä"})"), "/s: expected at least 2 characters, found 1");
  EXPECT_EQ(complaint(t, R"({"s":"abcde"})"), "/s: expected at most 4 characters, found 5");
  EXPECT_EQ(complaint(t, R"({"p":"A"})"), "/p: expected text matching ^[a-z]+$, found \"A\"");
  EXPECT_EQ(complaint(t, R"({"u":[]})"), "/u: expected at least 1 items, found 0");
  EXPECT_EQ(complaint(t, R"({"u":[1,2,3]})"), "/u: expected at most 2 items, found 3");
  EXPECT_EQ(complaint(t, R"({"u":[1,1]})"), "/u/1: expected items that differ from each other");
  EXPECT_EQ(complaint(t, R"({"c":4})"), "/c: expected 3");
  EXPECT_EQ(complaint(t, R"({"b":1})"), "/b: expected a boolean or null, found 1");
  EXPECT_THAT(complaint(t, R"({"d":"1"})"), HasSubstr("/d: expected a duration"));
  EXPECT_THAT(complaint(t, R"({"o":"a b"})"), HasSubstr("/o: expected a name"));
  EXPECT_THAT(complaint(t, R"({"f":"../x"})"), HasSubstr("/f: a file name cannot hold"));
  EXPECT_THAT(complaint(t, R"({"t":"{x}"})"), HasSubstr("/t: "));
  EXPECT_EQ(complaint(t, R"({"q":1})"), "/q: unknown member");
  EXPECT_EQ(complaint(t, R"([])"), ": expected an object, found an array");
  EXPECT_EQ(
      complaint(
          t,
          R"({"e":"grid","i":4,"n":0.5,"s":"ab","p":"a","u":[1,2],"c":3,"b":null,"d":"1s","o":"a","f":"/a","t":"{conference}/x"})"),
      "accepted");
}

TEST(Parameters, NeverReachARegularExpressionWhenLong) {
  const auto t = with(R"({"p":{"type":"string","pattern":"^(a+)+$"}})");
  const Value parameters{{"p", std::string(100'000, 'a')}};
  const auto checked = check_parameters(t.parameters, parameters);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().front().detail, HasSubstr("512 bytes"));
}

TEST(Parameters, MissingOnesAreNamed) {
  const auto t = with(R"({"a":{"type":"integer"}})", R"(["a"])");
  EXPECT_EQ(complaint(t, "{}"), "/a: required member is missing");
  EXPECT_FALSE(example_parameters(t));
}

TEST(Resolve, ReplacesReferencesAndRemembersWhereValuesCameFrom) {
  auto document = sample();
  document["parameters"] = *json::parse(R"({"type":"object","additionalProperties":false,"properties":{
      "who":{"type":"array","maxItems":3,"items":{"type":"object","additionalProperties":false,"properties":{"name":{"type":"string"}}}},
      "fps":{"type":"integer"},"leave":{"type":"string"}}})");
  document["source"]["participants"] = {{"$param", "who"}};
  document["mix"]["video"]["fps"] = {{"$param", "fps"}};
  document["mix"]["audio"]["rate"] = {{"$config", "audio.rate"}};
  const auto t = parse_template(document);
  ASSERT_TRUE(t);
  const auto config = [](std::string_view key) -> std::optional<Value> {
    return key == "audio.rate" ? std::optional<Value>{16000} : std::nullopt;
  };
  const auto r = resolve_traced(*t, *json::parse(R"({"who":[{"name":"x"}]})"), config);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->document["source"]["participants"][0]["name"], "x");
  EXPECT_EQ(r->document["mix"]["audio"]["rate"], 16000);
  EXPECT_FALSE(r->document["mix"]["video"].contains("fps")) << "an optional parameter that was not given";
  EXPECT_FALSE(r->document.contains("parameters"));
  EXPECT_EQ(r->parameter_for("/source/participants/0/files"), "/who/0/files");
  EXPECT_EQ(r->parameter_for("/mix/audio/rate"), std::nullopt);
}

TEST(Resolve, SaysWhichConfigurationIsMissing) {
  auto document = sample();
  document["mix"]["audio"]["rate"] = {{"$config", "audio.rate"}};
  const auto missing = resolve(*parse_template(document), Value::object(), {});
  ASSERT_FALSE(missing);
  EXPECT_FALSE(missing.error().in_parameters);
  EXPECT_EQ(missing.error().errors.front().pointer, "/mix/audio/rate");
  document["mix"]["audio"]["rate"]["default"] = 8000;
  EXPECT_EQ(resolve(*parse_template(document), Value::object(), {})->at("mix").at("audio").at("rate"), 8000);
}

TEST(Resolve, KeepsBranchesWhoseConditionHolds) {
  auto document = sample();
  document["parameters"] = *json::parse(R"({"type":"object","additionalProperties":false,"properties":{
      "on":{"type":"boolean"},"kind":{"type":"string"}}})");
  document["branches"] = *json::parse(R"({"a":{"kind":"file","container":"mp4","when":{"param":"on"}},
      "b":{"kind":"file","container":"mkv","when":{"param":"kind","is":"mkv"}},
      "c":{"kind":"file","container":"mkv","when":{"param":"kind","is":null}}})");
  const auto t = *parse_template(document);
  const auto names = [&](const char* parameters) {
    const auto r = resolve(t, *json::parse(parameters), {});
    std::string out;
    for (const auto& [name, branch] : r->at("branches").items()) {
      EXPECT_FALSE(branch.contains("when"));
      out += name;
    }
    return out;
  };
  EXPECT_EQ(names("{}"), "c");
  EXPECT_EQ(names(R"({"on":false})"), "c");
  EXPECT_EQ(names(R"({"on":true,"kind":"mkv"})"), "ab");
  EXPECT_EQ(names(R"({"on":true,"kind":"mp4"})"), "a");
}

TEST(Resolve, BoundsWhatReferencesMultiply) {
  auto document = sample();
  document["parameters"] =
      *json::parse(R"({"type":"object","additionalProperties":false,"properties":{"t":{"type":"string"}}})");
  for (int i = 0; i < 200; ++i) document["source"]["participants"].push_back({{"name", {{"$param", "t"}}}});
  const auto r = resolve(*parse_template(document), {{"t", std::string(16000, 'x')}}, {});
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().errors.front().detail, HasSubstr("1 MiB"));
}

TEST(Lint, FindsWhatIsAllowedButDoubtful) {
  auto document = sample();
  document["why"] = "";
  document["encode"]["spare"] = {{"of", "video"}, {"codec", "openh264"}};
  document["parameters"] = *json::parse(
      R"({"type":"object","additionalProperties":false,"properties":{"idle":{"type":"string"}}})");
  std::vector<std::string> pointers;
  for (const auto& f : lint(document)) {
    EXPECT_EQ(f.level, Finding::Level::warning) << f.detail;
    pointers.push_back(f.pointer);
  }
  EXPECT_THAT(pointers, testing::ElementsAre("/why", "/parameters/properties/idle",
                                             "/parameters/properties/idle", "/encode/spare"));
}

TEST(Lint, ReportsErrorsOfEveryStep) {
  const auto first = [](const Value& document) {
    const auto findings = lint(document);
    return findings.empty()
               ? std::string{"none"}
               : std::string{findings.back().level == Finding::Level::error ? "error " : "warning "} +
                     findings.back().pointer;
  };
  EXPECT_EQ(first(sample()), "none");
  EXPECT_EQ(first(5), "error ");
  auto typed = sample();
  typed["encode"]["h264"]["codec"] = "h265";
  EXPECT_EQ(first(typed), "error /encode/h264/codec");
  auto needy = sample();
  needy["parameters"] = *json::parse(
      R"({"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"string"}}})");
  EXPECT_EQ(first(needy), "warning /parameters/required");
  needy["parameters"]["properties"]["a"]["default"] = 5;
  EXPECT_EQ(first(needy), "error /a");
  auto config = sample();
  config["mix"]["audio"]["rate"] = {{"$config", "x"}};
  EXPECT_EQ(first(config), "warning /mix/audio/rate");
}

}  // namespace
}  // namespace auralink::pipeline
