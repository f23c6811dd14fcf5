// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/stage.hpp"

#include <algorithm>
#include <utility>

#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

constexpr const char* kChoice = "stage-choice";
constexpr const char* kDrawn = "stage-drawn";
constexpr const char* kAsk = "stage-ask";
constexpr const char* kMend = "stage-mend";
constexpr const char* kReleasedVideo = "released-video";
constexpr const char* kReleasedAudio = "released-audio";
constexpr std::chrono::milliseconds kAskEvery{500};
constexpr std::chrono::milliseconds kMendEvery{1000};
/// Longer than senders without feedback take for their next keyframe.
constexpr std::int64_t kPatience = 8'000'000'000;
/// Somebody whose stream breaks a decoder is left alone for so long.
constexpr std::int64_t kBan = 5'000'000'000;

ActiveSpeaker::Options options_of(const Description& d) {
  ActiveSpeaker::Options options;
  options.timeout = std::get<RtpSource>(d.source).timeout.count();
  if (d.select) {
    options.visible = d.select->visible;
    options.audible = d.select->audible;
    options.hold = d.select->hold.count();
  }
  if (d.video.layout == Layout::single) options.visible = 1;  // the others would be decoded for nobody
  if (d.video.mode == VideoMode::none) options.visible = 0;
  if (d.audio.mode == AudioMode::none) options.audible = 0;
  return options;
}

std::int64_t now() { return g_get_monotonic_time() * 1000; }

}  // namespace

struct Stage::Place {
  std::size_t participant = 0;
  Media media = Media::video;
  std::unique_ptr<ParticipantBin> bin;
  bool leaving = false;
  std::int64_t well_at = 0;  ///< when it was seated, or drawn last
};

Stage::Stage(const Description& description, GstElement* pipeline, Mixers& mixers, Hooks hooks)
    : source_{std::get<RtpSource>(description.source)},
      layout_{description.video.layout},
      options_{options_of(description)},
      pipeline_{pipeline},
      mixers_{mixers},
      hooks_{std::move(hooks)},
      receiver_{source_, options_, [this] { hooks_.post(kChoice, {}); }} {
  for (std::size_t i = 0; i < source_.participants.size(); ++i) index_[source_.participants[i].name] = i;
}

Stage::~Stage() = default;

void Stage::halt() { receiver_.stop(); }

tl::expected<void, BuildError> Stage::open() {
  std::map<std::size_t, std::string> unheard;
  for (const auto& [participant, error] : receiver_.faults()) unheard.emplace(participant, error);
  if (!unheard.empty() && unheard.size() == source_.participants.size())
    return tl::unexpected("no participant can be received: " + unheard.begin()->second);
  for (const auto& [participant, error] : unheard)
    hooks_.on_failed(source_.participants[participant].name, error);
  return {};
}

void Stage::start() {
  receiver_.start(pipeline_);
  hooks_.after(kMendEvery, kMend, {});
}

bool Stage::handle(const std::string& what, const std::string& name) {
  if (what == kChoice) {
    follow_choice();
  } else if (what == kDrawn) {
    unseat_undrawn();
  } else if (what == kAsk) {
    asking_ = false;
    ask_for_pictures();
  } else if (what == kMend) {
    mend();
    hooks_.after(kMendEvery, kMend, {});
  } else if (what == kReleasedVideo || what == kReleasedAudio) {
    released(name, what == kReleasedVideo ? Media::video : Media::audio);
  } else {
    return false;
  }
  return true;
}

Stage::Place* Stage::place(std::size_t participant, Media media) {
  const auto it = places_.find({media, participant});
  return it != places_.end() ? it->second.get() : nullptr;
}

void Stage::follow_choice() {
  choice_ = receiver_.choice();
  for (const auto id : choice_.audible) seat(id, Media::audio);
  for (const auto& [key, one] : places_)
    if (key.first == Media::audio && !std::ranges::binary_search(choice_.audible, key.second)) unseat(*one);
  const auto mixer = mixers_.find(Media::video);
  if (mixer == mixers_.end()) return;
  for (const auto id : choice_.visible) seat(id, Media::video);
  SeatingOrder order;
  order.limit = std::max<std::size_t>(1, choice_.visible.size());
  order.in_place = layout_ == Layout::grid;
  for (const auto id : choice_.visible) order.wanted.push_back(source_.participants[id].name);
  if (!order.in_place && choice_.speaker) {
    // The large tile is the first; the others keep their order.
    const auto& speaker = source_.participants[*choice_.speaker].name;
    const auto at = std::ranges::find(order.wanted, speaker);
    if (at != order.wanted.end()) std::rotate(order.wanted.begin(), at, at + 1);
  }
  mixer->second->order(std::move(order), [this] { hooks_.post(kDrawn, {}); });
  ask_for_pictures();
}

