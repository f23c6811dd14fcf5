// SPDX-License-Identifier: LGPL-2.1-or-later
// One conference's media, running: participants come and go, branches come and go, none disturbs another.
// Lives on one GMainContext thread (the default context); everything asynchronous arrives there through the
// bus.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/branch_bin.hpp"
#include "orchestrator/pipeline/description.hpp"
#include "orchestrator/pipeline/mixer.hpp"
#include "orchestrator/pipeline/participant_bin.hpp"
#include "orchestrator/pipeline/plan.hpp"
#include "orchestrator/pipeline/spotlight.hpp"
#include "orchestrator/pipeline/stage.hpp"

namespace auralink::pipeline {

enum class EndClass { completed, stopped, failed_source, failed_sink };

/// Told on the main thread. Sentences never hold secrets.
class ConferenceObserver {
 public:
  virtual ~ConferenceObserver() = default;
  virtual void on_running() = 0;
  virtual void on_branch(std::string_view name, session::BranchState, std::string_view error,
                         const BranchFacts&) = 0;
  virtual void on_participant_failed(std::string_view name, std::string_view error) = 0;
  virtual void on_ended(EndClass, std::string_view reason) = 0;  ///< last call; all files are finished
};

struct ConferenceStats {
  std::map<std::string, BranchFacts> branches;
  std::vector<session::ParticipantInfo> participants;
  std::uint64_t late_frames = 0;  ///< what came too late for its mixer, or left one too late
};

class Conference final {
 public:
  /// `paths`: branch name -> absolute file or directory.
  /// `eos_timeout`: how long a branch may take to finish its file before it is given up.
  Conference(Description, std::map<std::string, std::string> paths, std::chrono::milliseconds eos_timeout,
             ConferenceObserver&);
  ~Conference();
  Conference(const Conference&) = delete;
  Conference& operator=(const Conference&) = delete;

  /// Builds and plays. Branches that cannot be opened fail alone, through the observer.
  [[nodiscard]] tl::expected<void, BuildError> start();

  void add_branch(const std::string& name, const Branch&, const std::string& path);
  void remove_branch(const std::string& name);
  /// While paused a branch writes nothing; its file then goes on without a hole. Repeating it is harmless.
  void pause_branch(const std::string& name, bool paused);
  /// Finishes every file, then on_ended(stopped). Repeating it is harmless.
  void stop();

  [[nodiscard]] ConferenceStats stats();
  /// Graphviz source of the running pipeline, without property values: they can hold secrets.
  [[nodiscard]] std::string dot() const;

 private:
  struct Hub;         // where coded streams of one name are handed out: a tee, its encoder, its users
  struct BranchSlot;  // a BranchBin and its links
  struct Seat;        // a participant's place: planned, playing, leaving

  [[nodiscard]] tl::expected<void, BuildError> build_mixers();
  [[nodiscard]] tl::expected<void, BuildError> open_stage();
  void follow_speaker();
  [[nodiscard]] tl::expected<Hub*, BuildError> hub(const Stream&);
  [[nodiscard]] tl::expected<GstElement*, BuildError> source_of(const Stream&) const;
  void release_hub(const std::string& stream);
  [[nodiscard]] tl::expected<void, BuildError> attach(const std::string& name, const Branch&,
                                                      const std::vector<Stream>&);
  void attach_existing(const std::string& name, const Branch&);
  static void ask_for_keyframe(const BranchSlot&, std::int64_t running_time);
  [[nodiscard]] std::function<Fragment(Media, const std::string&)> adapter_for(const FileBranch&) const;
  [[nodiscard]] bool is_there(const std::string& participant) const;
  /// A source pad of the tee that elements of the pipeline can be linked to.
  [[nodiscard]] support::Owned<GstPad> tap_of(GstElement* tee) const;
  static void give_back(GstPad* tapped);
  void watch_taps(Seat&);
  void participant_flows(const std::string& name);
  void participant_settled(const std::string& name);
  void participant_left(const std::string& name);
  void end_if_silent(const std::string& branch);
  [[nodiscard]] bool joins_late() const;
  void hold_trunks();
  void release_trunks();
  void fail_branch(const std::string& name, const std::string& error);
  void drain_branch(const std::string& name);
  void detach(const std::string& name, session::BranchState, const std::string& error);
  void branch_finished(const std::string& name);
  void retire(const std::string& name);
  void branch_gone(const std::string& name);
  void branch_overdue(const std::string& name);
  void end_quiet_branch(const std::string& name);

  void seat_participant(const std::string& name);
  void expect_streams(Seat&) const;
  void on_collection(GstMessage*);
  void note_absent_streams(const Seat&);
  void unseat(const std::string& name, const std::string& error);
  void unseated(const std::string& name);
  void finish(EndClass, const std::string& reason);
  void finish_if_drained();
  [[nodiscard]] std::int64_t now() const;
  [[nodiscard]] bool passes_through() const;

  void post(const char* what, const std::string& name) const;
  void after(std::chrono::milliseconds, const char* what, const std::string& name);
  static gboolean on_bus(GstBus*, GstMessage*, gpointer self) noexcept;
  void on_message(GstMessage*);
  void on_application(const GstStructure*);
  void on_error(GstMessage*);
  /// The element of the pipeline that `object` is part of; empty when it has left.
  [[nodiscard]] std::string owner_of(GstObject*) const;

  Description description_;
  Plan plan_;
  std::map<std::string, std::string> paths_;
  std::chrono::milliseconds eos_timeout_;
  ConferenceObserver& observer_;
  support::Owned<GstElement> pipeline_;
  guint bus_watch_ = 0;
  std::map<Media, GstElement*> trunks_;  // the tee behind each mixer; owned by pipeline_
  std::map<Media, std::unique_ptr<Mixer>> mixers_;
  std::unique_ptr<Spotlight> spotlight_;
  std::unique_ptr<Stage> stage_;  // instead of seats_, when the RTP of all is received together
  std::map<std::string, std::unique_ptr<Hub>> hubs_;
  std::map<std::string, std::unique_ptr<BranchSlot>> branches_;
  std::map<std::string, std::unique_ptr<Seat>> seats_;
  // Passthrough: branches wait until it is known which streams exist.
  bool streams_known_ = false;
  std::set<std::string> absent_;  // "video", "audio"
  std::map<std::string, Branch> waiting_;
  std::set<std::string> paused_;  // branches that are to be paused, also before they exist
  std::vector<std::pair<support::Owned<GstPad>, gulong>> held_;
  std::vector<guint> timers_;
  bool running_ = false, finishing_ = false, ended_ = false;
  EndClass end_class_ = EndClass::stopped;
  std::string end_reason_;
};

}  // namespace auralink::pipeline
