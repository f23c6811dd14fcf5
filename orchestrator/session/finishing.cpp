// SPDX-License-Identifier: LGPL-2.1-or-later
// Pieces of a recording, its end, and what is made of it.
#include <algorithm>

#include "orchestrator/session/impl.hpp"
#include "orchestrator/session/paths.hpp"
#include "orchestrator/session/sidecar.hpp"

namespace auralink::session {
namespace {

constexpr unsigned kMostAttempts = 3;

/// 5 s after the first failure, 25 s after the second.
Millis retry_delay(unsigned attempts) { return Millis{attempts < 2 ? 5'000 : 25'000}; }

bool all_clean(const Recording& recording) {
  return std::all_of(recording.pieces.begin(), recording.pieces.end(),
                     [](const Piece& piece) { return piece.clean; });
}

/// What is missing, as a sentence; empty when nothing is.
std::string what_is_missing(const Recording& recording) {
  const auto broken = std::find_if(recording.pieces.begin(), recording.pieces.end(),
                                   [](const Piece& piece) { return !piece.clean; });
  if (broken != recording.pieces.end()) {
    std::string text = broken->error.empty() ? "a piece was not finalised" : broken->error;
    if (recording.pieces.size() > 1)
      text += " (piece " + std::to_string(broken - recording.pieces.begin() + 1) + " of " +
              std::to_string(recording.pieces.size()) + ")";
    return text;
  }
  std::int64_t missing = 0;
  for (const auto& gap : recording.gaps) missing += gap.missing_ns;
  if (recording.pieces.size() < 2 || missing == 0) return {};
  return std::to_string(missing / 1'000'000) + " ms are missing between its pieces";
}

/// Those made last replace those of the same kind and place.
void merge_artifacts(std::vector<Artifact>& have, const std::vector<Artifact>& made) {
  for (const auto& artifact : made) {
    std::erase_if(have, [&](const Artifact& old) { return old.path == artifact.path; });
    have.push_back(artifact);
  }
}

/// The times and the verdicts are ours; what the finisher measured is more exact than what the worker
/// counted.
void take_measures(Recording& recording, const std::vector<Piece>& measured) {
  for (const auto& one : measured)
    for (auto& piece : recording.pieces)
      if (piece.path == one.path && one.duration_ns > 0) {
        piece.bytes = one.bytes;
        piece.duration_ns = one.duration_ns;
      }
}

}  // namespace

bool concluded(const Recording& recording) noexcept {
  if (is_final(recording.state)) return true;
  return recording.state == RecordingState::finalising &&
         (recording.pieces.empty() || recording.pieces.back().ended_at.count() != 0);
}

/// Wall time on a line that does not jump: counted from the recording's first piece by the monotonic clock,
/// so that somebody setting the clock changes neither gaps nor lengths. After a reboot that clock began anew;
/// then it shows less than was recorded already.
Millis Service::Impl::steady_wall(const Recording& recording) const {
  const auto wall = clock_.wall();
  if (recording.pieces.empty() || recording.pieces.front().started_mono.count() == 0) return wall;
  const auto& first = recording.pieces.front();
  const auto elapsed = clock_.monotonic() - first.started_mono;
  std::int64_t recorded_ns = 0;
  for (const auto& piece : recording.pieces) recorded_ns += piece.duration_ns;
  constexpr Millis kTolerance{10'000};
  const bool same_boot = elapsed >= Millis{0} && elapsed + kTolerance >= Millis{recorded_ns / 1'000'000};
  return same_boot ? first.started_at + elapsed : wall;
}

void Service::Impl::open_piece(Recording& recording, std::uint32_t epoch, std::string path) {
  edit(recording);
  recording.epoch = epoch;
  recording.pieces.push_back({.epoch = epoch, .path = std::move(path)});
}

Outcome<std::string> Service::Impl::next_piece(Entry& entry, Recording& recording) {
  const auto epoch = entry.conference.epoch;
  if (!recording.pieces.empty() && recording.pieces.back().epoch == epoch &&
      recording.pieces.back().ended_at.count() == 0)
    return recording.pieces.back().path;  // added while a restart was waiting
  const auto suffix = suffix_for(recording.container);
  const auto first = static_cast<unsigned>(recording.pieces.size()) + 1;
  constexpr unsigned kMostNames = 1000;
  Outcome<std::string> path = tl::unexpected(conflict("the recording has no place for another piece"));
  for (unsigned number = first; number < first + kMostNames; ++number) {
    path = storage_.reserve(part_path(recording.relative, number, suffix), is_folder(recording.container));
    if (path || path.error().kind != Problem::Kind::conflict) break;
  }
  if (!path) return path;
  if (undo_ != nullptr) undo_->reserved.push_back(*path);
  open_piece(recording, epoch, *path);
  emit("recording.piece", recording.conference, "recording", to_json(recording));
  return path;
}

void Service::Impl::piece_started(Recording& recording) {
  if (recording.pieces.empty() || recording.pieces.back().started_mono.count() != 0) return;
  edit(recording);
  const auto wall = steady_wall(recording);
  auto& piece = recording.pieces.back();
  piece.started_at = wall;
  piece.started_mono = clock_.monotonic();
  if (recording.paused && recording.pauses.size() < kMaxPauses)
    recording.pauses.push_back({.epoch = piece.epoch, .from = wall, .from_mono = piece.started_mono});
}

void Service::Impl::measure(Recording& recording, std::uint64_t bytes, std::int64_t duration_ns) {
  if (recording.pieces.empty()) return;
  edit(recording);
  auto& piece = recording.pieces.back();
  piece.bytes = std::max(piece.bytes, bytes);
  piece.duration_ns = std::max(piece.duration_ns, duration_ns);
  recording.bytes = 0;
  recording.duration_ns = 0;
  for (const auto& each : recording.pieces) {
    recording.bytes += each.bytes;
    recording.duration_ns += each.duration_ns;
  }
}

void Service::Impl::close_piece(Recording& recording, const PieceEnd& how) {
  edit(recording);
  if (recording.pieces.empty())  // from before recordings had pieces
    recording.pieces.push_back(
        {.epoch = recording.epoch, .path = recording.path, .duration_ns = recording.duration_ns});
  if (recording.pieces.back().ended_at.count() != 0) return;
  auto& piece = recording.pieces.back();
  piece.ended_at = steady_wall(recording);
  piece.ended_mono = clock_.monotonic();
  // The file on disk is the truth; what the worker counted stands in when the disk cannot be asked.
  piece.bytes = storage_.size(piece.path).value_or(how.reported.value_or(0));
  piece.clean = how.clean && piece.bytes > 0;
  if (piece.bytes == 0) piece.duration_ns = 0;  // taken by the worker, but never on the disk
  piece.error = how.clean ? std::string{} : how.why;
  if (!recording.pauses.empty() && recording.pauses.back().until.count() == 0) {
    recording.pauses.back().until = piece.ended_at;
    recording.pauses.back().until_mono = piece.ended_mono;
  }
  measure(recording, 0, 0);
}

void Service::Impl::suspend(Recording& recording, const std::string& why) {
  if (concluded(recording)) return;
  close_piece(recording, {.why = why});
}

void Service::Impl::conclude(Recording& recording, const PieceEnd& how) {
  if (concluded(recording)) return;
  edit(recording);
  // When its worker was gone already, how that ended is what is missing, not that somebody stopped it since.
  const bool writing = recording.pieces.empty() || recording.pieces.back().ended_at.count() == 0;
  close_piece(recording, how);
  recording.paused = false;
  if (!how.clean && (writing || how.refused)) recording.error = how.why;
  if (recording.bytes == 0) {
    if (recording.error.empty()) recording.error = how.why.empty() ? "nothing was recorded" : how.why;
    advance(recording, RecordingState::failed);
    return;
  }
  if (finisher_ == nullptr) {
    if (recording.error.empty()) recording.error = what_is_missing(recording);
    const auto damaged = how.refused ? RecordingState::failed : RecordingState::interrupted;
    advance(recording, recording.error.empty() ? RecordingState::complete : damaged);
    return;
  }
  const auto* entry = find(recording.conference);
  recording.sidecar = sidecar(recording, entry == nullptr ? nullptr : &entry->conference);
  recording.processing = wants_processing(recording) ? ProcessingState::pending : ProcessingState::none;
  advance(recording, RecordingState::finalising);
  order_finish(recording.id);
}

bool Service::Impl::wants_processing(const Recording& recording) const {
  const bool pictures = recording.preview_interval.value_or(settings_.preview_interval) > Millis{0};
  return pictures || !settings_.hook.empty() || !settings_.hook_url.empty();
}

void Service::Impl::order_finish(const std::string& id) {
  if (finisher_ == nullptr) return;
  later([this, id] {
    const bool fresh = finishing_.try_emplace(id).second;
    if (fresh) give_order(id);
  });
}

void Service::Impl::give_order(const std::string& id) {
  const auto at = recordings_.find(id);
  if (at == recordings_.end() || finisher_ == nullptr) {
    finishing_.erase(id);
    return;
  }
  const auto& recording = at->second;
  FinishOrder order{.recording = id,
                    .container = recording.container,
                    .path = recording.path,
                    .pieces = {},
                    .sidecar = recording.sidecar,
                    .preview_interval = recording.preview_interval.value_or(settings_.preview_interval),
                    .hook = settings_.hook,
                    .hook_url = settings_.hook_url,
                    .hook_timeout = settings_.hook_timeout};
  for (const auto& piece : recording.pieces) {
    const bool joined = std::any_of(order.pieces.begin(), order.pieces.end(),
                                    [&](const Piece& other) { return other.path == piece.path; });
    if (joined) continue;  // given again after it was finished
    if (piece.bytes > 0)
      order.pieces.push_back(piece);
    else if (piece.path != recording.path)
      storage_.release(piece.path);  // a worker that died before it wrote anything
  }
  finisher_->finish(order);
}

void Service::Impl::give_due_orders(Millis now) {
  for (auto& [id, order] : finishing_) {
    if (!order.due || now < *order.due) continue;
    order.due.reset();
    later([this, again = id] { give_order(again); });
  }
}

bool Service::Impl::finishing_left() const {
  return std::any_of(finishing_.begin(), finishing_.end(), [this](const auto& item) {
    const auto at = recordings_.find(item.first);
    // While draining nothing is tried again: the next daemon will.
    return !item.second.due && at != recordings_.end() && !is_final(at->second.state);
  });
}

void Service::Impl::finish_event(const FinishReport& report) {
  fact([&] {
    const auto at = recordings_.find(report.recording);
    if (at == recordings_.end() || !concluded(at->second)) return;
    auto& recording = at->second;
    const bool expected = finishing_.contains(recording.id);
    if (!expected) return;
    switch (report.stage) {
      case FinishReport::Stage::progress:
        return;
      case FinishReport::Stage::finalised:
        finalised(recording, report);
        return;
      case FinishReport::Stage::processed:
        edit(recording);
        merge_artifacts(recording.artifacts, report.artifacts);
        processed(recording, report.error.empty() ? ProcessingState::done : ProcessingState::failed,
                  report.error);
        return;
      case FinishReport::Stage::failed:
        take_measures(edit(recording), report.pieces);
        measure(recording, 0, 0);
        finish_failed(recording, report.error.empty() ? "the recording could not be finished" : report.error);
        return;
    }
  });
}

void Service::Impl::finalised(Recording& recording, const FinishReport& report) {
  edit(recording);
  if (!report.path.empty()) recording.path = report.path;
  recording.bytes = report.bytes;
  recording.duration_ns = report.duration_ns;
  recording.bitrate = report.bitrate;
  recording.sha256 = report.sha256;
  recording.gaps = report.gaps;
  merge_artifacts(recording.artifacts, report.artifacts);
  const auto missing = what_is_missing(recording);
  for (auto& gap : recording.gaps)
    if (gap.reason.empty()) gap.reason = missing;
  if (recording.error.empty()) recording.error = missing;
  take_measures(recording, report.pieces);
  // What was joined lies in the file that was delivered now.
  for (auto& piece : recording.pieces)
    if (!storage_.size(piece.path)) piece.path = recording.path;
  if (recording.processing == ProcessingState::pending) recording.processing = ProcessingState::running;
  if (recording.processing == ProcessingState::none) {
    recording.sidecar = nullptr;
    finishing_.erase(recording.id);
  }
  const bool whole = recording.error.empty() && all_clean(recording);
  advance(recording, whole ? RecordingState::complete : RecordingState::interrupted);
  retention_due_ = true;
}

void Service::Impl::processed(Recording& recording, ProcessingState state, const std::string& error) {
  finishing_.erase(recording.id);
  edit(recording);
  recording.processing = state;
  recording.processing_error = error;
  recording.sidecar = nullptr;
  emit("recording.processed", recording.conference, "recording", to_json(recording));
}

void Service::Impl::finish_failed(Recording& recording, const std::string& error) {
  auto& order = finishing_[recording.id];
  ++order.attempts;
  if (order.attempts < kMostAttempts || draining_) {
    order.due = clock_.monotonic() + retry_delay(order.attempts);
    return;
  }
  if (is_final(recording.state)) {
    processed(recording, ProcessingState::failed, error);
    return;
  }
  abandon(recording, error);
}

void Service::Impl::abandon(Recording& recording, const std::string& error) {
  finishing_.erase(recording.id);
  edit(recording);
  std::uint64_t left = 0;
  for (const auto& piece : recording.pieces) left += storage_.size(piece.path).value_or(0);
  recording.bytes = left;
  recording.error = (recording.error.empty() ? std::string{} : recording.error + "; ") + error;
  recording.sidecar = nullptr;
  if (recording.processing == ProcessingState::pending) {
    recording.processing = ProcessingState::failed;
    recording.processing_error = "the recording could not be finished";
  }
  advance(recording, left > 0 ? RecordingState::interrupted : RecordingState::failed);
}

}  // namespace auralink::session
