// SPDX-License-Identifier: LGPL-2.1-or-later
// One participant made real: a GstBin with ghost source pads "video" and "audio" that keep their end of
// stream and flushes to themselves, so that somebody leaving or starting over never disturbs a mixer.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/builder.hpp"
#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {

class ParticipantBin final {
 public:
  struct Hooks {
    /// A stream exists: link `source` (a ghost pad of the bin) before returning. Streaming thread.
    std::function<void(Media, GstPad* source)> on_stream;
    /// Everything this participant had has been played; only without loop. Streaming thread, once.
    std::function<void()> on_ended;
    /// A looping source has ended: call loop() from the main thread. Streaming thread.
    std::function<void()> on_loop;
  };

  /// `offset`: running time at which its first data is due.
  [[nodiscard]] static tl::expected<std::unique_ptr<ParticipantBin>, BuildError> create(const Participant&,
                                                                                        std::int64_t offset,
                                                                                        Hooks);
  ~ParticipantBin();
  ParticipantBin(const ParticipantBin&) = delete;
  ParticipantBin& operator=(const ParticipantBin&) = delete;

  [[nodiscard]] GstElement* element() const noexcept { return bin_.get(); }
  [[nodiscard]] const Participant& plan() const noexcept { return plan_; }
  /// The tee where this participant alone can be taken; nullptr when the plan has none. Owned by the bin.
  [[nodiscard]] GstElement* tap(Media) const;
  /// Reports the streams that exist from the start (rtp, test); call after the bin is in its pipeline.
  void report_static_streams();
  /// Nothing leaves the bin from now on.
  void mute();
  /// Plays every ended source from its beginning, due at `running_time`.
  void loop(std::int64_t running_time);

 private:
  struct Stream;  // one ghost pad
  struct Source;  // one demuxer (delayed links) or the bin itself (static links)
  ParticipantBin(const Participant&, std::int64_t offset, Hooks);

  static GstPadProbeReturn on_event(GstPad*, GstPadProbeInfo*, gpointer stream) noexcept;
  void on_delayed(GstPad* consumer);
  void on_end(Stream&);
  [[nodiscard]] const Port* port_behind(const std::string& node) const;

  Participant plan_;
  Hooks hooks_;
  std::atomic<std::int64_t> offset_;
  std::atomic<bool> muted_{false};
  mutable std::mutex mutex_;  // guards the members of streams_ and sources_; never held while calling out
  std::map<std::string, std::unique_ptr<Stream>> streams_;  // by port name; fixed after create()
  std::map<std::string, std::unique_ptr<Source>> sources_;  // by node id of the demuxer
  bool ended_ = false;
  support::Owned<GstElement> bin_;
};

}  // namespace auralink::pipeline
