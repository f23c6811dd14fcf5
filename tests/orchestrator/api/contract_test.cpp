// SPDX-License-Identifier: LGPL-2.1-or-later
// openapi.json and the program are one contract: routes, names, bodies, words and answers agree both ways.
#include "tests/orchestrator/api/contract.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "orchestrator/api/commands.hpp"
#include "orchestrator/api/openapi.hpp"
#include "orchestrator/session/serial.hpp"

namespace auralink::api {
namespace {

using ::testing::HasSubstr;

/// The name of an enumerator, as the compiler spells it.
template <Operation value>
[[nodiscard]] std::string name_of() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(name.find("value = ") + 8);
  name = name.substr(0, name.find_first_of("];"));
  return std::string{name.substr(name.rfind(':') + 1)};
}
template <std::size_t... index>
[[nodiscard]] std::vector<std::string> names(std::index_sequence<index...>) {
  return {name_of<static_cast<Operation>(index)>()...};
}
[[nodiscard]] std::string name_of(Operation operation) {
  static const auto all = names(std::make_index_sequence<static_cast<std::size_t>(Operation::events) + 1>{});
  return all.at(static_cast<std::size_t>(operation));
}

[[nodiscard]] std::set<std::string> braces(std::string_view pattern) {
  std::set<std::string> out;
  while (pattern.find('{') != std::string_view::npos) {
    pattern.remove_prefix(pattern.find('{') + 1);
    out.emplace(pattern.substr(0, pattern.find('}')));
  }
  return out;
}

[[nodiscard]] const json::Value& document() { return Contract::get().document(); }

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  const auto& operations = Contract::get().operations();
  for (const auto& route : routes()) {
    const auto found = operations.find(name_of(route.operation));
    ASSERT_NE(found, operations.end()) << name_of(route.operation);
    EXPECT_EQ(found->second.method, route.method) << found->first;
    EXPECT_EQ(found->second.path, route.pattern) << found->first;
  }
  EXPECT_EQ(operations.size(), routes().size());
  EXPECT_EQ(document().at("info").at("version"), AURALINK_VERSION);
  EXPECT_EQ(document().at("openapi"), "3.1.0");
}

TEST(OpenApi, DescribesEveryPathParameter) {
  for (const auto& [path, item] : document().at("paths").items()) {
    std::set<std::string> described;
    for (const auto& reference : item.value("parameters", json::Value::array())) {
      const auto& parameter = Contract::get().resolved(reference);
      EXPECT_EQ(parameter.at("in"), "path");
      described.insert(parameter.at("name").get<std::string>());
    }
    EXPECT_EQ(described, braces(path)) << path;
  }
}

TEST(OpenApi, SaysWhatNeedsATokenAndWhatTakesABody) {
  for (const auto& route : routes()) {
    const auto& operation = Contract::get().operations().at(name_of(route.operation)).value;
    EXPECT_EQ(operation.contains("security") && operation.at("security").empty(), route.open)
        << route.pattern;
    const bool takes = route.body == Body::json || route.body == Body::merge_patch;
    ASSERT_EQ(operation.contains("requestBody"), takes) << route.pattern;
    if (!takes) continue;
    EXPECT_TRUE(operation.at("requestBody").at("required").get<bool>());
    EXPECT_TRUE(
        operation.at("requestBody")
            .at("content")
            .contains(route.body == Body::json ? "application/json" : "application/merge-patch+json"));
    EXPECT_FALSE(operation.at("requestBody").at("content").begin()->at("examples").empty());
  }
}

TEST(OpenApi, ExplainsEverything) {
  for (const auto& [id, operation] : Contract::get().operations()) {
    EXPECT_TRUE(operation.value.contains("summary")) << id;
    EXPECT_EQ(operation.value.at("tags").size(), 1U) << id;
  }
  for (const auto& [name, parameter] : document().at("components").at("parameters").items())
    EXPECT_TRUE(parameter.contains("description")) << name;
}

void references(const json::Value& value, std::set<std::string>& out) {
  if (value.is_object() && value.contains("$ref")) out.insert(value.at("$ref").get<std::string>());
  if (value.is_structured())
    for (const auto& item : value) references(item, out);
}

TEST(OpenApi, ReferencesWhatIsThereAndDefinesWhatIsUsed) {
  std::set<std::string> used;
  references(document(), used);
  std::set<std::string> defined;
  for (const auto& [kind, entries] : document().at("components").items())
    if (kind != "securitySchemes")
      for (const auto& [name, entry] : entries.items()) defined.insert("#/components/" + kind + "/" + name);
  EXPECT_EQ(used, defined);
}

template <class Enum>
void expect_words(const char* schema, std::size_t count) {
  const auto& words = document().at("components").at("schemas").at(schema).at("enum");
  EXPECT_EQ(words.size(), count) << schema;
  for (const auto& word : words)
    EXPECT_TRUE(session::from_string<Enum>(word.get<std::string>())) << schema << " " << word;
}

