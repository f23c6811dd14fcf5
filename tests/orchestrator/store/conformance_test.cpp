// SPDX-License-Identifier: LGPL-2.1-or-later
// What every store must do, asked of each of them.
#include <gtest/gtest.h>

#include <memory>

#include "orchestrator/session/serial.hpp"
#include "orchestrator/store/error.hpp"
#include "orchestrator/store/memory.hpp"
#include "tests/orchestrator/store/temporary.hpp"
#ifdef AURALINK_HAVE_SQLITE
#include "orchestrator/store/sqlite.hpp"
#endif

namespace auralink::store {
namespace {

using session::Conference;
using session::Event;
using session::Millis;
using session::Recording;

struct Memory {
  std::unique_ptr<session::Store> open(std::size_t keep) { return std::make_unique<MemoryStore>(keep); }
};

#ifdef AURALINK_HAVE_SQLITE
struct Sqlite {
  testing::TemporaryFolder folder;
  std::unique_ptr<session::Store> open(std::size_t keep) {
    return std::make_unique<SqliteStore>(
        SqliteSettings{.folder = folder.path() + "/data", .keep_events = keep});
  }
};
using Stores = ::testing::Types<Memory, Sqlite>;
#else
using Stores = ::testing::Types<Memory>;
#endif

Conference conference(const std::string& id) {
  Conference c;
  c.id = id;
  c.pipeline = "p";
  c.parameters = {{"text", "it's \"quoted\"; DROP TABLE conference; -- \u00e4 \U0001F600"}};
  c.state = session::ConferenceState::running;
  c.epoch = 4'000'000'000U;
  c.generation = 7;
  c.created_at = Millis{1'767'225'600'123};
  c.branches["a"] = session::Branch{.name = "a", .bytes = std::uint64_t{1} << 62U};
  return c;
}

Recording recording(const std::string& id) {
  return {.id = id, .conference = "c", .branch = "a", .container = "mp4", .path = "/rec/" + id, .bytes = 9};
}

Event event(const std::string& type) {
  return {.at = Millis{5}, .type = type, .conference = "c", .data = {{"x", 1}}};
}

template <class Kind>
class AnyStore : public ::testing::Test {
 protected:
  std::unique_ptr<session::Store> open(std::size_t keep = 1000) { return kind_.open(keep); }

 private:
  Kind kind_;
};

struct KindName {
  template <class Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, Memory> ? "Memory" : "Sqlite";
  }
};
TYPED_TEST_SUITE(AnyStore, Stores, KindName);

TYPED_TEST(AnyStore, StartsEmpty) {
  auto store = this->open();
  EXPECT_TRUE(store->conferences().empty());
  EXPECT_TRUE(store->recordings().empty());
  EXPECT_TRUE(store->events_after(0, 10).empty());
}

TYPED_TEST(AnyStore, GivesBackWhatWasPut) {
  auto store = this->open();
  store->begin();
  store->put(conference("b"));
  store->put(conference("a"));
  store->put(recording("r"));
  store->commit();
  ASSERT_EQ(store->conferences().size(), 2U);
  EXPECT_EQ(session::to_stored(store->conferences()[0]), session::to_stored(conference("a")));
  EXPECT_EQ(session::to_stored(store->conferences()[1]), session::to_stored(conference("b")));
  ASSERT_EQ(store->recordings().size(), 1U);
  EXPECT_EQ(session::to_stored(store->recordings()[0]), session::to_stored(recording("r")));
}

TYPED_TEST(AnyStore, PutReplacesAndEraseRemoves) {
  auto store = this->open();
  store->begin();
  store->put(conference("a"));
  store->commit();
  auto changed = conference("a");
  changed.state = session::ConferenceState::ended;
  store->begin();
  store->put(changed);
  store->put(conference("b"));
  store->erase_conference("b");
  store->erase_conference("never there");
  store->commit();
  ASSERT_EQ(store->conferences().size(), 1U);
  EXPECT_EQ(store->conferences()[0].state, session::ConferenceState::ended);
}

TYPED_TEST(AnyStore, RollbackLeavesNothing) {
  auto store = this->open();
  store->begin();
  store->put(conference("a"));
  store->commit();
  store->begin();
  store->put(conference("b"));
  store->put(recording("r"));
  store->erase_conference("a");
  store->append(event("x"));
  store->rollback();
  store->rollback();
  EXPECT_EQ(store->conferences().size(), 1U);
  EXPECT_TRUE(store->recordings().empty());
  EXPECT_TRUE(store->events_after(0, 10).empty());
}

TYPED_TEST(AnyStore, NumbersEventsUpwards) {
  auto store = this->open();
  store->begin();
  const auto first = store->append(event("one"));
  const auto second = store->append(event("two"));
  store->commit();
  store->begin();
  const auto third = store->append(event("three"));
  store->commit();
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  const auto after = store->events_after(first, 10);
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0].seq, second);
  EXPECT_EQ(after[0].type, "two");
  EXPECT_EQ(after[0].at, Millis{5});
  EXPECT_EQ(after[0].conference, "c");
  EXPECT_EQ(after[0].data, (json::Value{{"x", 1}}));
  EXPECT_EQ(store->events_after(0, 1).size(), 1U);
  EXPECT_EQ(store->events_after(0, static_cast<std::size_t>(-1)).size(), 3U);
  EXPECT_TRUE(store->events_after(third, 10).empty());
  EXPECT_TRUE(store->events_after(0, 0).empty());
}

