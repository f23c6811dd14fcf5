// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/orchestrator/api/fixture.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "orchestrator/session/serial.hpp"
#include "tests/orchestrator/api/contract.hpp"

namespace auralink::api {
namespace {

[[nodiscard]] std::string dechunk(const std::string& body) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const auto end = body.find("\r\n", at);
    if (end == std::string::npos) return out;
    const auto size = std::strtoul(body.c_str() + at, nullptr, 16);
    if (size == 0) return out;
    out += body.substr(end + 2, size);
    at = end + 2 + size + 2;
    if (at >= body.size()) return out;
  }
}

}  // namespace

Response parse_response(const std::string& raw) {
  Response out;
  const auto head_end = raw.find("\r\n\r\n");
  if (!raw.starts_with("HTTP/1.1 ") || head_end == std::string::npos) return out;
  out.status = static_cast<unsigned>(std::strtoul(raw.c_str() + 9, nullptr, 10));
  for (auto at = raw.find("\r\n") + 2; at < head_end;) {
    const auto end = raw.find("\r\n", at);
    const auto line = raw.substr(at, end - at);
    const auto colon = line.find(": ");
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out.headers[name] = colon == std::string::npos ? "" : line.substr(colon + 2);
    at = end + 2;
  }
  out.body = raw.substr(head_end + 4);
  if (out.headers["transfer-encoding"] == "chunked") out.body = dechunk(out.body);
  return out;
}

const std::vector<std::string> ApiTest::kJson{"Content-Type: application/json"};

ApiTest::ApiTest(ServerSettings settings, std::size_t keep_events)
    : logger_{"test", telemetry::Level::debug, [this](std::string_view line) { log_ += line; }},
      store_{keep_events},
      service_{{.max_conferences = 4}, clock_, store_, catalog_, host_, storage_},
      observer_{service_, metrics_, logger_},
      api_{service_, metrics_, {.state_dir = "/state", .recordings_dir = "/recordings"}, [this] {
             observer_.sample();
           }} {
  service_.add_listener(&observer_);
  api_.set_replays(&replays_);
  auto started = Server::start(std::move(settings), api_, service_, clock_, metrics_, logger_);
  EXPECT_TRUE(started) << (started ? "" : started.error());
  server_ = std::move(*started);
  service_.add_listener(server_.get());
  authority_ = server_->url().substr(std::string_view{"http://"}.size());
}
ApiTest::~ApiTest() = default;

int ApiTest::connect() const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoul(authority_.substr(authority_.find(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string ApiTest::exchange(const std::string& raw) {
  std::string answer;
  std::atomic<bool> done{false};
  const int fd = connect();
  std::thread client{[&] {
    std::size_t sent = 0;
    while (sent < raw.size()) {
      const auto wrote = ::send(fd, raw.data() + sent, raw.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) break;
      sent += static_cast<std::size_t>(wrote);
    }
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      answer.append(bytes.data(), static_cast<std::size_t>(got));
    }
    done = true;
    g_main_context_wakeup(nullptr);
  }};
  turn_until([&] { return done.load(); });
  client.join();
  ::close(fd);
  return answer;
}

Response ApiTest::call(std::string_view method, std::string_view path, std::string_view body,
                       const std::vector<std::string>& headers) {
  std::string raw = std::string{method} + " " + std::string{path} + " HTTP/1.1\r\n";
  bool host = false;
  for (const auto& header : headers) {
    raw += header + "\r\n";
    host = host || header.starts_with("Host:");
  }
  if (!host) raw += "Host: " + authority_ + "\r\n";
  if (!body.empty()) raw += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  auto response = parse_response(exchange(raw + "\r\n" + std::string{body}));
  for (const auto& complaint : Contract::get().check(method, path, response)) ADD_FAILURE() << complaint;
  return response;
}

std::string ApiTest::state() const {
  std::string out;
  for (const auto* one : service_.conferences()) out += session::to_json(*one).dump() + "\n";
  for (const auto* one : service_.recordings()) out += session::to_json(*one).dump() + "\n";
  return out + std::to_string(service_.events_after(0, 1'000'000).size()) + " events, " +
         std::to_string(host_.started.size()) + " workers, " + std::to_string(host_.stopped.size()) +
         " stops";
}

void ApiTest::run(const std::string& id) {
  ASSERT_EQ(put("/v1/conferences/" + id, R"({"pipeline":"test"})").status, 201U);
  service_.on_hello(id, 1, 4711);
  service_.on_running(id, 1);
  ASSERT_EQ(service_.conference(id)->state, session::ConferenceState::running);
}

}  // namespace auralink::api
