// SPDX-License-Identifier: LGPL-2.1-or-later
// What guards changes: versions, Idempotency-Keys, scopes; and the operations on recordings.
#include <gmock/gmock.h>

#include "orchestrator/api/digest.hpp"
#include "orchestrator/api/etag.hpp"
#include "orchestrator/api/idempotency.hpp"
#include "tests/orchestrator/api/fixture.hpp"

namespace auralink::api {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kPatch{"Content-Type: application/merge-patch+json"};

[[nodiscard]] std::vector<std::string> with(std::vector<std::string> headers, std::string more) {
  headers.push_back(std::move(more));
  return headers;
}

TEST(Etag, ReadsLists) {
  for (const char* good : {"*", " * ", "\"a\"", "W/\"a\"", "\"a\",\"b\"", "\"a\" ,\tW/\"b\" "})
    EXPECT_TRUE(TagList::parse(good)) << good;
  for (const char* bad : {"", "a", "\"a", "a\"", "\"a\" \"b\"", "\"a\",", ",\"a\"", "*, \"a\"", "w/\"a\"",
                          "\"a b\"", "\"a\x01\"", "W/", "**"})
    EXPECT_FALSE(TagList::parse(bad)) << bad;
  std::string many = "\"a\"";
  for (int i = 0; i < 100; ++i) many += ",\"a\"";
  EXPECT_FALSE(TagList::parse(many));
}

TEST(Etag, ComparesAnswersWhollyAndVersionsByTheirPart) {
  const Tag tag{.version = "7", .digest = "abc"};
  EXPECT_TRUE(TagList::parse("\"7.abc\"")->has_answer(tag));
  EXPECT_TRUE(TagList::parse("W/\"7.abc\"")->has_answer(tag));
  EXPECT_FALSE(TagList::parse("\"7.abd\"")->has_answer(tag));
  EXPECT_TRUE(TagList::parse("\"7.abd\"")->knows_version(tag)) << "only a measurement differs";
  EXPECT_TRUE(TagList::parse("\"7\"")->knows_version(tag));
  EXPECT_FALSE(TagList::parse("\"8.abc\"")->knows_version(tag));
  EXPECT_FALSE(TagList::parse("W/\"7.abc\"")->knows_version(tag));
}

TEST(IdempotencyKey, ReadsBothSpellings) {
  EXPECT_EQ(parse_idempotency_key("abc"), "abc");
  EXPECT_EQ(parse_idempotency_key("\"abc\""), "abc");
  EXPECT_EQ(parse_idempotency_key("\"a\\\"b\\\\\""), "a\"b\\");
  EXPECT_TRUE(parse_idempotency_key(std::string(255, 'k')));
  for (const std::string& bad : {std::string{}, std::string{"\""}, std::string{"\"\""}, std::string{"a b"},
                                 std::string{"\"a"}, std::string{"\"a\\n\""}, std::string{"\"a\"b\""},
                                 std::string{"a\tb"}, std::string{"\xc3\xa4"}, std::string(256, 'k')})
    EXPECT_FALSE(parse_idempotency_key(bad)) << bad;
}

TEST_F(ApiTest, ChangesOnlyTheVersionThatIsMeant) {
  run("demo");
  ASSERT_EQ(put("/v1/recordings/film", R"({"conference":"demo"})").status, 201U);
  service_.on_branch("demo", 1, service_.recording("film")->branch, session::BranchState::active, "", 0, 0);
  const auto tag = get("/v1/recordings/film").headers.at("etag");
  const auto before = state();
  EXPECT_EQ(call("POST", "/v1/recordings/film/stop", {}, {"If-Match: \"other\""}).status, 412U);
  EXPECT_EQ(
      call("PATCH", "/v1/recordings/film", R"({"metadata":{"a":1}})", with(kPatch, "If-Match: \"x\"")).status,
      412U);
  EXPECT_EQ(
      call("PUT", "/v1/recordings/film", R"({"conference":"demo"})", with(kJson, "If-None-Match: *")).status,
      412U);
  EXPECT_EQ(
      call("PUT", "/v1/conferences/demo", R"({"pipeline":"test"})", with(kJson, "If-None-Match: *")).status,
      412U);
  EXPECT_EQ(call("PUT", "/v1/conferences/new", R"({"pipeline":"test"})", with(kJson, "If-Match: *")).status,
            412U);
  EXPECT_EQ(state(), before);
  EXPECT_EQ(
      call("PUT", "/v1/conferences/new", R"({"pipeline":"test"})", with(kJson, "If-None-Match: *")).status,
      201U);
  EXPECT_EQ(call("POST", "/v1/recordings/film/stop", {}, {"If-Match: " + tag}).status, 202U);
  EXPECT_NE(get("/v1/recordings/film").headers.at("etag"), tag);
}

TEST_F(ApiTest, MergesMetadata) {
  run("demo");
  ASSERT_EQ(put("/v1/recordings/film", R"({"conference":"demo","metadata":{"title":"a","n":1}})").status,
            201U);
  const auto patch = [this](const char* body) { return call("PATCH", "/v1/recordings/film", body, kPatch); };
  EXPECT_EQ(patch(R"({"metadata":{"title":"b","n":null,"by":"ann"}})").json().at("metadata"),
            (json::Value{{"title", "b"}, {"by", "ann"}}));
  EXPECT_EQ(patch("{}").status, 200U);
  EXPECT_EQ(patch(R"({"metadata":null})").json().at("metadata"), json::Value::object());
  const auto before = state();
  const auto wrong = patch(R"({"metadata":{"a":{"b":1}}})");
  EXPECT_EQ(wrong.status, 422U);
  EXPECT_EQ(wrong.pointer(), "/metadata/a");
  EXPECT_EQ(patch(R"({"state":"complete"})").pointer(), "/state");
  EXPECT_EQ(patch(R"({"metadata":[]})").status, 422U);
  EXPECT_EQ(call("PATCH", "/v1/recordings/film", "{}", kJson).status, 415U);
  EXPECT_EQ(state(), before);
}

TEST_F(ApiTest, PausesAndResumes) {
  run("demo");
  ASSERT_EQ(put("/v1/recordings/film", R"({"conference":"demo"})").status, 201U);
  service_.on_branch("demo", 1, service_.recording("film")->branch, session::BranchState::active, "", 0, 0);
  EXPECT_EQ(call("POST", "/v1/recordings/film/pause").json().at("paused"), true);
  EXPECT_EQ(call("POST", "/v1/recordings/film/pause").status, 202U) << "repeating changes nothing";
  EXPECT_EQ(call("POST", "/v1/recordings/film/resume").json().at("paused"), false);
  EXPECT_EQ(call("DELETE", "/v1/recordings/film").status, 409U) << "it is being written";
  service_.on_exit("demo", 1, {.signo = 11});
  EXPECT_EQ(call("POST", "/v1/recordings/film/pause").status, 409U);
  EXPECT_EQ(call("DELETE", "/v1/recordings/film").status, 204U);
  EXPECT_EQ(call("DELETE", "/v1/recordings/film").status, 404U);
}

TEST_F(ApiTest, CarriesOutARepeatedRequestOnce) {
  const auto headers = with(kJson, "Idempotency-Key: 8e03978e");
  const auto first = call("POST", "/v1/conferences", R"({"pipeline":"test"})", headers);
  EXPECT_EQ(first.status, 201U);
  const auto before = state();
  const auto again =
      call("POST", "/v1/conferences", R"({"pipeline":"test"})", with(kJson, "Idempotency-Key: \"8e03978e\""));
  EXPECT_EQ(again.status, 201U);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("location"), first.headers.at("location"));
  EXPECT_EQ(again.headers.at("etag"), first.headers.at("etag"));
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_FALSE(first.headers.contains("idempotency-replayed"));
  EXPECT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"test","parameters":{}})", headers).status, 422U);
  EXPECT_EQ(call("POST", "/v1/recordings", R"({"conference":"demo"})", headers).status, 422U);
  const auto conditional = with(headers, "If-Match: *");
  EXPECT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"test"})", conditional).status, 422U);
  EXPECT_EQ(state(), before);
  clock_.now += Replays::kKept + session::Millis{1};
  EXPECT_NE(call("POST", "/v1/conferences", R"({"pipeline":"test"})", headers).body, first.body);
}