TEST(OpenApi, KnowsTheWordsOfTheModel) {
  const auto count = [](auto last) { return static_cast<std::size_t>(last) + 1; };
  expect_words<session::ConferenceState>("ConferenceState", count(session::ConferenceState::ended));
  expect_words<session::BranchState>("BranchState", count(session::BranchState::failed));
  expect_words<session::RecordingState>("RecordingState", count(session::RecordingState::failed));
  expect_words<session::ExitClass>("ExitClass", count(session::ExitClass::killed));
}

// --- bodies ---

[[nodiscard]] Match match_of(const std::string& operation) {
  const auto& described = Contract::get().operations().at(operation);
  std::string path = described.path;
  for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, "x1");
  return std::get<Match>(match(described.method, path));
}

/// Both opinions about one body are the same.
void expect_agreement(const std::string& operation, const json::Value& body, int& taken, int& refused) {
  const auto type =
      std::string{operation == "patch_recording" ? "application/merge-patch+json" : "application/json"};
  const auto parsed = parse_command(match_of(operation), type, body.dump());
  const bool file = Contract::get().takes(operation, body);
  ++(file ? taken : refused);
  EXPECT_EQ(parsed.has_value(), file)
      << operation << " " << body.dump().substr(0, 300) << (parsed ? "" : parsed.error().detail);
}

/// `body` with one thing changed, in every way.
void each_mutation(const json::Value& body, const std::function<void(const json::Value&)>& call) {
  static const json::Value kValues{nullptr,
                                   true,
                                   false,
                                   0,
                                   -1,
                                   1.5,
                                   "",
                                   "x",
                                   "a/b",
                                   ".x",
                                   "x1",
                                   "10s",
                                   "0s",
                                   "3601s",
                                   "1h",
                                   "61m",
                                   json::Value::array(),
                                   json::Value::object(),
                                   json::Value{{"interval", "10s"}},
                                   json::Value{{"interval", 10}},
                                   json::Value{{"a", nullptr}},
                                   json::Value{{"a", {1}}},
                                   json::Value{{"a", "b"}},
                                   std::string(65, 'a'),
                                   std::string(257, 'a'),
                                   std::string(513, 'a'),
                                   "\xc3\xa4"};
  for (const auto& value : kValues) call(value);
  for (const auto& [name, member] : body.items()) {
    auto changed = body;
    changed.erase(name);
    call(changed);
    for (const auto& value : kValues) {
      changed = body;
      changed[name] = value;
      call(changed);
    }
  }
  auto more = body;
  more["nonsense"] = 1;
  call(more);
}

TEST(OpenApi, TakesTheBodiesThatTheParserTakes) {
  json::Value many = json::Value::object();
  for (int i = 0; i < 33; ++i) many["k" + std::to_string(i)] = i;
  const json::Value conference{{"id", "x1"}, {"pipeline", "p"}, {"parameters", {{"width", 2}}}};
  const json::Value recording{{"conference", "c"},
                              {"id", "x1"},
                              {"container", "hls"},
                              {"path", "a/b"},
                              {"participant", "ann"},
                              {"tracks", "audio"},
                              {"preset", "720p"},
                              {"metadata", {{"title", "t"}, {"n", 1}, {"b", true}}},
                              {"previews", {{"interval", "10s"}}}};
  int taken = 0, refused = 0;
  const auto compare = [&](const std::string& operation, const json::Value& body) {
    expect_agreement(operation, body, taken, refused);
    each_mutation(body, [&](const json::Value& mutation) {
      // The path's id decides; that it and the body's agree is more than a schema can say.
      if (operation.starts_with("put_") && mutation.is_object() && mutation.contains("id") &&
          mutation.at("id") != "x1")
        return;
      expect_agreement(operation, mutation, taken, refused);
    });
  };
  for (const char* operation : {"create_conference", "put_conference"}) compare(operation, conference);
  for (const char* operation : {"start_recording", "put_recording"}) compare(operation, recording);
  compare("patch_recording", {{"metadata", {{"title", "t"}, {"gone", nullptr}}}});
  auto full = recording;
  full["metadata"] = many;
  expect_agreement("start_recording", full, taken, refused);
  for (const char* interval :
       {"1s", "999ms", "1000ms", "60m", "3600s", "3600001ms", "3600000ms", "1d", "s"}) {
    full = recording;
    full["previews"] = {{"interval", interval}};
    expect_agreement("start_recording", full, taken, refused);
  }
  EXPECT_GT(taken, 50) << "a test of refusals only would prove little";
  EXPECT_GT(refused, 200);
}

TEST(OpenApi, ItsOwnExamplesAreBodies) {
  for (const auto& [id, operation] : Contract::get().operations()) {
    if (!operation.value.contains("requestBody")) continue;
    for (const auto& [type, content] : operation.value.at("requestBody").at("content").items())
      for (const auto& [name, example] : content.at("examples").items())
        EXPECT_TRUE(parse_command(match_of(id), type, example.at("value").dump())) << id << " " << name;
  }
}

