// SPDX-License-Identifier: LGPL-2.1-or-later
// Every field that a slice header can have, in every kind of sequence, which no single encoder writes.
#include "gst/aic/core/h264/slice_header.hpp"

#include <gtest/gtest.h>

#include <random>

#include "gst/aic/core/h264/slice_data.hpp"
#include "tests/gst/aic/h264/random_picture.hpp"

namespace auralink::aic::h264 {
namespace {

using test::Nal;

/// Syntax elements of parameter sets (7.3.2.1, 7.3.2.2) that decide which fields a slice header has.
struct Sequence {
  std::uint32_t frame_num_bits = 4;
  std::uint32_t poc_type = 0;
  std::uint32_t poc_lsb_bits = 4;
  bool delta_always_zero = false;
  bool cropped = false;
  bool interlaced = false;
  std::uint32_t slice_groups_minus1 = 0;
  bool bottom_field_pic_order = false;
  std::uint32_t references = 1;
  bool weighted = false;
  std::int32_t qp = 0;
  bool deblocking_control = false;
  bool redundant_pic_cnt = false;
  bool transform8 = false;
};

Nal sps(const Sequence& s) {
  Nal payload;
  BitWriter bits{payload};
  bits.put(8, 77), bits.put(8, 0), bits.put(8, 31), bits.ue(0);
  bits.ue(s.frame_num_bits - 4), bits.ue(s.poc_type);
  if (s.poc_type == 0) bits.ue(s.poc_lsb_bits - 4);
  if (s.poc_type == 1) {
    bits.flag(s.delta_always_zero), bits.se(-3), bits.se(1);
    bits.ue(2), bits.se(4), bits.se(-70000);  // offset_for_ref_frame
  }
  bits.ue(4), bits.flag(true), bits.ue(10), bits.ue(6), bits.flag(!s.interlaced);
  if (s.interlaced) bits.flag(false);
  bits.flag(true), bits.flag(s.cropped);
  for (std::uint32_t side = 0; s.cropped && side < 4; ++side) bits.ue(side);
  bits.flag(false), bits.finish();
  return test::escaped(0x67, payload);
}

Nal pps(const Sequence& s) {
  Nal payload;
  BitWriter bits{payload};
  bits.ue(0), bits.ue(0), bits.flag(false), bits.flag(s.bottom_field_pic_order),
      bits.ue(s.slice_groups_minus1);
  if (s.slice_groups_minus1 > 0) bits.ue(1);  // slice_group_map_unit_map_type: dispersed
  bits.ue(s.references - 1), bits.ue(0), bits.flag(s.weighted), bits.put(2, 0);
  bits.se(s.qp), bits.se(0), bits.se(5);
  bits.flag(s.deblocking_control), bits.flag(false), bits.flag(s.redundant_pic_cnt);
  if (s.transform8) bits.flag(true), bits.flag(false), bits.se(5);
  bits.finish();
  return test::escaped(0x68, payload);
}

ParameterSets sets_of(const Sequence& s) {
  ParameterSets sets;
  sets.take(sps(s));
  sets.take(pps(s));
  return sets;
}

class Random final {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
  std::int32_t within(std::int32_t reach) {
    return static_cast<std::int32_t>(below(2 * static_cast<std::uint32_t>(reach) + 1)) - reach;
  }
  bool flag() { return below(2) != 0; }

