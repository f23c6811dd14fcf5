// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/model.hpp"

#include <array>
#include <utility>

namespace auralink::session {
namespace {

// One table per enum, used in both directions, so that the two cannot disagree.
template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<Desired, 2> kDesired{{{Desired::running, "running"}, {Desired::stopped, "stopped"}}};
constexpr Names<ConferenceState, 5> kConferenceState{{{ConferenceState::pending, "pending"},
                                                      {ConferenceState::starting, "starting"},
                                                      {ConferenceState::running, "running"},
                                                      {ConferenceState::stopping, "stopping"},
                                                      {ConferenceState::ended, "ended"}}};
constexpr Names<BranchState, 5> kBranchState{{{BranchState::adding, "adding"},
                                              {BranchState::active, "active"},
                                              {BranchState::draining, "draining"},
                                              {BranchState::removed, "removed"},
                                              {BranchState::failed, "failed"}}};
constexpr Names<RecordingState, 6> kRecordingState{{{RecordingState::starting, "starting"},
                                                    {RecordingState::active, "active"},
                                                    {RecordingState::finalising, "finalising"},
                                                    {RecordingState::complete, "complete"},
                                                    {RecordingState::interrupted, "interrupted"},
                                                    {RecordingState::failed, "failed"}}};
constexpr Names<ProcessingState, 5> kProcessingState{{{ProcessingState::none, "none"},
                                                      {ProcessingState::pending, "pending"},
                                                      {ProcessingState::running, "running"},
                                                      {ProcessingState::done, "done"},
                                                      {ProcessingState::failed, "failed"}}};
constexpr Names<ExitClass, 9> kExitClass{{{ExitClass::completed, "completed"},
                                          {ExitClass::stopped, "stopped"},
                                          {ExitClass::limit, "limit"},
                                          {ExitClass::failed_source, "failed_source"},
                                          {ExitClass::failed_sink, "failed_sink"},
                                          {ExitClass::stalled, "stalled"},
                                          {ExitClass::oom, "oom"},
                                          {ExitClass::crashed, "crashed"},
                                          {ExitClass::killed, "killed"}}};

template <class Enum, std::size_t N>
constexpr std::string_view name_in(const Names<Enum, N>& table, Enum value) noexcept {
  for (const auto& [candidate, name] : table)
    if (candidate == value) return name;
  return "unknown";
}

template <class Enum, std::size_t N>
constexpr std::optional<Enum> value_in(const Names<Enum, N>& table, std::string_view name) noexcept {
  for (const auto& [value, candidate] : table)
    if (candidate == name) return value;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Desired value) noexcept { return name_in(kDesired, value); }
std::string_view to_string(ConferenceState value) noexcept { return name_in(kConferenceState, value); }
std::string_view to_string(BranchState value) noexcept { return name_in(kBranchState, value); }
std::string_view to_string(RecordingState value) noexcept { return name_in(kRecordingState, value); }
std::string_view to_string(ProcessingState value) noexcept { return name_in(kProcessingState, value); }
std::string_view to_string(ExitClass value) noexcept { return name_in(kExitClass, value); }

template <>
std::optional<Desired> from_string<Desired>(std::string_view name) noexcept {
  return value_in(kDesired, name);
}
template <>
std::optional<ConferenceState> from_string<ConferenceState>(std::string_view name) noexcept {
  return value_in(kConferenceState, name);
}
template <>
std::optional<BranchState> from_string<BranchState>(std::string_view name) noexcept {
  return value_in(kBranchState, name);
}
template <>
std::optional<RecordingState> from_string<RecordingState>(std::string_view name) noexcept {
  return value_in(kRecordingState, name);
}
template <>
std::optional<ProcessingState> from_string<ProcessingState>(std::string_view name) noexcept {
  return value_in(kProcessingState, name);
}
template <>
std::optional<ExitClass> from_string<ExitClass>(std::string_view name) noexcept {
  return value_in(kExitClass, name);
}

}  // namespace auralink::session
