// SPDX-License-Identifier: LGPL-2.1-or-later
// Both ends over a simulated network. Whatever it does, what comes out went in.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/gst/aic/rtp/simulation.hpp"
#include "tests/gst/aic/rtp/trivial_codec.hpp"

namespace auralink::aic::rtp {
namespace {

using test::Simulation;
using test::TrivialCodec;
using test::Weather;
using test::Wire;

struct Rig {
  TrivialCodec near{true};
  TrivialCodec far{false};
  Simulation sim;
  explicit Rig(Weather weather = {}, unsigned seed = 1) : sim{near, far, weather, seed} {}
  [[nodiscard]] std::uint64_t native(Cause cause) const {
    return sim.sender->stats().native.at(static_cast<std::size_t>(cause));
  }
};

/// Every IDR picture that was sent because one was missing comes out, unless the network took it too: AIC
/// adds nothing to what H.264 itself needs.
void expect_recovery_with_h264(const Simulation& sim) {
  const std::set<std::uint32_t> out{sim.restored.begin(), sim.restored.end()};
  for (const auto& [timestamp, unit] : sim.units)
    if (unit.asked_for && !unit.harmed) {
      EXPECT_TRUE(out.contains(timestamp)) << "IDR picture of " << timestamp;
    }
}

/// From the moment that the receiver notices, unless a request or a chain's first access unit was lost too.
void expect_recovery_within_a_round_trip(const Simulation& sim) {
  const Time bound = 2 * (sim.weather.delay + sim.weather.jitter) + test::kFrameTime;
  for (const auto& outage : sim.outages)
    if (outage.clean && outage.over != 0) {
      EXPECT_LE(outage.over - outage.noticed, bound);
    }
}

TEST(Tunnel, RestoresEverythingOverAGoodNetwork) {
  Rig rig;
  rig.sim.run(500);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.restored.size(), 500U);
  EXPECT_EQ(rig.sim.sender->stats().units_coded, 500U);
  EXPECT_EQ(rig.sim.sender->stats().chains, 1U);
  EXPECT_EQ(rig.sim.receiver->stats().units_restored, 500U);
  EXPECT_GE(rig.sim.sender->stats().acknowledged, 18U) << "about one epoch a second is agreed on";
  EXPECT_LT(rig.sim.sender->stats().bytes_out, rig.sim.sender->stats().bytes_in / 4);
  EXPECT_EQ(rig.sim.idr_requests, 0U);
}

TEST(Tunnel, CountsWhatGoesOverTheWire) {
  Rig rig;
  rig.sim.run(50);
  rig.sim.drain();
  std::uint64_t in = 0;
  for (const auto& [timestamp, unit] : rig.sim.units)
    for (const Wire& p : unit.packets) in += p.size() + 28;
  EXPECT_EQ(rig.sim.sender->stats().bytes_in, in);
  EXPECT_EQ(rig.sim.sender->stats().bytes_out, rig.sim.receiver->stats().bytes_in);
  EXPECT_EQ(rig.sim.sender->stats().packets_out, rig.sim.receiver->stats().packets_in);
}

TEST(Tunnel, RestoresThePacketsThemselvesWhenAsked) {
  for (const std::size_t limit : {1388U, 1188U, 500U}) {
    Rig rig;
    rig.sim.settings.exact = true;
    rig.sim.packet_limit = limit;
    rig.sim.run(100);
    rig.sim.size = 12;  // small ones go natively in between
    rig.sim.run(20);
    rig.sim.size = 2500;
    rig.sim.run(50);
    rig.sim.drain();
    std::vector<Wire> sent;
    for (const auto& [timestamp, unit] : rig.sim.units)
      if (timestamp >= 0xFFFF0000U) sent.insert(sent.end(), unit.packets.begin(), unit.packets.end());
    for (const auto& [timestamp, unit] : rig.sim.units)
      if (timestamp < 0xFFFF0000U) sent.insert(sent.end(), unit.packets.begin(), unit.packets.end());
    EXPECT_EQ(rig.sim.received.size(), sent.size());
    EXPECT_TRUE(rig.sim.received == sent) << limit;
    EXPECT_GE(rig.native(Cause::kSmall) + rig.native(Cause::kNotSmaller), 15U);
  }
}

struct LossCase {
  double loss;
  unsigned seed;
};
class UnderLoss : public testing::TestWithParam<LossCase> {};

TEST_P(UnderLoss, NothingWrongComesOutAndRecoveryIsQuick) {
  Rig rig{{.loss = GetParam().loss}, GetParam().seed};
  rig.sim.run(3000);
  rig.sim.weather.loss = 0;
  rig.sim.run(50);  // a last resync may be under way
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  expect_recovery_with_h264(rig.sim);
  expect_recovery_within_a_round_trip(rig.sim);
  if (GetParam().loss == 0) {
    EXPECT_EQ(rig.sim.restored.size(), 3050U);
  } else {
    EXPECT_GT(rig.sim.outages.size(), 10U);
    EXPECT_EQ(rig.sim.receiver->stats().units_corrupt, 0U);
  }
  EXPECT_TRUE(rig.sim.receiver->following());
  EXPECT_GT(rig.sim.restored.size(), GetParam().loss > 0.04 ? 1500U : 2000U);
}
INSTANTIATE_TEST_SUITE_P(Random, UnderLoss,
                         testing::Values(LossCase{0, 1}, LossCase{0.01, 1}, LossCase{0.01, 2},
                                         LossCase{0.03, 1}, LossCase{0.03, 2}, LossCase{0.05, 1},
                                         LossCase{0.05, 2}, LossCase{0.05, 3}));

TEST(Tunnel, SurvivesBursts) {
  Rig rig;
  int burst = 0;
  int packets = 0;
  rig.sim.drop = [&](const Packet&, Bytes) {
    if (++packets % 150 == 0) burst = 20;
    return burst > 0 && burst-- > 0;
  };
  rig.sim.run(2000);
  rig.sim.drain();
  EXPECT_GE(rig.sim.outages.size(), 5U);
  EXPECT_EQ(rig.sim.wrong, 0U);
  expect_recovery_with_h264(rig.sim);
  expect_recovery_within_a_round_trip(rig.sim);
}

TEST(Tunnel, PutsReorderedPacketsInOrderAndDropsCopies) {
  Rig rig{{.duplicates = 0.1}};
  rig.sim.settings.reorder_us = 10'000;
  rig.sim.drift = 4000;  // several packets each
  rig.sim.run(1);
  rig.sim.weather.jitter = 9'000;
  rig.sim.run(999);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.restored.size(), 1000U);
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GT(rig.sim.receiver->stats().reordered, 100U);
  EXPECT_GT(rig.sim.receiver->stats().duplicates, 50U);
  EXPECT_EQ(rig.sim.receiver->stats().packets_lost, 0U);
}

