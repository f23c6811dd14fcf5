// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/packet.hpp"

#include <gtest/gtest.h>

#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic::rtp {
namespace {

using test::rtp;
using test::Wire;

TEST(RtpPacket, HasItsFields) {
  const Wire wire =
      rtp({.type = 97, .marker = true, .sequence = 0xFFFE, .timestamp = 0x80000001, .ssrc = 0xDEADBEEF},
          {1, 2, 3});
  Packet p;
  ASSERT_EQ(parse(wire, p), Parsed::kRtp);
  EXPECT_EQ(p.type, 97);
  EXPECT_TRUE(p.marker);
  EXPECT_EQ(p.sequence, 0xFFFE);
  EXPECT_EQ(p.timestamp, 0x80000001U);
  EXPECT_EQ(p.ssrc, 0xDEADBEEFU);
  EXPECT_EQ(p.payload.size(), 3U);
  EXPECT_EQ(p.size, 15U);
  EXPECT_FALSE(p.csrcs || p.padding || !p.extension.empty());
}

TEST(RtpPacket, SkipsCsrcsAndExtensionAndPadding) {
  Wire wire = rtp({}, {1, 1, 1, 1, 2, 2, 2, 2, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 0xAA, 0xBB, 0, 2});
  wire[0] = 0x80 | 0x20 | 0x10 | 2;
  Packet p;
  ASSERT_EQ(parse(wire, p), Parsed::kRtp);
  EXPECT_TRUE(p.csrcs);
  EXPECT_TRUE(p.padding);
  EXPECT_EQ(p.extension.size(), 8U);
  EXPECT_EQ(Wire(p.payload.begin(), p.payload.end()), (Wire{0xAA, 0xBB}));
}

TEST(RtpPacket, IsRefusedWhenCutAnywhereInItsHeader) {
  Wire wire = rtp({}, {1, 1, 1, 1, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0});
  wire[0] = 0x80 | 0x10 | 1;
  Packet p;
  ASSERT_EQ(parse(wire, p), Parsed::kRtp);
  for (std::size_t size = 0; size < wire.size(); ++size)
    EXPECT_EQ(parse(Bytes{wire}.first(size), p), Parsed::kMalformed) << size;
}

TEST(RtpPacket, IsRefusedWithImpossiblePaddingOrVersion) {
  Wire wire = rtp({}, {3, 4});
  Packet p;
  wire[0] = 0xA0;
  EXPECT_EQ(parse(wire, p), Parsed::kMalformed);
  wire[0] = 0x40;
  EXPECT_EQ(parse(wire, p), Parsed::kMalformed);
}

TEST(RtpPacket, IsToldFromRtcp) {
  for (unsigned second = 0; second < 256; ++second) {
    Wire wire = rtp({}, {1});
    wire[1] = static_cast<std::uint8_t>(second);
    Packet p;
    EXPECT_EQ(parse(wire, p) == Parsed::kRtcp, second >= 192 && second <= 223) << second;
  }
}

TEST(RtpPacket, IsWrittenAsItIsRead) {
  const Wire extension{0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0};
  const Packet p{
      .type = 97, .marker = true, .sequence = 7, .timestamp = 8, .ssrc = 9, .extension = extension};
  Wire wire;
  write_header(p, wire);
  Packet again;
  ASSERT_EQ(parse(wire, again), Parsed::kRtp);
  EXPECT_EQ(again.type, 97);
  EXPECT_TRUE(again.marker);
  EXPECT_EQ(again.sequence, 7);
  EXPECT_EQ(again.timestamp, 8U);
  EXPECT_EQ(again.ssrc, 9U);
  EXPECT_EQ(Wire(again.extension.begin(), again.extension.end()), extension);
  EXPECT_TRUE(again.payload.empty());
}

TEST(Arrivals, TellNextGapLateAndDuplicateAcrossTheWrap) {
  Arrivals a;
  EXPECT_EQ(a.see(0xFFFE), Arrivals::Is::kNext);
  EXPECT_EQ(a.see(0xFFFF), Arrivals::Is::kNext);
  EXPECT_EQ(a.see(1), Arrivals::Is::kAfterGap);
  EXPECT_EQ(a.see(1), Arrivals::Is::kDuplicate);
  EXPECT_EQ(a.see(0), Arrivals::Is::kLate);
  EXPECT_EQ(a.see(0), Arrivals::Is::kDuplicate);
  EXPECT_EQ(a.see(0xFFFE), Arrivals::Is::kDuplicate);
  EXPECT_EQ(a.see(2), Arrivals::Is::kNext);
}

TEST(Arrivals, StartAnewFarAway) {
  Arrivals a;
  EXPECT_EQ(a.see(100), Arrivals::Is::kNext);
  EXPECT_EQ(a.see(100 + kMaxStep + 1), Arrivals::Is::kElsewhere);
  EXPECT_EQ(a.see(100 + kMaxStep + 2), Arrivals::Is::kNext);
  EXPECT_EQ(a.see(101), Arrivals::Is::kElsewhere);
  EXPECT_EQ(a.see(101 + kMaxStep), Arrivals::Is::kAfterGap);
  EXPECT_EQ(a.see(102), Arrivals::Is::kLate) << "older than its memory, yet not elsewhere";
}

}  // namespace
}  // namespace auralink::aic::rtp
