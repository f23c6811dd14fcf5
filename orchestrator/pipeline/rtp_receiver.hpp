// SPDX-License-Identifier: LGPL-2.1-or-later
// One thread that receives the RTP of a whole conference, however many participants: it knows who sends, how
// loud they are and who is therefore chosen, and hands on only the packets somebody decodes. The rest costs a
// look at a header. Thread-safe.
#pragma once

#include <gst/app/gstappsrc.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/active_speaker.hpp"
#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

class RtpReceiver final {
 public:
  struct Counters {
    std::uint64_t received = 0;   ///< datagrams
    std::uint64_t forwarded = 0;  ///< packets that went to a decoder
    std::uint64_t unchosen = 0;   ///< sound packets nobody decodes
    std::uint64_t stranger = 0;   ///< of an SSRC or payload type nobody announced
    std::uint64_t malformed = 0;  ///< no RTP
    std::uint64_t rtcp = 0;       ///< RTCP on the media port, which we do not read
    std::uint64_t overrun = 0;    ///< lost in the kernel because this process was too slow
  };
  struct Presence {
    bool audio = false, video = false;
  };
  /// A stream that cannot be received. `participant` indexes the source's participants.
  struct Fault {
    std::size_t participant;
    std::string error;
  };

  /// Binds every port. Ports that cannot be bound become faults of their participants.
  /// `on_choice`: the choice has changed; called on the receiver's thread.
  RtpReceiver(const RtpSource&, ActiveSpeaker::Options, std::function<void()> on_choice);
  ~RtpReceiver();
  RtpReceiver(const RtpReceiver&) = delete;
  RtpReceiver& operator=(const RtpReceiver&) = delete;

  /// Begins to receive. `pipeline` gives clock and base time: packets carry the running time of their
  /// arrival.
  void start(GstElement* pipeline);
  /// Ends the thread; repeating it is harmless.
  void stop();
  [[nodiscard]] const std::vector<Fault>& faults() const noexcept { return faults_; }

  [[nodiscard]] ActiveSpeaker::Choice choice() const;
  /// Whose packets arrive, by participant.
  [[nodiscard]] std::vector<Presence> presence() const;
  [[nodiscard]] Counters counters() const;

  /// Packets of this stream go to `feed` from now on; null: nowhere. Of a voice also those before this moment
  /// for which jitter buffers still wait, so that less of its first syllable is lost.
  void feed(std::size_t participant, Media, GstAppSrc* feed);
  /// Asks the sender for a keyframe, where the description says that it listens to that. At most twice a
  /// second.
  void ask_for_keyframe(std::size_t participant);

 private:
  struct Stream;
  struct Port;
  struct Batch;

  Port* open(const RtpSource&, std::uint16_t port, std::string& error);
  void add_stream(const RtpSource&, std::size_t participant, const RtpStream&, Media);
  void run();
  void drain(Port&, Batch&);
  void take(Port&, Batch&, std::size_t index, std::int64_t now);
  void forward(Stream&, std::span<const std::uint8_t> packet, std::int64_t arrived);
  void choose();
  [[nodiscard]] static std::int64_t monotonic();
  [[nodiscard]] Stream* find(std::size_t participant, Media) const;

  std::function<void()> on_choice_;
  std::vector<Fault> faults_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::pair<Stream*, Stream*>> of_participant_;  // video, audio
  mutable std::mutex mutex_;  // guards the speaker, the counters and what changes in the streams
  ActiveSpeaker speaker_;
  Counters counters_;
  std::int64_t base_ = 0;  // monotonic time of running time zero
  std::uint32_t own_ssrc_ = 0;
  std::int64_t preroll_ = 0;  // ns of sound that is kept of those who are not chosen
  int epoll_ = -1, wake_ = -1, timer_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace auralink::pipeline
