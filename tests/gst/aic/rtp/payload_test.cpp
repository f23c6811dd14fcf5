// SPDX-License-Identifier: LGPL-2.1-or-later
// The bytes on the wire are a promise: here they are written out by hand, as gst/aic/README.md draws them.
#include "gst/aic/core/rtp/payload.hpp"

#include <gtest/gtest.h>

#include "gst/aic/core/rtp/feedback.hpp"
#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic::rtp {
namespace {

using test::Wire;

Wire written(const UnitHeader& header) {
  Wire out;
  write(header, out);
  return out;
}

TEST(AicPayload, HasEightBytesBeforeTheCodedOnes) {
  const UnitHeader header{.profile = Profile::kLite, .chain = 0xAB, .number = 0x1234, .checksum = 0xDEADBEEF};
  EXPECT_EQ(written(header), (Wire{0x64, 0xAB, 0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF}));
  EXPECT_EQ(written(header).size(), kUnitHeaderSize);
}

TEST(AicPayload, TellsStartMarkAndDescriptionWhenThereAreAny) {
  const Wire description{9, 8};
  UnitHeader header{.chain = 1, .number = 2, .checksum = 3};
  header.start = ChainStart{.from = 7, .offset = 0x0102};
  header.mark = 8;
  header.unmarked = true;
  header.description = description;
  EXPECT_EQ(written(header), (Wire{0x63, 1, 0, 2, 0, 0, 0, 3, 0xE0, 7, 1, 2, 8, 2, 9, 8}));
}

TEST(AicPayload, IsReadAsItIsWritten) {
  const Wire description{5, 6, 7};
  for (unsigned choice = 0; choice < 16; ++choice) {
    UnitHeader header{
        .profile = static_cast<Profile>(choice % 3), .chain = 9, .number = 65535, .checksum = 77};
    if ((choice & 1U) != 0) header.start = ChainStart{.from = kInitial, .offset = 65535};
    if ((choice & 2U) != 0) header.mark = 255;
    header.unmarked = (choice & 4U) != 0;
    if ((choice & 8U) != 0) header.description = description;
    Wire wire = written(header);
    const std::size_t size = wire.size();
    wire.push_back(0xCC);
    const auto fragment = read(wire);
    ASSERT_TRUE(fragment) << choice;
    EXPECT_TRUE(fragment->first);
    EXPECT_FALSE(fragment->last);
    EXPECT_EQ(fragment->header, header) << choice;
    EXPECT_EQ(Wire(fragment->coded.begin(), fragment->coded.end()), Wire{0xCC});
    for (std::size_t cut = 0; cut < size; ++cut) EXPECT_FALSE(read(Bytes{wire}.first(cut))) << cut;
  }
}

TEST(AicPayload, ContinuesWithOneByte) {
  EXPECT_EQ(continuation(false), 0x40);
  EXPECT_EQ(continuation(true), 0x50);
  const auto fragment = read(Wire{0x50, 1, 2});
  ASSERT_TRUE(fragment);
  EXPECT_FALSE(fragment->first);
  EXPECT_TRUE(fragment->last);
  EXPECT_EQ(fragment->coded.size(), 2U);
}

TEST(AicPayload, RefusesOtherVersionsAndReservedBits) {
  const Wire tail{1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0};
  const auto with = [&](unsigned first, unsigned control) {
    Wire wire{static_cast<std::uint8_t>(first)};
    wire.insert(wire.end(), tail.begin(), tail.begin() + 7);
    wire.push_back(static_cast<std::uint8_t>(control));
    wire.insert(wire.end(), tail.begin() + 7, tail.end());
    return wire;
  };
  EXPECT_TRUE(read(with(0x60, 0)));
  EXPECT_FALSE(read(with(0x20, 0))) << "version 0";
  EXPECT_FALSE(read(with(0xA0, 0))) << "version 2";
  EXPECT_FALSE(read(with(0x6C, 0))) << "profile 3";
  EXPECT_FALSE(read(with(0x62, 0x01))) << "reserved control bit";
  EXPECT_FALSE(read(with(0x62, 0x40))) << "a mark of the initial state";
  EXPECT_FALSE(read(with(0x61, 0))) << "an empty description";
  EXPECT_FALSE(read(Wire{0x44})) << "a continuation has no profile";
  EXPECT_FALSE(read(Wire{}));
}

TEST(Checksum, IsTheCommonCrc32) {
  // "123456789" gives CBF43926; here the four bytes of the state and of the size go first.
  AccessUnit unit;
  unit.add(Wire{'9'});
  EXPECT_NE(checksum(0x31323334, unit, {}), 0U);
  AccessUnit empty;
  EXPECT_EQ(checksum(0x31323334, empty, Wire{'5', '6', '7', '8', '9'}), 0xCBF43926U);
}

TEST(Checksum, DependsOnStateBytesBoundariesAndDescription) {
  AccessUnit one;
  one.add(Wire{1, 2, 3, 4});
  AccessUnit two;
  two.add(Wire{1, 2});
  two.add(Wire{3, 4});
  const auto base = checksum(1, one, {});
  EXPECT_NE(base, checksum(2, one, {}));
  EXPECT_NE(base, checksum(1, two, {}));
  EXPECT_NE(base, checksum(1, one, Wire{0}));
}

TEST(Feedback, IsAnRtcpAppPacket) {
  Feedback f{.kind = Feedback::Kind::kResync,
             .reporter = 0x01020304,
             .media = 0x11121314,
             .chain = 0x21,
             .count = 2};
  f.held = {Feedback::Held{5, 0xA1A2A3A4}, Feedback::Held{4, 0xB1B2B3B4}};
  Wire wire;
  write_app(f, wire);
  EXPECT_EQ(wire, (Wire{0x82, 204,  0,    6, 1, 2, 3,    4,    'A',  'I',  'C',  '1',  0x11, 0x12,
                        0x13, 0x14, 0x21, 2, 5, 4, 0xA1, 0xA2, 0xA3, 0xA4, 0xB1, 0xB2, 0xB3, 0xB4}));
  EXPECT_EQ(read_feedback(wire), f);
}

TEST(Feedback, IsFoundInACompoundPacket) {
  for (std::uint8_t count = 0; count <= 2; ++count) {
    Feedback f{.kind = Feedback::Kind::kAcknowledge, .reporter = 1, .media = 2, .chain = 3, .count = count};
    if (count > 0) f.held[0] = {9, 10};
    if (count > 1) f.held[1] = {8, 11};
    Wire wire;
    write_compound(f, wire);
    EXPECT_EQ(wire[1], 201) << "RFC 3550 6.1: a compound packet begins with a report";
    EXPECT_EQ(wire.size() % 4, 0U);
    EXPECT_EQ(read_feedback(wire), f);
    for (std::size_t cut = 0; cut < wire.size(); ++cut)
      EXPECT_EQ(read_feedback(Bytes{wire}.first(cut)), std::nullopt);
  }
}

TEST(Feedback, IgnoresOtherApplicationsAndNonsense) {
  Wire wire;
  write_app({.reporter = 1, .media = 2, .chain = 3}, wire);
  auto other = wire;
  other[8] = 'B';
  EXPECT_EQ(read_feedback(other), std::nullopt);
  other = wire;
  other[0] = 0x83;  // an unknown subtype
  EXPECT_EQ(read_feedback(other), std::nullopt);
  other = wire;
  other[17] = 3;  // more states than anyone keeps
  EXPECT_EQ(read_feedback(other), std::nullopt);
  other[17] = 1;  // a state without its hash
  EXPECT_EQ(read_feedback(other), std::nullopt);
}

}  // namespace
}  // namespace auralink::aic::rtp