TEST_F(ApiTest, ARefusedRequestDoesNotUseUpItsKey) {
  const auto headers = with(kJson, "Idempotency-Key: k");
  EXPECT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"nothing"})", headers).status, 404U);
  EXPECT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"test"})", headers).status, 201U);
}

TEST_F(ApiTest, SaysThatItDoesNotKnowHowAnInterruptedRequestEnded) {
  const auto headers = with(kJson, "Idempotency-Key: k");
  ASSERT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"test"})", headers).status, 201U);
  memory_.all.begin()->second.second.status = 0;  // as a daemon leaves it that dies in between
  const auto before = state();
  const auto again = call("POST", "/v1/conferences", R"({"pipeline":"test"})", headers);
  EXPECT_EQ(again.status, 409U);
  EXPECT_EQ(again.json().at("reason"), "in-flight");
  EXPECT_EQ(state(), before);
}

TEST(Tokens, ReadTheirFile) {
  const std::string digest = sha256("0123456789abcdef");
  const auto file = [&](const std::string& more) {
    return R"([{"name":"ci","sha256":")" + digest + R"(","scopes":["read"])" + more + "}]";
  };
  const auto tokens = Tokens::parse(file(R"(,"expires":"2024-02-29T00:00:00Z")"));
  ASSERT_TRUE(tokens);
  const auto at = *parse_time("2024-02-29T00:00:00Z");
  EXPECT_EQ(tokens->find("0123456789abcdef", at - session::Millis{1}).principal->name, "ci");
  EXPECT_FALSE(tokens->find("0123456789abcdef", at - session::Millis{1}).expired);
  EXPECT_TRUE(tokens->find("0123456789abcdef", at).expired);
  EXPECT_EQ(tokens->find("0123456789abcdeg", at).principal, nullptr);
  for (const std::string& bad : {std::string{"{}"}, std::string{"[]"}, std::string{"[1]"},
                                 file(R"(,"expires":"2023-02-29T00:00:00Z")"),
                                 file(R"(,"expires":"tomorrow")"), file(R"(,"token":"0123456789abcdef")"),
                                 "[" + file("").substr(1, file("").size() - 2) + "," + file("").substr(1),
                                 std::string{R"([{"name":"x","sha256":"abc","scopes":["read"]}])"},
                                 R"([{"name":"x y","sha256":")" + digest + R"(","scopes":["read"]}])",
                                 R"([{"name":"x","sha256":")" + digest + R"(","scopes":[]}])",
                                 R"([{"name":"x","sha256":")" + digest + R"(","scopes":["root"]}])"})
    EXPECT_FALSE(Tokens::parse(bad)) << bad;
}

