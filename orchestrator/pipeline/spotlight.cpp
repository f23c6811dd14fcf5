// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/spotlight.hpp"

namespace auralink::pipeline {
namespace {
constexpr std::int64_t kEvery = 100'000'000;
}

Spotlight::Spotlight(Mixer& audio, Mixer& video, const std::vector<std::string>& names)
    : video_{video}, speaker_{{}, names.size()} {
  for (const auto& name : names) ids_.emplace(name, ids_.size());
  audio.listen([this](const std::string& name, std::uint8_t dbov, std::int64_t running_time) {
    on_level(name, dbov, running_time);
  });
}

void Spotlight::on_level(const std::string& name, std::uint8_t dbov, std::int64_t running_time) {
  const std::scoped_lock lock{mutex_};
  const auto who = ids_.find(name);
  if (who == ids_.end()) return;
  speaker_.on_level(who->second, dbov, running_time);
  if (running_time < chosen_at_ + kEvery) return;
  chosen_at_ = running_time;
  for (const auto& seen : video_.drawn())
    if (const auto id = ids_.find(seen); id != ids_.end()) speaker_.on_picture(id->second, running_time);
  const auto speaker = speaker_.choose(running_time).speaker;
  // Whoever spoke last keeps the large tile while nobody speaks, and while his picture is away it is not his.
  if (!speaker || speaker == shown_) return;
  shown_ = speaker;
  for (const auto& [participant, id] : ids_)
    if (id == *speaker) video_.order({{participant}, 0, false});
}

}  // namespace auralink::pipeline
