// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/extension.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::Wire;

Wire copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Form, IsReadFromTheProfile) {
  EXPECT_EQ(form_of(0xBEDE), Form::kOneByte);
  for (const unsigned appbits : {0x1000U, 0x1001U, 0x100FU})
    EXPECT_EQ(form_of(static_cast<std::uint16_t>(appbits)), Form::kTwoByte);
  for (const unsigned other : {0x0000U, 0x1010U, 0x0FFFU, 0xBEDFU, 0xDEBEU})
    EXPECT_EQ(form_of(static_cast<std::uint16_t>(other)), std::nullopt) << other;
}

TEST(Element, HoldsIdAndBytes) {
  const auto made = Element::make(14, Wire{1, 2, 3}).value();
  EXPECT_EQ(made.id(), 14);
  EXPECT_EQ(copy(made.data()), (Wire{1, 2, 3}));
  static_assert(std::is_trivially_copyable_v<Element>);
}

TEST(Element, RefusesWhatNoFormCanExpress) {
  EXPECT_FALSE(Element::make(0, Wire{1}));
  EXPECT_FALSE(Element::make(256, Wire{1}));
  EXPECT_FALSE(Element::make(1, Wire{}));
  EXPECT_FALSE(Element::make(1, Wire(256)));
  EXPECT_TRUE(Element::make(255, Wire(255)));
}

TEST(Element, KnowsWhatFitsTheOneByteForm) {
  EXPECT_TRUE(fits_one_byte(14, 16));
  EXPECT_TRUE(fits_one_byte(1, 1));
  EXPECT_FALSE(fits_one_byte(15, 1));
  EXPECT_FALSE(fits_one_byte(1, 17));
  EXPECT_FALSE(fits_one_byte(1, 0));
}

TEST(Element, ReadsHexInEitherCaseWithSeparators) {
  for (const char* text : {"01afFE", "01:af:fe", "01 AF fe"}) {
    const auto made = Element::from_hex(2, text);
    ASSERT_TRUE(made) << text;
    EXPECT_EQ(copy(made->data()), (Wire{0x01, 0xAF, 0xFE})) << text;
  }
  EXPECT_EQ(Element::from_hex(2, std::string(510, 'a')).value().data().size(), 255U);
}

TEST(Element, RefusesOtherText) {
  for (const char* text :
       {"", "0", "012", "0g", "g0", ":01", "01:", "01::02", "0x01", " 01", "01 ", "0 1", "\xC3\xA9"})
    EXPECT_FALSE(Element::from_hex(2, text)) << text;
  EXPECT_FALSE(Element::from_hex(2, std::string(512, 'a')));
}

TEST(OneByteReader, SkipsPaddingBetweenElements) {
  const Wire wire{0, 0x10, 7, 0, 0, 0x21, 8, 9};
  ElementReader reader{Form::kOneByte, wire};
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
  ElementReader reader{Form::kOneByte, wire};
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
  EXPECT_EQ(copy(reader.terminated()), (Wire{0xF0, 1, 0x20, 8, 0, 0}));
}

TEST(OneByteReader, StopsAtId0WithALength) {
  const Wire wire{0x10, 7, 0x01, 0x20, 8, 0, 0, 0};
  ElementReader reader{Form::kOneByte, wire};
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.terminated().size(), 6U);
}

TEST(OneByteReader, SaysWhenAnElementIsBroken) {
  for (const Wire& wire : {Wire{0x11, 1}, Wire{0x10}, Wire{0x10, 1, 0x2F, 1}}) {
    ElementReader reader{Form::kOneByte, wire};
    while (reader.next()) {
    }
    EXPECT_TRUE(reader.broken());
    EXPECT_FALSE(reader.next()) << "a broken extension is not read on";
  }
}

TEST(TwoByteReader, ReadsEmptyLongAndHighElements) {
  Wire wire{0, 15, 0, 0, 255, 17};
  wire.insert(wire.end(), 17, 0x5A);
  wire.insert(wire.end(), {0, 0});
  ElementReader reader{Form::kTwoByte, wire};
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 15);
  EXPECT_TRUE(first->data.empty());
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, 255);
  EXPECT_EQ(copy(second->data), Wire(17, 0x5A));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
  EXPECT_TRUE(reader.terminated().empty());
}

TEST(TwoByteReader, SaysWhenAnElementIsBroken) {
  for (const Wire& wire : {Wire{1}, Wire{1, 1}, Wire{1, 0, 2, 3, 1, 1}}) {
    ElementReader reader{Form::kTwoByte, wire};
    while (reader.next()) {
    }
    EXPECT_TRUE(reader.broken());
  }
}

}  // namespace
}  // namespace auralink::rtphdrext