TEST(Tunnel, SurvivesEverythingAtOnce) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Rig rig{{.loss = 0.03, .jitter = 60'000, .duplicates = 0.05, .feedback_loss = 0.3}, seed};
    rig.sim.settings.reorder_us = 10'000;
    rig.sim.run(600);
    rig.sim.drain();
    EXPECT_EQ(rig.sim.wrong, 0U) << seed;
    EXPECT_GT(rig.sim.restored.size(), 60U) << seed;
  }
}

TEST(Tunnel, ResumesFromTheAcknowledgedEpochWithoutAnIdrPicture) {
  Rig rig{{.feedback_asks_for_idr = false}};
  rig.sim.run(100);
  bool once = true;
  rig.sim.drop = [&](const Packet&, Bytes) { return std::exchange(once, false); };
  rig.sim.run(100);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 1U);
  EXPECT_EQ(rig.sim.sender->stats().chains, 2U);
  EXPECT_NE(rig.sim.sender->last_unit().epoch, kInitial)
      << "the new chain starts from a state that both kept";
  ASSERT_EQ(rig.sim.outages.size(), 1U);
  expect_recovery_within_a_round_trip(rig.sim);
  EXPECT_EQ(
      std::count_if(rig.sim.units.begin(), rig.sim.units.end(), [](const auto& u) { return u.second.key; }),
      1);
  // One lost; the next is coded before the request arrives 65 ms after it was noticed.
  EXPECT_GE(rig.sim.restored.size(), 200U - 4U);
}

