// SPDX-License-Identifier: LGPL-2.1-or-later
// The store, with the time each operation takes told to the metrics. A transaction is timed as a whole, from
// begin to commit: that is what a request waits for.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/session/ports.hpp"

namespace auralink {

class TimedStore final : public session::Store {
  using Clock = std::chrono::steady_clock;
  void told(std::string_view op, Clock::time_point since) const {
    tell_(op, std::chrono::duration<double>(Clock::now() - since).count());
  }
  template <class Work>
  auto timed(std::string_view op, const Work& work) const {
    const auto since = Clock::now();
    auto result = work();
    told(op, since);
    return result;
  }

 public:
  using Tell = std::function<void(std::string_view op, double seconds)>;
  TimedStore(session::Store& store, Tell tell) : store_{store}, tell_{std::move(tell)} {}

  void begin() override {
    begun_ = Clock::now();
    store_.begin();
  }
  void commit() override {
    store_.commit();
    told("transaction", begun_);
  }
  void rollback() noexcept override { store_.rollback(); }
  void put(const session::Conference& conference) override { store_.put(conference); }
  void put(const session::Recording& recording) override { store_.put(recording); }
  void erase_conference(std::string_view id) override { store_.erase_conference(id); }
  void erase_recording(std::string_view id) override { store_.erase_recording(id); }
  std::int64_t append(const session::Event& event) override { return store_.append(event); }
  [[nodiscard]] std::vector<session::Conference> conferences() override {
    return timed("load", [this] { return store_.conferences(); });
  }
  [[nodiscard]] std::vector<session::Recording> recordings() override {
    return timed("load", [this] { return store_.recordings(); });
  }
  [[nodiscard]] std::vector<session::Event> events_after(std::int64_t seq, std::size_t limit) override {
    return timed("events", [&] { return store_.events_after(seq, limit); });
  }

 private:
  session::Store& store_;
  Tell tell_;
  Clock::time_point begun_;
};

}  // namespace auralink
