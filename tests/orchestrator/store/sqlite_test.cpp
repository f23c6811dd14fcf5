// SPDX-License-Identifier: LGPL-2.1-or-later
// What only the SQLite store promises: durability, one daemon per folder, migrations, and errors with a
// sentence.
#include "orchestrator/store/sqlite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "orchestrator/session/serial.hpp"
#include "orchestrator/store/migrations.hpp"
#include "tests/orchestrator/store/temporary.hpp"

namespace auralink::store {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

void raw(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
      << (error != nullptr ? error : "");
  sqlite3_free(error);
  sqlite3_close(db);
}

std::string ask(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  std::string answer;
  sqlite3_open(file.c_str(), &db);
  sqlite3_exec(
      db, sql.c_str(),
      [](void* out, int count, char** values, char**) {
        for (int i = 0; i < count; ++i)
          *static_cast<std::string*>(out) += values[i] != nullptr ? values[i] : "NULL";
        return 0;
      },
      &answer, nullptr);
  sqlite3_close(db);
  return answer;
}

template <class F>
std::string complaint(F&& action) {
  try {
    action();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "no complaint";
}

session::Conference sample(const std::string& id) {
  session::Conference c;
  c.id = id;
  c.desired = session::Desired::stopped;
  return c;
}

TEST(Sqlite, RemembersAcrossRestarts) {
  TemporaryFolder folder;
  std::int64_t seq = 0;
  {
    SqliteStore store{{.folder = folder.path()}};
    store.begin();
    store.put(sample("a"));
    seq = store.append({.type = "x"});
    store.commit();
  }
  SqliteStore store{{.folder = folder.path()}};
  EXPECT_EQ(store.conferences().size(), 1U);
  EXPECT_EQ(store.events_after(0, 9).size(), 1U);
  store.begin();
  EXPECT_GT(store.append({.type = "y"}), seq);
  store.commit();
}

TEST(Sqlite, NeverReusesASequenceNumber) {
  TemporaryFolder folder;
  std::int64_t seq = 0;
  {
    SqliteStore store{{.folder = folder.path(), .keep_events = 0}};
    store.begin();
    seq = store.append({.type = "x"});
    store.commit();
    EXPECT_TRUE(store.events_after(0, 9).empty());
  }
  SqliteStore store{{.folder = folder.path(), .keep_events = 0}};
  store.begin();
  EXPECT_GT(store.append({.type = "y"}), seq);
  store.commit();
}

TEST(Sqlite, ForgetsWhatAKilledProcessDidNotCommit) {
  TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    SqliteStore store{{.folder = folder.path()}};
    store.begin();
    store.put(sample("committed"));
    store.commit();
    store.begin();
    store.put(sample("lost"));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  SqliteStore store{{.folder = folder.path()}};
  ASSERT_EQ(store.conferences().size(), 1U);
  EXPECT_EQ(store.conferences()[0].id, "committed");
}

TEST(Sqlite, UsesTheAgreedSettings) {
  TemporaryFolder folder;
  const SqliteStore store{{.folder = folder.path() + "/deep/data"}};
  const auto file = folder.path() + "/deep/data/auralink.db";
  EXPECT_EQ(ask(file, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(ask(file, "PRAGMA user_version"), std::to_string(kMigrations.size()));
  EXPECT_EQ(ask(file,
                "SELECT count(*) FROM pragma_table_list WHERE name IN ('conference','recording','event') AND "
                "strict"),
            "3");
  EXPECT_EQ(std::filesystem::status(folder.path() + "/deep/data").permissions(),
            std::filesystem::perms::owner_all);
}

TEST(Sqlite, RefusesASecondDaemon) {
  TemporaryFolder folder;
  {
    const SqliteStore first{{.folder = folder.path()}};
    EXPECT_THAT(complaint([&] { const SqliteStore second{{.folder = folder.path()}}; }),
                HasSubstr("in use by another auralinkd"));
  }
  EXPECT_EQ(complaint([&] { const SqliteStore next{{.folder = folder.path()}}; }), "no complaint");
}

TEST(Sqlite, MigratesFromVersionOneWithItsData) {
  TemporaryFolder folder;
  const auto file = folder.path() + "/auralink.db";
  raw(file, std::string{kMigrations[0]} + "PRAGMA user_version=1;");
  raw(file, "INSERT INTO conference VALUES ('old','ended',2,'" + session::to_stored(sample("old")).dump() +
                "');" +
                "INSERT INTO event (at,type,conference,data) VALUES (7,'conference.ended','old','{}');");
  SqliteStore store{{.folder = folder.path()}};
  ASSERT_EQ(store.conferences().size(), 1U);
  EXPECT_EQ(store.conferences()[0].id, "old");
  EXPECT_EQ(store.events_after(0, 9).size(), 1U);
  EXPECT_EQ(ask(file, "PRAGMA user_version"), std::to_string(kMigrations.size()));
  EXPECT_EQ(ask(file, "SELECT desired FROM conference"), "stopped");
  store.begin();
  store.put(sample("new"));
  store.commit();
}

TEST(Sqlite, AMigrationHappensWholeOrNotAtAll) {
  TemporaryFolder folder;
  const auto file = folder.path() + "/auralink.db";
  raw(file, std::string{kMigrations[0]} + "CREATE INDEX recording_by_conference ON recording (id);" +
                "PRAGMA user_version=1;");
  EXPECT_THAT(complaint([&] { const SqliteStore store{{.folder = folder.path()}}; }),
              HasSubstr("migration 2"));
  EXPECT_EQ(ask(file, "PRAGMA user_version"), "1");
  EXPECT_EQ(ask(file, "SELECT count(*) FROM pragma_table_info('conference') WHERE name='desired'"), "0");
}

TEST(Sqlite, RefusesWhatANewerVersionWrote) {
  TemporaryFolder folder;
  raw(folder.path() + "/auralink.db", "PRAGMA user_version=99;");
  EXPECT_THAT(complaint([&] { const SqliteStore store{{.folder = folder.path()}}; }),
              HasSubstr("newer version"));
}

TEST(Sqlite, SaysWhatIsDamaged) {
  TemporaryFolder folder;
  { const SqliteStore store{{.folder = folder.path()}}; }
  const auto file = folder.path() + "/auralink.db";
  raw(file,
      "INSERT INTO conference (id,state,epoch,document) VALUES ('x','ended',1,'not json');"
      "INSERT INTO recording VALUES ('y','c','ended','{}');");
  SqliteStore store{{.folder = folder.path()}};
  EXPECT_THAT(complaint([&] { (void)store.conferences(); }), HasSubstr("not JSON"));
  EXPECT_THAT(complaint([&] { (void)store.recordings(); }), HasSubstr("\"y\""));
}

TEST(Sqlite, RefusesAFileThatIsNoDatabase) {
  TemporaryFolder folder;
  std::ofstream{folder.path() + "/auralink.db"} << std::string(4096, 'x');
  EXPECT_THAT(complaint([&] { const SqliteStore store{{.folder = folder.path()}}; }),
              HasSubstr("not a database"));
  EXPECT_THAT(complaint([&] { const SqliteStore store{{.folder = "/proc/nowhere"}}; }),
              HasSubstr("data folder"));
  std::filesystem::create_directory(folder.path() + "/locked");
  std::filesystem::create_directory(folder.path() + "/locked/lock");
  EXPECT_THAT(complaint([&] { const SqliteStore store{{.folder = folder.path() + "/locked"}}; }),
              HasSubstr("lock"));
}

TEST(Sqlite, AFailedWriteIsAnErrorAndTheNextOneWorks) {
  TemporaryFolder folder;
  SqliteStore store{{.folder = folder.path()}};
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/auralink.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "DROP TABLE recording;", nullptr, nullptr, nullptr), SQLITE_OK);
  store.begin();
  EXPECT_THAT(complaint([&] { store.put(session::Recording{.id = "r"}); }), HasSubstr("recording"));
  store.rollback();
  store.begin();
  store.put(sample("still works"));
  store.commit();
  EXPECT_EQ(store.conferences().size(), 1U);
  sqlite3_close(other);
}

TEST(Sqlite, KeepsTextThatIsNotUtf8Readable) {
  TemporaryFolder folder;
  SqliteStore store{{.folder = folder.path()}};
  store.begin();
  store.append({.type = "x", .data = {{"error", "\xff\xfe"}}});
  store.commit();
  EXPECT_EQ(store.events_after(0, 1).at(0).data.at("error"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace auralink::store
