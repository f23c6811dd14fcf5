// SPDX-License-Identifier: LGPL-2.1-or-later
// A store that forgets: for tests and for running without persistence. Same behaviour as SQLite, also in what
// it refuses. Thread-compatible.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "orchestrator/session/ports.hpp"

namespace auralink::store {

class MemoryStore final : public session::Store, public session::ReplyMemory {
 public:
  /// `keep_events`: how many of the newest events stay readable.
  explicit MemoryStore(std::size_t keep_events = 100'000) : keep_events_{keep_events} {}

  void begin() override;
  void commit() override;
  void rollback() noexcept override;
  void put(const session::Conference&) override;
  void put(const session::Recording&) override;
  void erase_conference(std::string_view id) override;
  void erase_recording(std::string_view id) override;
  std::int64_t append(const session::Event&) override;
  [[nodiscard]] std::vector<session::Conference> conferences() override;
  [[nodiscard]] std::vector<session::Recording> recordings() override;
  [[nodiscard]] std::vector<session::Event> events_after(std::int64_t seq, std::size_t limit) override;

  /// The latest answer under a key stays until it is forgotten. Not part of a transaction.
  [[nodiscard]] std::optional<Remembered> recall(const std::string& principal,
                                                 const std::string& key) override;
  void remember(const std::string& principal, const std::string& key, const Remembered& reply,
                session::Millis now) override;
  void forget_before(session::Millis at) override;

 private:
  // A transaction is a list of changes applied at commit, so that rollback cannot fail.
  struct Changes {
    std::map<std::string, std::optional<session::Conference>> conferences;
    std::map<std::string, std::optional<session::Recording>> recordings;
    std::deque<session::Event> events;
  };
  Changes& open();

  std::size_t keep_events_;
  std::map<std::string, session::Conference> conferences_;
  std::map<std::string, session::Recording> recordings_;
  std::deque<session::Event> events_;
  std::int64_t last_seq_ = 0;
  std::optional<Changes> changes_;
  struct Reply {
    Remembered answer;
    session::Millis at;
  };
  std::map<std::pair<std::string, std::string>, Reply> replies_;
};

}  // namespace auralink::store
