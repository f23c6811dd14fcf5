// SPDX-License-Identifier: LGPL-2.1-or-later
// A sender, a network and a receiver in one thread: time is the time of the next event, chance is seeded.
// Checks of every access unit that comes out that it went in, byte for byte.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "gst/aic/core/rtp/gather.hpp"
#include "gst/aic/core/rtp/receiver.hpp"
#include "gst/aic/core/rtp/sender.hpp"
#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic::rtp::test {

inline constexpr Time kFrameTime = 40'000;
inline constexpr std::uint32_t kTicks = 3600;
inline constexpr std::size_t kMaxUnit = std::size_t{1} << 20U;

struct Weather {
  double loss = 0;
  Time delay = 25'000;  ///< one way
  Time jitter = 0;      ///< reorders when it is longer than the time between packets
  double duplicates = 0;
  double feedback_loss = 0;
  bool back_channel = true;
  bool feedback_asks_for_idr = true;  ///< what a depayloader's user does when a picture is missing
};

class Simulation {
 public:
  Simulation(Engine& near, Engine& far, Weather in, unsigned seed)
      : weather{in}, pictures_{seed}, random_{seed} {
    start_sender(near, 40);
    start_receiver(far);
    settings.reorder_us = 0;
    sender_settings.pace.deadline_us = 1'000'000;
  }

  Weather weather;
  SenderSettings sender_settings;
  ReceiverSettings settings;
  std::unique_ptr<Sender> sender;
  std::unique_ptr<Receiver> receiver;
  Time now = 1'000'000;
  std::size_t packet_limit = 1188;
  std::size_t size = 3000;
  int drift = 20;  ///< bytes that change from picture to picture

  /// Where access units come from, when not from Pictures; true asks for an IDR picture.
  std::function<AccessUnit(bool)> source;

  // What happened.
  struct Unit {
    AccessUnit unit;
    bool key = false;
    bool coded = false;
    bool harmed = false;     ///< a packet of it was lost on the wire
    bool asked_for = false;  ///< an IDR picture that the far end wanted
    bool starts_chain = false;
    Time sent = 0;
    std::vector<Wire> packets;  ///< as the encoder's payloader made them
  };
  std::map<std::uint32_t, Unit> units;  ///< by timestamp
  std::vector<std::uint32_t> restored;  ///< timestamps, in order
  std::vector<Wire> received;           ///< packets that came out
  std::size_t wrong = 0;
  std::size_t idr_requests = 0;
  std::size_t feedback_packets = 0;
  struct Outage {
    Time noticed = 0;
    Time over = 0;
    bool clean = true;  ///< neither the request nor the start of the chain that answered it was lost
  };
  std::vector<Outage> outages;
  /// Called with each packet on the wire; true drops it.
  std::function<bool(const Packet&, Bytes)> drop;
  /// Called with each packet on its way to the sender; true drops it.
  std::function<bool(Bytes)> lose_before;
  /// Called with each packet on the wire; may change it.
  std::function<void(Wire&)> tamper;

  void run(int frames, int key_interval = 0) {
    for (int i = 0; i < frames; ++i) {
      const Time at = now;
      frame(key_interval > 0 && i % key_interval == 0);
      settle(at + kFrameTime);
      now = at + kFrameTime;
    }
  }
  /// Lets everything on its way arrive.
  void drain() {
    settle(now + 10'000'000);
    Outputs out;
    receiver->poll(settings, now, true, out);
    arrive(out);
    check_gathered();
  }

