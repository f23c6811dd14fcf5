// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiver with real sockets on the loopback.
#include "orchestrator/pipeline/rtp_receiver.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gst/app/gstappsink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>

namespace auralink::pipeline {
namespace {

using namespace std::chrono_literals;
using support::Owned;
using Packet = std::vector<std::uint8_t>;

constexpr std::uint32_t kVoice = 100, kPicture = 100'000;

class Socket {
 public:
  Socket() : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&any), size), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&any), &size);
    port = ntohs(any.sin_port);
    const timeval wait{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(std::uint16_t to, const Packet& packet) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(to);
    (void)::sendto(fd_, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                   sizeof address);
  }
  [[nodiscard]] Packet receive() const {
    Packet packet(2048);
    const auto n = ::recv(fd_, packet.data(), packet.size(), 0);
    packet.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return packet;
  }
  std::uint16_t port = 0;

 private:
  int fd_;
};

std::uint16_t free_port() { return Socket{}.port; }

Packet rtp(std::uint8_t payload, std::uint32_t ssrc, std::uint8_t level = 255) {
  Packet p{static_cast<std::uint8_t>(level != 255 ? 0x90 : 0x80), payload, 0, 1, 0, 0, 0, 0};
  for (const unsigned shift : {24U, 16U, 8U, 0U}) p.push_back(static_cast<std::uint8_t>(ssrc >> shift));
  if (level != 255) p.insert(p.end(), {0xBE, 0xDE, 0, 1, 0x10, level, 0, 0});
  p.insert(p.end(), {1, 2, 3});
  return p;
}

/// `count` participants on one port, each with sound (payload type 97) and a picture (96).
RtpSource people(std::uint16_t port, std::size_t count) {
  RtpSource source;
  for (std::size_t i = 0; i < count; ++i) {
    RtpParticipant p;
    p.name = "p" + std::to_string(i);
    p.audio =
        RtpStream{RtpCodec::opus, port, 97, 48000, 2, "", kVoice + static_cast<std::uint32_t>(i), 1, false};
    p.video =
        RtpStream{RtpCodec::h264, port, 96, 90000, 1, "", kPicture + static_cast<std::uint32_t>(i), 0, true};
    source.participants.push_back(std::move(p));
  }
  return source;
}

class Receiving : public testing::Test {
 protected:
  void begin(std::size_t count, ActiveSpeaker::Options options = {}) {
    receiver.emplace(people(port, count), options, [this] {
      const std::scoped_lock lock{mutex};
      changed.notify_all();
    });
    ASSERT_TRUE(receiver->faults().empty());
    receiver->start(pipeline.get());
  }
  /// Waits until a change of the choice makes it true.
  bool until(const std::function<bool()>& fact) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 10s, fact);
  }

  Owned<GstElement> pipeline{GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))};
  std::uint16_t port = free_port();
  Socket sender;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<RtpReceiver> receiver;  // last: its thread uses what is above
};

TEST_F(Receiving, ToldApartBySsrcOnOnePort) {
  begin(3);
  sender.send(port, rtp(97, kVoice + 1, 20));
  sender.send(port, rtp(96, kPicture + 2));
  ASSERT_TRUE(until(
      [&] { return receiver->choice().visible.size() == 1 && receiver->choice().audible.size() == 1; }));
  EXPECT_THAT(receiver->choice().visible, testing::ElementsAre(2));
  EXPECT_THAT(receiver->choice().audible, testing::ElementsAre(1));
  const auto presence = receiver->presence();
  EXPECT_FALSE(presence[0].audio || presence[0].video);
  EXPECT_TRUE(presence[1].audio && !presence[1].video);
  EXPECT_TRUE(!presence[2].audio && presence[2].video);
}

