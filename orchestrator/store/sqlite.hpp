// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedded store: one SQLite file in the data folder, which belongs to one daemon at a time.
// Thread-compatible: one connection, used from the daemon's main loop. Every error is a StoreError.
#pragma once

#include <memory>
#include <string>

#include "orchestrator/session/ports.hpp"
#include "orchestrator/store/error.hpp"

namespace auralink::store {

struct SqliteSettings {
  std::string folder;                 ///< created with mode 0700 when missing
  std::size_t keep_events = 100'000;  ///< newest events that stay readable
};

class SqliteStore final : public session::Store, public session::ReplyMemory {
 public:
  /// Locks the folder, opens or creates the database and brings it to the current version. Throws when
  /// another daemon holds the folder, when the file is damaged, or when a newer version wrote it.
  explicit SqliteStore(const SqliteSettings& settings);
  ~SqliteStore() override;

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
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::store
