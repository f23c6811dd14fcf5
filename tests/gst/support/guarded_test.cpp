// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/support/guarded.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace auralink::support {
namespace {

TEST(Guarded, StartsWithItsDefaultOrTheGivenValue) {
  EXPECT_EQ(Guarded<int>{}.load(), 0);
  EXPECT_EQ(Guarded<std::string>{"x"}.load(), "x");
}

TEST(Guarded, ReturnsACopyNotAReference) {
  Guarded<std::string> text{"before"};
  const auto copy = text.load();
  text.store("after");
  EXPECT_EQ(copy, "before");
  static_assert(!std::is_reference_v<decltype(text.with([](std::string& s) -> std::string& { return s; }))>);
}

TEST(Guarded, AcceptsValuesThatOnlyMove) {
  Guarded<std::unique_ptr<int>> slot;
  slot.store(std::make_unique<int>(3));
  const auto taken = slot.with([](std::unique_ptr<int>& p) { return std::move(p); });
  EXPECT_EQ(*taken, 3);
  EXPECT_TRUE(slot.with([](const std::unique_ptr<int>& p) { return p == nullptr; }));
}

TEST(Guarded, DestroysTheOldValueOutsideTheLock) {
  struct Reader {
    Guarded<std::shared_ptr<Reader>>* slot = nullptr;
    bool* ran = nullptr;
    Reader(Guarded<std::shared_ptr<Reader>>* s, bool* r) : slot{s}, ran{r} {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { *ran = slot->load() == nullptr; }  // would deadlock under the lock
  };
  bool ran = false;
  Guarded<std::shared_ptr<Reader>> slot;
  slot.store(std::make_shared<Reader>(&slot, &ran));
  slot.store(nullptr);
  EXPECT_TRUE(ran);
}

TEST(Guarded, LosesNoWriteOfSeveralThreads) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 5000;
  Guarded<int> count;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < kSteps; ++i) count.with([](int& n) { ++n; });
      });
  }
  EXPECT_EQ(count.load(), kThreads * kSteps);
}

}  // namespace
}  // namespace auralink::support
