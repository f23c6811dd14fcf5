// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/frame.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker.pb.h"

namespace auralink::worker {
namespace {

[[nodiscard]] std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Frame, IsLengthThenPayload) {
  EXPECT_EQ(frame(std::string_view{"abc"}), std::string("\0\0\0\3abc", 7));
  EXPECT_EQ(frame(std::string_view{}), std::string(4, '\0'));
}

TEST(Frame, CarriesMessages) {
  v1::FromWorker message;
  message.mutable_hello()->set_pid(7);
  FrameReader reader;
  ASSERT_TRUE(reader.feed(bytes(frame(message))));
  v1::FromWorker got;
  ASSERT_TRUE(got.ParseFromString(reader.next().value()));
  EXPECT_EQ(got.hello().pid(), 7);
}

TEST(FrameReader, ReassemblesWhateverWayBytesArrive) {
  const std::vector<std::string> payloads{"", "x", std::string(300, 'y'), "", std::string(70'000, 'z')};
  std::string stream;
  for (const auto& payload : payloads) stream += frame(std::string_view{payload});
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{4096}, stream.size()}) {
    FrameReader reader;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      ASSERT_TRUE(reader.feed(bytes(std::string_view{stream}.substr(at, step))));
      while (auto payload = reader.next()) got.push_back(std::move(*payload));
    }
    EXPECT_EQ(got, payloads) << "step " << step;
    EXPECT_EQ(reader.pending(), 0U);
  }
}

TEST(FrameReader, HandsOutSeveralFramesOfOneRead) {
  FrameReader reader;
  ASSERT_TRUE(reader.feed(bytes(frame(std::string_view{"a"}) + frame(std::string_view{"b"}) + "\0")));
  EXPECT_EQ(reader.next(), "a");
  EXPECT_EQ(reader.next(), "b");
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(FrameReader, RefusesAFrameThatIsTooLongBeforeItsBytesArrive) {
  FrameReader reader{16};
  ASSERT_TRUE(reader.feed(bytes(frame(std::string_view{"0123456789abcdef"}))));
  EXPECT_FALSE(reader.feed(bytes(std::string("\0\0\0\x11", 4))));
  EXPECT_EQ(reader.next(), "0123456789abcdef");  // what was whole before stays readable
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_FALSE(reader.feed(bytes("more")));
}

TEST(FrameReader, RefusesGarbage) {
  FrameReader reader;
  EXPECT_FALSE(reader.feed(bytes("GET / HTTP/1.1\r\n\r\n")));
  FrameReader other;
  EXPECT_FALSE(other.feed(bytes("\xff\xff\xff\xff")));
}

TEST(FrameReader, FindsAnOverlongFrameBehindWholeOnes) {
  FrameReader reader{8};
  EXPECT_FALSE(reader.feed(bytes(frame(std::string_view{"a"}) + std::string("\0\0\1\0", 4))));
  EXPECT_EQ(reader.next(), "a");
  EXPECT_EQ(reader.next(), std::nullopt);
}

}  // namespace
}  // namespace auralink::worker
