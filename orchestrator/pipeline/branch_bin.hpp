// SPDX-License-Identifier: LGPL-2.1-or-later
// One branch made real: a GstBin whose ghost sink pads are gated (gate.hpp), re-timed to start at zero, and
// never return a flow error upstream, so that a full disk ends this branch and nothing else.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/builder.hpp"
#include "orchestrator/pipeline/gate.hpp"
#include "orchestrator/pipeline/plan.hpp"
#include "orchestrator/session/model.hpp"

namespace auralink::pipeline {

struct BranchFacts {
  std::uint64_t bytes = 0;    ///< coded bytes taken
  std::uint64_t dropped = 0;  ///< buffers refused because the branch was too slow
  std::int64_t media_ns = 0;  ///< media time taken
  bool paused = false;
  std::optional<session::TrunkFacts> trunk = {};  ///< of a branch that sends H.264 through a tunnel
};

/// Main-thread object; facts() and the hooks are thread-safe.
class BranchBin final {
 public:
  struct Options {
    std::int64_t start = 0;  ///< running time before which nothing is recorded
    std::function<void()>
        on_open;  ///< called once, on a streaming thread, when the first coded data is taken
    /// What to put before a stream whose caps the fragment refuses (passthrough); may be empty.
    std::function<Fragment(Media, const std::string& caps_name)> adapter;
    bool adapt_video = false;  ///< always put it there for video
  };
  [[nodiscard]] static tl::expected<std::unique_ptr<BranchBin>, BuildError> create(const Fragment&, Options);
  ~BranchBin();
  BranchBin(const BranchBin&) = delete;
  BranchBin& operator=(const BranchBin&) = delete;

  [[nodiscard]] GstElement* element() const noexcept { return bin_.get(); }
  [[nodiscard]] const std::vector<Port>& inputs() const noexcept { return ports_; }

  /// Nothing is taken from `running_time` on, or again from the first keyframe after it, without a hole.
  void pause(bool paused, std::int64_t running_time);
  /// Every stream ends before `running_time`; the bin posts EOS when the file is finished.
  void end_at(std::int64_t running_time);
  /// Ends the streams that have not ended yet, for sources that send nothing any more.
  void end_now();
  /// Drops everything from now on; the branch has failed.
  void close();

  [[nodiscard]] BranchFacts facts() const;
  /// How long no buffer has arrived on any stream that has not ended.
  [[nodiscard]] std::chrono::milliseconds quiet_for() const noexcept;
  /// Whether any media was taken; a branch without can never finish a file.
  [[nodiscard]] bool opened() const noexcept { return opened_; }

 private:
  struct Input;
  BranchBin(support::Owned<GstElement> bin, const Fragment&, Options);

  static GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer*) noexcept;
  static gboolean event(GstPad*, GstObject* parent, GstEvent*) noexcept;
  static gboolean query(GstPad*, GstObject* parent, GstQuery*) noexcept;
  GstFlowReturn take(Input&, GstPad*, GstObject* parent);
  void write(Input&, GstPad*, GstObject* parent, support::Owned<GstBuffer>, std::int64_t origin);
  static void finish(Input&, GstPad*, GstObject* parent);
  static void finish_locked(Input&);
  void adapt(Input&, GstCaps*);

  support::Owned<GstElement> bin_;
  support::Owned<GstElement> compressor_;  // of a trunk, else null
  std::vector<Port> ports_;
  Options options_;
  mutable std::mutex mutex_;  // guards gate_ only; never held while pushing
  Gate gate_;
  std::atomic<bool> opened_{false};
  std::atomic<gint64> last_arrival_;  // g_get_monotonic_time()
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::int64_t> media_ns_{0};
  std::vector<std::unique_ptr<Input>> inputs_;
};

}  // namespace auralink::pipeline
