// SPDX-License-Identifier: LGPL-2.1-or-later
// Access units through RFC 6184 and back: gathered as they were, described in few bytes, packetised exactly
// as before.
#include "gst/aic/core/rtp/shape.hpp"

#include <gtest/gtest.h>

#include <random>

#include "gst/aic/core/rtp/gather.hpp"
#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic::rtp {
namespace {

using test::nal;
using test::payloads;
using test::Wire;

constexpr std::size_t kLimit = std::size_t{1} << 20U;

void gather(Gatherer& gatherer, const std::vector<Wire>& all) {
  for (const Wire& payload : all) {
    const Packet packet{.marker = &payload == &all.back(), .timestamp = 5, .payload = payload};
    EXPECT_FALSE(gatherer.separates(packet));
    EXPECT_EQ(gatherer.add(packet), packet.marker);
  }
}

std::vector<Wire> cut(const AccessUnit& unit, const Shape& shape) {
  std::vector<Wire> out;
  packetise(unit, shape, [&](Bytes payload, bool) { out.emplace_back(payload.begin(), payload.end()); });
  return out;
}

/// Gathers, describes to a far end with the same rule, and packetises there. Returns the size of the
/// description.
std::size_t expect_exact(const std::vector<Wire>& all, Rule& rule) {
  Gatherer gatherer{kLimit};
  gather(gatherer, all);
  EXPECT_EQ(gatherer.fault(), Gatherer::Fault::kNone);
  EXPECT_TRUE(covers(gatherer.shape(), gatherer.unit()));
  EXPECT_EQ(gatherer.shape().packets(), all.size());
  Rule far = rule;
  Wire description;
  describe(gatherer.shape(), gatherer.unit(), rule, description);
  Shape shape;
  EXPECT_TRUE(read_description(description, gatherer.unit(), far, shape));
  EXPECT_EQ(far, rule);
  EXPECT_EQ(shape, gatherer.shape());
  EXPECT_EQ(cut(gatherer.unit(), shape), all);
  return description.size();
}

AccessUnit unit_of(const std::vector<Wire>& nals) {
  AccessUnit unit;
  for (const Wire& n : nals) unit.add(n);
  return unit;
}

Wire stap(unsigned header, const std::vector<Wire>& nals) {
  Wire out{static_cast<std::uint8_t>(header)};
  for (const Wire& n : nals) {
    out.push_back(static_cast<std::uint8_t>(n.size() >> 8U));
    out.push_back(static_cast<std::uint8_t>(n.size() & 0xFFU));
    out.insert(out.end(), n.begin(), n.end());
  }
  return out;
}

TEST(Gatherer, PutsSingleUnitsAggregatesAndFragmentsTogether) {
  const Wire sps = nal(0x67, 9, 1);
  const Wire pps = nal(0x68, 4, 2);
  const Wire slice = nal(0x65, 3000, 3);
  std::vector<Wire> all{stap(0x78, {sps, pps})};
  for (const Wire& p : payloads(unit_of({slice}), 1000)) all.push_back(p);
  all.push_back(nal(0x06, 20, 4));
  Gatherer gatherer{kLimit};
  gather(gatherer, all);
  EXPECT_EQ(gatherer.fault(), Gatherer::Fault::kNone);
  EXPECT_EQ(gatherer.unit(), unit_of({sps, pps, slice, nal(0x06, 20, 4)}));
  EXPECT_TRUE(gatherer.marked());
}

TEST(Gatherer, SeparatesByTimestampAndBehindTheMarker) {
  Gatherer gatherer{kLimit};
  const Wire payload = nal(0x61, 5, 1);
  EXPECT_FALSE(gatherer.separates({.timestamp = 1, .payload = payload})) << "nothing is gathered yet";
  EXPECT_FALSE(gatherer.add({.timestamp = 1, .payload = payload}));
  EXPECT_FALSE(gatherer.separates({.timestamp = 1, .payload = payload}));
  EXPECT_TRUE(gatherer.separates({.timestamp = 2, .payload = payload}));
  EXPECT_TRUE(gatherer.add({.marker = true, .timestamp = 1, .payload = payload}));
  EXPECT_TRUE(gatherer.separates({.timestamp = 1, .payload = payload}));
}

TEST(Gatherer, SaysWhatIsMissing) {
  const auto all = payloads(unit_of({nal(0x65, 3000, 3)}), 1000);
  for (std::size_t without = 0; without < all.size(); ++without) {
    auto some = all;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(without));
    some.push_back(nal(0x06, 4, 1));
    Gatherer gatherer{kLimit};
    gather(gatherer, some);
    // A fragment in the middle is missed by its sequence number alone, which is the caller's to watch.
    if (without == 1 || without == 2) gatherer.miss();
    EXPECT_EQ(gatherer.fault(), Gatherer::Fault::kIncomplete) << without;
  }
}

