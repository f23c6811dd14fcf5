// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests nobody means well with: each is refused with the expected status, type and pointer, and leaves no
// trace.
#include <string>
#include <vector>

#include "tests/orchestrator/api/fixture.hpp"

namespace auralink::api {
namespace {

struct Hostile {
  const char* what;
  const char* method;
  std::string path;
  std::string body;
  unsigned status;
  const char* type;
  const char* pointer = "-";  ///< "-": no errors array
  std::vector<std::string> headers = {"Content-Type: application/json"};
};

[[nodiscard]] std::string nested(std::size_t depth) {
  return R"({"pipeline":"test","parameters":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

const std::string kNew = "/v1/conferences";
const std::string kPut = "/v1/conferences/new";
const std::string kBranch = "/v1/conferences/demo/branches/b";
const std::string kRecordings = "/v1/recordings";

const std::vector<Hostile> kHostile{
    // not JSON
    {"no body", "POST", kNew, "", 400, "invalid", ""},
    {"truncated object", "POST", kNew, R"({"pipeline":"te)", 400, "invalid", ""},
    {"two documents", "POST", kNew, R"({"pipeline":"test"} {})", 400, "invalid", ""},
    {"comment", "POST", kNew, "{\"pipeline\":\"test\"/*x*/}", 400, "invalid", ""},
    {"trailing comma", "POST", kNew, R"({"pipeline":"test",})", 400, "invalid", ""},
    {"single quotes", "POST", kNew, "{'pipeline':'test'}", 400, "invalid", ""},
    {"NaN", "POST", kNew, R"({"pipeline":"test","parameters":{"width":NaN}})", 400, "invalid", nullptr},
    {"not UTF-8", "POST", kNew, "{\"pipeline\":\"\xff\xfe\"}", 400, "invalid", ""},
    {"lone surrogate", "POST", kNew, R"({"pipeline":"\ud800"})", 400, "invalid", ""},
    {"NUL byte", "POST", kNew, std::string("{\"pipeline\":\"te\0st\"}", 20), 400, "invalid", ""},
    {"only spaces", "POST", kNew, "    ", 400, "invalid", ""},
    {"XML", "POST", kNew, "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>", 400, "invalid", ""},
    {"form", "POST", kNew, "pipeline=test", 400, "invalid", ""},
    {"nested deep", "POST", kNew, nested(40), 400, "invalid", nullptr},
    {"nested very deep", "POST", kNew, nested(200'000), 400, "invalid", nullptr},
    {"duplicate key", "POST", kNew, R"({"pipeline":"test","pipeline":"other"})", 400, "invalid", nullptr},
    {"string too long", "POST", kNew, R"({"pipeline":")" + std::string(100'000, 'x') + "\"}", 400, "invalid",
     nullptr},
    // wrong types
    {"array", "POST", kNew, "[]", 422, "invalid", ""},
    {"null", "POST", kNew, "null", 422, "invalid", ""},
    {"number", "POST", kNew, "7", 422, "invalid", ""},
    {"string", "POST", kNew, "\"test\"", 422, "invalid", ""},
    {"pipeline number", "POST", kNew, R"({"pipeline":7})", 422, "invalid", "/pipeline"},
    {"pipeline null", "POST", kNew, R"({"pipeline":null})", 422, "invalid", "/pipeline"},
    {"pipeline missing", "POST", kNew, "{}", 422, "invalid", "/pipeline"},
    {"parameters array", "POST", kNew, R"({"pipeline":"test","parameters":[]})", 422, "invalid",
     "/parameters"},
    {"id object", "POST", kNew, R"({"pipeline":"test","id":{}})", 422, "invalid", "/id"},
    {"unknown key", "POST", kNew, R"({"pipeline":"test","pipelin":1})", 422, "invalid", "/pipelin"},
    {"key with a slash", "POST", kNew, R"({"pipeline":"test","a/b~c":1})", 422, "invalid", "/a~1b~0c"},
    {"prototype key", "POST", kNew, R"({"pipeline":"test","__proto__":{}})", 422, "invalid", "/__proto__"},
    // parameters
    {"odd width", "POST", kNew, R"({"pipeline":"test","parameters":{"width":321}})", 422, "invalid",
     "/parameters/width"},
    {"width text", "POST", kNew, R"({"pipeline":"test","parameters":{"width":"320"}})", 422, "invalid",
     "/parameters/width"},
    {"width huge", "POST", kNew, R"({"pipeline":"test","parameters":{"width":1e300}})", 422, "invalid",
     "/parameters/width"},
    {"width negative", "POST", kNew, R"({"pipeline":"test","parameters":{"width":-2}})", 422, "invalid",
     "/parameters/width"},
    {"width overflow", "POST", kNew, R"({"pipeline":"test","parameters":{"width":18446744073709551616}})",
     400, "invalid", "/parameters/width"},
    {"launch injection", "POST", kNew, R"({"pipeline":"test ! filesink location=/etc/passwd"})", 404,
     "not-found", "/pipeline"},
    {"unknown parameter", "POST", kNew, R"({"pipeline":"test","parameters":{"launch":"fakesrc"}})", 422,
     "invalid", "/parameters/launch"},
    // ids
    {"id traversal", "POST", kNew, R"({"pipeline":"test","id":"../../etc"})", 422, "invalid", "/id"},
    {"id dot", "POST", kNew, R"({"pipeline":"test","id":".hidden"})", 422, "invalid", "/id"},
    {"id empty", "POST", kNew, R"({"pipeline":"test","id":""})", 422, "invalid", "/id"},
    {"id long", "POST", kNew, R"({"pipeline":"test","id":")" + std::string(65, 'a') + "\"}", 422, "invalid",
     "/id"},
    {"id newline", "POST", kNew, R"({"pipeline":"test","id":"a\nb"})", 422, "invalid", "/id"},
    {"id script", "POST", kNew, R"({"pipeline":"test","id":"<script>"})", 422, "invalid", "/id"},
    {"id SQL", "POST", kNew, R"({"pipeline":"test","id":"x'; DROP TABLE conference;--"})", 422, "invalid",
     "/id"},
    {"id NUL", "POST", kNew, R"({"pipeline":"test","id":"a\u0000b"})", 400, "invalid", "/id"},
    {"id taken", "POST", kNew, R"({"pipeline":"test","id":"demo"})", 409, "conflict", "/id"},
    {"path id encoded traversal", "PUT", "/v1/conferences/..%2f..%2fetc", R"({"pipeline":"test"})", 422,
     "invalid", "/id"},
    {"path id dots", "PUT", "/v1/conferences/%2e%2e", R"({"pipeline":"test"})", 404, "not-found"},
    {"path id NUL", "PUT", "/v1/conferences/a%00b", R"({"pipeline":"test"})", 404, "not-found"},
    {"path id newline", "PUT", "/v1/conferences/a%0d%0aSet-Cookie:x", R"({"pipeline":"test"})", 404,
     "not-found"},
    {"path id empty", "PUT", "/v1/conferences/", R"({"pipeline":"test"})", 404, "not-found"},
    {"path and body differ", "PUT", kPut, R"({"pipeline":"test","id":"other"})", 422, "invalid", "/id"},
    {"put that differs", "PUT", "/v1/conferences/demo", R"({"pipeline":"test","parameters":{"width":32}})",
     409, "conflict"},
    // branches
    {"branch array", "PUT", kBranch, "[]", 422, "invalid", ""},
    {"branch kind", "PUT", kBranch, R"({"kind":"exec","container":"mp4"})", 422, "invalid", "/kind"},
    {"branch unknown key", "PUT", kBranch, R"({"kind":"file","container":"mp4","launch":"x"})", 422,
     "invalid", "/launch"},
    {"branch missing", "PUT", kBranch, "{}", 422, "invalid", "/kind"},
    {"branch of nobody", "PUT", "/v1/conferences/nobody/branches/b", R"({"kind":"file","container":"mp4"})",
     404, "not-found"},
    {"branch traversal", "PUT", kBranch, R"({"kind":"file","container":"mp4","path":"../../x"})", 422,
     "invalid", "/path"},
    {"branch absolute path", "PUT", kBranch, R"({"kind":"file","container":"mp4","path":"/etc/passwd"})", 422,
     "invalid", "/path"},
    // recordings
    {"recording of nobody", "POST", kRecordings, R"({"conference":"nobody"})", 404, "not-found",
     "/conference"},
    {"recording container", "POST", kRecordings, R"({"conference":"demo","container":"exe"})", 422, "invalid",
     "/container"},
    {"recording path traversal", "POST", kRecordings,
     R"({"conference":"demo","path":"../../../etc/cron.d/x"})", 422, "invalid", "/path"},
    {"recording path absolute", "POST", kRecordings, R"({"conference":"demo","path":"/etc/cron.d/x"})", 422,
     "invalid", "/path"},
    {"recording path unknown variable", "POST", kRecordings, R"({"conference":"demo","path":"{HOME}/x"})",
     422, "invalid", "/path"},
    {"recording path long", "POST", kRecordings,
     R"({"conference":"demo","path":")" + std::string(2000, 'a') + "\"}", 422, "invalid", "/path"},
    {"recording id", "POST", kRecordings, R"({"conference":"demo","id":"a/b"})", 422, "invalid", "/id"},
    {"recording unknown key", "POST", kRecordings, R"({"conference":"demo","contaner":"mp4"})", 422,
     "invalid", "/contaner"},
    {"stop of nobody", "POST", "/v1/recordings/nobody/stop", "", 404, "not-found"},
    // bodies where none belongs
    {"stop with a body", "POST", "/v1/conferences/demo/stop", R"({"force":true})", 400, "invalid"},
    {"get with a body", "GET", "/v1/conferences/demo", "{}", 400, "invalid"},
    {"delete with a body", "DELETE", "/v1/conferences/demo", "[1]", 400, "invalid"},
    // content types
    {"no content type", "POST", kNew, R"({"pipeline":"test"})", 415, "unsupported-media-type", "-", {}},
    {"text/plain",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     415,
     "unsupported-media-type",
     "-",
     {"Content-Type: text/plain"}},
    {"form content type",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     415,
     "unsupported-media-type",
     "-",
     {"Content-Type: application/x-www-form-urlencoded"}},
    {"almost JSON",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     415,
     "unsupported-media-type",
     "-",
     {"Content-Type: application/jsonp"}},
    {"UTF-16",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     415,
     "unsupported-media-type",
     "-",
     {"Content-Type: application/json; charset=utf-16"}},
    // methods and paths
    {"TRACE", "TRACE", kNew, "", 405, "method-not-allowed", "-", {}},
    {"OPTIONS", "OPTIONS", kNew, "", 405, "method-not-allowed", "-", {}},
    {"PATCH", "PATCH", "/v1/conferences/demo", "{}", 405, "method-not-allowed"},
    {"made-up method", "BREW", "/v1/conferences/demo", "", 405, "method-not-allowed", "-", {}},
    {"lower case method", "delete", "/v1/conferences/demo", "", 405, "method-not-allowed", "-", {}},
    {"delete everything", "DELETE", kNew, "", 405, "method-not-allowed", "-", {}},
    {"post to a resource", "POST", "/v1/conferences/demo", R"({"pipeline":"test"})", 405,
     "method-not-allowed"},
    {"nothing there", "GET", "/v1/secrets", "", 404, "not-found", "-", {}},
    {"dot segments", "GET", "/v1/../../etc/passwd", "", 404, "not-found", "-", {}},
    {"double slash", "DELETE", "/v1//conferences/demo", "", 404, "not-found", "-", {}},
    {"trailing slash", "DELETE", "/v1/conferences/demo/", "", 404, "not-found", "-", {}},
    {"long path", "GET", "/v1/conferences/" + std::string(8000, 'a'), "", 404, "not-found", "-", {}},
    // queries
    {"limit zero", "GET", kNew + "?limit=0", "", 422, "invalid", "-", {}},
    {"limit huge", "GET", kNew + "?limit=99999999999999999999", "", 422, "invalid", "-", {}},
    {"limit text", "GET", kNew + "?limit=ten", "", 422, "invalid", "-", {}},
    {"state unknown", "GET", kNew + "?state=happy", "", 422, "invalid", "-", {}},
    {"query unknown", "GET", kNew + "?sttate=running", "", 422, "invalid", "-", {}},
    {"query twice", "GET", kNew + "?limit=1&limit=2", "", 400, "invalid", "-", {}},
    {"query on a resource", "GET", "/v1/conferences/demo?force=1", "", 422, "invalid", "-", {}},
    {"events after text", "GET", "/v1/events?after=x", "", 422, "invalid", "-", {}},
    {"events after negative", "GET", "/v1/events?after=-1", "", 422, "invalid", "-", {}},
    {"last event id text",
     "GET",
     "/v1/events",
     "",
     400,
     "invalid",
     "-",
     {"Accept: text/event-stream", "Last-Event-ID: '; --"}},
    // who asks
    {"foreign Host", "GET", kNew, "", 403, "forbidden", "-", {"Host: evil.example"}},
    {"rebound Host",
     "DELETE",
     "/v1/conferences/demo",
     "",
     403,
     "forbidden",
     "-",
     {"Host: 127.0.0.1.evil.example:80"}},
    {"localhost look-alike", "GET", kNew, "", 403, "forbidden", "-", {"Host: localhost.evil.example"}},
    {"cross origin",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     403,
     "forbidden",
     "-",
     {"Origin: https://evil.example", "Content-Type: application/json"}},
    {"null origin",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     403,
     "forbidden",
     "-",
     {"Origin: null", "Content-Type: application/json"}},
    {"other port's origin",
     "POST",
     kNew,
     R"({"pipeline":"test"})",
     403,
     "forbidden",
     "-",
     {"Origin: http://127.0.0.1:1", "Content-Type: application/json"}},
    {"cross site fetch", "GET", kNew, "", 403, "forbidden", "-", {"Sec-Fetch-Site: cross-site"}},
    {"same site fetch", "GET", kNew, "", 403, "forbidden", "-", {"Sec-Fetch-Site: same-site"}},
    {"if-match of another state",
     "DELETE",
     "/v1/conferences/demo",
     "",
     412,
     "precondition-failed",
     "-",
     {"If-Match: \"4711\""}},
};

TEST_F(ApiTest, RefusesHostileRequestsWithoutATrace) {
  ASSERT_GE(kHostile.size(), 60U);
  run("demo");
  const auto before = state();
  for (const auto& one : kHostile) {
    const auto response = call(one.method, one.path, one.body, one.headers);
    EXPECT_EQ(response.status, one.status) << one.what << ": " << response.body;
    EXPECT_EQ(response.type(), one.type) << one.what;
    EXPECT_TRUE(one.pointer == nullptr || response.pointer() == one.pointer)
        << one.what << ": " << response.body;
    EXPECT_EQ(response.headers.contains("content-type") ? response.headers.at("content-type") : "",
              kProblemMedia)
        << one.what;
    ASSERT_TRUE(response.json().is_object()) << one.what;
    EXPECT_EQ(response.json().value("status", 0U), one.status) << one.what;
    EXPECT_EQ(response.headers.contains("allow"), one.status == 405) << one.what;
    EXPECT_EQ(state(), before) << one.what;
  }
}

struct Raw {
  const char* what;
  std::string request;  ///< HOST is replaced
  unsigned status;      ///< 0: cut without an answer
};

TEST_F(ApiTest, RefusesHostileFramingWithoutATrace) {
  run("demo");
  const auto before = state();
  const std::string body = R"({"pipeline":"test"})";
  const std::string head =
      "POST /v1/conferences HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n";
  const std::vector<Raw> table{
      {"length and chunks",
       head + "Content-Length: 19\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n" + body + "\r\n0\r\n\r\n", 400},
      {"two lengths", head + "Content-Length: 19\r\nContent-Length: 5\r\n\r\n" + body, 400},
      {"two hosts",
       "POST /v1/conferences HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\nContent-Type: "
       "application/json\r\nContent-Length: 19\r\n\r\n" +
           body,
       400},
      {"no host", "DELETE /v1/conferences/demo HTTP/1.1\r\n\r\n", 400},
      {"no host, HTTP/1.0", "DELETE /v1/conferences/demo HTTP/1.0\r\n\r\n", 400},
      {"two tokens",
       head + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 19\r\n\r\n" + body, 400},
      {"unknown transfer encoding",
       head + "Transfer-Encoding: gzip, chunked\r\n\r\n13\r\n" + body + "\r\n0\r\n\r\n", 501},
      {"too long by header", head + "Content-Length: 1048577\r\n\r\n" + std::string(1048577, ' '), 413},
      {"too long by chunks",
       head + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" + std::string(0x100001, ' ') + "\r\n0\r\n\r\n",
       411},
      {"too long, refused before it is sent",
       head + "Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", 413},
      {"absolute URI of another host",
       "DELETE http://evil.example/v1/conferences/demo HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
      {"broken escape", "PUT /v1/conferences/a%zz HTTP/1.1\r\nHost: HOST\r\n\r\n", 400},
      {"query broken escape", "GET /v1/conferences?state=%z HTTP/1.1\r\nHost: HOST\r\n\r\n", 400},
      {"CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", 400},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", 404},
  };
  for (const auto& one : table) {
    auto request = one.request;
    for (auto at = request.find("HOST"); at != std::string::npos; at = request.find("HOST", at))
      request.replace(at, 4, authority_);
    const auto answer = exchange(request);
    const auto response =
        parse_response(answer.starts_with("HTTP/1.0") ? "HTTP/1.1" + answer.substr(8) : answer);
    EXPECT_EQ(response.status, one.status) << one.what << ": " << answer.substr(0, 400);
    EXPECT_EQ(state(), before) << one.what;
  }
}

TEST_F(ImpatientTest, SurvivesWhatIsNotHttp) {
  run("demo");
  const auto before = state();
  for (const std::string& raw :
       {std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11}, std::string(300'000, 'A'),
        std::string{"GET\r\n\r\n"}, std::string{"\r\n\r\n\r\n\r\n"}, std::string{"GET / HTTP/9.9\r\n\r\n"},
        std::string(64, '\0') + "\r\n\r\n", std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        "GET / HTTP/1.1\r\n" + std::string(5'000, 'h') + ": x\r\n\r\n"}) {
    // Half-closed after sending: whatever the server makes of it, it must end the connection.
    const auto answer = exchange(raw + "\r\n\r\n");
    const auto status = parse_response(answer).status;
    EXPECT_TRUE(answer.empty() || status == 0 || status >= 400) << answer.substr(0, 200);
    EXPECT_EQ(state(), before);
  }
  EXPECT_EQ(get("/health").status, 200U);
}

}  // namespace
}  // namespace auralink::api
