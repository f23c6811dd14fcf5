// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/orchestrator/api/fixture.hpp"

namespace auralink::api {
namespace {

using session::BranchState;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ApiTest, AnswersProbes) {
  EXPECT_EQ(get("/health").json(), (json::Value{{"status", "ok"}}));
  EXPECT_EQ(get("/ready").status, 200U);
  const auto status = get("/status").json();
  EXPECT_EQ(status.at("version"), AURALINK_VERSION);
  EXPECT_EQ(status.at("directories").at("state"), "/state");
  const auto metrics = get("/metrics");
  EXPECT_EQ(metrics.headers.at("content-type"), telemetry::Metrics::kContentType);
  EXPECT_THAT(metrics.body,
              HasSubstr("auralink_http_requests_total{code=\"200\",method=\"GET\",route=\"/health\"} 1"));
}

TEST_F(ApiTest, TellsThatItDrains) {
  service_.drain();
  const auto ready = get("/ready");
  EXPECT_EQ(ready.status, 503U);
  EXPECT_EQ(ready.json().at("reason"), "draining");
  EXPECT_EQ(get("/health").status, 200U) << "draining is not illness";
  const auto refused = post("/v1/conferences", R"({"pipeline":"test"})");
  EXPECT_EQ(refused.status, 503U);
  EXPECT_EQ(refused.type(), "unavailable");
  EXPECT_EQ(refused.json().at("reason"), "draining");
  EXPECT_TRUE(refused.headers.contains("retry-after"));
}

TEST_F(ApiTest, ListsPipelines) {
  EXPECT_EQ(get("/v1/pipelines").json().at("items").at(0).at("name"), "test");
  EXPECT_EQ(get("/v1/pipelines/test").json().at("version"), 2);
  EXPECT_EQ(get("/v1/pipelines/nothing").type(), "not-found");
}

TEST_F(ApiTest, CreatesConferences) {
  const auto made = post("/v1/conferences", R"({"pipeline":"test","parameters":{"width":320}})");
  EXPECT_EQ(made.status, 201U);
  const auto id = made.json().at("id").get<std::string>();
  EXPECT_EQ(made.headers.at("location"), "/v1/conferences/" + id);
  EXPECT_THAT(made.headers.at("etag"),
              StartsWith("\"" + std::to_string(made.json().at("generation").get<int>()) + "."));
  EXPECT_EQ(get("/v1/conferences/" + id).json().at("parameters").at("width"), 320);
  EXPECT_EQ(host_.started.size(), 1U);
}

TEST_F(ApiTest, PutIsIdempotentAndRefusesADifference) {
  EXPECT_EQ(put("/v1/conferences/demo", R"({"pipeline":"test"})").status, 201U);
  const auto before = state();
  EXPECT_EQ(put("/v1/conferences/demo", R"({"pipeline":"test"})").status, 200U);
  const auto differs = put("/v1/conferences/demo", R"({"pipeline":"test","parameters":{"width":320}})");
  EXPECT_EQ(differs.status, 409U);
  EXPECT_EQ(differs.type(), "conflict");
  EXPECT_EQ(post("/v1/conferences", R"({"id":"demo","pipeline":"test"})").status, 409U);
  EXPECT_EQ(state(), before);
}

TEST_F(ApiTest, StopsAndForgetsConferences) {
  run("demo");
  EXPECT_EQ(call("POST", "/v1/conferences/demo/stop").status, 202U);
  EXPECT_EQ(call("POST", "/v1/conferences/demo/stop", "{}", kJson).status, 202U);
  EXPECT_EQ(call("DELETE", "/v1/conferences/demo").status, 202U) << "live: as stop";
  service_.on_exit("demo", 1, {.said = session::ExitClass::stopped});
  ASSERT_EQ(service_.conference("demo")->state, session::ConferenceState::ended);
  EXPECT_EQ(get("/v1/conferences?state=ended").json().at("items").size(), 1U);
  const auto forgotten = call("DELETE", "/v1/conferences/demo");
  EXPECT_EQ(forgotten.status, 204U);
  EXPECT_EQ(forgotten.body, "");
  EXPECT_EQ(get("/v1/conferences/demo").status, 404U);
}

TEST_F(ApiTest, PagesThroughConferences) {
  for (const char* id : {"a", "b", "c"})
    ASSERT_EQ(put(std::string{"/v1/conferences/"} + id, R"({"pipeline":"test"})").status, 201U);
  const auto first = get("/v1/conferences?limit=2").json();
  EXPECT_EQ(first.at("items").size(), 2U);
  const auto second = get("/v1/conferences?limit=2&cursor=" + first.at("next").get<std::string>()).json();
  ASSERT_EQ(second.at("items").size(), 1U);
  EXPECT_EQ(second.at("items").at(0).at("id"), "c");
  EXPECT_TRUE(second.at("next").is_null());
  EXPECT_TRUE(get("/v1/conferences?limit=3").json().at("next").is_null());
}

TEST_F(ApiTest, HonoursIfMatch) {
  run("demo");
  const auto tag = get("/v1/conferences/demo").headers.at("etag");
  const auto before = state();
  const auto stale = call("POST", "/v1/conferences/demo/stop", {}, {"If-Match: \"999\""});
  EXPECT_EQ(stale.status, 412U);
  EXPECT_EQ(stale.type(), "precondition-failed");
  EXPECT_EQ(state(), before);
  EXPECT_EQ(call("POST", "/v1/conferences/demo/stop", {}, {"If-Match: " + tag}).status, 202U);
}

TEST_F(ApiTest, ManagesBranches) {
  run("demo");
  const auto* body = R"({"kind":"file","container":"mkv"})";
  EXPECT_EQ(put("/v1/conferences/demo/branches/extra", body).status, 201U);
  EXPECT_EQ(put("/v1/conferences/demo/branches/extra", body).status, 200U);
  EXPECT_EQ(put("/v1/conferences/demo/branches/extra", R"({"kind":"file","container":"mp4"})").status, 409U);
  EXPECT_EQ(get("/v1/conferences/demo/branches").json().at("items").size(), 1U);
  EXPECT_EQ(get("/v1/conferences/demo/branches/extra").json().at("container"), "mkv");
  service_.on_branch("demo", 1, "extra", BranchState::active, "", 0, 0);
  EXPECT_EQ(call("DELETE", "/v1/conferences/demo/branches/extra").status, 202U);
  EXPECT_EQ(call("DELETE", "/v1/conferences/demo/branches/nothing").status, 404U);
  EXPECT_EQ(host_.removed, std::vector<std::string>{"extra"});
}

TEST_F(ApiTest, StartsAndStopsRecordings) {
  run("demo");
  const auto made = post("/v1/recordings", R"({"conference":"demo","id":"r1","container":"webm"})");
  EXPECT_EQ(made.status, 201U);
  EXPECT_EQ(made.headers.at("location"), "/v1/recordings/r1");
  EXPECT_EQ(get("/v1/recordings/r1").json().at("container"), "webm");
  EXPECT_EQ(get("/v1/recordings?conference=demo").json().at("items").size(), 1U);
  EXPECT_EQ(get("/v1/recordings?conference=other").json().at("items").size(), 0U);
  EXPECT_EQ(get("/v1/recordings?state=failed").json().at("items").size(), 0U);
  for (const char* wrong : {"", ".hidden", "a/b"}) {
    const auto refused = get(std::string{"/v1/recordings?conference="} + wrong);
    EXPECT_EQ(refused.status, 422U) << wrong;
    EXPECT_NE(refused.body.find("conference"), std::string::npos) << refused.body;
  }
  EXPECT_EQ(call("POST", "/v1/recordings/r1/stop").status, 202U);
}

TEST_F(ApiTest, WaitsForTheGraph) {
  run("demo");
  // A worker answers from the main loop, never from inside the command.
  host_.on_dump = [this](const std::string&) {
    g_idle_add(
        [](gpointer service) -> gboolean {
          static_cast<session::Service*>(service)->on_graph("demo", 1, "digraph { a -> b }");
          return G_SOURCE_REMOVE;
        },
        &service_);
  };
  const auto response = get("/v1/conferences/demo/graph");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.body, "digraph { a -> b }");
  EXPECT_THAT(response.headers.at("content-type"), HasSubstr("text/vnd.graphviz"));
  service_.on_exit("demo", 1, {});
  EXPECT_EQ(get("/v1/conferences/demo/graph").status, 409U);
}