TEST(Tunnel, ServesAReceiverThatWasRestarted) {
  Rig rig{{.feedback_asks_for_idr = false}};
  rig.sim.run(60);
  TrivialCodec other{false};
  rig.sim.start_receiver(other);
  rig.sim.run(60);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GE(rig.sim.restored.size(), 120U - 4U);
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 1U);
  EXPECT_EQ(rig.sim.sender->last_unit().epoch, kInitial) << "nothing else is common";
}

TEST(Tunnel, ServesALateReceiverWithoutAnIdrPicture) {
  Rig rig{{.back_channel = false, .feedback_asks_for_idr = false}};
  rig.sim.drop = [](const Packet&, Bytes) { return true; };
  rig.sim.run(100);
  rig.sim.drop = nullptr;
  rig.sim.weather.back_channel = true;
  rig.sim.run(100);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GE(rig.sim.restored.size(), 100U - 4U);
}

TEST(Tunnel, FollowsASenderThatWasRestarted) {
  Rig rig;
  rig.sim.run(60);
  rig.sim.drain();
  TrivialCodec other{true};
  rig.sim.restart_stream(other, 200);
  rig.sim.run(60);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.restored.size(), 120U);
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 0U);
}

TEST(Tunnel, FollowsANewSourceThroughTheSameSender) {
  Rig rig;
  rig.sim.run(60);
  rig.sim.restart_stream(rig.near, 0);  // another SSRC; then give the old sender the new stream
  rig.near.reset();
  rig.sim.run(60);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.restored.size(), 120U);
}

TEST(Tunnel, NeverShowsWhatAWrongStateDecodes) {
  Rig rig{{.feedback_asks_for_idr = false}};
  rig.sim.run(60);
  rig.sim.drain();
  rig.far.state.previous[100] ^= 1U;
  rig.sim.run(60);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.receiver->stats().units_corrupt, 1U);
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 1U);
  EXPECT_GE(rig.sim.restored.size(), 120U - 4U);
  EXPECT_EQ(
      std::count_if(rig.sim.units.begin(), rig.sim.units.end(), [](const auto& u) { return u.second.key; }),
      1)
      << "a model that was reset needs no picture";
}

TEST(Tunnel, NeverShowsWhatDamagedBytesDecode) {
  Rig rig;
  std::mt19937 random{11};
  rig.sim.tamper = [&](Wire& wire) {
    if ((wire[1] & 0x7FU) == 97 && random() % 10 == 0)
      wire[12 + random() % (wire.size() - 12)] ^= static_cast<std::uint8_t>(1U << (random() % 8));
  };
  rig.sim.run(1000);
  rig.sim.tamper = nullptr;
  rig.sim.run(50);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GT(rig.sim.receiver->stats().units_corrupt, 10U);
  EXPECT_TRUE(rig.sim.receiver->following());
}

TEST(Tunnel, SendsNativelyWhatDoesNotVerify) {
  Rig rig;
  rig.sim.run(10);
  rig.near.breaks = true;
  rig.sim.run(10);
  rig.near.breaks = false;
  rig.sim.run(10);
  rig.sim.drain();
  EXPECT_EQ(rig.native(Cause::kUnverified), 10U);
  EXPECT_EQ(rig.sim.restored.size(), 30U);
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.receiver->stats().units_corrupt, 0U);
}

TEST(Tunnel, SendsNativelyWhatTheEngineRefuses) {
  Rig rig;
  rig.sim.run(10);
  rig.near.refuses = h264::Refusal::kUnsupported;
  rig.sim.run(10);
  rig.near.refuses = h264::Refusal::kNone;
  rig.sim.run(10);
  rig.sim.drain();
  EXPECT_EQ(rig.native(Cause::kUnsupported), 10U);
  EXPECT_EQ(rig.sim.sender->stats().chains, 1U) << "the chain goes on behind native access units";
  EXPECT_EQ(rig.sim.restored.size(), 30U);
}

