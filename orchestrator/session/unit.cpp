// SPDX-License-Identifier: LGPL-2.1-or-later
// One public call is one unit: memory, store and listeners agree before and after it.
#include <exception>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {
/// Facts wait here while the store is away. Beyond this many events the oldest are given up; states never
/// are, because they are written from memory.
constexpr std::size_t kMaxWaitingEvents = 10'000;
}  // namespace

void Service::Impl::fact(const std::function<void()>& body) {
  body();
  // A failure is remembered in store_ok_, and everything unwritten is tried again with the next unit.
  if (!flush() && outbox_.size() > kMaxWaitingEvents)
    outbox_.erase(outbox_.begin(), outbox_.end() - static_cast<std::ptrdiff_t>(kMaxWaitingEvents));
  run_deferred();
}

bool Service::Impl::flush() {
  if (dirty_conferences_.empty() && dirty_recordings_.empty() && outbox_.empty()) return true;
  try {
    store_.begin();
    for (const auto& id : dirty_conferences_) {
      if (const auto at = conferences_.find(id); at != conferences_.end())
        store_.put(at->second.conference);
      else
        store_.erase_conference(id);
    }
    for (const auto& id : dirty_recordings_) {
      if (const auto at = recordings_.find(id); at != recordings_.end())
        store_.put(at->second);
      else
        store_.erase_recording(id);
    }
    for (auto& event : outbox_) event.seq = store_.append(event);
    store_.commit();
  } catch (const std::exception&) {
    store_.rollback();
    store_ok_ = false;
    return false;
  }
  store_ok_ = true;
  dirty_conferences_.clear();
  dirty_recordings_.clear();
  // A listener may ask questions or even give commands: the unit is over before it is told.
  const auto told = std::exchange(outbox_, {});
  for (const auto& event : told)
    for (auto* listener : listeners_) listener->on_event(event);
  return true;
}

void Service::Impl::run_deferred() {
  const auto actions = std::exchange(deferred_, {});
  for (const auto& action : actions) action();
}

void Service::Impl::emit(std::string type, std::string_view conference, std::string_view key,
                         json::Value resource) {
  auto data = json::Value::object();
  data[std::string{key}] = std::move(resource);
  outbox_.push_back({.seq = 0,
                     .at = clock_.wall(),
                     .type = std::move(type),
                     .conference = std::string{conference},
                     .data = std::move(data)});
}

void Service::Impl::remember(const std::string& conference) {
  dirty_conferences_.insert(conference);
  if (undo_ == nullptr || undo_->conferences.contains(conference)) return;
  const auto at = conferences_.find(conference);
  undo_->conferences.emplace(conference, at == conferences_.end() ? std::nullopt : std::optional{at->second});
}

Conference& Service::Impl::edit(Entry& entry) {
  remember(entry.conference.id);
  return entry.conference;
}

Recording& Service::Impl::edit(Recording& recording) {
  dirty_recordings_.insert(recording.id);
  if (undo_ != nullptr) undo_->recordings.emplace(recording.id, recording);
  return recording;
}

Recording& Service::Impl::insert(Recording recording) {
  dirty_recordings_.insert(recording.id);
  if (undo_ != nullptr) undo_->recordings.emplace(recording.id, std::nullopt);
  auto id = recording.id;
  return recordings_.insert_or_assign(std::move(id), std::move(recording)).first->second;
}

void Service::Impl::erase(const Recording& recording) {
  const auto id = recording.id;
  dirty_recordings_.insert(id);
  if (undo_ != nullptr) undo_->recordings.emplace(id, recording);
  recordings_.erase(id);
}

void Service::Impl::restore(Undo& undo) {
  for (const auto& path : undo.reserved) storage_.release(path);
  for (auto& [id, before] : undo.conferences) {
    if (before)
      conferences_.insert_or_assign(id, std::move(*before));
    else
      conferences_.erase(id);
  }
  for (auto& [id, before] : undo.recordings) {
    if (before)
      recordings_.insert_or_assign(id, std::move(*before));
    else
      recordings_.erase(id);
  }
}

}  // namespace auralink::session