TEST_F(ApiTest, EndsTheWaitForAGraphWithTheConference) {
  run("demo");
  host_.on_dump = [this](const std::string&) {
    g_idle_add(
        [](gpointer service) -> gboolean {
          static_cast<session::Service*>(service)->on_exit("demo", 1, {.signo = 11});
          return G_SOURCE_REMOVE;
        },
        &service_);
  };
  EXPECT_EQ(get("/v1/conferences/demo/graph").status, 409U);
}

TEST_F(ApiTest, ListsEvents) {
  run("demo");
  const auto all = get("/v1/events").json();
  EXPECT_EQ(all.at("items").at(0).at("type"), "conference.created");
  const auto page = get("/v1/events?after=1&limit=1").json();
  EXPECT_EQ(page.at("items").at(0).at("seq"), 2);
  EXPECT_EQ(page.at("next"), "2");
  EXPECT_TRUE(get("/v1/events?after=999999").json().at("next").is_null());
}

TEST_F(ApiTest, AnswersHeadWithoutABody) {
  const auto head = call("HEAD", "/health");
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.body, "");
}

TEST_F(ApiTest, ClosesEveryConnectionAfterOneRequest) {
  const auto answer =
      exchange("GET /health HTTP/1.1\r\nHost: " + authority_ +
               "\r\n\r\nDELETE /v1/conferences/x HTTP/1.1\r\nHost: " + authority_ + "\r\n\r\n");
  EXPECT_EQ(answer.find("HTTP/1.1 200"), 0U);
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "the second request is not looked at";
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

/// A streaming client that the main loop of the test serves.
class Stream {
 public:
  Stream(int fd, const std::string& raw) : fd_{fd} {
    EXPECT_EQ(::send(fd_, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
  }
  ~Stream() { leave(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  void leave() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  const std::string& read() {
    char bytes[65536];
    for (;;) {
      const auto got = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got == 0) ended_ = true;
      if (got <= 0) return text_;
      text_.append(bytes, static_cast<std::size_t>(got));
    }
  }
  bool says(std::string_view what) { return read().find(what) != std::string::npos; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  int fd_;
  bool ended_ = false;
  std::string text_;
};

class EventsTest : public ApiTest {
 protected:
  explicit EventsTest(ServerSettings settings = {.listen = {.host = "127.0.0.1", .port = 0},
                                                 .max_streams = 2,
                                                 .keepalive = session::Millis{20}},
                      std::size_t keep_events = 100'000)
      : ApiTest{std::move(settings), keep_events} {}
  std::unique_ptr<Stream> open(const std::string& target, const std::string& extra = {}) {
    return std::make_unique<Stream>(connect(), "GET " + target + " HTTP/1.1\r\nHost: " + authority_ +
                                                   "\r\nAccept: text/event-stream\r\n" + extra + "\r\n");
  }
};

TEST_F(EventsTest, StreamsNewEventsOnly) {
  run("old");
  auto stream = open("/v1/events");
  turn_until([&] { return stream->says("retry: 2000"); });
  run("demo");
  turn_until([&] { return stream->says("event: conference.running\n"); });
  EXPECT_THAT(stream->read(), HasSubstr("Content-Type: text/event-stream"));
  EXPECT_EQ(stream->read().find("\"conference\":\"old\""), std::string::npos);
}

TEST_F(EventsTest, ReplaysAfterTheLastEventId) {
  run("demo");
  auto stream = open("/v1/events", "Last-Event-ID: 1\r\n");
  turn_until([&] { return stream->says("event: conference.running\n"); });
  EXPECT_EQ(stream->read().find("id: 1\n"), std::string::npos);
  EXPECT_THAT(stream->read(), HasSubstr("id: 2\n"));
  run("next");
  turn_until([&] { return stream->says("\"conference\":\"next\""); });
}

TEST_F(EventsTest, ServesAClientWhoseLastEventIsFromAnotherStore) {
  auto stream = open("/v1/events", "Last-Event-ID: 987654\r\n");
  turn_until([&] { return server_->streams() == 1; });
  turn_until([&] { return stream->says("event: events.lost\ndata: {\"after\":987654,\"oldest\":null}\n"); });
  run("demo");
  turn_until([&] { return stream->says("event: conference.running\n"); });
}

class ForgetfulTest : public EventsTest {
 protected:
  ForgetfulTest() : EventsTest{{.listen = {.host = "127.0.0.1", .port = 0}}, 3} {}
};

TEST_F(ForgetfulTest, SaysThatEventsAreLost) {
  run("demo");
  run("next");
  const auto oldest = get("/v1/events").json().at("oldest").get<std::int64_t>();
  ASSERT_GT(oldest, 2);
  auto stream = open("/v1/events", "Last-Event-ID: 1\r\n");
  turn_until([&] { return stream->says("id: " + std::to_string(oldest) + "\n"); });
  EXPECT_THAT(
      stream->read(),
      HasSubstr("event: events.lost\ndata: {\"after\":1,\"oldest\":" + std::to_string(oldest) + "}\n\n"));
  EXPECT_LT(stream->read().find("events.lost"), stream->read().find("id: "));
  auto whole = open("/v1/events?after=" + std::to_string(oldest - 1));
  turn_until([&] { return whole->says("id: " + std::to_string(oldest) + "\n"); });
  EXPECT_EQ(whole->read().find("events.lost"), std::string::npos);
}

TEST_F(EventsTest, ReplaysManyEventsToASlowReader) {
  run("demo");
  for (int i = 0; i < 2'000; ++i) service_.on_graph("demo", 1, "digraph {}");
  const auto last = "id: " + std::to_string(service_.events_after(0, 1'000'000).back().seq) + "\n";
  auto stream = open("/v1/events?after=0");
  turn_until([&] { return stream->says(last); });
  EXPECT_THAT(stream->read(), HasSubstr("id: 1\n"));
}

TEST_F(EventsTest, SaysSomethingOnAQuietStream) {
  auto stream = open("/v1/events");
  turn_until([&] { return stream->says(": keepalive"); });
}

class LongStreamTest : public EventsTest {
 protected:
  LongStreamTest()
      : EventsTest{{.listen = {.host = "127.0.0.1", .port = 0},
                    .response_timeout = session::Millis{100},
                    .keepalive = session::Millis{20}}} {}
};

TEST_F(LongStreamTest, OutlivesTheDeadlineOfOrdinaryAnswers) {
  auto stream = open("/v1/events");
  const auto keepalives = [&] {
    std::size_t count = 0;
    const auto& text = stream->read();
    for (auto at = text.find(": keepalive"); at != std::string::npos; at = text.find(": keepalive", at + 1))
      ++count;
    return count;
  };
  turn_until([&] { return stream->ended() || keepalives() >= 15; });
  EXPECT_GE(keepalives(), 15U);
  EXPECT_FALSE(stream->ended());
}

TEST_F(EventsTest, NoticesAClientThatLeft) {
  auto stream = open("/v1/events");
  turn_until([&] { return server_->streams() == 1; });
  stream->leave();
  turn_until([&] { return server_->streams() == 0; });
}

TEST_F(EventsTest, LimitsHowManyStreamsThereAre) {
  auto one = open("/v1/events");
  auto two = open("/v1/events");
  turn_until([&] { return server_->streams() == 2; });
  const auto refused = get("/v1/events", {"Accept: text/event-stream"});
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(refused.type(), "limit");
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(get("/v1/events").status, 200U) << "listing still works";
}

TEST_F(EventsTest, EndsWithTheServer) {
  auto stream = open("/v1/events");
  turn_until([&] { return server_->streams() == 1; });
  run("demo");
  server_.reset();
  turn_until([&] { return stream->read(), stream->ended() || !g_main_context_pending(nullptr); });
  SUCCEED();
}

TEST_F(ImpatientTest, TellsConnectionsThatSayNothing) {
  const auto late = parse_response(exchange(""));
  EXPECT_EQ(late.status, 408U);
  EXPECT_EQ(late.type(), "timeout");
}

TEST_F(ImpatientTest, TellsHeadsThatDoNotEnd) {
  EXPECT_EQ(parse_response(exchange("GET /health HTTP/1.1\r\nHost: " + authority_ + "\r\nX-Slow: ")).status,
            408U);
}

TEST_F(ImpatientTest, TellsBodiesThatDoNotEnd) {
  const auto before = state();
  const auto late = parse_response(
      exchange("POST /v1/conferences HTTP/1.1\r\nHost: " + authority_ +
               "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"pipeline\":"));
  EXPECT_EQ(late.status, 408U);
  EXPECT_EQ(state(), before);
}

TEST_F(ImpatientTest, GivesUpOnAGraphThatDoesNotCome) {
  run("demo");
  const auto response = get("/v1/conferences/demo/graph");
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.json().at("reason"), "worker");
}

TEST_F(ImpatientTest, LimitsConnections) {
  std::vector<int> held;
  for (int i = 0; i < 8; ++i) held.push_back(connect());
  turn_until([&] { return log_.find("too many connections") != std::string::npos; });
  for (const int fd : held) ::close(fd);
  // The refused ones are closed at once, the others by the deadline: then there is room again.
  turn_until([&] { return get("/health").status == 200U; });
}

class TokenTest : public ApiTest {
 protected:
  TokenTest() : ApiTest{{.listen = {.host = "127.0.0.1", .port = 0}, .tokens = tokens()}} {}
  static Tokens tokens() {
    Tokens tokens;
    tokens.add_single("0123456789abcdef-token");
    return tokens;
  }
};

TEST_F(TokenTest, AsksForTheTokenExceptOnProbes) {
  EXPECT_EQ(get("/health").status, 200U);
  EXPECT_EQ(get("/ready").status, 200U);
  for (const char* path : {"/status", "/metrics", "/v1/conferences", "/v1/events", "/nothing"}) {
    const auto refused = get(path);
    EXPECT_EQ(refused.status, 401U) << path;
    EXPECT_EQ(refused.type(), "unauthorized");
    EXPECT_THAT(refused.headers.at("www-authenticate"), HasSubstr("Bearer"));
  }
  EXPECT_EQ(get("/status", {"Authorization: Bearer 0123456789abcdef-token"}).status, 200U);
  EXPECT_EQ(get("/status", {"authorization: bearer 0123456789abcdef-token"}).status, 200U);
}

TEST_F(TokenTest, RefusesAnythingButTheToken) {
  for (const char* value :
       {"Bearer", "Bearer ", "Bearer 0123456789abcdef-toke", "Bearer 0123456789abcdef-tokenn",
        "Bearer 0123456789ABCDEF-token", "Basic 0123456789abcdef-token", "0123456789abcdef-token",
        "Bearer  0123456789abcdef-token"})
    EXPECT_EQ(get("/status", {std::string{"Authorization: "} + value}).status, 401U) << value;
  const auto before = state();
  EXPECT_EQ(post("/v1/conferences", R"({"pipeline":"test"})").status, 401U);
  EXPECT_EQ(state(), before);
  EXPECT_EQ(log_.find("0123456789abcdef"), std::string::npos);
}

TEST_F(ApiTest, RefusesToListenOffLoopbackWithoutAToken) {
  for (const char* host : {"0.0.0.0", "192.0.2.1", "::"}) {
    const auto started =
        Server::start({.listen = {.host = host, .port = 0}}, api_, service_, clock_, metrics_, logger_);
    ASSERT_FALSE(started) << host;
    EXPECT_THAT(started.error(), HasSubstr("token"));
  }
}

TEST_F(ApiTest, SaysWhyItCannotListen) {
  const auto port = static_cast<std::uint16_t>(std::stoul(authority_.substr(authority_.find(':') + 1)));
  const auto started = Server::start({.listen = {.host = "127.0.0.1", .port = port}}, api_, service_, clock_,
                                     metrics_, logger_);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error(), HasSubstr(std::to_string(port)));
}

TEST_F(ApiTest, CountsAndLogsWhatHappens) {
  run("demo");
  service_.on_branch("demo", 1, "nothing", BranchState::failed, "x", 0, 0);
  service_.on_exit("demo", 1, {.signo = 11});
  const auto text = get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("auralink_pipeline_starts_total{template=\"test\"} 1"));
  EXPECT_THAT(text, HasSubstr("auralink_pipeline_ends_total{result=\"crashed\",template=\"test\"} 1"));
  EXPECT_THAT(text, HasSubstr("auralink_pipelines{state=\"ended\",template=\"test\"} 1"));
  EXPECT_THAT(text, HasSubstr("auralink_admission_total{decision=\"accepted\",reason=\"\"} 1"));
  EXPECT_THAT(log_, HasSubstr("\"msg\":\"conference.ended\""));
}

}  // namespace
}  // namespace auralink::api
