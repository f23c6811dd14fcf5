// SPDX-License-Identifier: LGPL-2.1-or-later
// Slices of real encoders are read and written again bit for bit, one encoder after the other into the same
// picture, so that sizes and parameter sets change in its course; what the engine does not code is refused
// and never half understood.
#include "tests/gst/aic/encoders.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "gst/aic/core/h264/bits.hpp"
#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_data.hpp"

namespace auralink::aic::h264 {
namespace {

constexpr int kUnits = 30;

/// slice_type (7.4.3) without the promise that the other slices are like it; -1 if it cannot be read.
int type_of(Bytes nal) {
  std::vector<std::uint8_t> payload;
  strip_emulation_prevention(nal.subspan(1), payload);
  BitReader bits{payload};
  static_cast<void>(bits.ue());  // first_mb_in_slice
  const std::uint32_t type = bits.ue();
  return bits.failed() ? -1 : static_cast<int>(type % 5);
}

/// What came of the slices of one stream, and what was seen in them.
struct Count {
  int units = 0;
  int exact = 0;
  int most_slices = 0;               ///< of one access unit
  std::array<int, 5> refused{};      ///< by slice type
  std::array<int, 9> macroblocks{};  ///< by MbType
  std::array<int, 4> sub{};          ///< by sub_mb_type, of 8x8 that are divided so
  std::set<Refusal> reasons;
  int highest_reference = 0;
  int lowest_qp = 99, highest_qp = -1;
  int largest_level = 0;
  [[nodiscard]] int all_refused() const {
    int sum = 0;
    for (const int one : refused) sum += one;
    return sum;
  }
};

/// Reads access units as the engine does.
class Reading final {
 public:
  void take(const AccessUnit& unit, Count& count) {
    picture_.begin_picture();
    std::int32_t number = 0;
    for (std::size_t i = 0; i < unit.count(); ++i) {
      const Bytes nal = unit.nal(i);
      sets_.take(nal);
      if (!is_slice(nal)) continue;
      ReadSlice slice;
      const Refusal refusal = read_exactly(nal, sets_, number, picture_, slice, scratch_);
      if (refusal == Refusal::kNone) {
        ++count.exact;
        look(number, count);
      } else {
        const int type = type_of(nal);
        ASSERT_GE(type, 0);
        ++count.refused.at(static_cast<std::size_t>(type));
        count.reasons.insert(refusal);
      }
      ++number;
    }
    ++count.units;
    count.most_slices = std::max(count.most_slices, number);
  }

