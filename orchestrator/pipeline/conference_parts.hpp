// SPDX-License-Identifier: LGPL-2.1-or-later
// The pieces a Conference keeps; private to conference*.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/pipeline/conference.hpp"

namespace auralink::pipeline {

/// A coded stream that branches share. Encoders run only while somebody uses them.
struct Conference::Hub {
  support::Owned<GstElement> tee;
  std::vector<GstElement*> elements;  ///< the encoder's, owned by the pipeline; empty in passthrough
  support::Owned<GstPad> feed;        ///< source pad of the trunk tee that feeds the encoder
  unsigned users = 0;
};

struct Conference::BranchSlot {
  struct Tap {
    std::string hub;
    support::Owned<GstPad> tee_pad;
    Media media = Media::video;
  };
  std::unique_ptr<BranchBin> bin;
  std::vector<Tap> taps;
  std::string participant;  ///< whom it records alone; empty: the mix
  session::BranchState state = session::BranchState::adding;
  std::string error;
  BranchFacts facts;             ///< final, once `bin` was given away to be closed
  std::size_t still_linked = 0;  ///< taps that must let go before the bin can be taken away
};

struct Conference::Seat {
  enum class State { planned, playing, leaving, gone };
  const Participant* plan = nullptr;
  std::size_t rank = 0;  ///< its place among the tiles
  State state = State::planned;
  std::unique_ptr<ParticipantBin> bin;
  std::atomic<bool> audio{false}, video{false};              ///< streams that exist (passthrough)
  std::atomic<bool> audio_flows{false}, video_flows{false};  ///< something came to its taps
  bool streams_known = false;      ///< what it sends had time to come; recordings of it alone take that
  std::set<std::string> unopened;  ///< demuxers that have not said what they contain
  bool has_audio = false, has_video = false;  ///< what they said
  unsigned inputs_to_release = 0;
  std::string error;
};

}  // namespace auralink::pipeline
