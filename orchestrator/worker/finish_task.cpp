// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/finish_task.hpp"

#include <glib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "orchestrator/pipeline/finish_pictures.hpp"
#include "orchestrator/worker/finish_hook.hpp"

namespace auralink::worker {
namespace {

using session::FinishReport;
namespace finish = pipeline::finish;

constexpr std::int64_t kTellEveryUs = 500'000;

}  // namespace

void lower_priority() noexcept {
  constexpr int kNice = 10;
  // Linux counts niceness per thread; new threads inherit it.
  ::setpriority(PRIO_PROCESS, 0, kNice);
  constexpr int kWhoProcess = 1, kBestEffort = 2, kLowest = 7, kClassShift = 13;
  ::syscall(SYS_ioprio_set, kWhoProcess, 0, kBestEffort << kClassShift | kLowest);
}

FinishTask::FinishTask(session::FinishOrder order, Callbacks callbacks)
    : order_{std::move(order)},
      callbacks_{std::move(callbacks)},
      self_{std::make_shared<FinishTask*>(this)},
      thread_{[this] { work(); }} {}

FinishTask::~FinishTask() {
  given_up_ = true;
  *self_ = nullptr;
  if (thread_.joinable()) thread_.join();
}

void FinishTask::post(std::function<void(FinishTask&)> action) {
  struct Posted {
    std::shared_ptr<FinishTask*> task;
    std::function<void(FinishTask&)> action;
  };
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        auto& posted = *static_cast<Posted*>(data);
        if (*posted.task != nullptr) posted.action(**posted.task);
        return G_SOURCE_REMOVE;
      },
      new Posted{self_, std::move(action)}, [](gpointer data) { delete static_cast<Posted*>(data); });
}

bool FinishTask::progress(double from, double to, double part) {
  const auto now = g_get_monotonic_time();
  if (now - told_us_ >= kTellEveryUs) {
    told_us_ = now;
    FinishReport report;
    report.recording = order_.recording;
    report.stage = FinishReport::Stage::progress;
    report.progress = from + (to - from) * part;
    post([report](FinishTask& task) { task.callbacks_.report(report); });
  }
  return !given_up_;
}

void FinishTask::work() {
  lower_priority();
  constexpr double kFileDone = 0.6;
  auto finished = finish::finalise(order_, [this](double part) { return progress(0, kFileDone, part); });
  if (given_up_) return;
  post([report = finished.report](FinishTask& task) { task.callbacks_.report(report); });
  if (finished.report.stage == FinishReport::Stage::finalised) {
    auto report = process(finished, kFileDone);
    if (given_up_) return;
    post([report = std::move(report)](FinishTask& task) { task.callbacks_.report(report); });
  }
  post([](FinishTask& task) { task.callbacks_.done(); });
}

FinishReport FinishTask::process(finish::Finished& finished, double from) {
  constexpr double kPicturesDone = 0.9;
  FinishReport report;
  report.recording = order_.recording;
  report.stage = FinishReport::Stage::processed;
  report.progress = 1;
  const auto complain = [&report](const std::string& why) {
    report.error += (report.error.empty() ? "" : "; ") + why;
  };
  if (order_.preview_interval.count() > 0) {
    auto pictures =
        finish::draw(order_, finished, [&](double part) { return progress(from, kPicturesDone, part); });
    if (!pictures)
      complain("there are no pictures: " + pictures.error());
    else if (auto added = finish::add_pictures(finished, *pictures); !added)
      complain(added.error());
    else
      report.artifacts = std::move(*pictures);
  }
  if (given_up_) return report;
  const HookCallbacks hook{.line =
                               [this](const std::string& line) {
                                 post([line](FinishTask& task) { task.callbacks_.log("hook: " + line); });
                               },
                           .tick = [this] { return progress(kPicturesDone, 1, 0); }};
  if (!order_.hook.empty())
    if (auto ran = run_hook(order_.hook, finished.sidecar.string(), order_.hook_timeout, hook); !ran)
      complain(ran.error());
  if (!order_.hook_url.empty() && !given_up_)
    if (auto posted = post_hook(order_.hook_url, finished.document.dump(), order_.hook_timeout, hook);
        !posted)
      complain(posted.error());
  return report;
}

}  // namespace auralink::worker
