// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker's side: turns commands of the daemon into calls on one pipeline::Conference and its news into
// messages. Lives on the default GMainContext.
#pragma once

#include <glib.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/pipeline/conference.hpp"
#include "orchestrator/worker/finish_task.hpp"
#include "worker.pb.h"

namespace auralink::worker {

class Agent final : public pipeline::ConferenceObserver {
 public:
  using Send = std::function<void(const v1::FromWorker&)>;
  /// `on_done` is called once, when the process should end, with its exit status.
  /// `survive` makes the loss of the daemon survivable, see Lifeline::rescue_at; only called when Start asks
  /// for it.
  Agent(Send send, std::function<void(int status)> on_done,
        std::function<tl::expected<void, std::string>(const std::string& socket)> survive = {});
  ~Agent() override;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void hello();
  /// Everything a daemon has to know that took this worker over: Hello, Running, where every branch is,
  /// figures, and the end if it came already.
  void replay();
  [[nodiscard]] bool ended() const { return ended_; }
  void on_command(std::string_view payload);
  void start(const v1::Start&);
  /// The daemon is gone or asks us to go: finish the files, then done. Repeating it is harmless.
  void wind_down(const std::string& reason);
  /// Done at once; files stay as they are.
  void end_now(const std::string& reason);

  void on_running() override;
  void on_branch(std::string_view name, session::BranchState, std::string_view error,
                 const pipeline::BranchFacts&) override;
  void on_participant_failed(std::string_view name, std::string_view error) override;
  void on_ended(pipeline::EndClass, std::string_view reason) override;

 private:
  void say(v1::FromWorker&&);
  void log(unsigned level, const std::string& category, const std::string& object,
           const std::string& message);
  void add_branch(const v1::AddBranch&);
  void finish(const v1::Finish&);
  void send_stats();
  void end(v1::Ended::Class, std::string_view reason);

  Send send_;
  std::function<void(int)> on_done_;
  std::function<tl::expected<void, std::string>(const std::string&)> survive_;
  std::uint32_t epoch_ = 0;
  std::optional<pipeline::Description> description_;
  std::unique_ptr<pipeline::Conference> conference_;
  std::unique_ptr<FinishTask> finish_;  ///< instead of a conference
  guint stats_timer_ = 0;
  bool running_ = false, winding_down_ = false, ended_ = false;
  std::map<std::string, v1::BranchChange> changes_;  ///< the last of every branch
  v1::Ended last_word_;
};

}  // namespace auralink::worker