TEST(Tokens, ReadTimes) {
  EXPECT_EQ(parse_time("1970-01-02T00:00:00.001Z"), session::Millis{86'400'001});
  for (const char* bad : {"", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
                          "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00.1Z",
                          "2024-01-01 00:00:00Z", "20x4-01-01T00:00:00Z"})
    EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
}

class ScopesTest : public ApiTest {
 protected:
  ScopesTest() : ApiTest{{.listen = {.host = "127.0.0.1", .port = 0}, .tokens = tokens()}} {}
  static std::string entry(const std::string& name, const std::string& scope, const std::string& more = {}) {
    return R"({"name":")" + name + R"(","sha256":")" + sha256(name + "-token-0123456789") +
           R"(","scopes":[")" + scope + "\"]" + more + "}";
  }
  static Tokens tokens() {
    return *Tokens::parse("[" + entry("reader", "read") + "," + entry("writer", "write") + "," +
                          entry("scraper", "metrics") + "," + entry("chief", "admin") + "," +
                          entry("late", "admin", R"(,"expires":"2020-01-01T00:00:00Z")") + "]");
  }
  static std::string as(const std::string& name) {
    return "Authorization: Bearer " + name + "-token-0123456789";
  }
};

TEST_F(ScopesTest, EachDoesWhatItMay) {
  const std::map<std::string, std::array<unsigned, 3>> expected{{"reader", {200, 403, 403}},
                                                                {"writer", {403, 201, 403}},
                                                                {"scraper", {403, 403, 200}},
                                                                {"chief", {200, 201, 200}}};
  for (const auto& [name, statuses] : expected) {
    EXPECT_EQ(get("/v1/conferences", {as(name)}).status, statuses[0]) << name;
    EXPECT_EQ(call("POST", "/v1/conferences", R"({"pipeline":"test"})", with(kJson, as(name))).status,
              statuses[1])
        << name;
    EXPECT_EQ(get("/metrics", {as(name)}).status, statuses[2]) << name;
  }
  const auto refused = get("/metrics", {as("reader")});
  EXPECT_EQ(refused.json().at("reason"), "scope");
  EXPECT_THAT(refused.headers.at("www-authenticate"), HasSubstr("insufficient_scope"));
  EXPECT_EQ(get("/status", {as("late")}).json().at("reason"), "expired");
  EXPECT_EQ(get("/status", {as("nobody")}).json().at("reason"), "unknown");
  EXPECT_EQ(get("/status").json().at("reason"), "missing");
  EXPECT_THAT(log_, HasSubstr("\"principal\":\"writer\""));
  EXPECT_EQ(log_.find("token-0123456789"), std::string::npos);
}

TEST_F(ScopesTest, KeysBelongToWhoGivesThem) {
  const auto make = [this](const std::string& who) {
    return call("POST", "/v1/conferences", R"({"pipeline":"test"})",
                {kJson[0], as(who), "Idempotency-Key: same"});
  };
  EXPECT_NE(make("writer").body, make("chief").body);
}

TEST_F(ScopesTest, TokensCanBeTakenAway) {
  EXPECT_EQ(get("/status", {as("reader")}).status, 200U);
  server_->set_tokens(*Tokens::parse("[" + entry("other", "read") + "]"));
  EXPECT_EQ(get("/status", {as("reader")}).status, 401U);
  EXPECT_EQ(get("/status", {as("other")}).status, 200U);
}

}  // namespace
}  // namespace auralink::api
