// SPDX-License-Identifier: LGPL-2.1-or-later
// The mixing element of one medium (compositor or audiomixer) and its inputs: request pads that appear and go
// while it plays, and, for video, where each picture is drawn.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/description.hpp"
#include "orchestrator/pipeline/roster.hpp"
#include "orchestrator/pipeline/seating.hpp"

namespace auralink::pipeline {

class Mixer final {
 public:
  /// `on_released` is called on the mixer's thread once a removed input is gone.
  Mixer(GstElement* element, Media, const Description&,
        std::function<void(const std::string& participant)> on_released);
  ~Mixer();
  Mixer(const Mixer&) = delete;
  Mixer& operator=(const Mixer&) = delete;

  /// Gives the mixer the first buffer of its life; call in PAUSED, before anything is joined. Without it
  /// GstAggregator 1.22.0 with force-live, which puts out frames before anybody has joined, jumps back to its
  /// start time when the first real buffer arrives: two frames with the same timestamp, and a muxer that
  /// refuses the second.
  void prime();
  /// Requests an input for `source` and links it. Any thread. `timeout`: ns of silence after which it is
  /// absent.
  /// `rank` orders the tiles.
  bool add(const std::string& participant, GstPad* source, std::size_t rank, std::int64_t timeout);
  /// Gives the participant's input back; on_released follows. Its source must be quiet. False: it has none.
  bool remove(const std::string& participant);

  /// Who is drawn where, with the next picture. `on_drawn` is called whenever others are drawn than before,
  /// on the mixer's thread.
  void order(SeatingOrder, std::function<void()> on_drawn = {});
  /// Whose pictures are drawn now.
  [[nodiscard]] std::vector<std::string> drawn();

  /// How loud somebody is (-dBov as in RFC 6464, of one buffer with this running time); on the threads that
  /// bring the sound. Call before anybody is added.
  using Listener =
      std::function<void(const std::string& participant, std::uint8_t dbov, std::int64_t running_time)>;
  void listen(Listener);

  struct Late {
    std::uint64_t inputs = 0;   ///< pictures or sounds that came after the moment they were for
    std::uint64_t outputs = 0;  ///< results that left more than 100 ms after they were due
  };
  [[nodiscard]] Late late();

  /// Who is present, as of output at `running_time` (audio) or of the last picture drawn (video).
  [[nodiscard]] std::vector<Roster::Member> present(std::int64_t running_time);

 private:
  struct Input {
    Mixer* mixer;
    Roster::Id id;
    std::string participant;
    support::Owned<GstPad> sink;
    support::Owned<GstPad> source;
    bool in_time = false;  // has brought something for a moment that was still to come
  };
  static GstPadProbeReturn on_input(GstPad*, GstPadProbeInfo*, gpointer input) noexcept;
  static GstPadProbeReturn on_output(GstPad*, GstPadProbeInfo*, gpointer mixer) noexcept;
  static void on_selected(GstElement*, GstSegment*, guint64 pts, guint64 dts, guint64 duration, GstStructure*,
                          gpointer mixer) noexcept;
  void draw();
  void unlink(Input&);
  void note_output(GstPad* pad, GstBuffer*);
  void measure(const Input&, GstBuffer*, std::int64_t running_time) const;

  support::Owned<GstElement> element_;
  std::function<void(const std::string&)> on_released_;
  const bool is_video_;
  const VideoMix canvas_;
  const guint rate_;
  Listener listener_;  // fixed once somebody is there
  std::mutex mutex_;  // guards all below; held while setting pad properties, never while linking or releasing
  Roster roster_;
  std::map<std::string, std::unique_ptr<Input>> inputs_;
  SeatingOrder order_;
  std::function<void()> on_drawn_;
  std::vector<std::string> tiles_;  // who is drawn in which
  bool reordered_ = false;
  Late late_;
  std::int64_t output_start_ = INT64_MIN;  // running time of what left last
  // The last pad stays when everybody has left: GstVideoAggregator resets itself, time included, when it
  // loses its last one, and forgets the format of an input that joins meanwhile.
  std::unique_ptr<Input> parked_;
  std::vector<std::unique_ptr<Input>> leaving_;  // released by the mixer's own thread, between two outputs
  gulong probe_ = 0, signal_ = 0;
};

}  // namespace auralink::pipeline
