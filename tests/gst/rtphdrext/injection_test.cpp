// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/injection.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::packet;
using test::Wire;

const Element kElement = Element::from_hex(2, "0102").value();
constexpr std::size_t kMtu = 1400;

Decision decide_whole(const Wire& wire, std::size_t mtu = kMtu) {
  return decide(
      {.head = wire, .size = wire.size(), .last_byte = wire.empty() ? std::uint8_t{0} : wire.back()},
      kElement, mtu);
}

TEST(Injection, RewritesAPlainPacket) {
  const auto decision = decide_whole(packet({}));
  EXPECT_EQ(decision.outcome, Outcome::kInjected);
  EXPECT_TRUE(decision.rewrites());
  EXPECT_EQ(decision.head_size, 20U);
  EXPECT_EQ(decision.header.payload_offset, 12U);
}

TEST(Injection, SaysWhenItReplaces) {
  EXPECT_EQ(decide_whole(packet({.profile = 0xBEDE, .extension = {0x20, 9, 0, 0}})).outcome,
            Outcome::kReplaced);
}

TEST(Injection, StopsExactlyAtTheMtu) {
  const auto wire = packet({});  // 12 + 3, and 8 for the extension
  EXPECT_EQ(decide_whole(wire, 23).outcome, Outcome::kInjected);
  const auto over = decide_whole(wire, 22);
  EXPECT_EQ(over.outcome, Outcome::kOverMtu);
  EXPECT_FALSE(over.rewrites());
  EXPECT_STRNE(over.reason, "");
}

TEST(Injection, CountsThePayloadThatIsNotInTheHead) {
  const auto wire = packet({.payload = {}});
  const Packet big{.head = wire, .size = kMtu, .last_byte = 0};
  EXPECT_EQ(decide(big, kElement, kMtu).outcome, Outcome::kOverMtu);
  EXPECT_EQ(decide(big, kElement, kMtu + 8).outcome, Outcome::kInjected);
}

TEST(Injection, LetsOtherFormsPass) {
  EXPECT_EQ(decide_whole(packet({.profile = 0x1000, .extension = {1, 1, 0, 0}})).outcome,
            Outcome::kOtherForm);
}

TEST(Injection, LetsRtcpPass) {
  const Wire report{0x81, 200, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_EQ(decide_whole(report).outcome, Outcome::kRtcp);
}

TEST(Injection, DropsWhatIsNotSound) {
  for (const Wire& wire :
       {Wire{}, Wire{0x80}, packet({.version = 1}), packet({.padding = true, .payload = {200}}),
        packet({.profile = 0xBEDE, .extension = {0x1F, 0, 0, 0}})}) {
    const auto decision = decide_whole(wire);
    EXPECT_EQ(decision.outcome, Outcome::kMalformed) << wire.size();
    EXPECT_STRNE(decision.reason, "");
  }
}

TEST(Outcome, HasAnIndexAndANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kOutcomes[i]), i);
    names.insert(name(kOutcomes[i]));
  }
  EXPECT_EQ(names.size(), kOutcomes.size());
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace auralink::rtphdrext
