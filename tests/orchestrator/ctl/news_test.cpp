// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "orchestrator/ctl/local.hpp"

namespace auralink::ctl {
namespace {

TEST(WorkerNews, ShowsWhatBranchesHaveWritten) {
  EXPECT_EQ(read_worker_news(
                R"({"epoch":1,"stats":{"branches":[{"name":"a","bytes":"3400000","media_ns":"10000000000"},
    {"name":"b"}],"memory_bytes":"1"}})")
                .progress,
            "a 3.4 MB 10.0 s, b 0 B 0.0 s");
}

TEST(WorkerNews, TellsAFailedBranch) {
  EXPECT_EQ(read_worker_news(R"({"branch":{"name":"a","state":"FAILED","error":"disk full"}})").failed_branch,
            "branch a: disk full");
  EXPECT_EQ(read_worker_news(R"({"branch":{"name":"a","state":"REMOVED"}})").failed_branch, "");
}

TEST(WorkerNews, TellsTheEnd) {
  EXPECT_EQ(read_worker_news(R"({"ended":{"class":"COMPLETED"}})").ended_ok, true);
  EXPECT_EQ(read_worker_news(R"({"ended":{"class":"STOPPED","reason":"asked"}})").ended_ok, true);
  const auto failed = read_worker_news(R"({"ended":{"class":"FAILED_SOURCE","reason":"no such file"}})");
  EXPECT_EQ(failed.ended_ok, false);
  EXPECT_EQ(failed.reason, "no such file");
}

TEST(WorkerNews, IgnoresWhatItDoesNotKnow) {
  for (const auto* line : {"", "not json", "[]", R"({"hello":{"pid":"1"}})", R"({"stats":{"branches":7}})"}) {
    const auto news = read_worker_news(line);
    EXPECT_FALSE(news.ended_ok) << line;
    EXPECT_EQ(news.failed_branch, "") << line;
  }
}

}  // namespace
}  // namespace auralink::ctl
