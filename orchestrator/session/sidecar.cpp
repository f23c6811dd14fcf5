// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/sidecar.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "orchestrator/session/times.hpp"

namespace auralink::session {
namespace {

using json::Value;

constexpr std::size_t kMaxChapters = 200;
/// Joins so close together are one chapter; who was away for so short did not leave (a worker was replaced).
constexpr double kSameMoment = 1.0, kShortAbsence = 3.0;

Value time_or_null(Millis at) { return at.count() == 0 ? Value() : Value(rfc3339(at)); }
double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }
double to_seconds(Millis duration) { return static_cast<double>(duration.count()) / 1000; }

Millis paused_within(const Recording& recording, std::uint32_t epoch, Millis from, Millis until) {
  Millis sum{0};
  for (const auto& pause : recording.pauses) {
    if (pause.epoch != epoch) continue;
    const auto end = pause.until_mono.count() == 0 ? until : std::min(until, pause.until_mono);
    sum += std::max(Millis{0}, end - std::max(from, pause.from_mono));
  }
  return sum;
}

/// Media seconds of a piece: what its worker counted, else what the clock says.
double length(const Recording& recording, const Piece& piece) {
  if (piece.duration_ns > 0) return static_cast<double>(piece.duration_ns) / 1e9;
  if (piece.started_mono.count() == 0 || piece.ended_mono < piece.started_mono) return 0;
  return to_seconds(piece.ended_mono - piece.started_mono -
                    paused_within(recording, piece.epoch, piece.started_mono, piece.ended_mono));
}

struct Stay {
  std::string name;
  Millis joined_at{}, left_at{};
  double from = 0;
  std::optional<double> until;
};

/// Who was there while it was recorded, in the order of coming.
std::vector<Stay> stays(const Recording& recording, const Conference& conference, double total) {
  std::vector<Stay> all;
  for (const auto& entry : conference.presence) {
    const auto at = position_seconds(recording, entry.epoch, entry.at_mono);
    const auto open = std::find_if(all.rbegin(), all.rend(),
                                   [&](const Stay& stay) { return stay.name == entry.name && !stay.until; });
    if (entry.joined && open == all.rend())
      all.push_back({.name = entry.name, .joined_at = entry.at, .left_at = {}, .from = at, .until = {}});
    else if (!entry.joined && open != all.rend()) {
      open->until = at;
      open->left_at = entry.at;
    }
  }
  // Gone before it began, or come after its end: not in this recording.
  std::erase_if(all, [&](const Stay& stay) {
    return (stay.until && *stay.until <= 0) || (total > 0 && stay.from >= total);
  });
  return all;
}

Value participants(const std::vector<Stay>& all, double total) {
  auto out = Value::array();
  for (const auto& stay : all) {
    auto at =
        std::find_if(out.begin(), out.end(), [&](const Value& who) { return who["name"] == stay.name; });
    if (at == out.end()) {
      out.push_back({{"name", stay.name}, {"presence", Value::array()}});
      at = out.end() - 1;
    }
    (*at)["presence"].push_back({{"joinedAt", time_or_null(stay.joined_at)},
                                 {"leftAt", time_or_null(stay.left_at)},
                                 {"fromSeconds", rounded(stay.from)},
                                 {"toSeconds", rounded(stay.until.value_or(total))}});
  }
  return out;
}

bool came_back_at_once(const std::vector<Stay>& all, std::size_t index) {
  return std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(index), [&](const Stay& before) {
    return before.name == all[index].name && before.until && all[index].from - *before.until < kShortAbsence;
  });
}

Value chapters(const std::vector<Stay>& all) {
  struct Chapter {
    double at;
    std::string names;
  };
  std::vector<Chapter> list;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (came_back_at_once(all, i)) continue;
    if (!list.empty() && all[i].from - list.back().at < kSameMoment)
      list.back().names += ", " + all[i].name;
    else if (list.size() < kMaxChapters)
      list.push_back({all[i].from, all[i].name});
  }
  auto out = Value::array();
  for (const auto& chapter : list)
    out.push_back({{"at", rounded(chapter.at)}, {"title", chapter.names + " joined"}});
  return out;
}

Value epochs(const Recording& recording) {
  auto out = Value::array();
  for (const auto& piece : recording.pieces)
    out.push_back({{"epoch", piece.epoch},
                   {"startedAt", time_or_null(piece.started_at)},
                   {"endedAt", time_or_null(piece.ended_at)},
                   {"durationSeconds", rounded(length(recording, piece))},
                   {"bytes", piece.bytes},
                   {"clean", piece.clean}});
  return out;
}

Value pauses(const Recording& recording) {
  auto out = Value::array();
  for (const auto& pause : recording.pauses)
    out.push_back(
        {{"at", rounded(position_seconds(recording, pause.epoch, pause.from_mono))},
         {"from", time_or_null(pause.from)},
         {"until", time_or_null(pause.until)},
         {"seconds", rounded(to_seconds(std::max(Millis{0}, pause.until_mono - pause.from_mono)))}});
  return out;
}

}  // namespace

double position_seconds(const Recording& recording, std::uint32_t epoch, Millis at_mono) {
  double sum = 0;
  for (const auto& piece : recording.pieces) {
    if (piece.epoch > epoch) break;
    const auto whole = length(recording, piece);
    if (piece.epoch < epoch) {
      sum += whole;
      continue;
    }
    if (piece.started_mono.count() == 0 || at_mono <= piece.started_mono) break;
    const auto paused = paused_within(recording, piece.epoch, piece.started_mono, at_mono);
    sum += std::clamp(to_seconds(at_mono - piece.started_mono - paused), 0.0, whole);
  }
  return sum;
}

json::Value sidecar(const Recording& recording, const Conference* conference) {
  double total = 0;
  for (const auto& piece : recording.pieces) total += length(recording, piece);
  const auto there = conference == nullptr ? std::vector<Stay>{} : stays(recording, *conference, total);
  return {{"version", 1},
          {"recording", recording.id},
          {"conference", recording.conference},
          {"pipeline", conference == nullptr ? Value() : Value(conference->pipeline)},
          {"branch", recording.branch},
          {"container", recording.container},
          {"participant", recording.participant.empty() ? Value() : Value(recording.participant)},
          {"tracks", recording.tracks},
          {"automatic", recording.automatic},
          {"metadata", recording.metadata},
          {"createdAt", time_or_null(recording.created_at)},
          {"startedAt", time_or_null(recording.started_at)},
          {"endedAt", recording.pieces.empty() ? Value() : time_or_null(recording.pieces.back().ended_at)},
          {"error", recording.error.empty() ? Value() : Value(recording.error)},
          {"participants", participants(there, total)},
          {"chapters", chapters(there)},
          {"epochs", epochs(recording)},
          {"pauses", pauses(recording)}};
}

}  // namespace auralink::session