TEST_F(Receiving, CountsWhatNobodyAskedFor) {
  begin(2);
  sender.send(port, rtp(97, 4711, 1));                             // a source nobody announced
  sender.send(port, rtp(33, kVoice, 1));                           // a payload type nobody announced
  sender.send(port, {1, 2, 3});                                    // no RTP
  sender.send(port, {});                                           // nothing
  sender.send(port, Packet(20000, 0x80));                          // longer than any packet
  sender.send(port, {0x81, 203, 0, 1, 0, 0, 0, 100, 0, 0, 0, 0});  // RTCP
  sender.send(port, rtp(96, kPicture));                            // in order: when this has come, they have
  ASSERT_TRUE(until([&] { return receiver->choice().visible.size() == 1; }));
  const auto counters = receiver->counters();
  EXPECT_EQ(counters.received, 7U);
  EXPECT_EQ(counters.stranger, 2U);
  EXPECT_EQ(counters.malformed, 3U);
  EXPECT_EQ(counters.rtcp, 1U);
  EXPECT_EQ(counters.forwarded, 0U);
  EXPECT_FALSE(receiver->presence()[0].audio);
}

TEST_F(Receiving, FeedsWhomItIsTold) {
  begin(2);
  const Owned<GstElement> bin{
      gst_parse_launch("appsrc name=feed format=time is-live=true ! appsink name=out sync=false", nullptr)};
  const Owned<GstElement> feed{gst_bin_get_by_name(GST_BIN(bin.get()), "feed")};
  const Owned<GstElement> out{gst_bin_get_by_name(GST_BIN(bin.get()), "out")};
  gst_element_set_state(bin.get(), GST_STATE_PLAYING);
  receiver->feed(1, Media::video, GST_APP_SRC(feed.get()));
  sender.send(port, rtp(96, kPicture));
  sender.send(port, rtp(96, kPicture + 1));
  GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(out.get()), 5 * GST_SECOND);
  ASSERT_NE(sample, nullptr);
  auto* buffer = gst_sample_get_buffer(sample);
  EXPECT_EQ(gst_buffer_get_size(buffer), 15U);
  std::uint8_t last_of_ssrc = 0;
  gst_buffer_extract(buffer, 11, &last_of_ssrc, 1);
  EXPECT_EQ(last_of_ssrc, (kPicture + 1) & 0xFFU);
  gst_sample_unref(sample);
  EXPECT_EQ(receiver->counters().forwarded, 1U);
  receiver->feed(1, Media::video, nullptr);
  gst_element_set_state(bin.get(), GST_STATE_NULL);
}

TEST_F(Receiving, AsksWhereThePacketsComeFromForAKeyframe) {
  begin(2);
  receiver->ask_for_keyframe(1);  // nobody has sent yet: nowhere to ask
  sender.send(port, rtp(96, kPicture + 1));
  ASSERT_TRUE(until([&] { return receiver->choice().visible.size() == 1; }));
  receiver->ask_for_keyframe(1);
  receiver->ask_for_keyframe(1);  // too soon: one question
  const auto question = sender.receive();
  ASSERT_GE(question.size(), 12U);
  EXPECT_EQ(question[question.size() - 12 + 1], 206);
  EXPECT_EQ(question.back(), (kPicture + 1) & 0xFFU);
}

TEST_F(Receiving, SaysWhoseSocketIsTaken) {
  RtpReceiver refused{people(sender.port, 2), {}, [] {}};
  ASSERT_EQ(refused.faults().size(), 4U);
  EXPECT_THAT(refused.faults().front().error, testing::HasSubstr(std::to_string(sender.port)));
}

TEST_F(Receiving, AThousandAreNoMatter) {
  begin(1000, {9, 6, 2'000'000'000, 2'000'000'000});
  for (int round = 0; round < 12; ++round) {
    for (std::uint32_t i = 0; i < 20; ++i) {
      sender.send(port, rtp(96, kPicture + 40 * i));
      sender.send(port, rtp(97, kVoice + 40 * i, 30));
    }
    if (round == 0) {
      ASSERT_TRUE(until([&] { return receiver->choice().visible.size() == 9; }));
    }
  }
  EXPECT_LE(receiver->choice().audible.size(), 6U);
  std::size_t there = 0;
  for (const auto& one : receiver->presence()) there += one.video ? 1U : 0U;
  EXPECT_EQ(there, 20U);
}

}  // namespace
}  // namespace auralink::pipeline

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
