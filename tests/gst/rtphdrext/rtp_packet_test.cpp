// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/rtp_packet.hpp"

#include <gtest/gtest.h>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::packet;

TEST(RtpHeader, FindsThePayloadOfAPlainPacket) {
  const auto wire = packet({});
  const auto parsed = parse_header(wire, wire.size());
  ASSERT_NE(parsed.value(), nullptr);
  EXPECT_EQ(parsed.value()->payload_offset, 12U);
  EXPECT_FALSE(parsed.value()->extension);
  EXPECT_FALSE(parsed.value()->padding);
}

TEST(RtpHeader, SkipsCsrcsAndExtension) {
  const auto wire = packet({.csrcs = 15, .profile = 0xBEDE, .extension = {0x10, 1, 0, 0, 0, 0, 0, 0}});
  const auto parsed = parse_header(wire, wire.size());
  ASSERT_NE(parsed.value(), nullptr);
  EXPECT_EQ(parsed.value()->fixed_size, 72U);
  EXPECT_EQ(parsed.value()->extension_offset(), 76U);
  EXPECT_EQ(parsed.value()->extension_bytes, 8U);
  EXPECT_EQ(parsed.value()->payload_offset, 84U);
  EXPECT_EQ(parsed.value()->profile, 0xBEDE);
}

TEST(RtpHeader, AcceptsAPacketWithoutPayload) {
  const auto wire = packet({.payload = {}});
  EXPECT_NE(parse_header(wire, wire.size()).value(), nullptr);
}

TEST(RtpHeader, RefusesEveryTruncation) {
  const auto wire = packet({.csrcs = 2, .profile = 0xBEDE, .extension = {0x10, 1, 0, 0}, .payload = {}});
  for (std::size_t size = 0; size < wire.size(); ++size)
    EXPECT_EQ(parse_header(Bytes{wire}.first(size), size).fault(), Fault::kTruncated) << size;
}

TEST(RtpHeader, AsksForMoreWhenTheGivenPartEndsInTheHeader) {
  const auto wire = packet({.profile = 0xBEDE, .extension = {0x10, 1, 0, 0}});
  EXPECT_EQ(parse_header(Bytes{wire}.first(12), wire.size()).fault(), Fault::kTruncated);
  EXPECT_EQ(parse_header(Bytes{wire}.first(19), wire.size()).fault(), Fault::kTruncated);
  EXPECT_NE(parse_header(Bytes{wire}.first(20), wire.size()).value(), nullptr);
}

TEST(RtpHeader, RefusesAHeadThatIsLongerThanThePacket) {
  const auto wire = packet({.csrcs = 3});
  EXPECT_EQ(parse_header(wire, 20).fault(), Fault::kTruncated);
}

TEST(RtpHeader, RefusesOtherVersions) {
  for (const unsigned version : {0U, 1U, 3U}) {
    const auto wire = packet({.version = version});
    EXPECT_EQ(parse_header(wire, wire.size()).fault(), Fault::kVersion) << version;
  }
}

TEST(RtpHeader, TellsRtcpFromRtp) {
  auto wire = packet({});
  for (unsigned second = 0; second < 256; ++second) {
    wire[1] = static_cast<std::uint8_t>(second);
    const bool rtcp = second >= 192 && second <= 223;
    EXPECT_EQ(parse_header(wire, wire.size()).fault() == Fault::kRtcp, rtcp) << second;
  }
}

TEST(RtpPadding, MustFitBehindTheHeader) {
  const auto wire = packet({.padding = true, .payload = {9, 0, 2}});
  const auto parsed = parse_header(wire, wire.size());
  ASSERT_NE(parsed.value(), nullptr);
  EXPECT_TRUE(padding_fits(wire.size(), *parsed.value(), 1));
  EXPECT_TRUE(padding_fits(wire.size(), *parsed.value(), 3));
  EXPECT_FALSE(padding_fits(wire.size(), *parsed.value(), 4));
  EXPECT_TRUE(padding_fits(wire.size(), *parsed.value(), 0));
}

TEST(RtpPadding, NeedsAByteForItsCount) {
  // The last byte belongs to the extension; taken for a count, it would change with what is injected.
  const auto wire = packet({.padding = true, .profile = 0xBEDE, .extension = {0x10, 7, 0, 0}, .payload = {}});
  const auto parsed = parse_header(wire, wire.size());
  ASSERT_NE(parsed.value(), nullptr);
  EXPECT_FALSE(padding_fits(wire.size(), *parsed.value(), wire.back()));
}

TEST(RtpPadding, IsNotReadWithoutThePBit) { EXPECT_TRUE(padding_fits(12, Header{}, 255)); }

TEST(Fault, HasAnExplanation) {
  for (const Fault fault : {Fault::kTruncated, Fault::kVersion, Fault::kPadding, Fault::kRtcp,
                            Fault::kBrokenElement, Fault::kOtherForm, Fault::kNoRoom})
    EXPECT_STRNE(describe(fault), "unknown");
}

}  // namespace
}  // namespace auralink::rtphdrext
