// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/one_byte.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <type_traits>
#include <vector>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::packet;
using test::PacketSpec;
using test::Wire;

Element element(unsigned id, const Wire& data) { return Element::make(id, data).value(); }
Wire copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

/// The extension block, with its four-byte head, after adding `added`; the rest of the packet must be
/// untouched.
Wire extension_after(const PacketSpec& spec, const Element& added, bool expect_replaced = false) {
  const Wire wire = packet(spec);
  const auto parsed = parse_header(wire, wire.size());
  const auto planned = plan_rewrite(wire, *parsed.value(), added);
  if (planned.value() == nullptr) return {};
  EXPECT_EQ(planned.value()->replaces, expect_replaced);
  Wire out(planned.value()->head_size, 0x5A);
  write_head(wire, *parsed.value(), added, out);
  EXPECT_EQ(out[0], wire[0] | 0x10);
  const auto fixed = static_cast<std::ptrdiff_t>(parsed.value()->fixed_size);
  EXPECT_TRUE(std::equal(wire.begin() + 1, wire.begin() + fixed, out.begin() + 1));
  EXPECT_EQ(out.size() % 4, 0U);
  return {out.begin() + fixed, out.end()};
}

TEST(Element, HoldsIdAndBytes) {
  const auto made = element(14, {1, 2, 3});
  EXPECT_EQ(made.id(), 14);
  EXPECT_EQ(copy(made.data()), (Wire{1, 2, 3}));
  static_assert(std::is_trivially_copyable_v<Element>);
}

TEST(Element, RefusesWhatTheFormCannotExpress) {
  EXPECT_FALSE(Element::make(0, Wire{1}));
  EXPECT_FALSE(Element::make(15, Wire{1}));
  EXPECT_FALSE(Element::make(1, Wire{}));
  EXPECT_FALSE(Element::make(1, Wire(17)));
  EXPECT_TRUE(Element::make(1, Wire(16)));
}

TEST(Element, ReadsHexInEitherCaseWithSeparators) {
  for (const char* text : {"01afFE", "01:af:fe", "01 AF fe"}) {
    const auto made = Element::from_hex(2, text);
    ASSERT_TRUE(made) << text;
    EXPECT_EQ(copy(made->data()), (Wire{0x01, 0xAF, 0xFE})) << text;
  }
}

TEST(Element, RefusesOtherText) {
  for (const char* text : {"", "0", "012", "0g", "g0", ":01", "01:", "01::02", "0x01", " 01", "01 ", "0 1",
                           "0102030405060708090a0b0c0d0e0f1011", "\xC3\xA9"})
    EXPECT_FALSE(Element::from_hex(2, text)) << text;
}

TEST(OneByteReader, SkipsPaddingBetweenElements) {
  const Wire wire{0, 0x10, 7, 0, 0, 0x21, 8, 9};
  OneByteReader reader{wire};
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 1);
  EXPECT_EQ(copy(first->data), (Wire{7}));
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, 2);
  EXPECT_EQ(copy(second->data), (Wire{8, 9}));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
  EXPECT_TRUE(reader.terminated().empty());
}

TEST(OneByteReader, StopsAtId15) {
  const Wire wire{0x10, 7, 0xF0, 1, 0x20, 8, 0, 0};
  OneByteReader reader{wire};
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
  EXPECT_EQ(copy(reader.terminated()), (Wire{0xF0, 1, 0x20, 8, 0, 0}));
}

TEST(OneByteReader, StopsAtId0WithALength) {
  const Wire wire{0x10, 7, 0x01, 0x20, 8, 0, 0, 0};
  OneByteReader reader{wire};
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.terminated().size(), 6U);
}

TEST(OneByteReader, SaysWhenAnElementIsBroken) {
  for (const Wire& wire : {Wire{0x11, 1}, Wire{0x10}, Wire{0x10, 1, 0x2F, 1}}) {
    OneByteReader reader{wire};
    while (reader.next()) {
    }
    EXPECT_TRUE(reader.broken());
  }
}

TEST(Rewrite, GivesAnExtensionToAPlainPacket) {
  EXPECT_EQ(extension_after({.csrcs = 1}, element(3, {0x01, 0xA2})),
            (Wire{0xBE, 0xDE, 0, 1, 0x31, 0x01, 0xA2, 0}));
}

