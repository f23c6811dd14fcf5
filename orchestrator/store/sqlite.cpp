// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/store/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "orchestrator/session/serial.hpp"
#include "orchestrator/store/lock.hpp"
#include "orchestrator/store/migrations.hpp"

namespace auralink::store {
namespace {

using session::Conference;
using session::Event;
using session::Recording;

struct Close {
  void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;

[[noreturn]] void fail(sqlite3* db, std::string_view doing) {
  throw StoreError{"database: " + std::string{doing} + ": " +
                   (db != nullptr ? sqlite3_errmsg(db) : "out of memory")};
}

void run(sqlite3* db, const char* sql, std::string_view doing) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(db, doing);
}

/// A prepared statement; every use binds from 1 and ends with reset, also when it throws.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql) : db_{db} {
    sqlite3_stmt* raw = nullptr;
    const int size = static_cast<int>(sql.size());
    if (sqlite3_prepare_v3(db, sql.data(), size, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
      fail(db, "prepare");
    statement_.reset(raw);
  }

  Statement& bind(int at, std::string_view text) {
    check(sqlite3_bind_text64(statement_.get(), at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
  }
  Statement& bind(int at, std::int64_t number) {
    check(sqlite3_bind_int64(statement_.get(), at, number));
    return *this;
  }
  /// Runs to the end without caring for rows.
  void execute() {
    while (step()) continue;
  }
  /// True when there is a row to read; false, and ready for the next use, at the end.
  bool step() {
    const int result = sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) return true;
    const bool done = result == SQLITE_DONE;
    const std::string why = done ? std::string{} : sqlite3_errmsg(db_);
    sqlite3_reset(statement_.get());
    if (!done) throw StoreError{"database: " + why};
    return false;
  }
  [[nodiscard]] std::string text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? std::string{} : std::string{data, size};
  }
  [[nodiscard]] std::int64_t number(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
  }
  void reset() noexcept { sqlite3_reset(statement_.get()); }

 private:
  void check(int result) {
    if (result == SQLITE_OK) return;
    reset();
    fail(db_, "bind");
  }
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Close> statement_;
};

Database open(const std::string& file) {
  sqlite3* raw = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  const int result = sqlite3_open_v2(file.c_str(), &raw, kFlags, nullptr);
  Database db{raw};
  if (result != SQLITE_OK) fail(raw, "open " + file);
  sqlite3_extended_result_codes(raw, 1);
  run(raw,
      "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
      "PRAGMA trusted_schema=OFF;",
      "configure " + file);
  return db;
}

void migrate(sqlite3* db) {
  run(db, "BEGIN IMMEDIATE", "begin migration");
  try {
    std::int64_t version = 0;
    {
      Statement query{db, "PRAGMA user_version"};
      while (query.step()) version = query.number(0);
    }
    if (version < 0 || version > static_cast<std::int64_t>(kMigrations.size()))
      throw StoreError{"database: written by a newer version (schema " + std::to_string(version) +
                       ", this one knows " + std::to_string(kMigrations.size()) + ")"};
    for (auto step = static_cast<std::size_t>(version); step < kMigrations.size(); ++step) {
      run(db, kMigrations[step].data(), "migration " + std::to_string(step + 1));
      run(db, ("PRAGMA user_version=" + std::to_string(step + 1)).c_str(), "migration");
    }
    run(db, "COMMIT", "commit migration");
  } catch (const StoreError&) {
    sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

std::string make_folder(const std::string& folder) {
  std::error_code error;
  const bool created = std::filesystem::create_directories(folder, error);
  if (error) throw StoreError{"data folder " + folder + ": " + error.message()};
  if (created) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return folder;
}

json::Value parsed(const std::string& text) {
  auto value = json::Value::parse(text, nullptr, false);
  if (value.is_discarded()) throw StoreError{"database: a document is not JSON"};
  return value;
}

std::string dumped(const json::Value& value) {
  // Untrusted text was checked to be UTF-8 on its way in; a worker's sentence may not be.
  return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

template <class T>
T checked(tl::expected<T, std::string> read, const std::string& id) {
  if (!read) throw StoreError{"database: the row of \"" + id + "\" cannot be read: " + read.error()};
  return std::move(*read);
}

}  // namespace

class SqliteStore::Impl {
 public:
  explicit Impl(const SqliteSettings& settings)
      : folder{make_folder(settings.folder)},
        lock{folder},
        db{open(folder + "/auralink.db")},
        keep{static_cast<std::int64_t>(settings.keep_events)} {
    migrate(db.get());
  }

  std::string folder;
  FolderLock lock;
  Database db;
  std::int64_t keep;
  bool in_transaction = false;
  std::int64_t last_appended = 0;

  // Prepared on first use, after the migrations.
  Statement& sql(std::unique_ptr<Statement>& slot, std::string_view text) {
    if (!slot) slot = std::make_unique<Statement>(db.get(), text);
    return *slot;
  }
  std::unique_ptr<Statement> put_conference, put_recording, erase_conference, erase_recording, append, trim,
      conferences, recordings, events, begin, commit, recall, remember, forget_replies;

  void need_transaction() const {
    if (!in_transaction) throw StoreError{"a change outside a transaction"};
  }
};

SqliteStore::SqliteStore(const SqliteSettings& settings) : impl_{std::make_unique<Impl>(settings)} {}
SqliteStore::~SqliteStore() = default;

void SqliteStore::begin() {
  if (impl_->in_transaction) throw StoreError{"a transaction is open already"};
  impl_->sql(impl_->begin, "BEGIN IMMEDIATE").execute();
  impl_->in_transaction = true;
  impl_->last_appended = 0;
}

void SqliteStore::commit() {
  impl_->need_transaction();
  if (impl_->last_appended > 0)
    impl_->sql(impl_->trim, "DELETE FROM event WHERE seq <= ?1")
        .bind(1, impl_->last_appended - impl_->keep)
        .execute();
  impl_->sql(impl_->commit, "COMMIT").execute();
  impl_->in_transaction = false;
}

void SqliteStore::rollback() noexcept {
  if (!impl_->in_transaction) return;
  impl_->in_transaction = false;
  sqlite3_exec(impl_->db.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteStore::put(const Conference& conference) {
  impl_->need_transaction();
  impl_
      ->sql(impl_->put_conference,
            "INSERT INTO conference (id, state, epoch, desired, document) VALUES (?1, ?2, ?3, ?4, ?5) "
            "ON CONFLICT (id) DO UPDATE SET state=?2, epoch=?3, desired=?4, document=?5")
      .bind(1, conference.id)
      .bind(2, session::to_string(conference.state))
      .bind(3, std::int64_t{conference.epoch})
      .bind(4, session::to_string(conference.desired))
      .bind(5, dumped(session::to_stored(conference)))
      .execute();
}

void SqliteStore::put(const Recording& recording) {
  impl_->need_transaction();
  impl_
      ->sql(impl_->put_recording,
            "INSERT INTO recording (id, conference, state, document) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (id) DO UPDATE SET conference=?2, state=?3, document=?4")
      .bind(1, recording.id)
      .bind(2, recording.conference)
      .bind(3, session::to_string(recording.state))
      .bind(4, dumped(session::to_stored(recording)))
      .execute();
}

void SqliteStore::erase_conference(std::string_view id) {
  impl_->need_transaction();
  impl_->sql(impl_->erase_conference, "DELETE FROM conference WHERE id = ?1").bind(1, id).execute();
}

void SqliteStore::erase_recording(std::string_view id) {
  impl_->need_transaction();
  impl_->sql(impl_->erase_recording, "DELETE FROM recording WHERE id = ?1").bind(1, id).execute();
}

std::int64_t SqliteStore::append(const Event& event) {
  impl_->need_transaction();
  impl_->sql(impl_->append, "INSERT INTO event (at, type, conference, data) VALUES (?1, ?2, ?3, ?4)")
      .bind(1, std::int64_t{event.at.count()})
      .bind(2, event.type)
      .bind(3, event.conference)
      .bind(4, dumped(event.data))
      .execute();
  impl_->last_appended = sqlite3_last_insert_rowid(impl_->db.get());
  return impl_->last_appended;
}

std::vector<Conference> SqliteStore::conferences() {
  std::vector<Conference> all;
  auto& query = impl_->sql(impl_->conferences, "SELECT id, document FROM conference ORDER BY id");
  query.reset();
  while (query.step())
    all.push_back(checked(session::conference_from_stored(parsed(query.text(1))), query.text(0)));
  return all;
}

std::vector<Recording> SqliteStore::recordings() {
  std::vector<Recording> all;
  auto& query = impl_->sql(impl_->recordings, "SELECT id, document FROM recording ORDER BY id");
  query.reset();
  while (query.step())
    all.push_back(checked(session::recording_from_stored(parsed(query.text(1))), query.text(0)));
  return all;
}

std::vector<Event> SqliteStore::events_after(std::int64_t seq, std::size_t limit) {
  std::vector<Event> all;
  auto& query =
      impl_->sql(impl_->events,
                 "SELECT seq, at, type, conference, data FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  query.reset();
  query.bind(1, seq).bind(2, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1U << 30U)));
  while (query.step())
    all.push_back({.seq = query.number(0),
                   .at = session::Millis{query.number(1)},
                   .type = query.text(2),
                   .conference = query.text(3),
                   .data = parsed(query.text(4))});
  return all;
}

std::optional<session::ReplyMemory::Remembered> SqliteStore::recall(const std::string& principal,
                                                                    const std::string& key) {
  auto& query = impl_->sql(impl_->recall,
                           "SELECT fingerprint, status, content_type, location, etag, body FROM reply "
                           "WHERE principal = ?1 AND key = ?2");
  query.reset();
  query.bind(1, principal).bind(2, key);
  std::optional<Remembered> found;
  while (query.step())
    found = Remembered{.fingerprint = query.text(0),
                       .status = static_cast<unsigned>(query.number(1)),
                       .content_type = query.text(2),
                       .location = query.text(3),
                       .etag = query.text(4),
                       .body = query.text(5)};
  return found;
}

void SqliteStore::remember(const std::string& principal, const std::string& key, const Remembered& reply,
                           session::Millis now) {
  impl_
      ->sql(impl_->remember,
            "INSERT INTO reply (principal, key, at, fingerprint, status, content_type, location, etag, body) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (principal, key) DO UPDATE SET "
            "at = excluded.at, fingerprint = excluded.fingerprint, status = excluded.status, "
            "content_type = excluded.content_type, location = excluded.location, etag = excluded.etag, "
            "body = excluded.body")
      .bind(1, principal)
      .bind(2, key)
      .bind(3, std::int64_t{now.count()})
      .bind(4, reply.fingerprint)
      .bind(5, std::int64_t{reply.status})
      .bind(6, reply.content_type)
      .bind(7, reply.location)
      .bind(8, reply.etag)
      .bind(9, reply.body)
      .execute();
}

void SqliteStore::forget_before(session::Millis at) {
  impl_->sql(impl_->forget_replies, "DELETE FROM reply WHERE at < ?1")
      .bind(1, std::int64_t{at.count()})
      .execute();
}

}  // namespace auralink::store