TEST(Tunnel, GoesNativeForAFarEndThatCannotFollow) {
  Rig rig{{.feedback_asks_for_idr = false}};
  rig.sim.run(10);
  rig.sim.drain();
  const std::size_t before = rig.sim.restored.size();
  TrivialCodec deaf{false};
  deaf.deaf = true;
  rig.sim.start_receiver(deaf);
  rig.sim.run(250);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GT(rig.native(Cause::kPeer), 150U);
  EXPECT_GT(rig.sim.restored.size() - before, 150U) << "the pictures get through";
}

/// Somebody else who gets what goes to the receiver of a simulation, at the same time, and answers too.
class Listener {
 public:
  Listener(Simulation& sim, std::uint32_t reporter) : sim_{sim}, receiver_{codec_, test::kLimits, reporter} {
    sim.settings.exact = true;  // what comes out can be looked up in what went in
  }
  void take(Bytes wire) {
    const Handle handle = next_++;
    held_[handle].assign(wire.begin(), wire.end());
    Outputs out;
    receiver_.push(sim_.settings, handle, wire, sim_.now, out);
    for (const Output& o : out)
      if (o.kind != Output::Kind::kDrop)
        check(o.kind == Output::Kind::kMade ? Wire{o.bytes} : held_[o.handle]);
    if (const auto feedback = receiver_.feedback(sim_.now)) sim_.sender->feedback(*feedback, sim_.now);
  }
  [[nodiscard]] const ReceiverStats& stats() const { return receiver_.stats(); }
  [[nodiscard]] bool following() const { return receiver_.following(); }
  std::size_t wrong = 0;

 private:
  void check(const Wire& wire) {
    Packet p;
    ASSERT_EQ(parse(wire, p), Parsed::kRtp);
    const auto& sent = sim_.units.at(p.timestamp).packets;
    const auto same = [&](const Wire& other) {
      Packet q;
      return parse(other, q) == Parsed::kRtp &&
             std::equal(p.payload.begin(), p.payload.end(), q.payload.begin(), q.payload.end());
    };
    if (std::none_of(sent.begin(), sent.end(), same)) ++wrong;
  }

  Simulation& sim_;
  TrivialCodec codec_{false};
  Receiver receiver_;
  std::map<Handle, Wire> held_;
  Handle next_ = 1;
};

TEST(Tunnel, ServesSeveralReceiversFromStatesThatAllHold) {
  Rig rig{{.feedback_asks_for_idr = false}};
  Listener other{rig.sim, 0xBEEF};
  bool lose_one = false, lose_other = false;
  rig.sim.drop = [&](const Packet&, Bytes wire) {
    if (!std::exchange(lose_other, false)) other.take(wire);
    return std::exchange(lose_one, false);
  };
  rig.sim.run(200);
  EXPECT_EQ(rig.sim.sender->stats().chains, 1U);
  EXPECT_GE(rig.sim.sender->stats().acknowledged, 6U);
  for (int i = 0; i < 10; ++i) {
    lose_one = i % 2 == 0;
    lose_other = i % 2 == 1;
    rig.sim.run(50);
    EXPECT_TRUE(rig.sim.receiver->following()) << i;
    EXPECT_TRUE(other.following()) << i;
    EXPECT_NE(rig.sim.sender->last_unit().epoch, kInitial) << i;
  }
  rig.sim.drain();
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 10U) << "one for each loss: nobody is disturbed by the other's";
  EXPECT_EQ(rig.native(Cause::kPeer), 0U);
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(other.wrong, 0U);
  EXPECT_GE(rig.sim.restored.size(), 700U - 5 * 4U);
  EXPECT_GE(other.stats().units_restored, 700U - 5 * 4U);
}