  void frame(bool key) {
    Unit unit;
    unit.asked_for = idr_wanted_;
    unit.key = key || idr_wanted_ || units.empty();
    idr_wanted_ = false;
    unit.unit = source ? source(unit.key) : pictures_.next(unit.key, size, drift);
    unit.sent = now;
    timestamp_ += kTicks;
    unit.packets = packets(unit.unit, sequence_, timestamp_, packet_limit, ssrc_);
    Outputs out;
    sender->configure(sender_settings, now, out);
    for (const Wire& p : unit.packets) {
      if (lose_before && lose_before(p)) continue;
      const Handle handle = next_handle_++;
      near_held_[handle] = p;
      sender->push(handle, p, now, out);
    }
    units[timestamp_] = unit;
    for (Output& o : out) {
      if (o.kind == Output::Kind::kDrop) {
        EXPECT_EQ(near_held_.erase(o.handle), 1U);
        continue;
      }
      Wire wire;
      if (o.kind == Output::Kind::kMade) {
        EXPECT_TRUE(near_held_.contains(o.handle))
            << "made packets take their time from one that is still held";
        wire = std::move(o.bytes);
      } else {
        wire = near_held_.at(o.handle);
        near_held_.erase(o.handle);
        if (o.renumber)
          wire[2] = static_cast<std::uint8_t>(o.sequence >> 8U),
          wire[3] = static_cast<std::uint8_t>(o.sequence & 0xFFU);
      }
      transmit(wire);
    }
    if (!lose_before) {
      EXPECT_TRUE(near_held_.empty()) << "every packet is forwarded or dropped with its access unit";
    }
  }

  void start_sender(Engine& engine, std::uint8_t chain) {
    sender = std::make_unique<Sender>(engine, kMaxUnit, chain);
  }
  /// As another process: it numbers its packets anew, and what the old one held is gone.
  void start_receiver(Engine& engine) {
    receiver = std::make_unique<Receiver>(engine, kMaxUnit, 0xFEED);
    far_held_.clear();
    received.clear();
    gatherer_.clear();
  }
  /// As another process: its payloader chose another SSRC and other numbers, and begins with an IDR picture.
  void restart_stream(Engine& engine, std::uint8_t chain) {
    start_sender(engine, chain);
    ++ssrc_;
    sequence_ = static_cast<std::uint16_t>(random_());
    wire_started_ = false;
    idr_wanted_ = true;
  }

 protected:
  bool chance(double p) { return std::uniform_real_distribution<>{0, 1}(random_) < p; }

  void transmit(const Wire& wire) {
    Packet p;
    ASSERT_EQ(parse(wire, p), Parsed::kRtp);
    ASSERT_LE(wire.size(), 1400U);
    if (wire_started_ && !lose_before) {
      EXPECT_EQ(p.sequence, static_cast<std::uint16_t>(last_on_wire_ + 1))
          << "numbers on the wire have no gaps";
    }
    wire_started_ = true;
    last_on_wire_ = p.sequence;
    Unit& unit = units.at(p.timestamp);
    bool starts = false;
    if (p.type == settings.type) {
      unit.coded = true;
      const auto fragment = read(p.payload);
      ASSERT_TRUE(fragment);
      if (fragment->first) starts = fragment->header.start.has_value();
      unit.starts_chain = unit.starts_chain || starts;
    }
    if (chance(weather.loss) || (drop && drop(p, wire))) {
      unit.harmed = true;
      if (unit.starts_chain && !outages.empty() && outages.back().over == 0) outages.back().clean = false;
      return;
    }
    for (int copies = chance(weather.duplicates) ? 2 : 1; copies > 0; --copies) {
      const Time jitter =
          weather.jitter > 0 ? static_cast<Time>(random_() % static_cast<std::uint64_t>(weather.jitter)) : 0;
      Wire arrives = wire;
      if (tamper) tamper(arrives);
      events_.emplace(now + weather.delay + jitter, [this, arrives] { receive(arrives); });
    }
  }

  void receive(const Wire& wire) {
    const Handle handle = next_handle_++;
    far_held_[handle] = wire;
    Outputs out;
    const bool before = receiver->following();
    receiver->push(settings, handle, wire, now, out);
    arrive(out);
    if (before && !receiver->following()) outages.push_back({.noticed = now});
    if (!before && receiver->following() && !outages.empty() && outages.back().over == 0)
      outages.back().over = now;
    if (const auto feedback = receiver->feedback(now)) {
      ++feedback_packets;
      Wire rtcp;
      write_compound(*feedback, rtcp);
      const bool lost = !weather.back_channel || chance(weather.feedback_loss);
      if (lost && !outages.empty()) outages.back().clean = false;
      if (!lost)
        events_.emplace(now + weather.delay, [this, rtcp] {
          const auto read = read_feedback(rtcp);
          ASSERT_TRUE(read);
          sender->feedback(*read, now);
        });
    }
  }

