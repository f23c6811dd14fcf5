// SPDX-License-Identifier: LGPL-2.1-or-later
// Router, guard, problems, bodies and query decoding, without a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "orchestrator/api/commands.hpp"
#include "orchestrator/api/guard.hpp"
#include "orchestrator/api/http.hpp"
#include "orchestrator/api/problem.hpp"
#include "orchestrator/api/router.hpp"

namespace auralink::api {
namespace {

using ::testing::HasSubstr;

constexpr session::Millis kNow{1'700'000'000'000};

TEST(Router, FindsEveryRouteOfItsTable) {
  for (const auto& route : routes()) {
    std::string path{route.pattern};
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "x1");
    const auto matched = match(route.method, path);
    const auto* found = std::get_if<Match>(&matched);
    ASSERT_NE(found, nullptr) << path;
    EXPECT_EQ(found->route, &route) << path;
  }
}

TEST(Router, HasNoTwoRoutesForTheSameRequest) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  std::set<Operation> operations;
  for (const auto& route : routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.pattern).second) << route.pattern;
    EXPECT_TRUE(operations.insert(route.operation).second) << route.pattern;
  }
}

TEST(Router, DecodesSegmentsAfterSplitting) {
  const auto matched = match("GET", "/v1/conferences/a%2Fb/branches/c%20d");
  ASSERT_TRUE(std::holds_alternative<Match>(matched));
  EXPECT_EQ(std::get<Match>(matched).parameters, (std::vector<std::string>{"a/b", "c d"}));
}

TEST(Router, AnswersHeadWhereGetIs) {
  EXPECT_TRUE(std::holds_alternative<Match>(match("HEAD", "/v1/conferences")));
  EXPECT_EQ(std::get<WrongMethod>(match("HEAD", "/v1/conferences/x/stop")).allow, "POST");
}

TEST(Router, TellsWhatIsAllowed) {
  EXPECT_EQ(std::get<WrongMethod>(match("PATCH", "/v1/conferences/x")).allow, "PUT, GET, HEAD, DELETE");
  EXPECT_TRUE(std::holds_alternative<NoRoute>(match("GET", "/")));
  EXPECT_TRUE(std::holds_alternative<NoRoute>(match("GET", "")));
  EXPECT_TRUE(std::holds_alternative<NoRoute>(match("GET", "*")));
  EXPECT_TRUE(std::holds_alternative<NoRoute>(match("GET", "v1/conferences")));
}

TEST(Router, OnlyProbesAndTheContractAreOpen) {
  for (const auto& route : routes())
    EXPECT_EQ(route.open,
              route.pattern == "/health" || route.pattern == "/ready" || route.pattern == "/openapi.json")
        << route.pattern;
}

TEST(Http, DecodesPercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b%41"), "a bA");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  for (const char* broken : {"%", "%1", "%g0", "a%00", "%0a", "%7f"})
    EXPECT_EQ(percent_decode(broken), std::nullopt);
}

TEST(Http, ReadsQueries) {
  EXPECT_EQ(parse_query("a=1&b=&c&&d=x%3Dy"),
            (std::map<std::string, std::string>{{"a", "1"}, {"b", ""}, {"c", ""}, {"d", "x=y"}}));
  EXPECT_TRUE(parse_query("")->empty());
  EXPECT_EQ(parse_query("a=1&a=2"), std::nullopt);
  EXPECT_EQ(parse_query("a=%"), std::nullopt);
}

TEST(Problem, RendersRfc9457) {
  const auto reply = refuse(session::Problem{.kind = session::Problem::Kind::limit,
                                             .detail = "full",
                                             .errors = {{"/a", "b"}},
                                             .reason = "disk",
                                             .retry_after_s = 7});
  EXPECT_EQ(reply.status, 429U);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_EQ(json::Value::parse(reply.body),
            (json::Value{{"type", "https://auralink.dev/problems/limit"},
                         {"title", "A limit is reached"},
                         {"status", 429},
                         {"detail", "full"},
                         {"reason", "disk"},
                         {"errors", {{{"pointer", "/a"}, {"detail", "b"}}}}}));
  EXPECT_EQ(reply.headers.at(0), (std::pair<std::string, std::string>{"Retry-After", "7"}));
}

TEST(Problem, MapsEveryKind) {
  using Kind = session::Problem::Kind;
  const std::map<Kind, std::pair<unsigned, const char*>> expected{{Kind::invalid, {422, "invalid"}},
                                                                  {Kind::not_found, {404, "not-found"}},
                                                                  {Kind::conflict, {409, "conflict"}},
                                                                  {Kind::limit, {429, "limit"}},
                                                                  {Kind::unavailable, {503, "unavailable"}}};
  for (const auto& [kind, want] : expected) {
    const auto reply = refuse(session::Problem{.kind = kind, .detail = "\xff is not text"});
    EXPECT_EQ(reply.status, want.first);
    EXPECT_EQ(json::Value::parse(reply.body).at("type"), std::string{kProblemType} + want.second);
  }
}

