// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/slice_data.hpp"

#include <gtest/gtest.h>

#include "tests/gst/aic/h264/random_picture.hpp"

namespace auralink::aic::h264 {
namespace {

using test::Format;
using test::Nal;
using test::RandomPicture;

void expect_same(const Macroblock& a, const Macroblock& b, int address) {
  SCOPED_TRACE(address);
  ASSERT_EQ(a.type, b.type);
  EXPECT_EQ(a.slice, b.slice);
  EXPECT_EQ(a.cbp, b.cbp);
  EXPECT_EQ(a.qp, b.qp);
  EXPECT_EQ(a.qp_delta, b.qp_delta);
  EXPECT_EQ(a.intra16_mode, b.intra16_mode);
  EXPECT_EQ(a.chroma_mode, b.chroma_mode);
  EXPECT_EQ(a.sub, b.sub);
  EXPECT_EQ(a.mvd, b.mvd);
  EXPECT_EQ(a.intra4_symbol, b.intra4_symbol);
  EXPECT_EQ(a.total, b.total);
  EXPECT_EQ(a.dc_total, b.dc_total);
  EXPECT_EQ(a.chroma_total, b.chroma_total);
  EXPECT_EQ(a.chroma_dc_total, b.chroma_dc_total);
  if (is_inter(a.type)) {
    EXPECT_EQ(a.ref, b.ref);
  }
}

TEST(SliceData, EveryMacroblockReadsAsItWasWritten) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    RandomPicture random{seed};
    Format format;
    format.width = static_cast<std::uint32_t>(1 + random.below(8));
    format.height = static_cast<std::uint32_t>(1 + random.below(6));
    format.references = static_cast<std::uint32_t>(1 + random.below(4));
    format.deblocking_control = random.chance(50);
    const ParameterSets sets = test::sets_of(format);
    ASSERT_TRUE(sets.sps[0].usable && sets.pps[0].usable);
    MacroblockMap made;
    MacroblockMap read;
    std::vector<std::uint8_t> scratch;
    const int size = static_cast<int>(format.width * format.height);
    int first = 0;
    std::int32_t number = 0;
    while (first < size) {
      const int end = first + 1 + random.below(size - first);
      const Nal nal = random.slice(format, sets, made, first, end, number, seed % 3 != 0, seed);
      ReadSlice slice;
      ASSERT_EQ(read_exactly(nal, sets, number, read, slice, scratch), Refusal::kNone) << seed;
      ASSERT_EQ(slice.end, end);
      first = end;
      ++number;
    }
    for (int i = 0; i < size; ++i)
      expect_same(made.at[static_cast<std::size_t>(i)], read.at[static_cast<std::size_t>(i)], i);
  }
}

TEST(SliceData, BrokenSlicesAreRefusedOrStillExact) {
  const Format format;
  const ParameterSets sets = test::sets_of(format);
  RandomPicture random{5};
  MacroblockMap made;
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    Nal nal = random.slice(format, sets, made, 0, 20, 0, true, 3);
    for (int i = 0; i < 3; ++i)
      nal[1 + static_cast<std::size_t>(random.below(static_cast<int>(nal.size()) - 1))] ^=
          static_cast<std::uint8_t>(1U << static_cast<unsigned>(random.below(8)));
    MacroblockMap read;
    ReadSlice slice;
    std::vector<std::uint8_t> scratch;
    if (read_exactly(nal, sets, 0, read, slice, scratch) == Refusal::kNone)
      EXPECT_EQ(scratch, nal);
    else
      ++refused;
  }
  EXPECT_GT(refused, 200);
}

TEST(SliceData, WhatTheEngineDoesNotCodeIsNamed) {
  const Format format;
  RandomPicture random{9};
  MacroblockMap made;
  ParameterSets sets = test::sets_of(format);
  const Nal nal = random.slice(format, sets, made, 0, 20, 0, false, 0);
  MacroblockMap read;
  ReadSlice slice;
  EXPECT_EQ(read_slice(nal, ParameterSets{}, 0, read, slice), Refusal::kUnknownParameters);
  sets.take(test::pps(format, 0, true));
  EXPECT_EQ(read_slice(nal, sets, 0, read, slice), Refusal::kUnsupported) << "CABAC";
  EXPECT_EQ(read_slice(Nal{0x67, 1, 2}, sets, 0, read, slice), Refusal::kMalformed) << "not a slice";
  EXPECT_EQ(read_slice(Nal{}, sets, 0, read, slice), Refusal::kMalformed);
  sets.take(test::pps(format));
  EXPECT_EQ(read_slice(Nal{nal.begin(), nal.begin() + 8}, sets, 0, read, slice), Refusal::kMalformed)
      << "cut";
  Nal longer = nal;
  longer.push_back(0);
  std::vector<std::uint8_t> scratch;
  EXPECT_EQ(read_exactly(longer, sets, 0, read, slice, scratch), Refusal::kNotCanonical) << "trailing zero";
}

TEST(ParameterSets, HighProfileIsUsedOnlyAsFarAsItIsBaseline) {
  const Format format;
  ParameterSets sets;
  Nal payload;
  BitWriter bits{payload};
  bits.put(8, 100), bits.put(8, 0), bits.put(8, 31), bits.ue(0);
  bits.ue(1), bits.ue(0), bits.ue(0), bits.flag(false), bits.flag(false);  // 4:2:0, 8 bit, no scaling matrix
  bits.ue(0), bits.ue(2), bits.ue(1), bits.flag(false), bits.ue(9), bits.ue(7);
  bits.flag(true), bits.flag(true), bits.flag(false), bits.flag(false), bits.finish();
  sets.take(test::escaped(0x67, payload));
  EXPECT_TRUE(sets.sps[0].usable);
  EXPECT_EQ(sets.sps[0].width, 10);
  EXPECT_EQ(sets.sps[0].height, 8);
  sets.take(test::sps(format, 0, 110));  // whose chroma_format_idc then reads as 0
  EXPECT_TRUE(sets.sps[0].known);
  EXPECT_FALSE(sets.sps[0].usable);
  const ParameterSets before = sets;
  sets.take(Nal{0x67});
  sets.take(Nal{0x06, 1, 2});
  EXPECT_TRUE(sets == before);
}

}  // namespace
}  // namespace auralink::aic::h264
