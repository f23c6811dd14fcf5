// SPDX-License-Identifier: LGPL-2.1-or-later
// The database's shape as numbered steps. A released step is never edited; a change is a new step.
#pragma once

#include <array>
#include <string_view>

namespace auralink::store {

/// Step n brings PRAGMA user_version from n-1 to n.
///
/// A row is its key, the columns people query by, and the whole resource as JSON (session/serial.hpp). The
/// JSON is the truth; the columns are for indexes and for a person with the sqlite3 shell.
inline constexpr std::array<std::string_view, 3> kMigrations{
    // 1: conferences, recordings, and the outbox
    R"sql(
CREATE TABLE conference (
  id         TEXT PRIMARY KEY NOT NULL,
  state      TEXT NOT NULL,
  epoch      INTEGER NOT NULL,
  document   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE recording (
  id         TEXT PRIMARY KEY NOT NULL,
  conference TEXT NOT NULL,
  state      TEXT NOT NULL,
  document   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  type       TEXT NOT NULL,
  conference TEXT NOT NULL,
  data       TEXT NOT NULL
) STRICT;
)sql",
    // 2: what was desired, beside what is; recordings of one conference without reading all of them
    R"sql(
ALTER TABLE conference ADD COLUMN desired TEXT NOT NULL DEFAULT 'running';
UPDATE conference SET desired = json_extract(document, '$.desired')
  WHERE json_valid(document) AND json_extract(document, '$.desired') IS NOT NULL;
CREATE INDEX recording_by_conference ON recording (conference, id);
)sql",
    // 3: answers to requests with an Idempotency-Key
    R"sql(
CREATE TABLE reply (
  principal    TEXT NOT NULL,
  key          TEXT NOT NULL,
  at           INTEGER NOT NULL,
  fingerprint  TEXT NOT NULL,
  status       INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  location     TEXT NOT NULL,
  etag         TEXT NOT NULL,
  body         TEXT NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX reply_by_age ON reply (at);
)sql",
};

}  // namespace auralink::store
