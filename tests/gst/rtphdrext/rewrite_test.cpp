// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/rewrite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::packet;
using test::PacketSpec;
using test::Wire;

struct Wanted {
  std::vector<std::pair<unsigned, Wire>> set{};
  std::vector<unsigned> remove{};
};

struct Done {
  Wire block;  ///< the extension with its four-byte head; empty when there is none
  Rewrite plan;
};

/// The extension afterwards; the rest of the head must be untouched.
std::optional<Done> after(const PacketSpec& spec, const Wanted& wanted) {
  const Wire wire = packet(spec);
  const auto parsed = parse_header(wire, wire.size());
  std::vector<ElementView> set;
  for (const auto& [id, data] : wanted.set)
    set.push_back({.id = static_cast<std::uint8_t>(id), .data = data});
  Edits edits{.set = set, .remove = {}};
  for (const unsigned id : wanted.remove) edits.remove.set(id);
  const auto planned = plan_rewrite(wire, *parsed.value(), edits);
  if (planned.value() == nullptr) return std::nullopt;
  Wire out(planned.value()->head_size, 0x5A);
  write_head(wire, *parsed.value(), edits, *planned.value(), out);
  EXPECT_EQ(out[0] & ~0x10, wire[0] & ~0x10);
  EXPECT_EQ((out[0] & 0x10) != 0, planned.value()->extension);
  const auto fixed = static_cast<std::ptrdiff_t>(parsed.value()->fixed_size);
  EXPECT_TRUE(std::equal(wire.begin() + 1, wire.begin() + fixed, out.begin() + 1));
  EXPECT_EQ(out.size() % 4, 0U);
  return Done{{out.begin() + fixed, out.end()}, *planned.value()};
}
Wire block_after(const PacketSpec& spec, const Wanted& wanted) { return after(spec, wanted).value().block; }

Fault fault_of(const PacketSpec& spec, const ElementView& element) {
  const Wire wire = packet(spec);
  const auto parsed = parse_header(wire, wire.size());
  const std::vector<ElementView> set{element};
  return plan_rewrite(wire, *parsed.value(), {.set = set, .remove = {}}).fault().value();
}

TEST(Rewrite, GivesAnExtensionToAPlainPacket) {
  EXPECT_EQ(block_after({.csrcs = 1}, {.set = {{3, {0x01, 0xA2}}}}),
            (Wire{0xBE, 0xDE, 0, 1, 0x31, 0x01, 0xA2, 0}));
}

TEST(Rewrite, CarriesTheLargestOneByteElement) {
  const auto out = block_after({}, {.set = {{14, Wire(16, 0x77)}}});
  EXPECT_EQ(out.size(), 4U + 20U);
  EXPECT_EQ(out[0], 0xBE);
  EXPECT_EQ(out[3], 5);
  EXPECT_EQ(out[4], 0xEF);
}

TEST(Rewrite, SetsSeveralInTheOrderGiven) {
  EXPECT_EQ(block_after({}, {.set = {{3, {1}}, {1, {2, 3}}, {2, {4}}}}),
            (Wire{0xBE, 0xDE, 0, 2, 0x30, 1, 0x11, 2, 3, 0x20, 4, 0}));
}

TEST(Rewrite, KeepsOtherElementsInOrder) {
  const auto done =
      after({.profile = 0xBEDE, .extension = {0x50, 9, 0x11, 7, 8, 0, 0, 0}}, {.set = {{2, {1}}}}).value();
  EXPECT_EQ(done.block, (Wire{0xBE, 0xDE, 0, 2, 0x50, 9, 0x11, 7, 8, 0x20, 1, 0}));
  EXPECT_EQ(done.plan.added, 1);
  EXPECT_EQ(done.plan.placed, 0);
}

TEST(Rewrite, ReplacesAnElementOfTheSameIdInItsPlace) {
  const auto done =
      after({.profile = 0xBEDE, .extension = {0x20, 9, 0x11, 7, 8, 0, 0, 0}}, {.set = {{2, {1, 2}}}}).value();
  EXPECT_EQ(done.block, (Wire{0xBE, 0xDE, 0, 2, 0x21, 1, 2, 0x11, 7, 8, 0, 0}));
  EXPECT_EQ(done.plan.added, 0);
  EXPECT_EQ(done.plan.placed, 1);
}

TEST(Rewrite, LeavesOneOfSeveralWithTheSameId) {
  const auto done =
      after({.profile = 0xBEDE, .extension = {0x20, 9, 0x10, 7, 0x20, 8, 0, 0}}, {.set = {{2, {1}}}}).value();
  EXPECT_EQ(done.block, (Wire{0xBE, 0xDE, 0, 1, 0x20, 1, 0x10, 7}));
  EXPECT_EQ(done.plan.placed, 1);
  EXPECT_EQ(done.plan.removed, 0U);
}

TEST(Rewrite, RemovesEveryElementOfAnId) {
  const auto done =
      after({.profile = 0xBEDE, .extension = {0x20, 9, 0x10, 7, 0x20, 8, 0, 0}}, {.remove = {2, 9}}).value();
  EXPECT_EQ(done.block, (Wire{0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0}));
  EXPECT_EQ(done.plan.removed, 2U);
}