// --- answers ---

class ContractTest : public ApiTest {
 protected:
  struct Call {
    std::string id, method, path, body;
    std::vector<std::string> headers;
  };
  /// A request for every operation that would be carried out, on resources that are there.
  std::vector<Call> calls() {
    std::vector<Call> out;
    for (const auto& [id, operation] : Contract::get().operations()) {
      Call one{id, operation.method, operation.path, {}, {}};
      const bool recording = one.path.find("/recordings/") != std::string::npos;
      const auto put = [&one](std::string_view brace, std::string_view value) {
        if (const auto at = one.path.find(brace); at != std::string::npos)
          one.path.replace(at, brace.size(), value);
      };
      put("{id}", recording ? "film" : "demo");
      put("{name}", one.path.find("/pipelines/") != std::string::npos ? "test" : "extra");
      if (operation.value.contains("requestBody")) {
        const auto& content = operation.value.at("requestBody").at("content").items().begin();
        one.headers.push_back("Content-Type: " + content.key());
        one.body = content.value().at("examples").begin()->at("value").dump();
      }
      out.push_back(std::move(one));
    }
    return out;
  }
  void furnish() {
    run("demo");
    ASSERT_EQ(put("/v1/conferences/demo/branches/extra", R"({"kind":"file","container":"mkv"})").status,
              201U);
    ASSERT_EQ(put("/v1/recordings/film", R"({"conference":"demo"})").status, 201U);
  }
  [[nodiscard]] static bool lists(const std::string& id, const char* status) {
    return Contract::get().operations().at(id).value.at("responses").contains(status);
  }
};

TEST_F(ContractTest, IsServed) {
  const auto served = get("/openapi.json");
  EXPECT_EQ(served.json(), document());
  EXPECT_EQ(get("/openapi.json", {"If-None-Match: " + served.headers.at("etag")}).status, 304U);
}

/// Whatever is wrong with a request in general is refused alike by every operation, as its list of statuses
/// says.
TEST_F(ContractTest, EveryOperationRefusesAsItSays) {
  furnish();
  const auto before = state();
  for (const auto& one : calls()) {
    const auto expect = [&](const char* status, const std::string& path, const std::string& body,
                            std::vector<std::string> headers) {
      EXPECT_TRUE(lists(one.id, status)) << one.id << " " << status;
      EXPECT_EQ(std::to_string(call(one.method, path, body, headers).status), status) << one.id;
    };
    auto more = one.headers;
    expect("400", one.path + "?a=1&a=2", one.body, more);
    expect("422", one.path + "?nonsense=1", one.body, more);
    more.emplace_back("Host: evil.example");
    expect("403", one.path, one.body, more);
    more = one.headers;
    more.emplace_back("Content-Length: 9999999");
    expect("413", one.path, "", more);
    more = one.headers;
    if (lists(one.id, "412") && one.id != "get_conference") {
      more.emplace_back("If-Match: \"nothing\"");
      expect("412", one.path, one.body, more);
    }
    if (!one.body.empty()) {
      expect("415", one.path, one.body, {"Content-Type: text/plain"});
      expect("400", one.path, "{", one.headers);
    }
    EXPECT_EQ(state(), before) << one.id;
  }
}

TEST_F(ContractTest, EveryResourceThatIsNotThereIsMissing) {
  for (const auto& one : calls())
    if (one.path.find("/demo") != std::string::npos || one.path.find("/film") != std::string::npos) {
      if (one.id == "put_conference") continue;  // creates it
      EXPECT_EQ(call(one.method, one.path, one.body, one.headers).status, 404U) << one.id;
    }
}

TEST_F(ContractTest, EveryGetHasAVersion) {
  furnish();
  for (const auto& one : calls()) {
    if (one.method != "GET" || !lists(one.id, "304")) continue;
    const auto first = get(one.path);
    ASSERT_TRUE(first.headers.contains("etag")) << one.id;
    const auto again = get(one.path, {"If-None-Match: " + first.headers.at("etag")});
    EXPECT_EQ(again.status, 304U) << one.id;
    EXPECT_EQ(again.headers.at("etag"), first.headers.at("etag"));
    EXPECT_EQ(get(one.path, {"If-None-Match: \"other\", W/" + first.headers.at("etag")}).status, 304U)
        << one.id;
    EXPECT_EQ(get(one.path, {"If-None-Match: \"other\""}).status, 200U) << one.id;
    EXPECT_EQ(get(one.path, {"If-None-Match: *"}).status, 304U) << one.id;
    EXPECT_EQ(get(one.path, {"If-None-Match: other"}).status, 400U) << one.id;
  }
}

}  // namespace
}  // namespace auralink::api
