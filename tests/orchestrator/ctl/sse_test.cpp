// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/sse.hpp"

#include <gtest/gtest.h>

namespace auralink::ctl {
namespace {

using Events = std::vector<SseEvent>;

Events all(std::string_view text, std::size_t piece) {
  SseParser parser;
  Events out;
  for (std::size_t at = 0; at < text.size(); at += piece)
    for (auto& event : parser.push(text.substr(at, piece))) out.push_back(std::move(event));
  return out;
}

TEST(Sse, ReadsIdTypeAndData) {
  SseParser parser;
  EXPECT_EQ(parser.push("id: 7\nevent: recording.complete\ndata: {\"a\":1}\n\n"),
            (Events{{"7", "recording.complete", "{\"a\":1}"}}));
}

TEST(Sse, DoesNotCareHowBytesArrive) {
  const std::string text =
      "\xEF\xBB\xBFid: 1\r\ndata: a\r\ndata:b\r\n\r\n: keepalive\n\ndata: c\r\rid: 3\ndata\n\n";
  const Events expected{{"1", "message", "a\nb"}, {"1", "message", "c"}, {"3", "message", ""}};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(all(text, piece), expected) << piece;
}

TEST(Sse, SkipsCommentsUnknownFieldsAndEventsWithoutData) {
  SseParser parser;
  EXPECT_EQ(parser.push(": hello\nretry: 5\nunknown: x\nevent: lonely\n\n"), Events{});
  EXPECT_EQ(parser.push("data: x\n\n"), (Events{{"", "message", "x"}}));
}

TEST(Sse, IgnoresAnIdWithANul) {
  SseParser parser;
  EXPECT_EQ(parser.push(std::string_view{"id: a\0b\ndata: x\n\n", 17}), (Events{{"", "message", "x"}}));
}

TEST(Sse, HoldsBackAnUnfinishedEvent) {
  SseParser parser;
  EXPECT_EQ(parser.push("data: x\n"), Events{});
  EXPECT_EQ(parser.push("\n"), (Events{{"", "message", "x"}}));
}

TEST(Sse, GivesUpOnEndlessLinesAndEvents) {
  SseParser line{100};
  EXPECT_EQ(line.push(std::string(200, 'x')), Events{});
  EXPECT_TRUE(line.broken());
  SseParser event{100};
  for (int i = 0; i < 20; ++i) EXPECT_EQ(event.push("data: 0123456789\n"), Events{});
  EXPECT_TRUE(event.broken());
}

}  // namespace
}  // namespace auralink::ctl