TEST(Rewrite, TakesTheExtensionAwayWithItsLastElement) {
  const auto done = after({.profile = 0xBEDE, .extension = {0x20, 9, 0, 0}}, {.remove = {2}}).value();
  EXPECT_TRUE(done.block.empty());
  EXPECT_FALSE(done.plan.extension);
}

TEST(Rewrite, LeavesAnEmptyExtensionThatItWasNotAskedToChange) {
  EXPECT_TRUE(after({.profile = 0xBEDE, .extension = {0, 0, 0, 0}}, {.remove = {2}}).value().plan.extension);
}

TEST(Rewrite, SetsAndRemovesAtOnce) {
  EXPECT_EQ(
      block_after({.profile = 0xBEDE, .extension = {0x20, 9, 0x10, 7}}, {.set = {{3, {5}}}, .remove = {2}}),
      (Wire{0xBE, 0xDE, 0, 1, 0x10, 7, 0x30, 5}));
}

TEST(Rewrite, PutsElementsBeforeATerminatorAndKeepsWhatFollowed) {
  EXPECT_EQ(block_after({.profile = 0xBEDE, .extension = {0x10, 7, 0xF3, 0x99}}, {.set = {{2, {1}}}}),
            (Wire{0xBE, 0xDE, 0, 2, 0x10, 7, 0x20, 1, 0xF3, 0x99, 0, 0}));
}

TEST(Rewrite, UsesAnEmptyExtension) {
  EXPECT_EQ(block_after({.profile = 0xBEDE}, {.set = {{2, {1}}}}), (Wire{0xBE, 0xDE, 0, 1, 0x20, 1, 0, 0}));
}

TEST(Rewrite, AppliedTwiceIsAppliedOnce) {
  const Wanted wanted{.set = {{2, {1, 2, 3}}}};
  const auto once = block_after({.profile = 0xBEDE, .extension = {0x50, 9, 0, 0}}, wanted);
  EXPECT_EQ(block_after({.profile = 0xBEDE, .extension = {once.begin() + 4, once.end()}}, wanted), once);
}

TEST(Rewrite, KeepsTheTwoByteFormWithItsApplicationBits) {
  EXPECT_EQ(block_after({.profile = 0x1005, .extension = {200, 0, 1, 1, 9, 0, 0, 0}}, {.set = {{2, {7}}}}),
            (Wire{0x10, 0x05, 0, 2, 200, 0, 1, 1, 9, 2, 1, 7}));
}

TEST(Rewrite, TakesTheTwoByteFormForAHighId) {
  const auto done = after({}, {.set = {{15, {7}}, {1, {8}}}}).value();
  EXPECT_EQ(done.block, (Wire{0x10, 0x00, 0, 2, 15, 1, 7, 1, 1, 8, 0, 0}));
  EXPECT_FALSE(done.plan.converted) << "there was nothing to convert";
}

TEST(Rewrite, ConvertsOnlyWhenItMust) {
  const PacketSpec spec{.profile = 0xBEDE, .extension = {0x10, 7, 0x31, 8, 9, 0, 0, 0}};
  EXPECT_FALSE(after(spec, {.set = {{14, Wire(16, 1)}}, .remove = {200}}).value().plan.converted);
  const auto done = after(spec, {.set = {{2, Wire(17, 1)}}}).value();
  EXPECT_TRUE(done.plan.converted);
  Wire expected{0x10, 0x00, 0, 7, 1, 1, 7, 3, 2, 8, 9, 2, 17};
  expected.insert(expected.end(), 17, 1);
  expected.insert(expected.end(), 2, 0);
  EXPECT_EQ(done.block, expected);
}

TEST(Rewrite, DoesNotConvertWhatATerminatorEnded) {
  EXPECT_EQ(fault_of({.profile = 0xBEDE, .extension = {0x10, 7, 0xF3, 0x99}}, {.id = 15, .data = Wire{1}}),
            Fault::kTerminated);
}

TEST(Rewrite, RefusesOtherForms) {
  for (const unsigned profile : {0x0000U, 0xABACU, 0x1010U})
    EXPECT_EQ(fault_of({.profile = profile, .extension = {1, 1, 0, 0}}, {.id = 1, .data = Wire{1}}),
              Fault::kOtherForm)
        << profile;
}

TEST(Rewrite, RefusesBrokenElements) {
  EXPECT_EQ(fault_of({.profile = 0xBEDE, .extension = {0x10, 7, 0x2F, 1}}, {.id = 1, .data = Wire{1}}),
            Fault::kBrokenElement);
  EXPECT_EQ(fault_of({.profile = 0x1000, .extension = {1, 1, 7, 2}}, {.id = 1, .data = Wire{1}}),
            Fault::kBrokenElement);
}

TEST(Rewrite, RefusesToOverflowTheLengthField) {
  Wire full;
  while (full.size() < std::size_t{0xFFFF} * 4) full.insert(full.end(), {0x12, 1, 2, 3});
  const PacketSpec spec{.profile = 0xBEDE, .extension = full};
  EXPECT_EQ(fault_of(spec, {.id = 2, .data = Wire{1}}), Fault::kNoRoom);
  EXPECT_EQ(fault_of(spec, {.id = 15, .data = Wire{1}}), Fault::kNoRoom);
  // The same id needs no room: one of the many is replaced, the others go.
  EXPECT_TRUE(after(spec, {.set = {{1, {1}}}}));
}

}  // namespace
}  // namespace auralink::rtphdrext
