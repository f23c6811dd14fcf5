// SPDX-License-Identifier: LGPL-2.1-or-later
// The participants of a conference whose RTP is received together (rtp_receiver.hpp): whoever is chosen gets
// decoders and a place in the mixers, and loses them when somebody else is chosen. Pictures change without a
// hole: the one who leaves stays until the newcomer's first picture is drawn. Lives on the conference's
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/pipeline/mixer.hpp"
#include "orchestrator/pipeline/participant_bin.hpp"
#include "orchestrator/pipeline/rtp_receiver.hpp"

namespace auralink::pipeline {

class Stage final {
 public:
  using Mixers = std::map<Media, std::unique_ptr<Mixer>>;
  struct Hooks {
    /// Comes back as handle(what, name) on the conference's thread. Any thread.
    std::function<void(const char* what, const std::string& name)> post;
    std::function<void(std::chrono::milliseconds, const char* what, const std::string& name)> after;
    std::function<void(const std::string& participant, const std::string& error)> on_failed;
  };

  /// `pipeline`, `mixers`: outlive the stage, but for the pipeline's elements that the stage has put there.
  Stage(const Description&, GstElement* pipeline, Mixers& mixers, Hooks);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Says who cannot be received, because a port is taken. Error: nobody can.
  [[nodiscard]] tl::expected<void, BuildError> open();
  /// Receives from now on; in PLAYING, when the clock runs.
  void start();
  /// Nothing is received any more; before the pipeline is taken down.
  void halt();
  /// What hooks.post or hooks.after was given; false: none of ours.
  bool handle(const std::string& what, const std::string& name);
  /// An element of ours ("seen-ann") has failed; false: none of ours.
  bool failed(const std::string& owner, const std::string& error);

  /// Everybody, chosen or not.
  [[nodiscard]] std::vector<session::ParticipantInfo> report();
  [[nodiscard]] RtpReceiver::Counters counters() const { return receiver_.counters(); }

 private:
  struct Place;  // one medium of one participant, while it is decoded

  void follow_choice();
  void seat(std::size_t participant, Media);
  void unseat(Place&);
  void released(const std::string& name, Media);
  void unseat_undrawn();
  void ask_for_pictures();
  void mend();
  [[nodiscard]] Place* place(std::size_t participant, Media);

  RtpSource source_;
  Layout layout_;
  ActiveSpeaker::Options options_;
  GstElement* pipeline_;
  Mixers& mixers_;
  Hooks hooks_;
  RtpReceiver receiver_;
  std::map<std::string, std::size_t> index_;  // of names
  std::map<std::pair<Media, std::size_t>, std::unique_ptr<Place>> places_;
  std::map<std::pair<Media, std::size_t>, std::int64_t> banned_;  // failed lately; until when
  ActiveSpeaker::Choice choice_;
  bool asking_ = false;
};

}  // namespace auralink::pipeline
