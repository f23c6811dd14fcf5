// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/active_speaker.hpp"

#include <algorithm>
#include <cmath>

namespace auralink::pipeline {
namespace {

using Time = ActiveSpeaker::Time;
constexpr Time kMs = 1'000'000;

constexpr double kSilence = 127;           // -dBov of digital silence
constexpr double kSpeech = kSilence - 50;  // louder than -50 dBov is somebody speaking
// What counts for a sender that does not say how loud it is: about the level of ordinary speech.
constexpr double kUnknown = kSilence - 35;
// In dB, an exponential towards the target. 150 ms of speech at -30 dBov cross the threshold, one loud packet
// does not; half a second of pause between words falls below it again, which `hold` bridges.
constexpr double kAttack = 100.0 * kMs;
constexpr double kDecay = 700.0 * kMs;
// Between two packets of a voice at most; a longer gap is silence.
constexpr Time kGap = 120 * kMs;
// How clearly and for how long somebody must be louder than the speaker.
constexpr double kMargin = 6;
constexpr Time kChallenge = 250 * kMs;
// Who has a place keeps it against somebody this little louder.
constexpr double kPlace = 6;

}  // namespace

ActiveSpeaker::ActiveSpeaker(Options options, std::size_t participants)
    : options_{options}, people_(participants), now_loud_(participants) {}

double ActiveSpeaker::decayed(const Person& person, Time now) noexcept {
  const Time silent = now - person.heard_at - kGap;
  if (silent <= 0 || person.loudness <= 0) return person.loudness;
  return person.loudness * std::exp(-static_cast<double>(silent) / kDecay);
}

void ActiveSpeaker::towards(Person& person, double target, Time now) noexcept {
  person.loudness = decayed(person, now);
  // The first packet after a silence stands for its own 20 ms, not for the silence.
  const Time since = std::clamp<Time>(now - person.heard_at, 0, kGap);
  const Time step = now - person.heard_at > kGap ? 20 * kMs : since;
  const double speed = target > person.loudness ? kAttack : kDecay;
  person.loudness += (target - person.loudness) * (1 - std::exp(-static_cast<double>(step) / speed));
  person.heard_at = std::max(person.heard_at, now);
  if (speaks(person)) person.spoke_at = person.heard_at;
}

void ActiveSpeaker::on_level(Id who, std::uint8_t dbov, Time now) noexcept {
  if (who < people_.size()) towards(people_[who], kSilence - std::min<double>(dbov, kSilence), now);
}

void ActiveSpeaker::on_sound(Id who, Time now) noexcept {
  if (who >= people_.size()) return;
  Person& person = people_[who];
  towards(person, now - person.heard_at <= kGap ? kUnknown : 0, now);
}

void ActiveSpeaker::on_picture(Id who, Time now) noexcept {
  if (who < people_.size()) people_[who].seen_at = std::max(people_[who].seen_at, now);
}

bool ActiveSpeaker::speaks(const Person& person) const noexcept { return person.loudness >= kSpeech; }

bool ActiveSpeaker::there(Time last, Time now) const noexcept {
  return last != kNever && now - last <= options_.timeout;
}

bool ActiveSpeaker::has_sound(Id who, Time now) const noexcept {
  return who < people_.size() && there(people_[who].heard_at, now);
}

bool ActiveSpeaker::has_picture(Id who, Time now) const noexcept {
  return who < people_.size() && there(people_[who].seen_at, now);
}

double ActiveSpeaker::loudness(Id who, Time now) const noexcept {
  return who < people_.size() ? decayed(people_[who], now) : 0;
}

const ActiveSpeaker::Choice& ActiveSpeaker::choose(Time now) {
  for (Id i = 0; i < people_.size(); ++i) now_loud_[i] = decayed(people_[i], now);
  choose_speaker(now);
  choose_visible(now);
  choose_audible(now);
  return choice_;
}

void ActiveSpeaker::choose_speaker(Time now) {
  auto& speaker = choice_.speaker;
  if (speaker && !has_sound(*speaker, now) && !has_picture(*speaker, now)) speaker.reset();
  // Whom one cannot see needs no large picture: only where nobody has one does the voice alone count.
  const bool seen = options_.visible > 0 &&
                    std::ranges::any_of(people_, [&](const Person& p) { return there(p.seen_at, now); });
  if (speaker && seen && !has_picture(*speaker, now)) speaker.reset();
  std::optional<Id> loudest;
  for (Id i = 0; i < people_.size(); ++i) {
    if (now_loud_[i] < kSpeech || (seen && !has_picture(i, now))) continue;
    if (!loudest || now_loud_[i] > now_loud_[*loudest]) loudest = i;
  }
  if (!loudest || loudest == speaker) {
    challenger_.reset();
    return;
  }
  // Somebody speaks while the speaker is silent, or is louder by a margin.
  const bool silent = !speaker || now_loud_[*speaker] < kSpeech;
  if (!silent && now_loud_[*loudest] < now_loud_[*speaker] + kMargin) {
    challenger_.reset();
    return;
  }
  if (challenger_ != loudest) challenger_ = loudest, challenged_at_ = now;
  const bool held = speaker && now - speaker_since_ < options_.hold;
  if (speaker && (held || now - challenged_at_ < kChallenge)) return;
  speaker = loudest;
  speaker_since_ = now;
  challenger_.reset();
}

void ActiveSpeaker::choose_visible(Time now) {
  auto& places = choice_.visible;
  const auto gone = [&](Id i) { return !has_picture(i, now); };
  std::vector<Id> candidates;
  for (Id i = 0; i < people_.size(); ++i)
    if (!people_[i].visible && !gone(i)) candidates.push_back(i);
  // Who spoke last comes first; who never spoke, in the order of the description.
  std::ranges::stable_sort(candidates, [&](Id a, Id b) { return people_[a].spoke_at > people_[b].spoke_at; });
  auto next = candidates.begin();
  const auto give = [&](Id& place) {
    place = *next++;
    people_[place].visible = true;
    people_[place].seated_at = now;
  };
  for (auto it = places.begin(); it != places.end();) {
    if (!gone(*it)) {
      ++it;
      continue;
    }
    people_[*it].visible = false;
    if (next != candidates.end())
      give(*it++);
    else
      it = places.erase(it);
  }
  while (places.size() < options_.visible && next != candidates.end()) give(places.emplace_back());
  // The rest have to wait until they speak, and then take the place of who has been silent longest.
  for (; next != candidates.end();) {
    const Person& comer = people_[*next];
    const bool is_speaker = choice_.speaker == *next;
    if (places.empty() || (!is_speaker && now_loud_[*next] < kSpeech)) {
      ++next;
      continue;
    }
    const auto worth = [&](Id i) { return people_[i].spoke_at; };
    auto out = places.end();
    for (auto it = places.begin(); it != places.end(); ++it) {
      if (choice_.speaker == *it || now_loud_[*it] >= kSpeech) continue;
      const Time since = std::max(people_[*it].seated_at, people_[*it].spoke_at);
      if (!is_speaker && now - since < options_.hold && people_[*it].spoke_at != kNever) continue;
      if (out == places.end() || worth(*it) < worth(*out)) out = it;
    }
    // The speaker is always seen: somebody quieter goes even when everybody is talking.
    if (out == places.end() && is_speaker) {
      out = std::ranges::min_element(places, {}, [&](Id i) { return now_loud_[i]; });
    }
    if (out == places.end() || (!is_speaker && comer.spoke_at <= people_[*out].spoke_at)) {
      ++next;
      continue;
    }
    people_[*out].visible = false;
    give(*out);
  }
}

void ActiveSpeaker::choose_audible(Time now) {
  struct Voice {
    Id id;
    int rank;
    double key;
  };
  std::vector<Voice> voices;
  for (Id i = 0; i < people_.size(); ++i) {
    const Person& p = people_[i];
    if (!there(p.heard_at, now)) continue;
    const bool holds = p.audible && now - std::max(p.spoke_at, p.let_in_at) < options_.hold;
    if (now_loud_[i] >= kSpeech)
      voices.push_back({i, 0, now_loud_[i] + (p.audible ? kPlace : 0)});
    else
      voices.push_back({i, holds ? 1 : 2, p.audible ? 1.0 : 0.0});
  }
  const auto before = [&](const Voice& a, const Voice& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.rank > 0 && people_[a.id].spoke_at != people_[b.id].spoke_at)
      return people_[a.id].spoke_at > people_[b.id].spoke_at;
    if (a.key != b.key) return a.key > b.key;
    return a.id < b.id;
  };
  const auto count = std::min(options_.audible, voices.size());
  std::partial_sort(voices.begin(), voices.begin() + static_cast<std::ptrdiff_t>(count), voices.end(),
                    before);
  voices.resize(count);
  std::vector<Id> chosen;
  for (const auto& voice : voices) chosen.push_back(voice.id);
  std::ranges::sort(chosen);
  for (const Id id : choice_.audible) people_[id].audible = std::ranges::binary_search(chosen, id);
  for (const Id id : chosen)
    if (!people_[id].audible || people_[id].let_in_at == kNever)
      people_[id].audible = true, people_[id].let_in_at = now;
  choice_.audible = std::move(chosen);
}

}  // namespace auralink::pipeline