TEST(Gatherer, RefusesWhatItCouldNotRebuild) {
  const std::vector<std::vector<Wire>> bad{
      {{}},
      {{0x79, 0, 0, 1, 0x61}},                // STAP-B
      {{0x7D, 0x85, 0, 0, 1}},                // FU-B
      {{0x78, 0, 9, 0x61}},                   // an aggregate longer than its packet
      {{0x78}},                               // an empty one
      {{0x78, 0, 0}},                         // of nothing
      {{0x7C}},                               // a fragment without header
      {{0x7C, 0xC5, 1, 2}},                   // start and end in one
      {{0x7C, 0xA5, 1, 2}, {0x7C, 0x45, 1}},  // the reserved bit
      {{0x7C, 0x85, 1, 2}, {0x5C, 0x45, 1}},  // another NRI
      {{0x7C, 0x85, 1, 2}, {0x7C, 0x41, 1}},  // another type
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    Gatherer gatherer{kLimit};
    gather(gatherer, bad[i]);
    EXPECT_EQ(gatherer.fault(), Gatherer::Fault::kUnsupported) << i;
  }
}

TEST(Gatherer, IsBounded) {
  Gatherer gatherer{2500};
  gather(gatherer, payloads(unit_of({nal(0x65, 3000, 3)}), 1000));
  EXPECT_EQ(gatherer.fault(), Gatherer::Fault::kTooLarge);
  EXPECT_LE(gatherer.unit().bytes.size(), 2500U);
}

TEST(Description, CostsNothingForGStreamersPayloader) {
  Rule rule;
  for (const std::size_t size : {10, 1388, 1389, 1390, 20000})
    EXPECT_EQ(expect_exact(payloads(unit_of({nal(0x61, size, 3)}), 1388), rule), 0U) << size;
}

TEST(Description, TellsAnotherPacketSizeOnce) {
  Rule rule;
  EXPECT_EQ(expect_exact(payloads(unit_of({nal(0x61, 5000, 3)}), 1188), rule), 2U);
  EXPECT_EQ(expect_exact(payloads(unit_of({nal(0x61, 7000, 3)}), 1188), rule), 0U);
  EXPECT_EQ(expect_exact(payloads(unit_of({nal(0x61, 1188, 3)}), 1188), rule), 0U);
}

TEST(Description, KnowsAggregatesAndEvenCuts) {
  Rule rule;
  std::vector<Wire> all{stap(0x78, {nal(0x67, 9, 1), nal(0x68, 4, 2)})};
  // As libwebrtc cuts: parts of about one size.
  const Wire slice = nal(0x65, 2500, 3);
  for (std::size_t part = 0; part < 3; ++part) {
    Wire p{0x7C, static_cast<std::uint8_t>((part == 0 ? 0x80U : 0U) | (part == 2 ? 0x40U : 0U) | 5U)};
    p.insert(p.end(), 833, std::uint8_t{3});
    all.push_back(p);
  }
  EXPECT_LE(expect_exact(all, rule), 10U);
  EXPECT_EQ(rule, Rule{}) << "an exception is no rule";
  (void)slice;
}

TEST(Description, FitsAnyCutOfAnyUnit) {
  std::mt19937 random{7};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  Rule rule;
  for (int round = 0; round < 500; ++round) {
    std::vector<Wire> all;
    for (std::size_t n = 1 + below(5); n > 0; --n) {
      const auto header = static_cast<unsigned>(0x61U + below(2) * 4);
      if (const std::size_t kind = below(3); kind == 0) {
        all.push_back(nal(header, 1 + below(3000), 9));
      } else if (kind == 1) {
        std::vector<Wire> nals;
        for (std::size_t k = 1 + below(4); k > 0; --k) nals.push_back(nal(header, 1 + below(100), 8));
        all.push_back(stap(0x18U | (static_cast<unsigned>(below(4)) << 5U), nals));
      } else {
        const std::size_t parts = 2 + below(6);
        for (std::size_t k = 0; k < parts; ++k) {
          Wire p{static_cast<std::uint8_t>((header & 0xE0U) | 28U),
                 static_cast<std::uint8_t>((k == 0 ? 0x80U : 0U) | (k + 1 == parts ? 0x40U : 0U) |
                                           (header & 0x1FU))};
          p.insert(p.end(), below(400), std::uint8_t{7});
          all.push_back(p);
        }
      }
    }
    expect_exact(all, rule);
  }
}

TEST(Description, IsRefusedWhenItDescribesAnotherUnit) {
  const AccessUnit unit = unit_of({nal(0x61, 100, 1), nal(0x61, 50, 2)});
  for (const Wire& bad : std::vector<Wire>{{1},
                                           {0},
                                           {0, 1},
                                           {0, 3},
                                           {0, 0x40, 3, 0x18},
                                           {0, 0x40, 0, 0x18, 2},
                                           {0, 0x80, 2, 0x80},
                                           {0, 0x80, 2, 100, 1},
                                           {0, 0x80, 1, 1},
                                           {0, 0xC0},
                                           {0, 2, 1},
                                           {0x85, 0x00, 7},
                                           {0x80, 0x80, 0x80, 0x80, 1},
                                           {0, 0x40, 0x80, 0x80, 0x80, 0x80, 1, 1}}) {
    Rule rule;
    Shape shape;
    EXPECT_FALSE(read_description(bad, unit, rule, shape)) << testing::PrintToString(bad);
  }
}

}  // namespace
}  // namespace auralink::aic::rtp
