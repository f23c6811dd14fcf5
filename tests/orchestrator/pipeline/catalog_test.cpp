// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/catalog.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "orchestrator/pipeline/lint.hpp"
#include "tests/orchestrator/pipeline/data.hpp"

namespace auralink::pipeline {
namespace {

using session::Problem;
using ::testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "catalog-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const std::string& name, const std::string& text) const { std::ofstream{path / name} << text; }
  std::filesystem::path path;
};

std::string named(const std::string& name, unsigned version = 1) {
  auto document = sample();
  document["name"] = name;
  document["version"] = version;
  return document.dump();
}

TEST(Catalog, LoadsEveryShippedDescriptionWithAReason) {
  const Catalog catalog{{shipped_folder()}, {}};
  for (const auto& b : catalog.broken())
    ADD_FAILURE() << b.file << " " << b.errors.front().pointer << b.errors.front().detail;
  EXPECT_GE(catalog.list().size(), 6U);
  for (const auto& p : catalog.list()) EXPECT_GT(p.why.size(), 20U) << p.name;
}

TEST(Catalog, ShipsNothingThatLintComplainsAbout) {
  for (const auto& entry : std::filesystem::directory_iterator{shipped_folder()}) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "schema.json") continue;
    for (const auto& f : lint(*json::parse(read_file(entry.path()))))
      if (!f.detail.starts_with("a \"description\""))
        ADD_FAILURE() << entry.path() << " " << f.pointer << ": " << f.detail;
  }
}

TEST(Catalog, ShipsWhatItsSchemaDescribes) {
  const auto schema = *json::parse(read_file(shipped_folder() / "schema.json"));
  valijson::Schema compiled;
  valijson::SchemaParser{valijson::SchemaParser::kDraft7}.populateSchema(
      valijson::adapters::NlohmannJsonAdapter{schema}, compiled);
  valijson::Validator validator;
  const auto valid = [&](const json::Value& v) {
    return validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter{v}, nullptr);
  };
  for (const auto& entry : std::filesystem::directory_iterator{shipped_folder()})
    if (entry.path().extension() == ".json" && entry.path().filename() != "schema.json") {
      EXPECT_TRUE(valid(*json::parse(read_file(entry.path())))) << entry.path();
    }
  EXPECT_TRUE(valid(sample()));
  auto wrong = sample();
  wrong["encode"]["h264"]["codec"] = "h265";
  EXPECT_FALSE(valid(wrong));
}

TEST(Catalog, PrefersTheEarlierFolderAndSurvivesBrokenFiles) {
  const Folder own;
  const Folder shipped;
  own.write("a.json", named("a", 2));
  shipped.write("a.json", named("a", 1));
  shipped.write("b.json", "{");
  shipped.write("c.json", named("other"));
  shipped.write("d.json",
                R"({"apiVersion":"auralink/v1","kind":"Pipeline","name":"d","source":{},"mix":{}})");
  shipped.write("schema.json", "{}");
  shipped.write("notes.txt", "x");
  const Catalog catalog{{own.path, shipped.path, shipped.path / "missing"}, {}};
  ASSERT_EQ(catalog.list().size(), 1U);
  EXPECT_EQ(catalog.list().front().version, 2U);
  ASSERT_EQ(catalog.broken().size(), 3U);
  EXPECT_EQ(catalog.broken()[1].errors.front().pointer, "/name");
  EXPECT_FALSE(load_template(own.path / "none.json"));
  EXPECT_FALSE(load_template(own.path)) << "a folder is no description";
}

TEST(Catalog, CompilesIntoBranchesThatNameEverything) {
  const Catalog catalog{{shipped_folder()}, {}};
  const auto compiled = catalog.compile("test-conference", {{"container", "webm"}});
  ASSERT_TRUE(compiled);
  ASSERT_EQ(compiled->branches.size(), 1U);
  EXPECT_EQ(compiled->branches[0].container, "webm");
  EXPECT_EQ(compiled->branches[0].resolved["inputs"], json::Value::array({"vp8", "opus"}));
  EXPECT_EQ(compiled->resolved["branches"]["record"], compiled->branches[0].resolved);
  EXPECT_TRUE(compiled->policies.restart.on_failure);
  EXPECT_TRUE(parse_description(compiled->resolved));
  EXPECT_TRUE(catalog.compile("test-conference", {{"record", false}})->branches.empty());
}

TEST(Catalog, SuggestsNamesAndPointsIntoParameters) {
  const Catalog catalog{{shipped_folder()}, {}};
  const auto unknown = catalog.compile("test-confrence", json::Value::object());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, Problem::Kind::not_found);
  EXPECT_THAT(unknown.error().detail, HasSubstr("did you mean \"test-conference\""));
  const auto twice = catalog.compile(
      "composite-recording",
      *json::parse(R"({"participants":[{"name":"a","files":["x"]},{"name":"a","files":["y"]}]})"));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, Problem::Kind::invalid);
  EXPECT_EQ(twice.error().errors.front().pointer, "/participants/1/name");
}

TEST(Catalog, ExplainsCombinationsThatNoSingleParameterDecides) {
  auto document = sample();
  document["parameters"] = *json::parse(
      R"({"type":"object","additionalProperties":false,"properties":{"c":{"type":"string","default":"mp4"}}})");
  document["branches"]["record"] = {{"kind", "file"}, {"container", {{"$param", "c"}}}, {"inputs", {"h264"}}};
  const auto compiled = compile_template(*parse_template(document), {{"c", "webm"}}, {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().errors.front().pointer, "");
  EXPECT_THAT(compiled.error().errors.front().detail, HasSubstr("/branches/record/inputs/0"));
}

TEST(Catalog, SaysWhenConfigurationIsMissing) {
  auto document = sample();
  document["mix"]["audio"]["rate"] = {{"$config", "audio.rate"}};
  const auto compiled = compile_template(*parse_template(document), json::Value::object(), {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().kind, Problem::Kind::unavailable);
  EXPECT_EQ(compiled.error().reason, "configuration");
}

TEST(Catalog, CompilesBranchesForRunningConferences) {
  const Catalog catalog{{shipped_folder()}, {}};
  const auto compiled = catalog.compile("test-conference", json::Value::object());
  const auto good = catalog.compile_branch(*compiled, "extra", {{"kind", "file"}, {"container", "mkv"}});
  ASSERT_TRUE(good);
  EXPECT_EQ(good->name, "extra");
  EXPECT_EQ(good->resolved["inputs"], json::Value::array({"h264", "aac"}));
  EXPECT_EQ(catalog.compile_branch(*compiled, "../x", {{"kind", "file"}}).error().kind,
            Problem::Kind::invalid);
  const auto bad = catalog.compile_branch(*compiled, "extra", {{"kind", "file"}, {"container", "avi"}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().errors.front().pointer, "/container");
  session::CompiledPipeline old;
  EXPECT_EQ(catalog.compile_branch(old, "extra", {{"kind", "file"}}).error().kind, Problem::Kind::conflict);
}

}  // namespace
}  // namespace auralink::pipeline
