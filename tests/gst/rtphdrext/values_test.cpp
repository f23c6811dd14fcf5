// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/values.hpp"

#include <gtest/gtest.h>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

template <class Array>
Wire bytes(const Array& array) {
  return {array.begin(), array.end()};
}

TEST(AudioLevel, IsVoiceBitAndSevenBitsOfLevel) {
  EXPECT_EQ(bytes(encode(AudioLevel{.voice = true, .dbov = 30})), (Wire{0x9E}));
  EXPECT_EQ(bytes(encode(AudioLevel{.voice = false, .dbov = 127})), (Wire{0x7F}));
  EXPECT_EQ(decode_audio_level(Wire{0x9E}), (AudioLevel{.voice = true, .dbov = 30}));
}

TEST(AudioLevel, RefusesOtherSizes) {
  EXPECT_FALSE(decode_audio_level(Wire{}));
  EXPECT_FALSE(decode_audio_level(Wire{1, 2}));
}

TEST(NtpTime, CountsFrom1900) {
  EXPECT_EQ(ntp_from_unix(0), NtpTime{2208988800ULL << 32U});
  // 2004-01-01 12:00:00.5 UTC is 3281947200.5 s after 1900.
  EXPECT_EQ(ntp_from_unix(1072958400'500'000'000), NtpTime{(3281947200ULL << 32U) | 0x80000000U});
}

TEST(NtpTime, WrapsIn2036) {
  // 2036-02-07 06:28:16 UTC: second 2^32.
  EXPECT_EQ(ntp_from_unix(2085978496'000'000'000), NtpTime{0});
}

TEST(AbsSendTime, IsSixBitsOfSecondsAndEighteenOfFraction) {
  EXPECT_EQ(bytes(encode_abs_send_time(NtpTime{0})), (Wire{0, 0, 0}));
  EXPECT_EQ(bytes(encode_abs_send_time(NtpTime{(63ULL << 32U) | 0x80000000U})), (Wire{0xFE, 0, 0}));
  EXPECT_EQ(bytes(encode_abs_send_time(NtpTime{(64ULL << 32U) | (1ULL << 14U)})), (Wire{0, 0, 1}));
}

TEST(AbsCaptureTime, IsNtpInNetworkOrder) {
  EXPECT_EQ(bytes(encode_abs_capture_time(NtpTime{0x0102030405060708})), (Wire{1, 2, 3, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace auralink::rtphdrext
