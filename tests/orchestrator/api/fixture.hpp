// SPDX-License-Identifier: LGPL-2.1-or-later
// A real server on a free port over a real session whose ports are fakes; clients are plain sockets, so that
// tests can send what no HTTP library would.
#pragma once

#include <gio/gio.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "orchestrator/api/observer.hpp"
#include "orchestrator/api/server.hpp"
#include "orchestrator/store/memory.hpp"

namespace auralink::api {

class FakeClock final : public session::Clock {
 public:
  session::Millis now{1'700'000'000'000};
  [[nodiscard]] session::Millis wall() const override { return now; }
  [[nodiscard]] session::Millis monotonic() const override { return now; }
};

/// One pipeline "test" with an even "width" from 16 to 4096 and any "secret".
class FakeCatalog final : public session::Catalog {
 public:
  [[nodiscard]] std::vector<session::PipelineSummary> list() const override {
    return {{.name = "test", .version = 2, .why = "for tests", .parameters = {{"type", "object"}}}};
  }
  [[nodiscard]] session::Outcome<session::CompiledPipeline> compile(
      std::string_view name, const json::Value& parameters) const override {
    if (name != "test")
      return tl::unexpected(
          session::Problem{.kind = session::Problem::Kind::not_found, .detail = "no such pipeline"});
    json::Violations errors;
    json::ObjectReader reader{parameters, "", errors};
    if (const auto width = reader.integer("width", 16, 4096); width && *width % 2 != 0)
      reader.complain("width", "expected a multiple of 2");
    static_cast<void>(reader.string("secret"));
    reader.finish();
    if (!errors.empty()) return tl::unexpected(session::Problem{.detail = "parameters", .errors = errors});
    session::CompiledPipeline out;
    out.name = name;
    out.version = 2;
    out.resolved = json::Value::object();
    return out;
  }
  [[nodiscard]] session::Outcome<session::BranchSpec> compile_branch(
      const session::CompiledPipeline&, std::string_view name, const json::Value& branch) const override {
    static constexpr std::array<std::string_view, 2> kKinds{"file", "other"};
    static constexpr std::array<std::string_view, 4> kContainers{"mp4", "webm", "mkv", "segments"};
    json::Violations errors;
    json::ObjectReader reader{branch, "", errors};
    const auto kind = reader.choice("kind", kKinds, json::ObjectReader::Need::required);
    const auto container = reader.choice("container", kContainers, json::ObjectReader::Need::required);
    static_cast<void>(reader.string("path"));
    static_cast<void>(reader.array("inputs", 4));
    reader.finish();
    if (!errors.empty()) return tl::unexpected(session::Problem{.detail = "branch", .errors = errors});
    session::BranchSpec spec;
    spec.name = name;
    spec.kind = *kind;
    spec.container = *container;
    spec.resolved = branch;
    return spec;
  }
};

/// Remembers what it was told and says what tests make it say.
class FakeHost final : public session::WorkerHost {
 public:
  std::vector<session::WorkerStart> started;
  std::vector<std::string> stopped, removed;
  std::function<void(const std::string&)> on_dump;
  session::Outcome<void> start(const session::WorkerStart& start) override {
    started.push_back(start);
    return {};
  }
  void add_branch(std::string_view, const session::BranchSpec&, const std::string&) override {}
  void remove_branch(std::string_view, std::string_view branch) override { removed.emplace_back(branch); }
  void stop(std::string_view conference, session::StopReason) override { stopped.emplace_back(conference); }
  void dump_graph(std::string_view conference) override {
    if (on_dump) on_dump(std::string{conference});
  }
  void signal(std::string_view, int) override {}
};

class FakeStorage final : public session::Storage {
 public:
  session::Outcome<std::string> reserve(const std::string& relative, bool) override {
    return "/recordings/" + relative;
  }
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string&) const override { return 1; }
};

/// What the store will keep; here until the test ends.
class MapMemory final : public session::ReplyMemory {
 public:
  std::map<std::pair<std::string, std::string>, std::pair<session::Millis, Remembered>> all;
  std::optional<Remembered> recall(const std::string& principal, const std::string& key) override {
    const auto found = all.find({principal, key});
    return found == all.end() ? std::nullopt : std::optional{found->second.second};
  }
  void remember(const std::string& principal, const std::string& key, const Remembered& what,
                session::Millis now) override {
    all[{principal, key}] = {now, what};
  }
  void forget_before(session::Millis then) override {
    std::erase_if(all, [then](const auto& entry) { return entry.second.first < then; });
  }
};

struct Response {
  unsigned status = 0;                         ///< 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  [[nodiscard]] json::Value json() const { return json::Value::parse(body, nullptr, false); }
  [[nodiscard]] std::string type() const {
    const auto parsed = json();
    const auto text = parsed.is_object() ? parsed.value("type", "") : "";
    return text.substr(text.rfind('/') + 1);
  }
  [[nodiscard]] std::string pointer() const {
    const auto parsed = json();
    if (!parsed.is_object() || !parsed.contains("errors")) return "-";
    return parsed.at("errors").at(0).value("pointer", "-");
  }
};
[[nodiscard]] Response parse_response(const std::string& raw);

class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(ServerSettings settings = {.listen = {.host = "127.0.0.1", .port = 0}},
                   std::size_t keep_events = 100'000);
  ~ApiTest() override;

  /// Sends `raw` on a fresh connection, runs the main loop until the server closed it, returns all it said.
  std::string exchange(const std::string& raw);
  /// The answer is held against openapi.json too.
  Response call(std::string_view method, std::string_view path, std::string_view body = {},
                const std::vector<std::string>& headers = {});
  Response post(std::string_view path, std::string_view body) { return call("POST", path, body, kJson); }
  Response put(std::string_view path, std::string_view body) { return call("PUT", path, body, kJson); }
  Response get(std::string_view path, const std::vector<std::string>& headers = {}) {
    return call("GET", path, {}, headers);
  }
  /// Everything a client could have changed, as one text.
  [[nodiscard]] std::string state() const;
  /// Takes conference `id` to running.
  void run(const std::string& id);
  [[nodiscard]] int connect() const;
  template <class Done>
  void turn_until(const Done& done) {
    while (!done()) g_main_context_iteration(nullptr, TRUE);
  }

  static const std::vector<std::string> kJson;
  std::string log_;
  telemetry::Logger logger_;
  FakeClock clock_;
  FakeCatalog catalog_;
  FakeHost host_;
  FakeStorage storage_;
  store::MemoryStore store_;
  session::Service service_;
  telemetry::Metrics metrics_;
  Observer observer_;
  MapMemory memory_;
  Replays replays_{memory_, clock_};
  Api api_;
  std::unique_ptr<Server> server_;
  std::string authority_;  ///< "127.0.0.1:12345"
};

/// A server with little patience and little room.
class ImpatientTest : public ApiTest {
 protected:
  ImpatientTest()
      : ApiTest{{.listen = {.host = "127.0.0.1", .port = 0},
                 .max_connections = 4,
                 .request_timeout = session::Millis{300},
                 .graph_timeout = session::Millis{50}}} {}
};

}  // namespace auralink::api
