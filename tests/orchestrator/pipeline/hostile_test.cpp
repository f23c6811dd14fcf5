// SPDX-License-Identifier: LGPL-2.1-or-later
// Every file of hostile/ is refused, with the pointer that hostile/expected.tsv names, and none is forgotten
// there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "orchestrator/pipeline/catalog.hpp"
#include "orchestrator/pipeline/parameters.hpp"
#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

struct Case {
  std::string name, kind, pointer;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  std::ifstream in{data_file("hostile/expected.tsv")};
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find('\t');
    const auto second = line.find('\t', first + 1);
    out.push_back(
        {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return out;
}

/// What the daemon would do with a description that arrives like this.
json::Violations refuse_description(const std::string& text) {
  const auto document = json::parse(text);
  if (!document) return document.error();
  const auto t = parse_template(*document);
  if (!t) return t.error();
  const auto parameters = example_parameters(*t);
  const auto resolved = resolve(*t, parameters.value_or(json::Value::object()), {});
  if (!resolved) return resolved.error().errors;
  const auto typed = parse_description(*resolved);
  return typed ? json::Violations{} : typed.error();
}

json::Violations refuse_parameters(const std::string& text) {
  static const Catalog catalog{{shipped_folder()}, {}};
  const auto parameters = json::parse(text);
  if (!parameters) return parameters.error();
  const auto compiled = catalog.compile("composite-recording", *parameters);
  return compiled ? json::Violations{} : compiled.error().errors;
}

class Hostile : public testing::TestWithParam<Case> {};

TEST_P(Hostile, IsRefusedAtThePointer) {
  const auto& c = GetParam();
  const auto text = read_file(data_file("hostile/" + c.name + ".json"));
  const auto violations = c.kind == "parameters" ? refuse_parameters(text) : refuse_description(text);
  ASSERT_FALSE(violations.empty()) << "accepted";
  EXPECT_TRUE(std::any_of(violations.begin(), violations.end(),
                          [&](const auto& v) { return v.pointer == c.pointer; }))
      << "first complaint: " << violations.front().pointer.substr(0, 200) << ": "
      << violations.front().detail;
  for (const auto& v : violations) {
    EXPECT_FALSE(v.detail.empty());
    EXPECT_LT(v.detail.size(), 400U) << "a complaint is a sentence";
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Hostile, testing::ValuesIn(cases()), [](const auto& tested) {
  std::string name = tested.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-'; }, '_');
  return name;
});

TEST(HostileFiles, AreAllInTheTable) {
  std::vector<std::string> listed{"expected.tsv"};
  for (const auto& c : cases()) listed.push_back(c.name + ".json");
  std::vector<std::string> present;
  for (const auto& entry : std::filesystem::directory_iterator{data_file("hostile")})
    present.push_back(entry.path().filename());
  std::sort(listed.begin(), listed.end());
  std::sort(present.begin(), present.end());
  EXPECT_EQ(present, listed);
  EXPECT_GE(listed.size(), 100U);
}

}  // namespace
}  // namespace auralink::pipeline
