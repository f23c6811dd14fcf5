// SPDX-License-Identifier: LGPL-2.1-or-later
// Heads that two programs could read in two ways, or that only waste time: refused with a reason, without a
// trace.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orchestrator/api/head_screen.hpp"
#include "tests/orchestrator/api/fixture.hpp"

namespace auralink::api {
namespace {

struct Case {
  const char* what;
  std::string request;  ///< HOST is replaced
  unsigned status;
};

const std::string kStart = "POST /v1/conferences HTTP/1.1\r\n";
const std::string kHost = "Host: HOST\r\n";
const std::string kHead = kStart + kHost + "Content-Type: application/json\r\n";
const std::string kBody = R"({"pipeline":"test"})";
const std::string kLength = "Content-Length: 19\r\n";
const std::string kWhole = kLength + "\r\n" + kBody;

[[nodiscard]] std::string target(const std::string& text, const std::string& method = "DELETE") {
  return method + " " + text + " HTTP/1.1\r\n" + kHost + "\r\n";
}
[[nodiscard]] std::string field(const std::string& line) { return kHead + line + "\r\n" + kWhole; }
[[nodiscard]] std::string json(const std::string& body) {
  return kHead + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
[[nodiscard]] std::string patch(const std::string& body) {
  return "PATCH /v1/recordings/film HTTP/1.1\r\n" + kHost +
         "Content-Type: application/merge-patch+json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

const std::vector<Case> kCases{
    // where does the body end?
    {"length and chunks", kHead + kLength + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunks and length", kHead + "Transfer-Encoding: chunked\r\n" + kLength + "\r\n0\r\n\r\n", 400},
    {"two equal lengths", kHead + kLength + kLength + "\r\n" + kBody, 400},
    {"two different lengths", kHead + kLength + "Content-Length: 0\r\n\r\n" + kBody, 400},
    {"list of lengths", kHead + "Content-Length: 19, 19\r\n\r\n" + kBody, 400},
    {"signed length", kHead + "Content-Length: +19\r\n\r\n" + kBody, 400},
    {"negative length", kHead + "Content-Length: -1\r\n\r\n" + kBody, 400},
    {"hexadecimal length", kHead + "Content-Length: 0x13\r\n\r\n" + kBody, 400},
    {"empty length", kHead + "Content-Length:\r\n\r\n" + kBody, 400},
    {"length with text", kHead + "Content-Length: 19 x\r\n\r\n" + kBody, 400},
    {"astronomic length", kHead + "Content-Length: 99999999999999999999999\r\n\r\n", 413},
    {"chunks", kHead + "Transfer-Encoding: chunked\r\n\r\n13\r\n" + kBody + "\r\n0\r\n\r\n", 411},
    {"chunk extension", kHead + "Transfer-Encoding: chunked\r\n\r\n13;a=\"\n\"\r\n" + kBody + "\r\n0\r\n\r\n",
     411},
    {"negative chunk", kHead + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 411},
    {"two encodings", kHead + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
    {"gzip, chunked", kHead + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"chunked, identity", kHead + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
    {"xchunked", kHead + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
    {"quoted chunked", kHead + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
    {"tab before chunked, with length", kHead + kLength + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
     400},
    {"space before the colon", kHead + "Content-Length : 19\r\n\r\n" + kBody, 400},
    {"TE before the colon", kHead + kLength + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunks in HTTP/1.0",
     "POST /v1/conferences HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
    // where does a line end?
    {"folded field", field("X-A: b\r\n Content-Length: 0"), 400},
    {"folded by a tab", field("X-A: b\r\n\tc"), 400},
    {"bare LF between fields", kStart + "Host: HOST\nContent-Length: 0\r\n\r\n", 400},
    {"bare LF everywhere", "DELETE /v1/conferences/demo HTTP/1.1\nHost: HOST\n\n", 400},
    {"bare CR in a value", field("X-A: b\rContent-Length: 0"), 400},
    {"bare CR in the request line", "DELETE /v1/conferences/demo\r HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"NUL in a value", field(std::string{"X-A: b\0c", 8}), 400},
    {"NUL in a name", field(std::string{"X-\0A: b", 7}), 400},
    {"NUL in the target", target(std::string{"/v1/conferences/demo\0x", 22}), 400},
    {"escape in a value", field("X-A: \x1b[31m"), 400},
    {"field without a colon", field("nonsense"), 400},
    {"field without a name", field(": x"), 400},
    {"name with a space", field("X A: b"), 400},
    {"name with a slash", field("X/A: b"), 400},
    // what is asked for?
    {"no version", "DELETE /v1/conferences/demo\r\n" + kHost + "\r\n", 400},
    {"HTTP/2.0", "DELETE /v1/conferences/demo HTTP/2.0\r\n" + kHost + "\r\n", 505},
    {"HTTP/0.9", "DELETE /v1/conferences/demo HTTP/0.9\r\n" + kHost + "\r\n", 505},
    {"lower case version", "DELETE /v1/conferences/demo http/1.1\r\n" + kHost + "\r\n", 400},
    {"version with a tail", "DELETE /v1/conferences/demo HTTP/1.1x\r\n" + kHost + "\r\n", 400},
    {"space in the target", target("/v1/conferences/de mo"), 400},
    {"tab instead of a space", "DELETE\t/v1/conferences/demo\tHTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"authority as target", target("HOST", "CONNECT"), 400},
    {"absolute target of another host", target("http://evil.example/v1/conferences/demo"), 400},
    {"absolute target with a user", target("http://a@HOST/v1/conferences/demo"), 400},
    {"https target", target("https://HOST/v1/conferences/demo"), 400},
    {"file target", target("file:///etc/passwd", "GET"), 400},
    {"fragment", target("/v1/conferences/demo#x"), 400},
    {"star for DELETE", target("*"), 400},
    {"raw UTF-8", target("/v1/conferences/d\xc3\xa4mo"), 400},
    {"overlong UTF-8", target("/v1/conferences/%c0%ae%c0%ae"), 404},
    {"encoded slash", target("/v1%2fconferences%2fdemo"), 404},
    {"encoded dots", target("/v1/conferences/%2e%2e/demo"), 404},
    {"double encoding", target("/v1/conferences/%2564emo"), 404},
    {"semicolon parameters", target("/v1/conferences/demo;a=b"), 404},
    {"backslash", target("/v1\\conferences\\demo"), 404},
    {"long method", std::string(40, 'A') + " / HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"method with a colon", "DEL:ETE / HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"long target", target("/v1/conferences/" + std::string(20'000, 'a')), 414},
    {"very many fields",
     kHead +
         [] {
           std::string out;
           for (int i = 0; i < 200; ++i) out += "X-" + std::to_string(i) + ": a\r\n";
           return out;
         }() +
         kWhole,
     431},
    {"long fields", field("X-A: " + std::string(40'000, 'a')), 431},
    {"long name", field(std::string(300, 'a') + ": b"), 431},
    {"two hosts", kStart + kHost + "Host: evil.example\r\n" + kWhole, 400},
    {"empty host", kStart + "Host:\r\n" + kWhole, 400},
    {"host with a space", kStart + "Host: HOST evil\r\n" + kWhole, 400},
    {"host with a path", kStart + "Host: HOST/evil\r\n" + kWhole, 400},
    {"unknown expectation", field("Expect: something"), 417},
    {"method override", field("X-HTTP-Method-Override: DELETE"), 400},
    {"method override, other name", field("X-Method-Override: DELETE"), 400},
    {"two content types", field("Content-Type: text/plain"), 400},
    // headers of this API
    {"key empty", field("Idempotency-Key:"), 400},
    {"key with spaces", field("Idempotency-Key: a b"), 400},
    {"key unbalanced", field("Idempotency-Key: \"a"), 400},
    {"key long", field("Idempotency-Key: " + std::string(256, 'k')), 400},
    {"two keys", field("Idempotency-Key: a\r\nIdempotency-Key: b"), 400},
    {"tag unquoted", "DELETE /v1/conferences/demo HTTP/1.1\r\n" + kHost + "If-Match: 1\r\n\r\n", 400},
    {"weak tag", "DELETE /v1/conferences/demo HTTP/1.1\r\n" + kHost + "If-Match: W/\"1\"\r\n\r\n", 412},
    {"star and a tag", "DELETE /v1/conferences/demo HTTP/1.1\r\n" + kHost + "If-Match: *, \"1\"\r\n\r\n",
     400},
    {"many tags",
     "DELETE /v1/conferences/demo HTTP/1.1\r\n" + kHost + "If-Match: \"a\"" +
         [] {
           std::string out;
           for (int i = 0; i < 100; ++i) out += ",\"a\"";
           return out;
         }() +
         "\r\n\r\n",
     400},
    {"cursor with a path", target("/v1/conferences?cursor=../../etc", "GET"), 422},
    {"cursor empty", target("/v1/conferences?cursor=", "GET"), 422},
    {"cursor as SQL", target("/v1/recordings?cursor='%20OR%201=1--", "GET"), 422},
    // bodies
    {"deep objects",
     json(R"({"pipeline":"test","parameters":)" +
          [] {
            std::string out;
            for (int i = 0; i < 5'000; ++i) out += R"({"a":)";
            return out + "1" + std::string(5'000, '}');
          }() +
          "}"),
     400},
    {"huge exponent", json(R"({"pipeline":"test","parameters":{"width":1e999999}})"), 400},
    {"huge integer", json(R"({"pipeline":"test","parameters":{"width":)" + std::string(5'000, '9') + "}}"),
     400},
    {"duplicate key, escaped", json(R"({"pipeline":"test","p\u0069peline":"other"})"), 400},
    {"byte order mark", json("\xef\xbb\xbf{\"pipeline\":\"test\"}"), 400},
    {"patch of the state", patch(R"({"state":"complete"})"), 422},
    {"patch of the path", patch(R"({"path":"/etc/passwd"})"), 422},
    {"patch of the id", patch(R"({"id":"other"})"), 422},
    {"patch as JSON Patch", patch(R"([{"op":"remove","path":"/metadata"}])"), 422},
    {"patch nested", patch(R"({"metadata":{"a":{"b":{"c":1}}}})"), 422},
    {"patch prototype", patch(R"({"__proto__":{"a":1}})"), 422},
    {"patch too long", patch(R"({"metadata":{"a":")" + std::string(60'000, 'x') + "\"}}"), 422},
};

class HeadTest : public ApiTest {
 protected:
  void furnish() {
    run("demo");
    ASSERT_EQ(put("/v1/recordings/film", R"({"conference":"demo"})").status, 201U);
  }
  [[nodiscard]] std::string addressed(std::string request) const {
    for (auto at = request.find("HOST"); at != std::string::npos; at = request.find("HOST", at))
      request.replace(at, 4, authority_);
    return request;
  }
};

TEST_F(HeadTest, RefusesWhatIsAmbiguousWithoutATrace) {
  ASSERT_GE(kCases.size(), 60U);
  furnish();
  const auto before = state();
  for (const auto& one : kCases) {
    const auto response = parse_response(exchange(addressed(one.request)));
    EXPECT_EQ(response.status, one.status) << one.what << ": " << response.body;
    EXPECT_TRUE(response.headers.contains("content-type") &&
                response.headers.at("content-type") == kProblemMedia)
        << one.what;
    EXPECT_EQ(response.json().is_object() ? response.json().value("status", 0U) : 0U, one.status) << one.what;
    EXPECT_EQ(state(), before) << one.what;
  }
}

/// Everything that is refused is refused alike however the network cuts it.
TEST(Screen, JudgesAlikeHoweverItArrives) {
  for (const auto& one : kCases) {
    const auto whole = screen_head(one.request);
    for (std::size_t size = 0; size < std::min<std::size_t>(one.request.size(), 400); ++size) {
      const auto part = screen_head(std::string_view{one.request}.substr(0, size));
      if (std::holds_alternative<Refusal>(part)) {
        ASSERT_TRUE(std::holds_alternative<Refusal>(whole)) << one.what << " at " << size;
      }
    }
  }
  EXPECT_TRUE(std::holds_alternative<HeadIncomplete>(screen_head("")));
  EXPECT_EQ(std::get<HeadComplete>(screen_head("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest")).bytes, 29U);
}

template <class Base>
class Dripping : public Base {
 protected:
  /// Sends one byte whenever the loop turns, until the server has enough; the answer.
  std::string drip(const std::string& request) {
    const int fd = this->connect();
    std::string answer;
    std::size_t sent = 0;
    const auto begin = g_get_monotonic_time();
    for (;;) {
      g_main_context_iteration(nullptr, FALSE);
      if (sent < request.size() && (g_get_monotonic_time() - begin) / 5'000 > static_cast<gint64>(sent))
        if (::send(fd, request.data() + sent, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) ++sent;
      std::array<char, 4096> bytes{};
      const auto got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got > 0) answer.append(bytes.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
      if (g_get_monotonic_time() - begin > 20 * G_USEC_PER_SEC) break;
    }
    ::close(fd);
    EXPECT_LT(g_get_monotonic_time() - begin, 10 * G_USEC_PER_SEC) << "the deadline is 0.3 s";
    return answer;
  }
};

class SlowTest : public Dripping<ImpatientTest> {};
class PatientTest : public Dripping<ApiTest> {};

TEST_F(SlowTest, EndsAHeadThatDrips) {
  const auto before = state();
  EXPECT_EQ(parse_response(
                drip("GET /health HTTP/1.1\r\nHost: " + authority_ + "\r\nX: " + std::string(4'000, 'a')))
                .status,
            408U);
  EXPECT_EQ(state(), before);
}

TEST_F(SlowTest, EndsABodyThatDrips) {
  const auto before = state();
  EXPECT_EQ(parse_response(drip("POST /v1/conferences HTTP/1.1\r\nHost: " + authority_ +
                                "\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n" +
                                std::string(4'000, ' ')))
                .status,
            408U);
  EXPECT_EQ(state(), before);
}

TEST_F(PatientTest, TakesAHeadInPieces) {
  EXPECT_EQ(parse_response(drip("GET /health HTTP/1.1\r\nHost: a.localhost\r\n\r\n")).status, 200U);
}

}  // namespace
}  // namespace auralink::api