TYPED_TEST(AnyStore, KeepsOnlyTheNewestEvents) {
  auto store = this->open(5);
  std::int64_t last = 0;
  for (int i = 0; i < 12; ++i) {
    store->begin();
    last = store->append(event("e"));
    store->commit();
  }
  const auto kept = store->events_after(0, 100);
  ASSERT_EQ(kept.size(), 5U);
  EXPECT_EQ(kept.back().seq, last);
}

TYPED_TEST(AnyStore, RefusesChangesOutsideATransaction) {
  auto store = this->open();
  EXPECT_THROW(store->put(conference("a")), StoreError);
  EXPECT_THROW(store->put(recording("a")), StoreError);
  EXPECT_THROW(store->erase_conference("a"), StoreError);
  EXPECT_THROW(store->append(event("x")), StoreError);
  EXPECT_THROW(store->commit(), StoreError);
  store->begin();
  EXPECT_THROW(store->begin(), StoreError);
  store->put(conference("a"));
  store->commit();
  EXPECT_EQ(store->conferences().size(), 1U);
}

TYPED_TEST(AnyStore, ErasesRecordings) {
  auto store = this->open();
  store->begin();
  store->put(recording("a"));
  store->put(recording("b"));
  store->commit();
  store->begin();
  store->erase_recording("a");
  store->erase_recording("never there");
  store->rollback();
  EXPECT_EQ(store->recordings().size(), 2U);
  store->begin();
  store->erase_recording("a");
  store->erase_recording("never there");
  store->commit();
  ASSERT_EQ(store->recordings().size(), 1U);
  EXPECT_EQ(store->recordings()[0].id, "b");
  EXPECT_THROW(store->erase_recording("b"), StoreError);
}

TYPED_TEST(AnyStore, RemembersTheLatestNoteUnderAKey) {
  auto store = this->open();
  auto& memory = dynamic_cast<session::ReplyMemory&>(*store);
  const session::ReplyMemory::Remembered first{.fingerprint = "f1",
                                               .status = 201,
                                               .content_type = "application/json",
                                               .location = "/v1/x",
                                               .etag = "\"3\"",
                                               .body = "{\"a\": \"\u00e4\"}"};
  EXPECT_FALSE(memory.recall("ann", "k"));
  memory.remember("ann", "k", {.fingerprint = "f1"}, Millis{90});  // begun
  memory.remember("ann", "k", first, Millis{100});
  memory.remember("bob", "k", {.fingerprint = "f3", .status = 202}, Millis{300});
  const auto found = memory.recall("ann", "k");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->fingerprint, "f1");
  EXPECT_EQ(found->status, 201U);
  EXPECT_EQ(found->content_type, first.content_type);
  EXPECT_EQ(found->location, first.location);
  EXPECT_EQ(found->etag, first.etag);
  EXPECT_EQ(found->body, first.body);
  EXPECT_EQ(memory.recall("bob", "k")->status, 202U) << "keys belong to their principal";
  EXPECT_FALSE(memory.recall("ann", "other"));
  memory.forget_before(Millis{100});
  EXPECT_TRUE(memory.recall("ann", "k"));
  memory.forget_before(Millis{101});
  EXPECT_FALSE(memory.recall("ann", "k"));
  EXPECT_TRUE(memory.recall("bob", "k"));
}

}  // namespace
}  // namespace auralink::store