 private:
  void look(std::int32_t number, Count& count) const {
    for (const Macroblock& mb : picture_.at) {
      if (mb.slice != number) continue;
      ++count.macroblocks.at(static_cast<std::size_t>(mb.type));
      if (mb.type == MbType::k8x8)
        for (const auto sub : mb.sub) ++count.sub.at(sub);
      for (const auto ref : mb.ref) count.highest_reference = std::max(count.highest_reference, int{ref});
      if (mb.type == MbType::kPcm || mb.cbp == 0) continue;
      count.lowest_qp = std::min(count.lowest_qp, int{mb.qp});
      count.highest_qp = std::max(count.highest_qp, int{mb.qp});
      for (std::size_t block = 0; block < 16; ++block)
        if (mb.total[block] != 0)
          for (std::size_t k = 1; k < 16; ++k)
            count.largest_level = std::max(count.largest_level, std::abs(int{mb.luma[block][k]}));
    }
  }
  ParameterSets sets_;
  MacroblockMap picture_;
  std::vector<std::uint8_t> scratch_;
};

std::string line(const char* clip, const char* size, const std::string& encoder) {
  const std::string source = clip != nullptr
                                 ? std::string{"filesrc location="} + clip + " ! decodebin"
                                 : "videotestsrc pattern=snow num-buffers=" + std::to_string(kUnits);
  return source + " ! videoconvert ! videoscale ! video/x-raw,format=I420," + size +
         " ! identity eos-after=" + std::to_string(kUnits) + " ! " + encoder;
}

Count read(Reading& reading, const std::string& name, const std::string& line) {
  Count count;
  test::encode(line, kUnits, [&](const AccessUnit& unit) { reading.take(unit, count); });
  std::printf("%-36s %3d units, %4d slices exact, %4d refused, qp %d..%d, largest level %d\n", name.c_str(),
              count.units, count.exact, count.all_refused(), count.lowest_qp, count.highest_qp,
              count.largest_level);
  EXPECT_GE(count.units, 20) << name;
  return count;
}

constexpr const char* kQuarter = "width=176,height=144";
constexpr const char* kOdd = "width=178,height=98";  // cropped on both sides
constexpr const char* kTiny = "width=48,height=32";

std::string x264(const std::string& settings) {
  return "x264enc bframes=0 cabac=false tune=zerolatency " + settings +
         " ! video/x-h264,profile=constrained-baseline";
}

struct Recipe {
  const char* name;
  const char* clip;  ///< null: noise
  const char* size;
  std::string encoder;
};

TEST(Encoders, EverySliceOfABaselineStreamIsExact) {
  using namespace test;
  const std::vector<Recipe> recipes{
      {"openh264", kCockatoo, kQuarter, "openh264enc bitrate=200000 gop-size=10"},
      {"openh264, 4 slices", kStreet, kQuarter,
       "openh264enc bitrate=300000 slice-mode=n-slices num-slices=4 deblocking=off"},
      {"openh264, 3 slices, odd size", kMegamind, kOdd,
       "openh264enc complexity=high bitrate=200000 slice-mode=n-slices num-slices=3"},
      {"openh264, screen", kHello, "width=320,height=240",
       "openh264enc usage-type=screen bitrate=500000 scene-change-detection=true"},
      {"openh264, coarsest", kCockatoo, kOdd, "openh264enc bitrate=10000 qp-min=48 qp-max=51"},
      {"openh264, finest, noise", nullptr, kTiny, "openh264enc bitrate=4000000 qp-min=0 qp-max=8"},
      {"x264 ultrafast", kHello, kQuarter, x264("speed-preset=ultrafast bitrate=200")},
      {"x264 veryslow, 8 references, odd", kMegamind, kOdd, x264("speed-preset=veryslow ref=8 bitrate=200")},
      {"x264 slices of 300 bytes, refresh", kCockatoo, kQuarter,
       x264("speed-preset=fast bitrate=300 option-string=slice-max-size=300:intra-refresh=1:keyint=10")},
      {"x264 4x4 partitions, 2 references", kStreet, kQuarter,
       x264("speed-preset=slower ref=2 bitrate=500 option-string=partitions=all")},
      {"x264 constrained intra, key pictures", kHello, kOdd,
       x264("speed-preset=fast key-int-max=4 bitrate=200 option-string=constrained-intra=1:slices=4")},
      {"x264 open groups, no deblocking", kStreet, kOdd,
       x264("speed-preset=medium key-int-max=5 bitrate=150 "
            "option-string=open-gop=1:deblock=0,0:no-deblock=1")},
      {"x264 coarsest", kCockatoo, kQuarter, x264("speed-preset=fast pass=quant quantizer=50 qp-max=51")},
      {"x264 finest, noise, I_PCM", nullptr, kTiny,
       x264("speed-preset=slow pass=quant quantizer=1 qp-min=1 qp-max=1 option-string=psy=0:ipratio=1.0")},
      {"x264 finest", kMegamind, kQuarter,
       x264("speed-preset=medium pass=quant quantizer=1 qp-min=1 qp-max=4")},
  };
  Reading reading;
  Count all;
  for (const Recipe& recipe : recipes) {
    const Count count = read(reading, recipe.name, line(recipe.clip, recipe.size, recipe.encoder));
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << recipe.name;
    EXPECT_EQ(count.all_refused(), 0) << recipe.name;
    EXPECT_GE(count.exact, count.units) << recipe.name;
    for (std::size_t i = 0; i < all.macroblocks.size(); ++i) all.macroblocks[i] += count.macroblocks[i];
    for (std::size_t i = 0; i < all.sub.size(); ++i) all.sub[i] += count.sub[i];
    all.most_slices = std::max(all.most_slices, count.most_slices);
    all.highest_reference = std::max(all.highest_reference, count.highest_reference);
    all.lowest_qp = std::min(all.lowest_qp, count.lowest_qp);
    all.highest_qp = std::max(all.highest_qp, count.highest_qp);
    all.largest_level = std::max(all.largest_level, count.largest_level);
  }
  // The recipes reach what they were chosen for. No encoder here writes P_8x8ref0.
  for (std::size_t i = 0; i < all.macroblocks.size(); ++i)
    if (i != static_cast<std::size_t>(MbType::k8x8Ref0)) {
      EXPECT_GT(all.macroblocks[i], 0) << "mb_type " << i;
    }
  for (std::size_t i = 0; i < all.sub.size(); ++i) EXPECT_GT(all.sub[i], 0) << "sub_mb_type " << i;
  EXPECT_GE(all.most_slices, 8);
  EXPECT_GE(all.highest_reference, 3);
  EXPECT_LE(all.lowest_qp, 1);
  EXPECT_GE(all.highest_qp, 50);
  EXPECT_GE(all.largest_level, 128) << "levels that only an escape can say";
}

TEST(Encoders, WhatTheEngineDoesNotCodeIsRefused) {
  using namespace test;
  const std::vector<Recipe> recipes{
      {"x264 CABAC", kHello, kQuarter, "x264enc cabac=true bframes=0 dct8x8=false tune=zerolatency"},
      {"x264 High", kHello, kQuarter, "x264enc cabac=true dct8x8=true bframes=2"},
      {"x264 8x8 transform with CAVLC", kCockatoo, kQuarter,
       "x264enc cabac=false dct8x8=true bframes=0 tune=zerolatency ! video/x-h264,profile=high"},
      {"x264 weighted prediction", kStreet, kQuarter,
       "x264enc cabac=false dct8x8=false bframes=0 tune=zerolatency option-string=weightp=2 ! "
       "video/x-h264,profile=main"},
      {"x264 interlaced", kStreet, kQuarter,
       "x264enc cabac=false dct8x8=false bframes=0 interlaced=true tune=zerolatency ! "
       "video/x-h264,profile=main"},
      {"x264 4:4:4", kStreet, kQuarter,
       "videoconvert ! video/x-raw,format=Y444 ! x264enc cabac=false dct8x8=false bframes=0 "
       "tune=zerolatency"},
      {"x264 10 bit", kStreet, kQuarter,
       "videoconvert ! video/x-raw,format=I420_10LE ! x264enc cabac=false dct8x8=false bframes=0 "
       "tune=zerolatency"},
  };
  Reading reading;
  for (const Recipe& recipe : recipes) {
    const Count count = read(reading, recipe.name, line(recipe.clip, recipe.size, recipe.encoder));
    EXPECT_EQ(count.exact, 0) << recipe.name;
    EXPECT_GE(count.all_refused(), count.units) << recipe.name;
    EXPECT_EQ(count.reasons, std::set{Refusal::kUnsupported}) << recipe.name;
  }
}

TEST(Encoders, OnlyTheBSlicesOfAMainStreamAreRefused) {
  Reading reading;
  const Count count = read(reading, "x264 CAVLC with B slices",
                           line(test::kCockatoo, kQuarter,
                                "x264enc cabac=false dct8x8=false bframes=2 b-adapt=false "
                                "option-string=weightp=0:no-weightb=1 ! video/x-h264,profile=main"));
  EXPECT_GT(count.exact, 0);
  EXPECT_GT(count.refused[1], 0);
  EXPECT_EQ(count.refused[1], count.all_refused()) << "I or P slices too";
  EXPECT_EQ(count.reasons, std::set{Refusal::kUnsupported});
}

}  // namespace
}  // namespace auralink::aic::h264
