// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/cavlc.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "gst/aic/core/h264/cavlc_tables.hpp"

namespace auralink::aic::h264 {
namespace {

TEST(Cavlc, EveryBlockReadsAsItWasWritten) {
  std::mt19937 random{7};
  for (int round = 0; round < 40'000; ++round) {
    const int max = std::array{4, 15, 16}[random() % 3];
    const int nc = max == 4 ? kChromaDc : static_cast<int>(random() % 17);
    const auto density = static_cast<unsigned>(random() % 101);
    const int reach = std::array{1, 3, 60, 3000, 32767}[random() % 5];
    std::array<std::int16_t, 16> block{};
    int total = 0;
    for (int k = 0; k < max; ++k) {
      if (random() % 100 >= density) continue;
      const int level = 1 + static_cast<int>(random() % static_cast<unsigned>(reach));
      block[static_cast<std::size_t>(k)] = static_cast<std::int16_t>((random() & 1U) != 0 ? level : -level);
      ++total;
    }
    std::vector<std::uint8_t> payload;
    BitWriter out{payload};
    write_block(out, block.data(), max, nc);
    out.finish();
    BitReader in{payload};
    std::array<std::int16_t, 16> back{};
    back.fill(99);
    ASSERT_EQ(read_block(in, back.data(), max, nc), total);
    for (int k = 0; k < max; ++k)
      ASSERT_EQ(back[static_cast<std::size_t>(k)], block[static_cast<std::size_t>(k)]) << "round " << round;
    EXPECT_FALSE(in.more());
  }
}

TEST(Cavlc, TheExampleOfTheStandardsCommentaries) {
  // 0, 3, 0, 1, -1, -1, 0, 1 with nC 0: coeff_token 0000100, signs 011, levels 1 and 0010, total_zeros 111,
  // runs 10 1 1 01
  const std::array<std::int16_t, 16> block{0, 3, 0, 1, -1, -1, 0, 1};
  std::vector<std::uint8_t> payload;
  BitWriter out{payload};
  write_block(out, block.data(), 16, 0);
  out.finish();
  EXPECT_EQ(payload, (std::vector<std::uint8_t>{0b00001000, 0b11100101, 0b11101101, 0b10000000}));
}

template <std::size_t kCount>
void expect_prefix_free(const std::array<Code, kCount>& codes) {
  for (std::size_t a = 0; a < kCount; ++a)
    for (std::size_t b = 0; b < kCount; ++b) {
      if (a == b || codes[a].length == 0 || codes[b].length < codes[a].length) continue;
      EXPECT_NE(codes[b].bits >> (codes[b].length - codes[a].length), codes[a].bits) << a << " begins " << b;
    }
}
TEST(Cavlc, NoCodeBeginsAnother) {
  for (const auto& table : kCoeffToken) expect_prefix_free(table);
  expect_prefix_free(kCoeffTokenChromaDc);
  for (const auto& table : kTotalZeros) expect_prefix_free(table);
  for (const auto& table : kTotalZerosChromaDc) expect_prefix_free(table);
  for (const auto& table : kRunBefore) expect_prefix_free(table);
}

TEST(Cavlc, RandomBitsAreABlockOrRefused) {
  std::mt19937 random{11};
  for (int round = 0; round < 50'000; ++round) {
    std::vector<std::uint8_t> payload(1 + random() % 30);
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random() & random());
    const int max = std::array{4, 15, 16}[random() % 3];
    BitReader in{payload};
    std::array<std::int16_t, 16> block{};
    const int total =
        read_block(in, block.data(), max, max == 4 ? kChromaDc : static_cast<int>(random() % 17));
    EXPECT_LE(total, max);
    int count = 0;
    for (int k = 0; k < max; ++k) count += block[static_cast<std::size_t>(k)] != 0 ? 1 : 0;
    if (total >= 0) {
      EXPECT_EQ(count, total);
    }
  }
}

}  // namespace
}  // namespace auralink::aic::h264
