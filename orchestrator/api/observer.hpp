// SPDX-License-Identifier: LGPL-2.1-or-later
// Session events and snapshots -> metrics and log lines. The one place where the two vocabularies meet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "orchestrator/session/service.hpp"
#include "orchestrator/telemetry/log.hpp"
#include "orchestrator/telemetry/metrics.hpp"

namespace auralink::api {

class Observer final : public session::Listener {
 public:
  Observer(session::Service& service, telemetry::Metrics& metrics, const telemetry::Logger& logger)
      : service_{service}, metrics_{metrics}, logger_{logger} {}

  void on_event(const session::Event& event) override;

  /// Gauges as they are now, counters by what the snapshots grew. Call about once a second and before a
  /// scrape.
  void sample();

 private:
  struct Seen {
    std::uint64_t bytes = 0, dropped = 0;
    session::TrunkFacts trunk = {};
  };
  struct Cost {
    double cpu_seconds = 0;
    std::uint64_t late_frames = 0;
  };
  void count(const session::Event& event, const session::Conference* conference);
  void count_recording(const session::Event& event);
  void sample_recordings();
  void count_trunk(const session::TrunkFacts& seen, const session::TrunkFacts& now);
  void sample_growth(const session::Conference& conference);

  session::Service& service_;
  telemetry::Metrics& metrics_;
  const telemetry::Logger& logger_;
  std::map<std::tuple<std::string, std::uint32_t, std::string>, Seen>
      branches_;                                                   ///< conference, epoch, branch
  std::map<std::pair<std::string, std::uint32_t>, Cost> costs_;    ///< conference, epoch
  std::map<std::string, session::Millis, std::less<>> finishing_;  ///< recording -> its last media
};

}  // namespace auralink::api