TEST(Tunnel, AcknowledgesAgainSoonAfterOneOfTheReceiversLeft) {
  Rig rig{{.feedback_asks_for_idr = false}};
  Listener other{rig.sim, 0xBEEF};
  bool there = true;
  rig.sim.drop = [&](const Packet&, Bytes wire) {
    if (there) other.take(wire);
    return false;
  };
  rig.sim.run(100);
  there = false;
  rig.sim.run(25 * 6);
  const auto before = rig.sim.sender->stats().acknowledged;
  rig.sim.run(100);
  EXPECT_GE(rig.sim.sender->stats().acknowledged - before, 3U);
}

TEST(Tunnel, KeepsTheDeadlineWithoutTouchingTheState) {
  Rig rig;
  rig.sim.run(10);
  rig.sim.sender_settings.pace.deadline_us = 150;  // coding and verifying claim 200
  rig.sim.run(20);
  EXPECT_GE(rig.native(Cause::kDeadline), 15U);
  rig.sim.sender_settings.pace.deadline_us = 1000;
  rig.sim.run(10);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.restored.size(), 40U);
  EXPECT_EQ(rig.sim.sender->stats().chains, 1U);
}

TEST(Tunnel, LetsLossBeforeItShowThroughIt) {
  Rig rig{{.feedback_asks_for_idr = false}};
  int count = 0;
  rig.sim.lose_before = [&](Bytes) { return ++count % 97 == 0; };
  rig.sim.run(500);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_GE(rig.native(Cause::kIncomplete), 10U);
  EXPECT_EQ(rig.sim.receiver->stats().units_lost, 0U) << "none of the tunnel's own";
  EXPECT_EQ(rig.sim.receiver->stats().packets_lost, rig.sim.sender->stats().missing);
}

TEST(Tunnel, CanBeSwitchedOffAndOnWhileItRuns) {
  Rig rig;
  rig.sim.settings.exact = true;
  rig.sim.run(20);
  rig.sim.sender_settings.active = false;
  rig.sim.run(20);
  rig.sim.sender_settings.active = true;
  rig.sim.run(20);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.restored.size(), 60U);
  EXPECT_EQ(rig.native(Cause::kOff), 20U);
  EXPECT_EQ(rig.sim.sender->stats().units_coded, 40U);
  EXPECT_EQ(rig.sim.idr_requests, 0U);
}

TEST(Tunnel, GivesUpNothingWhenItCannotUndo) {
  // Without the mirror an access unit that did not become smaller is sent coded: the state has moved on.
  Rig rig;
  TrivialCodec plain{false};
  rig.sim.start_sender(plain, 3);
  rig.sim.size = 25;
  rig.sim.run(100);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.restored.size(), 100U);
  EXPECT_EQ(rig.native(Cause::kNotSmaller), 0U);
  EXPECT_EQ(rig.sim.wrong, 0U);
}

TEST(Tunnel, RecoversAtIdrPicturesWithoutABackChannel) {
  Rig rig{{.back_channel = false}};
  int count = 0;
  rig.sim.drop = [&](const Packet&, Bytes) { return ++count % 100 == 0; };
  rig.sim.run(500, 25);
  rig.sim.drain();
  EXPECT_EQ(rig.sim.wrong, 0U);
  EXPECT_EQ(rig.sim.sender->stats().epochs, 0U) << "nobody could acknowledge them";
  EXPECT_EQ(rig.sim.sender->stats().resyncs, 0U);
  EXPECT_GE(rig.sim.sender->stats().chains, 20U);
  // After each loss, out again with the next IDR picture and everything up to the next loss.
  const std::set<std::uint32_t> out{rig.sim.restored.begin(), rig.sim.restored.end()};
  bool intact = true;
  for (std::uint32_t i = 0, t = 0xFFFF0000U + test::kTicks; i < 500; ++i, t += test::kTicks) {
    const auto& unit = rig.sim.units.at(t);
    intact = (intact || unit.key) && !unit.harmed;
    if (intact) {
      EXPECT_TRUE(out.contains(t)) << i;
    }
  }
}

}  // namespace
}  // namespace auralink::aic::rtp
