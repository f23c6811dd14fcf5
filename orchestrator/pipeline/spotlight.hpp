// SPDX-License-Identifier: LGPL-2.1-or-later
// Where everybody is mixed and the layout has one large tile: whoever speaks gets it. How loud somebody is,
// is measured where the decoded sound enters the mixer. Thread-safe; calls come from streaming threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/pipeline/active_speaker.hpp"
#include "orchestrator/pipeline/mixer.hpp"

namespace auralink::pipeline {

class Spotlight final {
 public:
  /// `names`: of all participants. The mixers outlive the spotlight and its callers.
  Spotlight(Mixer& audio, Mixer& video, const std::vector<std::string>& names);
  Spotlight(const Spotlight&) = delete;
  Spotlight& operator=(const Spotlight&) = delete;

 private:
  void on_level(const std::string& name, std::uint8_t dbov, std::int64_t running_time);

  Mixer& video_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, ActiveSpeaker::Id> ids_;
  ActiveSpeaker speaker_;
  std::int64_t chosen_at_ = INT64_MIN / 2;
  std::optional<ActiveSpeaker::Id> shown_;
};

}  // namespace auralink::pipeline
