// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/moof.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace auralink::pipeline {
namespace {

using Box = std::vector<std::uint8_t>;

void put32(Box& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(v >> static_cast<unsigned>(shift)));
}
Box box(std::string_view type, const std::vector<Box>& parts) {
  Box out(8);
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  Box size;
  put32(size, static_cast<std::uint32_t>(out.size()));
  std::copy(size.begin(), size.end(), out.begin());
  std::copy(type.begin(), type.end(), out.begin() + 4);
  return out;
}
Box words(std::initializer_list<std::uint32_t> values) {
  Box out;
  for (const auto v : values) put32(out, v);
  return out;
}

// As mp4mux writes them: base data offset, default duration and default flags in the tfhd, one run per
// sample.
Box tfhd(std::uint32_t sample_flags) { return box("tfhd", {words({0x29, 1, 0, 4711, 100, sample_flags})}); }
Box run(std::uint32_t offset, std::initializer_list<std::uint32_t> sizes) {
  Box body = words({0x201, static_cast<std::uint32_t>(sizes.size()), offset});
  for (const auto size : sizes) put32(body, size);
  return box("trun", {body});
}
Box run_without_size(std::uint32_t offset) { return box("trun", {words({0x001, 1, offset})}); }
Box moof(const std::vector<Box>& track) {
  return box("moof", {box("mfhd", {words({0, 1})}), box("traf", track)});
}
const Box kDecodeTime = box("tfdt", {words({0x01000000, 0, 900})});

TEST(Moof, TheDefaultSizeMovesFromTheFirstRunIntoTheHeader) {
  Box given = moof({tfhd(0x10000), kDecodeTime, run(100, {52}), run(200, {20}), run_without_size(300)});
  EXPECT_EQ(mend_moof(given), 1U);
  const Box header = box("tfhd", {words({0x39, 1, 0, 4711, 100, 52, 0x10000})});
  EXPECT_EQ(given, moof({header, kDecodeTime, run_without_size(100), run(200, {20}), run_without_size(300)}));
}

TEST(Moof, ARunOfSeveralKeepsItsSizesAndSyncFlagsGiveWay) {
  Box given = moof({tfhd(0x02000000), kDecodeTime, run(100, {52, 20}), run_without_size(300)});
  EXPECT_EQ(mend_moof(given), 1U);
  const Box header = box("tfhd", {words({0x19, 1, 0, 4711, 100, 52})});
  EXPECT_EQ(given, moof({header, kDecodeTime, run(100, {52, 20}), run_without_size(300)}));
}

TEST(Moof, WhatIsRightIsLeftAlone) {
  for (const Box& right :
       {moof({tfhd(0x10000), kDecodeTime, run(100, {52}), run(200, {20})}),
        moof({box("tfhd", {words({0x39, 1, 0, 4711, 100, 52, 0})}), run_without_size(100)})}) {
    Box given = right;
    EXPECT_EQ(mend_moof(given), 0U);
    EXPECT_EQ(given, right);
  }
}

TEST(Moof, BytesThatAreNoSuchBoxAreLeftAlone) {
  const Box whole = moof({tfhd(0x10000), kDecodeTime, run(100, {52}), run_without_size(300)});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Box cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const Box before = cut;
    EXPECT_EQ(mend_moof(cut), 0U);
    EXPECT_EQ(cut, before);
  }
  // Every byte set to its worst: no read or write outside (the sanitizer build looks), whatever comes out.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Box hostile = whole;
    hostile[at] = 0xFF;
    mend_moof(hostile);
    EXPECT_EQ(hostile.size(), whole.size());
  }
}

}  // namespace
}  // namespace auralink::pipeline
