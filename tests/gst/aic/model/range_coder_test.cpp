// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/range_coder.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/gst/aic/model/random.hpp"

namespace auralink::aic::model {
namespace {

struct Coded {
  bool bit;
  std::uint32_t one;
};
std::vector<Coded> random_bits(unsigned seed, std::size_t count) {
  Random random{seed};
  std::vector<Coded> out(count);
  for (Coded& c : out) {
    // All magnitudes, the extremes among them.
    const std::uint32_t small = 1 + (random() & 0xFFFFU) % (1U << (random() % 16U));
    c.one = random.flip() ? small : 65536 - small;
    c.bit = random() % 65536 < c.one;
  }
  return out;
}
std::vector<std::uint8_t> encode(const std::vector<Coded>& bits) {
  std::vector<std::uint8_t> out;
  RangeEncoder encoder;
  encoder.start(out);
  for (const Coded& c : bits) encoder.code(c.bit, c.one);
  encoder.finish();
  return out;
}

TEST(RangeCoder, GivesBackEveryBit) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const auto bits = random_bits(seed, seed * 20);
    const auto bytes = encode(bits);
    RangeDecoder decoder;
    decoder.start(bytes);
    for (const Coded& c : bits) {
      ASSERT_EQ(decoder.code(c.one), c.bit);
      ASSERT_FALSE(decoder.exhausted());
    }
  }
}

TEST(RangeCoder, CostsWhatTheProbabilitiesSay) {
  const auto bits = random_bits(1, 200000);
  double cost = 0;
  for (const Coded& c : bits) cost -= std::log2((c.bit ? c.one : 65536 - c.one) / 65536.0);
  EXPECT_NEAR(static_cast<double>(encode(bits).size()), cost / 8, cost / 8 * 0.001 + 2);
}

TEST(RangeCoder, NothingCostsNothing) { EXPECT_TRUE(encode({}).empty()); }

TEST(RangeCoder, AppendsToWhatIsThere) {
  std::vector<std::uint8_t> out{1, 2, 3};
  RangeEncoder encoder;
  encoder.start(out);
  for (int i = 0; i < 100; ++i) encoder.code(i % 2 == 0, 32768);
  encoder.finish();
  ASSERT_GT(out.size(), 3U + 11U);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[2], 3);
}

TEST(RangeCoder, ForeignBytesEndSoon) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Random random{seed};
    std::vector<std::uint8_t> bytes(random() % 50);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    RangeDecoder decoder;
    decoder.start(bytes);
    std::size_t decoded = 0;
    for (; !decoder.exhausted(); ++decoded) static_cast<void>(decoder.code(16384 + random() % 32768));
    // No bit of these costs less than log2(4/3) on average over both outcomes' worst case.
    EXPECT_LE(decoded, (bytes.size() + 6) * 8 * 3);
  }
}

}  // namespace
}  // namespace auralink::aic::model
