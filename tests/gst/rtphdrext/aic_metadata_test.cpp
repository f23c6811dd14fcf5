// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/aic_metadata.hpp"

#include <gtest/gtest.h>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

constexpr AicMetadata kFull{
    .mode = AicMode::kAggressive, .native = true, .saved = 43, .ssim_loss = 21, .epoch = 7, .au_seq = 0x1234};

TEST(AicMetadata, IsWrittenAsDocumented) {
  const auto wire = encode(kFull);
  EXPECT_EQ((Wire{wire.begin(), wire.end()}), (Wire{0x20, 3, 43, 21, 7, 0x12, 0x34}));
}

TEST(AicMetadata, ReadsWhatItWrote) {
  EXPECT_EQ(decode_aic(encode(kFull)), kFull);
  EXPECT_EQ(decode_aic(encode(AicMetadata{})), AicMetadata{});
}

TEST(AicMetadata, WritesNoMoreThanAHundredPercent) { EXPECT_EQ(encode(AicMetadata{.saved = 200})[2], 100); }

TEST(AicMetadata, IgnoresReservedBitsAndLaterFields) {
  EXPECT_EQ(decode_aic(Wire{0x3F, 0xFF, 43, 21, 7, 0x12, 0x34, 99, 98}), kFull);
}

TEST(AicMetadata, RefusesOtherVersionsShortElementsAndNonsense) {
  EXPECT_FALSE(decode_aic(Wire{}));
  EXPECT_FALSE(decode_aic(Wire{0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(decode_aic(Wire{0x40, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(decode_aic(Wire{0, 0, 101, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace auralink::rtphdrext
