// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests -> session commands and queries -> replies. Holds no state of its own. See README.md for the
// contract.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "orchestrator/api/commands.hpp"
#include "orchestrator/api/http.hpp"
#include "orchestrator/api/router.hpp"
#include "orchestrator/session/service.hpp"
#include "orchestrator/telemetry/metrics.hpp"

namespace auralink::api {

/// What /status tells that the session does not know.
struct About {
  std::string state_dir = {}, recordings_dir = {}, pipelines_dir = {}, media_root = {};
  unsigned max_conferences = 0, max_branches = 0;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::function<unsigned()> warm_workers = {};
};

class Api {
 public:
  /// All must outlive the Api. `before_scrape` brings gauges up to date, see Observer::sample.
  Api(session::Service& service, telemetry::Metrics& metrics, About about,
      std::function<void()> before_scrape = {});

  /// Answers a request that matched. Never throws for anything a client can send.
  [[nodiscard]] Reply handle(const Match& match, const Request& request);

  static constexpr std::size_t kLargestPage = 200;
  static constexpr std::size_t kDefaultPage = 100;

 private:
  using Query = std::map<std::string, std::string>;

  [[nodiscard]] Reply answer(const Match& match, const Request& request, const Query& query, Command command);
  [[nodiscard]] Reply answer_probe(Operation operation) const;
  [[nodiscard]] Reply status() const;
  [[nodiscard]] Reply pipelines(const Match& match) const;
  [[nodiscard]] Reply list_conferences(const Query& query) const;
  [[nodiscard]] Reply create(const Match& match, const session::NewConference& wanted);
  [[nodiscard]] Reply conference(const Match& match, const Request& request);
  [[nodiscard]] Reply remove(const std::string& id);
  [[nodiscard]] Reply branch(const Match& match, Command command);
  [[nodiscard]] Reply list_recordings(const Query& query) const;
  [[nodiscard]] Reply start_recording(const session::NewRecording& wanted);
  [[nodiscard]] Reply recording(const Match& match);
  [[nodiscard]] Reply events(const Request& request, const Query& query) const;
  [[nodiscard]] std::optional<Refusal> check_precondition(const Match& match, const Request& request) const;
  void count_admission(const session::Problem* problem);

  session::Service& service_;
  telemetry::Metrics& metrics_;
  About about_;
  std::function<void()> before_scrape_;
};

}  // namespace auralink::api
