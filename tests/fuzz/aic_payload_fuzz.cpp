// SPDX-License-Identifier: LGPL-2.1-or-later
// Input: one byte of settings, then packets, each behind its length (16 bits). They are given to a receiver,
// to a sender and to the reader of feedback. Whatever they are: nothing is read outside them, each packet is
// forwarded or dropped exactly once, what comes out is RTP, and what the sender makes the receiver restores.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

#include "gst/aic/core/rtp/receiver.hpp"
#include "gst/aic/core/rtp/sender.hpp"
#include "gst/aic/core/rtp/wire.hpp"
#include "tests/gst/aic/rtp/trivial_codec.hpp"

namespace {

using namespace auralink::aic;
using namespace auralink::aic::rtp;

void require(bool fact) {
  if (!fact) std::abort();
}

constexpr std::size_t kMaxUnit = 1U << 16U;

/// Packets that were handed in and not given back yet.
class Ledger {
 public:
  Handle add() {
    open_.insert(++last_);
    return last_;
  }
  void settle(Outputs& out) {
    for (const Output& o : out) {
      if (o.kind == Output::Kind::kMade) {
        require(open_.contains(o.handle));
        Packet packet;
        require(parse(o.bytes, packet) == Parsed::kRtp && !packet.csrcs && !packet.padding);
      } else {
        require(open_.erase(o.handle) == 1);
      }
    }
  }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  std::set<Handle> open_;
  Handle last_ = 0;
};

void take_apart(Bytes packet) {
  (void)read_feedback(packet);
  if (const auto fragment = read(packet)) {
    std::vector<std::uint8_t> again;
    if (fragment->first) {
      write(fragment->header, again);
      require(again.size() <= packet.size());
    }
  }
  // Any bytes as a description of a unit: what is accepted must cover it exactly.
  AccessUnit unit;
  unit.add(packet.first(packet.size() / 2 + 1));
  if (packet.size() > 2) unit.add(packet.subspan(packet.size() / 2));
  Rule rule;
  Shape shape;
  if (read_description(packet, unit, rule, shape)) {
    AccessUnit back;
    Gatherer gatherer{kMaxUnit};
    packetise(unit, shape,
              [&](Bytes payload, bool last) { (void)gatherer.add({.marker = last, .payload = payload}); });
    std::size_t size = 0;
    for (const Piece& piece : shape.pieces) size += piece.count;
    require(size >= unit.count());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader{{data, size}};
  const unsigned choice = reader.u8();
  auralink::aic::rtp::test::TrivialCodec far{false};
  auralink::aic::rtp::test::TrivialCodec near{(choice & 1U) != 0};
  auralink::aic::rtp::test::TrivialCodec behind{false};
  Receiver receiver{far, kMaxUnit, 1};
  Receiver tunnel{behind, kMaxUnit, 1};
  Sender sender{near, kMaxUnit, 0};
  const ReceiverSettings receiving{.mtu = 200, .exact = (choice & 2U) != 0, .reorder_us = 100};
  const SenderSettings sending{.mtu = 300, .epoch_us = 1000};
  Ledger received;
  Ledger sent;
  Ledger tunnelled;
  Outputs out;
  Outputs beyond;
  sender.configure(sending, 0, out);
  Time now = 1;
  const auto cross = [&](Outputs& made) {
    for (const Output& o : made) {
      if (o.kind != Output::Kind::kMade) continue;
      tunnel.push(receiving, tunnelled.add(), o.bytes, now, beyond);
      tunnelled.settle(beyond);
      beyond.clear();
    }
    if (const auto feedback = tunnel.feedback(now)) sender.feedback(*feedback, now);
  };
  while (reader.rest().size() >= 2) {
    const std::size_t length = reader.u16();
    const Bytes rest = reader.take(std::min(length, reader.rest().size()));
    // An allocation of exactly this size lets the sanitizer see every read past the end.
    const std::vector<std::uint8_t> packet{rest.begin(), rest.end()};
    now += 40;
    if (!packet.empty()) take_apart(packet);
    receiver.push(receiving, received.add(), packet, now, out);
    received.settle(out);
    out.clear();
    (void)receiver.feedback(now);
    sender.push(sent.add(), packet, now, out);
    sent.settle(out);
    cross(out);
    out.clear();
    if (const auto feedback = read_feedback(packet)) sender.feedback(*feedback, now);
  }
  receiver.poll(receiving, now, true, out);
  receiver.discard(out);
  received.settle(out);
  require(received.open() == 0);
  out.clear();
  sender.flush(now, out);
  sent.settle(out);
  cross(out);
  require(sent.open() == 0);
  require(tunnel.stats().units_corrupt == 0);
  return 0;
}
