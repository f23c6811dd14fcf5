// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests -> session commands and queries -> replies. Holds no state of its own. The contract is
// openapi.json.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "orchestrator/api/commands.hpp"
#include "orchestrator/api/etag.hpp"
#include "orchestrator/api/http.hpp"
#include "orchestrator/api/idempotency.hpp"
#include "orchestrator/api/reading.hpp"
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

  /// Where answers to requests with an Idempotency-Key are kept; without, such requests are refused (503)
  /// rather than carried out twice. nullptr takes it away.
  void set_replays(Replays* replays) noexcept { replays_ = replays; }

  /// Answers a request that matched. Throws only what the store throws.
  [[nodiscard]] Reply handle(const Match& match, const Request& request);

 private:
  [[nodiscard]] Reply carry_out(const Match& match, const Request& request, const Query& query,
                                Command command);
  [[nodiscard]] Reply answer(const Match& match, const Request& request, const Query& query, Command command);
  [[nodiscard]] Reply answer_probe(Operation operation) const;
  [[nodiscard]] Reply status() const;
  [[nodiscard]] Reply pipelines(const Match& match) const;
  [[nodiscard]] Reply events(const Request& request, const Query& query) const;

  // conferences.cpp
  [[nodiscard]] Reply list_conferences(const Query& query) const;
  [[nodiscard]] Reply create(const Match& match, const session::NewConference& wanted);
  [[nodiscard]] Reply conference(const Match& match);
  [[nodiscard]] Reply remove(const std::string& id);
  [[nodiscard]] Reply branch(const Match& match, Command command);

  // recordings.cpp
  [[nodiscard]] Reply list_recordings(const Query& query) const;
  [[nodiscard]] Reply start_recording(const session::NewRecording& wanted);
  [[nodiscard]] Reply recording(const Match& match, Command command);
  [[nodiscard]] Reply patch_recording(const session::Recording& recording, const RecordingPatch& patch);

  // preconditions.cpp
  /// The resource that a route names, as it is now; nullopt: it is not there.
  [[nodiscard]] std::optional<Tag> current(const Match& match) const;
  /// If-Match and If-None-Match of a request that would change something.
  [[nodiscard]] std::optional<Refusal> check_preconditions(const Match& match, const Request& request) const;

  void count_admission(const session::Problem* problem);

  session::Service& service_;
  telemetry::Metrics& metrics_;
  About about_;
  std::function<void()> before_scrape_;
  Replays* replays_ = nullptr;
};

/// Adds the ETag of an answer to GET, or turns it into 304 or 412 as the request's headers ask.
[[nodiscard]] Reply conditional(Reply reply, const Request& request, const std::optional<Tag>& tag);

}  // namespace auralink::api