void Stage::seat(std::size_t participant, Media media) {
  if (place(participant, media) != nullptr) return;  // who is about to leave is seated when he has left
  const auto ban = banned_.find({media, participant});
  if (ban != banned_.end() && ban->second > now()) return;
  const auto mixer = mixers_.find(media);
  if (mixer == mixers_.end()) return;
  const auto plan = plan_received(source_, participant, media);
  auto& one = *(places_[{media, participant}] = std::make_unique<Place>());
  one.participant = participant;
  one.media = media;
  one.well_at = now();
  const auto on_stream = [to = mixer->second.get(), name = plan.name, participant,
                          timeout = plan.timeout.count()](Media, GstPad* source) {
    to->add(name, source, participant, timeout);
  };
  auto bin = ParticipantBin::create(plan, 0, {on_stream, [] {}, [] {}});
  if (!bin) {
    hooks_.on_failed(plan.name, bin.error());
    banned_[{media, participant}] = INT64_MAX;  // an element is missing here: no use trying again
    places_.erase({media, participant});
    return;
  }
  one.bin = std::move(*bin);
  gst_bin_add(GST_BIN(pipeline_), one.bin->element());
  one.bin->report_static_streams();
  gst_element_sync_state_with_parent(one.bin->element());
  const Owned<GstElement> feed{gst_bin_get_by_name(GST_BIN(one.bin->element()), kFeed)};
  receiver_.feed(participant, media, GST_APP_SRC(feed.get()));
}

void Stage::unseat(Place& one) {
  if (std::exchange(one.leaving, true)) return;
  receiver_.feed(one.participant, one.media, nullptr);
  one.bin->mute();
  const auto& name = source_.participants[one.participant].name;
  if (!mixers_.at(one.media)->remove(name))
    hooks_.post(one.media == Media::video ? kReleasedVideo : kReleasedAudio, name);
}

void Stage::released(const std::string& name, Media media) {
  const auto index = index_.find(name);
  if (index == index_.end()) return;  // the mixer's primer
  const auto it = places_.find({media, index->second});
  if (it == places_.end() || !it->second->leaving) return;
  auto* element = it->second->bin->element();
  gst_element_set_locked_state(element, TRUE);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_bin_remove(GST_BIN(pipeline_), element);
  places_.erase(it);
  // Chosen again while he was on his way out.
  const auto& chosen = media == Media::video ? choice_.visible : choice_.audible;
  if (std::ranges::find(chosen, index->second) != chosen.end()) seat(index->second, media);
}

void Stage::unseat_undrawn() {
  const auto drawn = mixers_.at(Media::video)->drawn();
  for (const auto& [key, one] : places_) {
    if (key.first != Media::video || std::ranges::find(choice_.visible, key.second) != choice_.visible.end())
      continue;
    if (std::ranges::find(drawn, source_.participants[key.second].name) == drawn.end()) unseat(*one);
  }
  ask_for_pictures();
}

void Stage::ask_for_pictures() {
  if (!mixers_.contains(Media::video)) return;
  const auto drawn = mixers_.at(Media::video)->drawn();
  bool waiting = false;
  for (const auto id : choice_.visible) {
    const auto& participant = source_.participants[id];
    if (!participant.video || !participant.video->feedback) continue;
    if (std::ranges::find(drawn, participant.name) != drawn.end()) continue;
    receiver_.ask_for_keyframe(id);
    waiting = true;
  }
  if (waiting && !std::exchange(asking_, true)) hooks_.after(kAskEvery, kAsk, {});
}

void Stage::mend() {
  // Packets arrive and no picture comes of them: a jitter buffer or decoder that forged or broken packets
  // have led astray. New ones begin afresh.
  if (!mixers_.contains(Media::video)) return;
  const auto drawn = mixers_.at(Media::video)->drawn();
  for (const auto& [key, one] : places_) {
    if (key.first != Media::video || one->leaving) continue;
    if (std::ranges::find(drawn, source_.participants[key.second].name) != drawn.end()) one->well_at = now();
    const auto patience = source_.participants[key.second].video->feedback ? kPatience / 4 : kPatience;
    if (now() - one->well_at > patience) unseat(*one);
  }
  ask_for_pictures();
}

bool Stage::failed(const std::string& owner, const std::string& error) {
  const bool seen = owner.starts_with("seen-");
  if (!seen && !owner.starts_with("heard-")) return false;
  const Media media = seen ? Media::video : Media::audio;
  const auto index = index_.find(owner.substr(seen ? 5 : 6));
  if (index == index_.end()) return true;
  auto* one = place(index->second, media);
  if (one == nullptr || one->leaving) return true;
  hooks_.on_failed(index->first, error);
  banned_[{media, index->second}] = now() + kBan;
  unseat(*one);
  hooks_.after(std::chrono::milliseconds{kBan / 1'000'000 + 1}, kChoice, {});
  return true;
}

std::vector<session::ParticipantInfo> Stage::report() {
  const auto presence = receiver_.presence();
  std::vector<session::ParticipantInfo> out(presence.size());
  for (std::size_t i = 0; i < presence.size(); ++i) {
    out[i].name = source_.participants[i].name;
    out[i].audio = presence[i].audio;
    out[i].video = presence[i].video;
    out[i].visible = false;
  }
  if (const auto mixer = mixers_.find(Media::video); mixer != mixers_.end())
    for (const auto& name : mixer->second->drawn()) out[index_.at(name)].visible = true;
  return out;
}

}  // namespace auralink::pipeline