  void arrive(Outputs& out) {
    for (Output& o : out) {
      if (o.kind == Output::Kind::kDrop) {
        EXPECT_EQ(far_held_.erase(o.handle), 1U);
        continue;
      }
      Wire wire;
      if (o.kind == Output::Kind::kMade) {
        EXPECT_TRUE(far_held_.contains(o.handle));
        wire = std::move(o.bytes);
      } else {
        wire = far_held_.at(o.handle);
        far_held_.erase(o.handle);
        if (o.renumber)
          wire[2] = static_cast<std::uint8_t>(o.sequence >> 8U),
          wire[3] = static_cast<std::uint8_t>(o.sequence & 0xFFU);
      }
      Packet p;
      ASSERT_EQ(parse(wire, p), Parsed::kRtp);
      ASSERT_EQ(p.type, 96) << "only H.264 comes out";
      const bool gap =
          !received.empty() && p.ssrc == out_ssrc_ && p.sequence != static_cast<std::uint16_t>(last_out_ + 1);
      if (!received.empty() && p.ssrc == out_ssrc_) {
        EXPECT_GT(distance(last_out_, p.sequence), 0) << "numbers only grow";
      }
      out_ssrc_ = p.ssrc;
      if (gap || o.discontinuity) {
        EXPECT_TRUE(o.discontinuity) << "a gap is marked";
        ask_for_idr();
      }
      if (gatherer_.separates(p)) check_gathered();
      if (gatherer_.empty())
        begun_behind_gap_ = gap;
      else if (gap)
        gatherer_.miss();
      gathered_ = p.timestamp;
      (void)gatherer_.add(p);
      last_out_ = p.sequence;
      received.push_back(wire);
      if (p.marker) check_gathered();
    }
    out.clear();
  }

  void check_gathered() {
    if (gatherer_.empty()) return;
    if (gatherer_.fault() == Gatherer::Fault::kNone) {
      const auto sent = units.find(gathered_);
      if (sent != units.end() && sent->second.unit == gatherer_.unit())
        restored.push_back(gathered_);
      else if (sent == units.end() || !begun_behind_gap_ || !is_end_of(gatherer_.unit(), sent->second.unit))
        ++wrong;
    }
    gatherer_.clear();
  }

  /// A native access unit whose first packets were lost; nobody can see that it is not whole.
  static bool is_end_of(const AccessUnit& part, const AccessUnit& whole) {
    if (part.count() > whole.count()) return false;
    for (std::size_t i = 0; i < part.count(); ++i) {
      const Bytes a = part.nal(part.count() - 1 - i);
      const Bytes b = whole.nal(whole.count() - 1 - i);
      if (!std::equal(a.begin(), a.end(), b.begin(), b.end())) return false;
    }
    return true;
  }

  void ask_for_idr() {
    if (!weather.feedback_asks_for_idr) return;
    ++idr_requests;
    if (!weather.back_channel) return;
    events_.emplace(now + weather.delay, [this] { idr_wanted_ = true; });
  }

  void settle(Time until) {
    while (!events_.empty() && events_.begin()->first < until) {
      const auto event = events_.extract(events_.begin());
      now = std::max(now, event.key());
      event.mapped()();
    }
  }

  Pictures pictures_;
  std::mt19937 random_;
  std::multimap<Time, std::function<void()>> events_;
  std::map<Handle, Wire> near_held_;
  std::map<Handle, Wire> far_held_;
  bool begun_behind_gap_ = false;
  Gatherer gatherer_{kMaxUnit};
  std::uint32_t gathered_ = 0;
  std::uint32_t ssrc_ = 0x11223344;
  std::uint32_t out_ssrc_ = 0;
  std::uint32_t timestamp_ = 0xFFFF0000U;  // so that it wraps
  std::uint16_t sequence_ = 0xFF00;
  std::uint16_t last_on_wire_ = 0;
  std::uint16_t last_out_ = 0;
  bool wire_started_ = false;
  bool idr_wanted_ = false;
  Handle next_handle_ = 1;
};

}  // namespace auralink::aic::rtp::test