 private:
  std::mt19937 engine_;
};

Sequence random_sequence(Random& random) {
  Sequence s;
  s.frame_num_bits = 4 + random.below(13);
  s.poc_type = random.below(3);
  s.poc_lsb_bits = 4 + random.below(13);
  s.delta_always_zero = random.flag();
  s.cropped = random.flag();
  s.bottom_field_pic_order = random.flag();
  s.references = 1 + random.below(16);
  s.qp = random.within(25);
  s.deblocking_control = random.flag();
  s.redundant_pic_cnt = random.flag();
  return s;
}

/// Fields that this kind of header does not have stay as they are by default, as a reader leaves them.
SliceHeader random_header(Random& random, const Sequence& s) {
  SliceHeader h;
  const bool idr = random.below(4) == 0;
  const bool predicted = !idr && random.below(4) != 0;
  h.nal_type = idr ? 5 : 1;
  h.ref_idc = static_cast<std::uint8_t>(idr ? 1 + random.below(3) : random.below(4));
  h.first_mb = random.below(77);
  h.type = (predicted ? 0U : 2U) + (random.flag() ? 5U : 0U);
  h.frame_num = random.below(1U << s.frame_num_bits);
  if (idr) h.idr_pic_id = random.below(65536);
  if (s.poc_type == 0) {
    h.poc_lsb = random.below(1U << s.poc_lsb_bits);
    if (s.bottom_field_pic_order) h.delta_poc_bottom = random.within(1 << 20);
  }
  if (s.poc_type == 1 && !s.delta_always_zero) {
    h.delta_poc[0] = random.within(1 << 20);
    if (s.bottom_field_pic_order) h.delta_poc[1] = random.within(100);
  }
  if (predicted) {
    h.num_ref_idx_override = random.flag();
    if (h.num_ref_idx_override) h.num_ref_idx_minus1 = random.below(32);
    h.reordering = random.flag();
    if (h.reordering) {
      h.reorderings = static_cast<std::uint8_t>(random.below(33));
      for (std::size_t i = 0; i < h.reorderings; ++i) h.reorder[i] = {random.below(3), random.below(1000)};
    }
  }
  if (h.ref_idc != 0 && idr) {
    h.no_output_of_prior_pics = random.flag();
    h.long_term_reference = random.flag();
  } else if (h.ref_idc != 0) {
    h.adaptive_marking = random.flag();
    if (h.adaptive_marking) {
      h.markings = static_cast<std::uint8_t>(random.below(66));
      for (std::size_t i = 0; i < h.markings; ++i) {
        auto& one = h.mark[i];
        one.op = 1 + random.below(6);
        if (one.op <= 4) one.first = random.below(70000);
        if (one.op == 3 || one.op == 6) one.second = random.below(16);
      }
    }
  }
  h.qp_delta = static_cast<std::int32_t>(random.below(52)) - 26 - s.qp;
  if (s.deblocking_control) {
    h.disable_deblocking = random.below(3);
    if (h.disable_deblocking != 1) {
      h.alpha_offset_div2 = random.within(6);
      h.beta_offset_div2 = random.within(6);
    }
  }
  return h;
}

void expect_same(const SliceHeader& a, const SliceHeader& b) {
  EXPECT_EQ(a.nal_type, b.nal_type);
  EXPECT_EQ(a.ref_idc, b.ref_idc);
  EXPECT_EQ(a.first_mb, b.first_mb);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.frame_num, b.frame_num);
  EXPECT_EQ(a.idr_pic_id, b.idr_pic_id);
  EXPECT_EQ(a.poc_lsb, b.poc_lsb);
  EXPECT_EQ(a.delta_poc_bottom, b.delta_poc_bottom);
  EXPECT_EQ(a.delta_poc, b.delta_poc);
  EXPECT_EQ(a.num_ref_idx_override, b.num_ref_idx_override);
  EXPECT_EQ(a.num_ref_idx_minus1, b.num_ref_idx_minus1);
  EXPECT_EQ(a.reordering, b.reordering);
  ASSERT_EQ(a.reorderings, b.reorderings);
  for (std::size_t i = 0; i < a.reorderings; ++i) {
    EXPECT_EQ(a.reorder[i].op, b.reorder[i].op);
    EXPECT_EQ(a.reorder[i].value, b.reorder[i].value);
  }
  EXPECT_EQ(a.no_output_of_prior_pics, b.no_output_of_prior_pics);
  EXPECT_EQ(a.long_term_reference, b.long_term_reference);
  EXPECT_EQ(a.adaptive_marking, b.adaptive_marking);
  ASSERT_EQ(a.markings, b.markings);
  for (std::size_t i = 0; i < a.markings; ++i) {
    EXPECT_EQ(a.mark[i].op, b.mark[i].op);
    EXPECT_EQ(a.mark[i].first, b.mark[i].first);
    EXPECT_EQ(a.mark[i].second, b.mark[i].second);
  }
  EXPECT_EQ(a.qp_delta, b.qp_delta);
  EXPECT_EQ(a.disable_deblocking, b.disable_deblocking);
  EXPECT_EQ(a.alpha_offset_div2, b.alpha_offset_div2);
  EXPECT_EQ(a.beta_offset_div2, b.beta_offset_div2);
}

/// One macroblock: skipped, or sixteen times the same colour.
void one_macroblock(const SliceHeader& h, const Pps& pps, MacroblockMap& picture) {
  Macroblock& mb = picture.at[h.first_mb];
  mb.clear(0, h.predicted() ? MbType::kSkip : MbType::kIntra16x16, static_cast<std::uint8_t>(h.qp(pps)));
  if (!h.predicted()) mb.dc = {};
}

TEST(SliceHeader, EveryFieldReadsAsItWasWritten) {
  Random random{4};
  for (int round = 0; round < 5000; ++round) {
    SCOPED_TRACE(round);
    const Sequence sequence = random_sequence(random);
    const ParameterSets sets = sets_of(sequence);
    ASSERT_TRUE(sets.sps[0].usable && sets.pps[0].usable);
    const SliceHeader header = random_header(random, sequence);
    MacroblockMap picture;
    picture.resize(sets.sps[0].width, sets.sps[0].height);
    one_macroblock(header, sets.pps[0], picture);
    Nal nal;
    write_slice(header, sets.sps[0], sets.pps[0], static_cast<int>(header.first_mb) + 1, picture, nal);
    MacroblockMap read;
    ReadSlice slice;
    std::vector<std::uint8_t> scratch;
    ASSERT_EQ(read_exactly(nal, sets, 0, read, slice, scratch), Refusal::kNone);
    EXPECT_EQ(slice.end, static_cast<int>(header.first_mb) + 1);
    ASSERT_NO_FATAL_FAILURE(expect_same(header, slice.header));
  }
}

TEST(ParameterSets, WhatTheEngineDoesNotCodeMakesThemUnusable) {
  EXPECT_TRUE(sets_of({}).sps[0].usable);
  EXPECT_TRUE(sets_of({}).pps[0].usable);
  EXPECT_FALSE(sets_of({.interlaced = true}).sps[0].usable);
  EXPECT_FALSE(sets_of({.slice_groups_minus1 = 1}).pps[0].usable);
  EXPECT_FALSE(sets_of({.weighted = true}).pps[0].usable);
  EXPECT_FALSE(sets_of({.transform8 = true}).pps[0].usable);
  EXPECT_FALSE(sets_of({.qp = 26}).pps[0].usable);
}

TEST(ParameterSets, SayWhatTheyWereWrittenWith) {
  const ParameterSets sets = sets_of({.frame_num_bits = 9,
                                      .poc_type = 1,
                                      .delta_always_zero = true,
                                      .bottom_field_pic_order = true,
                                      .references = 3,
                                      .qp = -4,
                                      .deblocking_control = true,
                                      .redundant_pic_cnt = true});
  Sps sps;
  sps.known = sps.usable = sps.delta_pic_order_always_zero = true;
  sps.log2_max_frame_num = 9;
  sps.poc_type = 1;
  sps.max_ref_frames = 4;
  sps.width = 11;
  sps.height = 7;
  EXPECT_TRUE(sets.sps[0] == sps);
  Pps pps;
  pps.known = pps.usable = pps.bottom_field_pic_order = pps.deblocking_control = pps.redundant_pic_cnt = true;
  pps.num_ref_idx = 3;
  pps.init_qp = 22;
  pps.chroma_qp_offset = 5;
  EXPECT_TRUE(sets.pps[0] == pps);
}

TEST(SliceHeader, RedundantPicturesAreRefused) {
  const ParameterSets sets = sets_of({.redundant_pic_cnt = true});
  for (const std::uint32_t count : {0U, 1U}) {
    Nal payload;
    BitWriter bits{payload};
    bits.ue(0), bits.ue(0), bits.ue(0), bits.put(4, 1), bits.put(4, 0), bits.ue(count);
    bits.flag(false), bits.flag(false), bits.se(0), bits.ue(77), bits.finish();
    MacroblockMap read;
    ReadSlice slice;
    EXPECT_EQ(read_slice(test::escaped(0x01, payload), sets, 0, read, slice),
              count == 0 ? Refusal::kNone : Refusal::kUnsupported);
  }
}

}  // namespace
}  // namespace auralink::aic::h264
