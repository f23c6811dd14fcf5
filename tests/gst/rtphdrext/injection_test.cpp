// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/injection.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using test::packet;
using test::Wire;

constexpr std::size_t kMtu = 1400;
const Wire kData{1, 2};

Decision decide_with(const Packet& view, const Edits& edits, std::size_t mtu) {
  const auto parsed = read_packet(view);
  if (parsed.fault()) return refuse(*parsed.fault());
  return decide(view, *parsed.value(), edits, mtu);
}
Packet view_of(const Wire& wire) {
  return {.head = wire, .size = wire.size(), .last_byte = wire.empty() ? std::uint8_t{0} : wire.back()};
}
/// Sets element 2 to two bytes.
Decision decide_whole(const Wire& wire, std::size_t mtu = kMtu) {
  const std::array set{ElementView{.id = 2, .data = kData}};
  return decide_with(view_of(wire), {.set = set, .remove = {}}, mtu);
}
Decision decide_removal(const Wire& wire, unsigned id, std::size_t mtu = kMtu) {
  Edits edits;
  edits.remove.set(id);
  return decide_with(view_of(wire), edits, mtu);
}

TEST(Injection, RewritesAPlainPacket) {
  const auto decision = decide_whole(packet({}));
  EXPECT_EQ(decision.outcome, Outcome::kInjected);
  EXPECT_TRUE(decision.rewrites());
  EXPECT_EQ(decision.rewrite.head_size, 20U);
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

TEST(Injection, LetsAPacketThatIsTooLargeAlreadyChangeWithoutGrowing) {
  const auto same = packet({.profile = 0xBEDE, .extension = {0x21, 9, 9, 0}});
  EXPECT_EQ(decide_whole(same, 12).outcome, Outcome::kReplaced);
  EXPECT_EQ(decide_removal(same, 2, 12).outcome, Outcome::kRemoved);
  EXPECT_EQ(decide_whole(packet({.profile = 0xBEDE, .extension = {0x20, 9, 0x10, 9}}), 12).outcome,
            Outcome::kOverMtu);
}

TEST(Injection, CountsThePayloadThatIsNotInTheHead) {
  const auto wire = packet({.payload = {}});
  const Packet big{.head = wire, .size = kMtu, .last_byte = 0};
  const std::array set{ElementView{.id = 2, .data = kData}};
  const Edits edits{.set = set, .remove = {}};
  EXPECT_EQ(decide_with(big, edits, kMtu).outcome, Outcome::kOverMtu);
  EXPECT_EQ(decide_with(big, edits, kMtu + 8).outcome, Outcome::kInjected);
}

TEST(Injection, SaysWhenItOnlyRemoves) {
  EXPECT_EQ(decide_removal(packet({.profile = 0xBEDE, .extension = {0x20, 9, 0, 0}}), 2).outcome,
            Outcome::kRemoved);
}

TEST(Injection, LeavesAPacketWithNothingToRemove) {
  const auto decision = decide_removal(packet({.profile = 0xBEDE, .extension = {0x20, 9, 0, 0}}), 3);
  EXPECT_EQ(decision.outcome, Outcome::kUnchanged);
  EXPECT_FALSE(decision.rewrites());
}

TEST(Injection, LetsOtherFormsPass) {
  EXPECT_EQ(decide_whole(packet({.profile = 0xABAC, .extension = {1, 1, 0, 0}})).outcome,
            Outcome::kOtherForm);
}

TEST(Injection, LetsRtcpPass) {
  const Wire report{0x81, 200, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_EQ(decide_whole(report).outcome, Outcome::kRtcp);
}

TEST(Injection, DropsWhatIsNotSound) {
  for (const Wire& wire :
       {Wire{}, Wire{0x80}, packet({.version = 1}), packet({.padding = true, .payload = {200}}),
        packet({.profile = 0xBEDE, .extension = {0x1F, 0, 0, 0}}),
        packet({.profile = 0x1000, .extension = {1, 3, 0, 0}})}) {
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
