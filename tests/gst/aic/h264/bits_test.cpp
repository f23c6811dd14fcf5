// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/bits.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>

namespace auralink::aic::h264 {
namespace {

using Payload = std::vector<std::uint8_t>;

TEST(Bits, ExpGolombReadsWhatWasWritten) {
  Payload payload;
  BitWriter out{payload};
  const std::array<std::uint32_t, 8> unsigned_values{
      0, 1, 2, 254, 255, 65534, 65535, std::numeric_limits<std::uint32_t>::max() - 1};
  const std::array<std::int32_t, 7> signed_values{0, 1, -1, 2, -2, 40000, -40000};
  for (const auto v : unsigned_values) out.ue(v);
  for (const auto v : signed_values) out.se(v);
  out.finish();
  BitReader in{payload};
  for (const auto v : unsigned_values) EXPECT_EQ(in.ue(), v);
  for (const auto v : signed_values) EXPECT_EQ(in.se(), v);
  EXPECT_FALSE(in.more());
  EXPECT_FALSE(in.failed());
}

TEST(Bits, FieldsOfAnyLengthReadWhatWasWritten) {
  std::mt19937 random{1};
  std::vector<std::pair<unsigned, std::uint32_t>> fields(2000);
  Payload payload;
  BitWriter out{payload};
  for (auto& [count, value] : fields) {
    count = static_cast<unsigned>(random() % 33);
    value = count == 0 ? 0 : static_cast<std::uint32_t>(random()) >> (32 - count);
    out.put(count, value);
  }
  out.finish();
  BitReader in{payload};
  for (const auto& [count, value] : fields) ASSERT_EQ(in.take(count), value);
}

TEST(Bits, ReadingPastTheEndGivesZerosAndFails) {
  const Payload payload{0xFF};
  BitReader in{payload};
  EXPECT_EQ(in.take(8), 0xFFU);
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.take(32), 0U);
  EXPECT_TRUE(in.failed());
  BitReader nothing{Payload{}};
  EXPECT_FALSE(nothing.more());
  static_cast<void>(nothing.ue());
  EXPECT_TRUE(nothing.failed());
}

TEST(Bits, MoreDataEndsAtTheStopBit) {
  const Payload payload{0b1011'0000, 0b1000'0000, 0, 0};  // a stop bit at bit 8, then zeros
  BitReader in{payload};
  in.skip(7);
  EXPECT_TRUE(in.more());
  in.skip(1);
  EXPECT_FALSE(in.more());
}

}  // namespace
}  // namespace auralink::aic::h264