TEST(Rewrite, CarriesTheLargestElement) {
  const auto out = extension_after({}, element(14, Wire(16, 0x77)));
  EXPECT_EQ(out.size(), 4U + 20U);
  EXPECT_EQ(out[3], 5);
  EXPECT_EQ(out[4], 0xEF);
}

TEST(Rewrite, KeepsOtherElementsInOrder) {
  EXPECT_EQ(
      extension_after({.profile = 0xBEDE, .extension = {0x50, 9, 0x11, 7, 8, 0, 0, 0}}, element(2, {1})),
      (Wire{0xBE, 0xDE, 0, 2, 0x50, 9, 0x11, 7, 8, 0x20, 1, 0}));
}

TEST(Rewrite, ReplacesAnElementOfTheSameIdInItsPlace) {
  EXPECT_EQ(extension_after({.profile = 0xBEDE, .extension = {0x20, 9, 0x11, 7, 8, 0, 0, 0}},
                            element(2, {1, 2}), true),
            (Wire{0xBE, 0xDE, 0, 2, 0x21, 1, 2, 0x11, 7, 8, 0, 0}));
}

TEST(Rewrite, LeavesOneOfSeveralWithTheSameId) {
  EXPECT_EQ(extension_after({.profile = 0xBEDE, .extension = {0x20, 9, 0x10, 7, 0x20, 8, 0, 0}},
                            element(2, {1}), true),
            (Wire{0xBE, 0xDE, 0, 1, 0x20, 1, 0x10, 7}));
}

TEST(Rewrite, PutsTheElementBeforeATerminatorAndKeepsWhatFollowed) {
  EXPECT_EQ(extension_after({.profile = 0xBEDE, .extension = {0x10, 7, 0xF3, 0x99}}, element(2, {1})),
            (Wire{0xBE, 0xDE, 0, 2, 0x10, 7, 0x20, 1, 0xF3, 0x99, 0, 0}));
}

TEST(Rewrite, UsesAnEmptyExtension) {
  EXPECT_EQ(extension_after({.profile = 0xBEDE}, element(2, {1})), (Wire{0xBE, 0xDE, 0, 1, 0x20, 1, 0, 0}));
}

TEST(Rewrite, AppliedTwiceIsAppliedOnce) {
  const PacketSpec spec{.profile = 0xBEDE, .extension = {0x50, 9, 0, 0}};
  const auto once = extension_after(spec, element(2, {1, 2, 3}));
  const auto twice = extension_after({.profile = 0xBEDE, .extension = {once.begin() + 4, once.end()}},
                                     element(2, {1, 2, 3}), true);
  EXPECT_EQ(once, twice);
}

TEST(Rewrite, RefusesOtherForms) {
  for (const unsigned profile : {0x1000U, 0x100FU, 0x0000U, 0xABACU}) {
    const Wire wire = packet({.profile = profile, .extension = {1, 1, 0, 0}});
    const auto parsed = parse_header(wire, wire.size());
    EXPECT_EQ(plan_rewrite(wire, *parsed.value(), element(1, {1})).fault(), Fault::kOtherForm) << profile;
  }
}

TEST(Rewrite, RefusesBrokenElements) {
  const Wire wire = packet({.profile = 0xBEDE, .extension = {0x10, 7, 0x2F, 1}});
  const auto parsed = parse_header(wire, wire.size());
  EXPECT_EQ(plan_rewrite(wire, *parsed.value(), element(1, {1})).fault(), Fault::kBrokenElement);
}

TEST(Rewrite, RefusesToOverflowTheLengthField) {
  Wire full;
  while (full.size() < std::size_t{0xFFFF} * 4) full.insert(full.end(), {0x12, 1, 2, 3});
  const Wire wire = packet({.profile = 0xBEDE, .extension = full});
  const auto parsed = parse_header(wire, wire.size());
  EXPECT_EQ(plan_rewrite(wire, *parsed.value(), element(2, {1})).fault(), Fault::kNoRoom);
  // The same id needs no room: one of the many is replaced, the others go.
  EXPECT_NE(plan_rewrite(wire, *parsed.value(), element(1, {1})).value(), nullptr);
}

}  // namespace
}  // namespace auralink::rtphdrext
