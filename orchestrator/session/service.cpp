// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/service.hpp"

#include <random>

#include "orchestrator/session/impl.hpp"

namespace auralink::session {
namespace {

std::function<double()> seeded_random() {
  return [engine = std::mt19937_64{std::random_device{}()},
          range = std::uniform_real_distribution<double>{0.0, 1.0}]() mutable { return range(engine); };
}

}  // namespace

Service::Service(Settings settings, Clock& clock, Store& store, Catalog& catalog, WorkerHost& host,
                 Storage& storage) {
  if (!settings.random) settings.random = seeded_random();
  impl_ = std::make_unique<Impl>(std::move(settings), clock, store, catalog, host, storage);
}
Service::~Service() = default;

void Service::add_listener(Listener* listener) { impl_->listeners_.push_back(listener); }
void Service::set_finisher(Finisher* finisher) { impl_->finisher_ = finisher; }
void Service::set_machine(Machine* machine) { impl_->machine_ = machine; }
void Service::recover() { impl_->recover(); }

Outcome<Conference> Service::create(const NewConference& wanted) { return impl_->create(wanted); }
Outcome<Conference> Service::stop(std::string_view id) { return impl_->stop(id); }
Outcome<void> Service::forget(std::string_view id) { return impl_->forget(id); }
Outcome<Branch> Service::add_branch(std::string_view id, std::string_view name, const json::Value& branch) {
  return impl_->add_branch(id, name, branch);
}
Outcome<Branch> Service::remove_branch(std::string_view id, std::string_view name) {
  return impl_->remove_branch(id, name);
}
Outcome<Recording> Service::start_recording(const NewRecording& wanted) {
  return impl_->start_recording(wanted);
}
Outcome<Recording> Service::stop_recording(std::string_view id) { return impl_->stop_recording(id); }
Outcome<Recording> Service::pause_recording(std::string_view id) { return impl_->pause_recording(id, true); }
Outcome<Recording> Service::resume_recording(std::string_view id) {
  return impl_->pause_recording(id, false);
}
Outcome<Recording> Service::update_metadata(std::string_view id, const json::Value& patch) {
  return impl_->update_metadata(id, patch);
}
Outcome<void> Service::delete_recording(std::string_view id) { return impl_->delete_recording(id); }
Outcome<void> Service::request_graph(std::string_view id) { return impl_->request_graph(id); }

void Service::drain() { impl_->drain(); }
bool Service::draining() const { return impl_->draining_; }
bool Service::drained() const {
  if (!impl_->draining_) return false;
  for (const auto& [id, entry] : impl_->conferences_)
    if (entry.watch.alive || entry.watch.lingers_until) return false;
  return !impl_->finishing_left();
}
bool Service::store_ok() const { return impl_->store_ok_; }
std::size_t Service::unwritten_events() const { return impl_->outbox_.size(); }
void Service::tick() { impl_->tick(); }

const Conference* Service::conference(std::string_view id) const {
  const auto at = impl_->conferences_.find(id);
  return at == impl_->conferences_.end() ? nullptr : &at->second.conference;
}

const Recording* Service::recording(std::string_view id) const {
  const auto at = impl_->recordings_.find(id);
  return at == impl_->recordings_.end() ? nullptr : &at->second;
}

std::vector<const Conference*> Service::conferences() const {
  std::vector<const Conference*> all;
  for (const auto& [id, entry] : impl_->conferences_) all.push_back(&entry.conference);
  return all;
}

std::vector<const Recording*> Service::recordings() const {
  std::vector<const Recording*> all;
  for (const auto& [id, recording] : impl_->recordings_) all.push_back(&recording);
  return all;
}

std::optional<std::string> Service::graph(std::string_view id) const {
  const auto at = impl_->conferences_.find(id);
  return at == impl_->conferences_.end() ? std::nullopt : at->second.watch.graph;
}

std::vector<Event> Service::events_after(std::int64_t seq, std::size_t limit) const {
  return impl_->store_.events_after(seq, limit);
}

const Catalog& Service::catalog() const { return impl_->catalog_; }

void Service::on_hello(std::string_view id, std::uint32_t epoch, std::int64_t pid) {
  impl_->hello(id, epoch, pid);
}
void Service::on_running(std::string_view id, std::uint32_t epoch) { impl_->running(id, epoch); }
void Service::on_branch(std::string_view id, std::uint32_t epoch, std::string_view branch, BranchState state,
                        std::string_view error, std::uint64_t bytes, std::int64_t duration_ns) {
  impl_->branch_event(id, epoch, branch, state, error, bytes, duration_ns);
}
void Service::on_stats(std::string_view id, std::uint32_t epoch, const WorkerStats& stats) {
  impl_->stats(id, epoch, stats);
}
void Service::on_graph(std::string_view id, std::uint32_t epoch, std::string dot) {
  impl_->graph_event(id, epoch, std::move(dot));
}
void Service::on_exit(std::string_view id, std::uint32_t epoch, const WorkerExit& exit) {
  impl_->exit_event(id, epoch, exit);
}
void Service::on_finish(const FinishReport& report) { impl_->finish_event(report); }

}  // namespace auralink::session
