// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/coder.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/gst/aic/model/decisions.hpp"
#include "tests/gst/aic/model/random.hpp"

namespace auralink::aic::model {
namespace {

constexpr std::array kMixings{Mixing::kFull, Mixing::kLight};
constexpr int kTableBits = 10;  // small, so that lines are replaced all the time

std::vector<std::uint8_t> encode(Coder& coder, Mixing mixing, const std::vector<Decision>& decisions) {
  std::vector<std::uint8_t> out;
  coder.start_encoding(mixing, out);
  run<Direction::kEncode>(coder, decisions);
  coder.finish_encoding();
  return out;
}
std::size_t decode(Coder& coder, Mixing mixing, Bytes bytes, const std::vector<Decision>& decisions) {
  coder.start_decoding(mixing, bytes);
  return run<Direction::kDecode>(coder, decisions);
}

TEST(Coder, AnyKernelsCodeTheSameBytesAndReachTheSameState) {
  const KernelList list = available_kernels();
  std::vector<Coder> encoders;
  std::vector<Coder> decoders;
  for (std::size_t k = 0; k < list.count; ++k) {
    encoders.emplace_back(kTableBits, *list.at[k]);
    decoders.emplace_back(kTableBits, *list.at[k]);
  }
  for (unsigned unit = 0; unit < 12; ++unit) {
    const Mixing mixing = kMixings.at(unit / 2 % kMixings.size());
    const auto decisions = random_decisions(unit, 4000);
    const auto bytes = encode(encoders[0], mixing, decisions);
    for (std::size_t k = 0; k < list.count; ++k) {
      if (k > 0) {
        ASSERT_EQ(encode(encoders[k], mixing, decisions), bytes) << list.at[k]->name;
      }
      ASSERT_EQ(decode(decoders[k], mixing, bytes, decisions), 0U) << list.at[k]->name;
      ASSERT_FALSE(decoders[k].exhausted());
      ASSERT_TRUE(encoders[k].equals(encoders[0])) << list.at[k]->name;
      ASSERT_TRUE(decoders[k].equals(encoders[0])) << list.at[k]->name;
      ASSERT_EQ(decoders[k].decisions(), encoders[0].decisions());
    }
  }
}

TEST(Coder, LearnsWhatDependsOnContexts) {
  for (const Mixing mixing : kMixings) {
    Coder coder{16};
    std::vector<std::uint8_t> out;
    coder.start_encoding(mixing, out);
    Random random{1};
    constexpr std::size_t kBits = 40000;
    std::size_t warm = 0;
    for (std::size_t i = 0; i < kBits; ++i) {
      if (i == kBits / 2) warm = out.size();
      // The bit is the parity of the second context, but for one in ten; the others know nothing.
      coder.begin(Class::kMagnitude);
      std::uint32_t known = 0;
      for (std::uint32_t c = 0; c < 9; ++c) {
        const std::uint32_t context = random.below(50);
        if (c == 1) known = context;
        coder.add(context);
      }
      coder.select(static_cast<int>(random.below(4)), static_cast<int>(random.below(4)));
      coder.code<Direction::kEncode>(((known & 1U) != 0) != (random.below(10) == 0),
                                     static_cast<int>(random.below(3)));
    }
    const double cost = static_cast<double>(out.size() - warm) * 8 / (kBits / 2.0);
    EXPECT_LT(cost, 0.469 * 1.08);  // the entropy of one in ten
    EXPECT_GT(cost, 0.469 * 0.95);
  }
}

TEST(Coder, ACopyIsASnapshot) {
  Coder coder{kTableBits};
  static_cast<void>(encode(coder, Mixing::kFull, random_decisions(1, 2000)));
  const Coder snapshot = coder;
  const auto next = random_decisions(2, 2000);
  const auto bytes = encode(coder, Mixing::kFull, next);
  EXPECT_FALSE(coder.equals(snapshot));
  Coder after = coder;

  coder = snapshot;
  EXPECT_TRUE(coder.equals(snapshot));
  EXPECT_EQ(encode(coder, Mixing::kFull, next), bytes);
  EXPECT_TRUE(coder.equals(after));
}

TEST(Coder, AbandonedInTheMiddleOfAUnitItCanBeRestored) {
  Coder coder{kTableBits};
  static_cast<void>(encode(coder, Mixing::kLight, random_decisions(1, 500)));
  const Coder snapshot = coder;
  std::vector<std::uint8_t> dropped;
  coder.start_encoding(Mixing::kFull, dropped);
  run<Direction::kEncode>(coder, random_decisions(3, 500));
  coder = snapshot;
  const auto decisions = random_decisions(4, 500);
  Coder other = snapshot;
  EXPECT_EQ(encode(coder, Mixing::kFull, decisions), encode(other, Mixing::kFull, decisions));
  EXPECT_TRUE(coder.equals(other));
}

TEST(Coder, ResetMakesItNew) {
  Coder coder{kTableBits};
  static_cast<void>(encode(coder, Mixing::kFull, random_decisions(5, 3000)));
  const Coder fresh{kTableBits};
  EXPECT_FALSE(coder.equals(fresh));
  coder.reset();
  EXPECT_TRUE(coder.equals(fresh));
}

TEST(Coder, ForeignBytesAreToldFromOwnOnes) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    Random random{seed};
    std::vector<std::uint8_t> bytes(random() % 200);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    Coder coder{kTableBits};
    coder.start_decoding(kMixings.at(seed % kMixings.size()), bytes);
    // A model that adapts to the bits it reads makes them cheap: the bound on the number of bits is the
    // caller's, who knows what a picture can hold. What is read goes through any state without harm.
    std::uint32_t bits = 0;
    for (; !coder.exhausted() && bits < 2000000; ++bits) {
      coder.begin(static_cast<Class>(bits % kClasses));
      for (std::uint32_t i = 0; i < 20; ++i) coder.add(random());
      for (int i = 0; i < 20; ++i) coder.input(static_cast<int>(random()));
      coder.select(static_cast<int>(random()), static_cast<int>(random()));
      static_cast<void>(coder.code<Direction::kDecode>(false, static_cast<int>(random())));
    }
    EXPECT_TRUE(coder.exhausted()) << seed;
    EXPECT_EQ(coder.decisions(), bits);
  }
}

