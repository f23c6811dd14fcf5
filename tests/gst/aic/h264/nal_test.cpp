// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/nal.hpp"

#include <gtest/gtest.h>

#include <random>

namespace auralink::aic::h264 {
namespace {

using Payload = std::vector<std::uint8_t>;

TEST(Nal, EmulationPreventionComesAndGoes) {
  std::mt19937 random{3};
  for (int round = 0; round < 3000; ++round) {
    Payload payload(random() % 40);
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random() % 5);  // mostly what needs escaping
    payload.push_back(0x80);
    Payload escaped;
    insert_emulation_prevention(payload, escaped);
    for (std::size_t i = 0; i + 2 < escaped.size(); ++i)
      ASSERT_FALSE(escaped[i] == 0 && escaped[i + 1] == 0 && escaped[i + 2] < 3)
          << "a start code in a NAL unit";
    Payload back;
    strip_emulation_prevention(escaped, back);
    ASSERT_EQ(back, payload);
  }
}

TEST(Nal, OnlyWhatIsNeededIsEscaped) {
  Payload out;
  insert_emulation_prevention(Payload{0, 0, 4, 0, 1, 0, 0, 3, 0, 0, 0}, out);
  EXPECT_EQ(out, (Payload{0, 0, 4, 0, 1, 0, 0, 3, 3, 0, 0, 3, 0}));
}

TEST(Nal, AByteStreamIsSplitAtStartCodesOfBothLengths) {
  const Payload stream{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0};
  const auto nals = split_byte_stream(stream);
  ASSERT_EQ(nals.size(), 3U);
  EXPECT_EQ(Payload(nals[0].begin(), nals[0].end()), (Payload{0x67, 1}));
  EXPECT_EQ(Payload(nals[1].begin(), nals[1].end()), (Payload{0x68, 2}));
  EXPECT_EQ(Payload(nals[2].begin(), nals[2].end()), (Payload{0x65, 0, 0, 3, 1}));
  EXPECT_TRUE(split_byte_stream(Payload{1, 2, 3}).empty());
}

TEST(Nal, AnAccessUnitBeginsWithItsFirstMacroblockOrWhatPrecedesIt) {
  EXPECT_TRUE(begins_access_unit(Payload{0x65, 0x88}));
  EXPECT_FALSE(begins_access_unit(Payload{0x65, 0x48}));  // first_mb_in_slice 1
  EXPECT_TRUE(begins_access_unit(Payload{0x67}));
  EXPECT_FALSE(begins_access_unit(Payload{0x6C}));
  EXPECT_FALSE(begins_access_unit(Payload{}));
}

}  // namespace
}  // namespace auralink::aic::h264
