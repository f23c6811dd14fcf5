// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/rtp_ingress.hpp"

#include <gmock/gmock.h>

#include <random>

namespace auralink::pipeline {
namespace {

using ::testing::Optional;
using Packet = std::vector<std::uint8_t>;

/// An RTP packet of payload type 97, SSRC 0x01020304 and two bytes of payload, with this extension.
Packet packet(std::uint16_t profile = 0, const Packet& extension = {}) {
  Packet p{static_cast<std::uint8_t>(profile != 0 ? 0x90 : 0x80), 97, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4};
  if (profile != 0) {
    const auto words = extension.size() / 4;
    p.insert(p.end(), {static_cast<std::uint8_t>(profile >> 8U), static_cast<std::uint8_t>(profile),
                       static_cast<std::uint8_t>(words >> 8U), static_cast<std::uint8_t>(words)});
    p.insert(p.end(), extension.begin(), extension.end());
  }
  p.insert(p.end(), {0xAA, 0xBB});
  return p;
}

TEST(RtpIngress, ReadsWhoSendsWhat) {
  const auto arrival = read_rtp_arrival(packet());
  EXPECT_EQ(arrival.what, Ingress::rtp);
  EXPECT_EQ(arrival.payload, 97);
  EXPECT_EQ(arrival.ssrc, 0x01020304U);
  EXPECT_EQ(arrival.payload_bytes, 2U);
}

TEST(RtpIngress, TellsRtcpFromRtp) {
  EXPECT_EQ(read_rtp_arrival(Packet{0x80, 200, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0}).what, Ingress::rtcp);
}

TEST(RtpIngress, RefusesWhatIsNoRtp) {
  EXPECT_EQ(read_rtp_arrival({}).what, Ingress::malformed);
  EXPECT_EQ(read_rtp_arrival(Packet{0x80, 97, 0}).what, Ingress::malformed);
  auto wrong = packet();
  wrong[0] = 0x40;
  EXPECT_EQ(read_rtp_arrival(wrong).what, Ingress::malformed);
  auto padded = packet();
  padded[0] |= 0x20;
  EXPECT_EQ(read_rtp_arrival(padded).what, Ingress::malformed) << "more padding than packet";
  auto huge = packet(0xBEDE, {0x10, 5, 0, 0});
  huge[14] = 0xFF;  // an extension longer than the packet
  EXPECT_EQ(read_rtp_arrival(huge).what, Ingress::malformed);
  EXPECT_EQ(read_audio_level(huge, 1), std::nullopt);
}

TEST(AudioLevel, IsReadFromBothForms) {
  EXPECT_THAT(read_audio_level(packet(0xBEDE, {0x10, 0x85, 0, 0}), 1), Optional(5));
  EXPECT_THAT(read_audio_level(packet(0xBEDE, {0x20, 9, 0x10, 33}), 1), Optional(33));
  EXPECT_THAT(read_audio_level(packet(0x1000, {0, 200, 1, 0x7F}), 200), Optional(127));
}

TEST(AudioLevel, IsNotGuessed) {
  EXPECT_EQ(read_audio_level(packet(), 1), std::nullopt);
  EXPECT_EQ(read_audio_level(packet(0xBEDE, {0x10, 5, 0, 0}), 2), std::nullopt);
  EXPECT_EQ(read_audio_level(packet(0xBEDE, {0x11, 5, 6, 0}), 1), std::nullopt) << "two bytes are no level";
  EXPECT_EQ(read_audio_level(packet(0x1000, {1, 0, 0, 0}), 1), std::nullopt) << "neither is none";
  EXPECT_EQ(read_audio_level(packet(0x1000, {1, 9, 5, 0}), 1), std::nullopt) << "runs past the end";
  EXPECT_EQ(read_audio_level(packet(0x1234, {0x10, 5, 0, 0}), 1), std::nullopt) << "a form nobody knows";
}

TEST(RtpIngress, NoBytesUpsetIt) {
  std::mt19937 random{3};
  for (int round = 0; round < 20000; ++round) {
    Packet bytes(random() % 64);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    if (!bytes.empty() && random() % 2 == 0) bytes[0] = static_cast<std::uint8_t>(0x80U | (bytes[0] & 0x3FU));
    const auto arrival = read_rtp_arrival(bytes);
    if (arrival.what == Ingress::rtp) {
      ASSERT_LE(arrival.payload_bytes + 12, bytes.size());
    }
    if (const auto level = read_audio_level(bytes, static_cast<std::uint8_t>(random()))) {
      ASSERT_LE(*level, 127);
    }
  }
}

TEST(PictureLoss, IsACompoundOfSoundPackets) {
  const auto bytes = make_picture_loss(0x0A0B0C0D, 0x01020304);
  ASSERT_EQ(bytes.size() % 4, 0U);
  std::vector<int> types;
  for (std::size_t at = 0; at < bytes.size();) {
    ASSERT_EQ(bytes[at] >> 6U, 2);
    types.push_back(bytes[at + 1]);
    at += 4U * ((std::size_t{bytes[at + 2]} << 8U | bytes[at + 3]) + 1U);
    ASSERT_LE(at, bytes.size());
  }
  EXPECT_THAT(types, testing::ElementsAre(201, 202, 206));
  EXPECT_THAT(Packet(bytes.end() - 8, bytes.end()),
              testing::ElementsAre(0x0A, 0x0B, 0x0C, 0x0D, 0x01, 0x02, 0x03, 0x04));
}

}  // namespace
}  // namespace auralink::pipeline