TEST(Coder, MoreThanAClassHasIsIgnored) {
  Coder exact{kTableBits};
  Coder more{kTableBits};
  std::vector<std::uint8_t> first;
  std::vector<std::uint8_t> second;
  exact.start_encoding(Mixing::kFull, first);
  more.start_encoding(Mixing::kFull, second);
  for (unsigned i = 0; i < 1000; ++i) {
    const std::size_t c = i % kClasses;
    for (Coder* coder : {&exact, &more}) {
      const std::uint32_t extra = coder == &more ? 3 : 0;
      coder->begin(static_cast<Class>(c));
      for (std::uint32_t k = 0; k < kShapes[c].contexts + extra; ++k) coder->add(i % (3 + k));
      for (std::uint32_t k = 0; k < kShapes[c].inputs + extra; ++k) coder->input(static_cast<int>(k * 10));
      coder->code<Direction::kEncode>(i % 3 == 0, static_cast<int>(i % 64));
    }
  }
  exact.finish_encoding();
  more.finish_encoding();
  EXPECT_EQ(first, second);
  EXPECT_TRUE(exact.equals(more));
}

TEST(Coder, SaysHowMuchItHolds) {
  const Coder coder{16};
  EXPECT_GT(coder.memory(), std::size_t{2} << 20U);
  EXPECT_LT(coder.memory(), std::size_t{4} << 20U);
}

TEST(Pack, KeepsSmallNumbersApart) {
  std::vector<std::uint32_t> seen;
  for (int a = -3; a <= 3; ++a)
    for (int b = -3; b <= 3; ++b)
      for (int c : {-128, 0, 128}) seen.push_back(pack(a, b, c, 5));
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

}  // namespace
}  // namespace auralink::aic::model