TEST(Commands, AcceptSpellingsOfJson) {
  const auto matched = std::get<Match>(match("POST", "/v1/conferences"));
  for (const char* type : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                           "application/json;charset=UTF-8", "application/json; charset=\"utf-8\""})
    EXPECT_TRUE(parse_command(matched, type, R"({"pipeline":"p"})")) << type;
}

TEST(Commands, ReadEveryMember) {
  const auto conference =
      parse_command(std::get<Match>(match("PUT", "/v1/conferences/c")), "application/json",
                    R"({"id":"c","pipeline":"p","parameters":{"a":[1]}})");
  ASSERT_TRUE(conference);
  const auto& made = std::get<session::NewConference>(*conference);
  EXPECT_EQ(made.id, "c");
  EXPECT_EQ(made.pipeline, "p");
  EXPECT_EQ(made.parameters, (json::Value{{"a", {1}}}));
  const auto recording = parse_command(std::get<Match>(match("POST", "/v1/recordings")), "application/json",
                                       R"({"conference":"c","id":"r","container":"segments","path":"a/b"})");
  ASSERT_TRUE(recording);
  const auto& started = std::get<session::NewRecording>(*recording);
  EXPECT_EQ(started.container, "segments");
  EXPECT_EQ(started.path, "a/b");
}

TEST(Commands, CollectEveryComplaint) {
  const auto refused = parse_command(std::get<Match>(match("POST", "/v1/recordings")), "application/json",
                                     R"({"container":"exe","pth":1})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().errors.size(), 3U);
  EXPECT_THAT(refused.error().errors.back().detail, HasSubstr("path")) << "did you mean";
}

TEST(Listen, ReadsAddresses) {
  EXPECT_EQ(parse_listen("127.0.0.1:8470")->port, 8470);
  EXPECT_EQ(parse_listen("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen("localhost:80")->host, "127.0.0.1");
  for (const char* loopback : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"})
    EXPECT_TRUE(parse_listen(loopback)->loopback()) << loopback;
  for (const char* open : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[::ffff:127.0.0.1]:1"})
    EXPECT_FALSE(parse_listen(open)->loopback()) << open;
  for (const char* wrong :
       {"", ":", "8470", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:80", "[::1", "[::1]80", "[127.0.0.1]:80", "example.org:80", "300.0.0.1:1"})
    EXPECT_FALSE(parse_listen(wrong)) << wrong;
}

TEST(Guard, KnowsLoopbackNames) {
  for (const char* ours :
       {"localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.1.2.3", "::1"})
    EXPECT_TRUE(is_loopback_name(ours)) << ours;
  for (const char* other : {"", "example.org", "localhost.example.org", "127.0.0.1.example.org", "127.1",
                            "::", "0.0.0.0", "1270.0.0.1", "notlocalhost"})
    EXPECT_FALSE(is_loopback_name(other)) << other;
}

TEST(Guard, SplitsAuthorities) {
  EXPECT_EQ(authority_host("Example.ORG:80"), "example.org");
  EXPECT_EQ(authority_host("[::1]:80"), "::1");
  EXPECT_EQ(authority_host("host"), "host");
  for (const char* wrong : {"", ":80", "[::1", "host:port", "host:99999", "a:1:2"})
    EXPECT_EQ(authority_host(wrong), std::nullopt) << wrong;
}

TEST(Guard, ComparesSecrets) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abd", "abc"));
  EXPECT_FALSE(same_secret("abcabc", "abc"));
  EXPECT_FALSE(same_secret("ab", "abc"));
  EXPECT_FALSE(same_secret("", "abc"));
}

TEST(Guard, ChecksTokensOfFiles) {
  EXPECT_EQ(check_token("  0123456789abcdef\n"), "0123456789abcdef");
  for (const char* wrong :
       {"", "\n", "short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\nsecond line"})
    EXPECT_FALSE(check_token(wrong)) << wrong;
  EXPECT_FALSE(check_token(std::string(2000, 'x')));
}

TEST(Guard, AcceptsItsOwnPages) {
  const Guard guard{{.host = "127.0.0.1", .port = 80}, {}};
  EXPECT_TRUE(
      guard.check({.host = "localhost:8470", .origin = "http://localhost:8470", .fetch_site = "same-origin"},
                  Access::write, kNow));
  EXPECT_TRUE(guard.check({.host = "127.0.0.1:80", .fetch_site = "none"}, Access::write, kNow));
}

TEST(Guard, OffLoopbackTheHostIsNotOurs) {
  Tokens tokens;
  tokens.add_single("0123456789abcdef");
  const Guard guard{{.host = "0.0.0.0", .port = 80}, tokens};
  EXPECT_TRUE(guard.check({.host = "studio.example:80"}, Access::nothing, kNow));
  EXPECT_EQ(guard.check({.host = "studio.example:80"}, Access::read, kNow).error().status, 401U);
  const auto known = guard.check(
      {.host = "h", .authorization = "Bearer 0123456789abcdef", .authorizations = 1}, Access::write, kNow);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->name, "token");
}

}  // namespace
}  // namespace auralink::api
