// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/store/memory.hpp"

#include <algorithm>
#include <utility>

#include "orchestrator/store/error.hpp"

namespace auralink::store {

using session::Conference;
using session::Event;
using session::Recording;

MemoryStore::Changes& MemoryStore::open() {
  if (!changes_) throw StoreError{"a change outside a transaction"};
  return *changes_;
}

void MemoryStore::begin() {
  if (changes_) throw StoreError{"a transaction is open already"};
  changes_.emplace();
}

void MemoryStore::commit() {
  auto changes = std::move(open());
  changes_.reset();
  for (auto& [id, conference] : changes.conferences) {
    if (conference)
      conferences_.insert_or_assign(id, std::move(*conference));
    else
      conferences_.erase(id);
  }
  for (auto& [id, recording] : changes.recordings) {
    if (recording)
      recordings_.insert_or_assign(id, std::move(*recording));
    else
      recordings_.erase(id);
  }
  for (auto& event : changes.events) {
    last_seq_ = event.seq;
    events_.push_back(std::move(event));
  }
  while (events_.size() > keep_events_) events_.pop_front();
}

void MemoryStore::rollback() noexcept { changes_.reset(); }

void MemoryStore::put(const Conference& conference) {
  open().conferences.insert_or_assign(conference.id, conference);
}

void MemoryStore::put(const Recording& recording) {
  open().recordings.insert_or_assign(recording.id, recording);
}

void MemoryStore::erase_conference(std::string_view id) {
  open().conferences.insert_or_assign(std::string{id}, std::nullopt);
}

void MemoryStore::erase_recording(std::string_view id) {
  open().recordings.insert_or_assign(std::string{id}, std::nullopt);
}

std::int64_t MemoryStore::append(const Event& event) {
  auto& waiting = open().events;
  const auto seq = (waiting.empty() ? last_seq_ : waiting.back().seq) + 1;
  waiting.push_back(event);
  waiting.back().seq = seq;
  return seq;
}

std::vector<Conference> MemoryStore::conferences() {
  std::vector<Conference> all;
  for (const auto& [id, conference] : conferences_) all.push_back(conference);
  return all;
}

std::vector<Recording> MemoryStore::recordings() {
  std::vector<Recording> all;
  for (const auto& [id, recording] : recordings_) all.push_back(recording);
  return all;
}

std::vector<Event> MemoryStore::events_after(std::int64_t seq, std::size_t limit) {
  const auto first =
      std::upper_bound(events_.begin(), events_.end(), seq,
                       [](std::int64_t after, const Event& event) { return after < event.seq; });
  const auto count = std::min<std::size_t>(limit, static_cast<std::size_t>(events_.end() - first));
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

std::optional<session::ReplyMemory::Remembered> MemoryStore::recall(const std::string& principal,
                                                                    const std::string& key) {
  const auto at = replies_.find({principal, key});
  return at == replies_.end() ? std::nullopt : std::optional{at->second.answer};
}

void MemoryStore::remember(const std::string& principal, const std::string& key, const Remembered& reply,
                           session::Millis now) {
  replies_.insert_or_assign({principal, key}, Reply{reply, now});
}

void MemoryStore::forget_before(session::Millis at) {
  std::erase_if(replies_, [at](const auto& item) { return item.second.at < at; });
}

}  // namespace auralink::store
