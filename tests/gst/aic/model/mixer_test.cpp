// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/mixer.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/gst/aic/model/random.hpp"

namespace auralink::aic::model {
namespace {

TEST(Mixer, EveryProcessorsVersionEqualsThePlainOne) {
  const KernelList list = available_kernels();
  ASSERT_EQ(list.at[0], &kPlainKernels);
  Random random{1};
  for (int round = 0; round < 20000; ++round) {
    const std::size_t sets = 1 + random() % kMaxSets;
    Mixed x;
    std::array<Mixed, kMaxSets> weights{};
    std::array<std::int16_t, kMaxSets> errors{};
    const bool extreme = round % 4 == 0;
    for (auto& v : x.value)
      v = static_cast<std::int16_t>(extreme ? (random.flip() ? 2047 : -2047)
                                            : static_cast<int>(random() % 4095) - 2047);
    for (Mixed& set : weights)
      for (auto& v : set.value)
        v = static_cast<std::int16_t>(extreme ? (random.flip() ? 32767 : -32768)
                                              : static_cast<int>(random()));
    for (auto& e : errors)
      e = static_cast<std::int16_t>(extreme ? (random.flip() ? 32767 : -32767)
                                            : static_cast<int>(random() % 65535) - 32767);

    std::array<std::int32_t, kMaxSets> expected_sum{};
    std::vector<std::array<Mixed, kMaxSets>> trained;
    for (std::size_t k = 0; k < list.count; ++k) {
      auto own = weights;
      std::array<Mixed*, kMaxSets> rows{&own[0], &own[1], &own[2]};
      std::array<std::int32_t, kMaxSets> sum{};
      list.at[k]->dot[sets - 1](x, rows.data(), sum.data());
      list.at[k]->train[sets - 1](x, rows.data(), errors.data());
      if (k == 0) expected_sum = sum;
      ASSERT_EQ(sum, expected_sum) << list.at[k]->name << " round " << round;
      trained.push_back(own);
      ASSERT_EQ(trained.front(), own) << list.at[k]->name << " round " << round;
    }
  }
}

TEST(Mixer, SumsAndStepsAreWhatTheHeaderSays) {
  const Mixed x{{1000, -2000, 3}};
  Mixed weights{{16384, 8192, -1}};
  std::array<Mixed*, kMaxSets> rows{&weights, nullptr, nullptr};
  std::int32_t sum = 0;
  best_kernels().dot[0](x, rows.data(), &sum);
  EXPECT_EQ(sum, 1000 * 16384 - 2000 * 8192 - 3);
  const std::int16_t error = 327;
  best_kernels().train[0](x, rows.data(), &error);
  EXPECT_EQ(weights.value[0], 16384 + 10);
  EXPECT_EQ(weights.value[1], 8192 - 20);
  EXPECT_EQ(weights.value[2], -1);
}

}  // namespace
}  // namespace auralink::aic::model
