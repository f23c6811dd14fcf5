// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/receiver.hpp"

#include <algorithm>
#include <utility>

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

constexpr std::size_t kMaxWaiting = 64;  // packets behind a gap
constexpr Time kFirstBackoff = 50'000;   // until a request is repeated; doubled each time
constexpr Time kMaxBackoff = 1'000'000;
constexpr Time kRepeat = 1'000'000;  // of acknowledgements, which may be lost
/// Marks that follow each other faster are not heeded: keeping a state is work that a stranger could ask for
/// without end.
constexpr Time kMinMarkInterval = 50'000;
constexpr unsigned kIdr = 5;

bool has_idr(const AccessUnit& unit) noexcept {
  for (std::size_t i = 0; i < unit.count(); ++i)
    if (!unit.nal(i).empty() && nal_type(unit.nal(i).front()) == kIdr) return true;
  return false;
}

}  // namespace

void Receiver::push(const ReceiverSettings& settings, Handle handle, Bytes wire, Time now, Outputs& out) {
  Packet packet;
  const Parsed parsed = parse(wire, packet);
  if (parsed == Parsed::kMalformed) {
    ++stats_.malformed;
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    return;
  }
  ++stats_.packets_in;
  stats_.bytes_in += wire.size() + kIpUdp;
  if (parsed == Parsed::kRtcp) {
    ++stats_.packets_out;
    stats_.bytes_out += wire.size() + kIpUdp;
    out.push_back({.kind = Output::Kind::kForward, .handle = handle});
    return;
  }
  if (!started_ || packet.ssrc != ssrc_) start_stream(packet, out);
  switch (arrivals_.see(packet.sequence)) {
    case Arrivals::Is::kDuplicate:
      ++stats_.duplicates;
      out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
      return;
    case Arrivals::Is::kElsewhere:  // the sender counts anew; how much is missing nobody knows
      poll(settings, now, true, out);
      abandon(out);
      expected_ = packet.sequence;
      lost_packets(1);
      break;
    case Arrivals::Is::kLate:
      ++stats_.reordered;
      break;
    case Arrivals::Is::kNext:
    case Arrivals::Is::kAfterGap:
      break;
  }
  const int ahead = distance(expected_, packet.sequence);
  if (ahead < 0) {
    ++stats_.late;
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    return;
  }
  if (ahead == 0) {
    ++expected_;
    process(settings, handle, wire, now, out);
  } else {
    const auto at = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
      return distance(w.sequence, packet.sequence) <= 0;
    });
    if (at != waiting_.end() && at->sequence == packet.sequence) {
      ++stats_.duplicates;
      out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
      return;
    }
    waiting_.insert(
        at,
        {.handle = handle, .sequence = packet.sequence, .since = now, .wire = {wire.begin(), wire.end()}});
  }
  poll(settings, now, false, out);
}

void Receiver::poll(const ReceiverSettings& settings, Time now, bool at_once, Outputs& out) {
  while (!waiting_.empty()) {
    if (waiting_.front().sequence != expected_) {
      const bool over = std::any_of(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& w) { return now - w.since >= settings.reorder_us; });
      if (!at_once && !over && waiting_.size() <= kMaxWaiting) return;
      lost_packets(static_cast<std::uint16_t>(waiting_.front().sequence - expected_));
      abandon(out);
      expected_ = waiting_.front().sequence;
    }
    const Waiting next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    ++expected_;
    process(settings, next.handle, next.wire, now, out);
  }
}

void Receiver::start_stream(const Packet& packet, Outputs& out) {
  const bool before = started_;
  discard(out);
  arrivals_ = {};
  if (before) {  // another sender: its chains and epochs have nothing to do with those we know
    discontinuity_ = true;
    seen_chain_ = false;
    kept_ = {};
  }
  started_ = true;
  ssrc_ = packet.ssrc;
  expected_ = packet.sequence;
  next_out_ = packet.sequence;
  offset_ = 0;
}

void Receiver::discard(Outputs& out) {
  for (const Waiting& w : waiting_) out.push_back({.kind = Output::Kind::kDrop, .handle = w.handle});
  waiting_.clear();
  if (assembly_.open) out.push_back({.kind = Output::Kind::kDrop, .handle = assembly_.handle});
  assembly_.open = false;
  following_ = false;
  acknowledge_ = false;
  backoff_ = 0;
  next_request_ = 0;
  started_ = false;
}

void Receiver::lost_packets(std::uint16_t count) {
  stats_.packets_lost += count;
  next_out_ = static_cast<std::uint16_t>(next_out_ + count);
  discontinuity_ = true;
}

void Receiver::process(const ReceiverSettings& settings, Handle handle, Bytes wire, Time now, Outputs& out) {
  Packet packet;
  if (parse(wire, packet) != Parsed::kRtp) return;  // cannot be: push() has parsed it
  if (packet.type == settings.type)
    collect(settings, handle, packet, now, out);
  else
    pass(settings, handle, packet, out);
}

void Receiver::pass(const ReceiverSettings& settings, Handle handle, const Packet& packet, Outputs& out) {
  abandon(out);
  if (!media_type_) media_type_ = packet.type;
  ++stats_.native_packets;
  ++stats_.packets_out;
  stats_.bytes_out += packet.size + kIpUdp;
  out.push_back(
      {.kind = Output::Kind::kForward,
       .handle = handle,
       .renumber = true,
       .sequence = settings.exact ? static_cast<std::uint16_t>(packet.sequence + offset_) : next_out_,
       .discontinuity = std::exchange(discontinuity_, false)});
  ++next_out_;
}

/// Adds a coded packet to its access unit. Every sound order of packets ends with restore() or abandon().
void Receiver::collect(const ReceiverSettings& settings, Handle handle, const Packet& packet, Time now,
                       Outputs& out) {
  const std::optional<Fragment> fragment =
      packet.csrcs || packet.padding ? std::nullopt : read(packet.payload);
  if (!fragment) {
    ++stats_.malformed;
    abandon(out);
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    return;
  }
  if (fragment->first) {
    abandon(out);
    assembly_.open = true;
    assembly_.handle = handle;
    assembly_.header = fragment->header;
    assembly_.description.assign(fragment->header.description.begin(), fragment->header.description.end());
    assembly_.header.description = {};
    assembly_.extension.assign(packet.extension.begin(), packet.extension.end());
    assembly_.first = packet;
    assembly_.first.extension = assembly_.first.payload = {};
    assembly_.coded.clear();
    assembly_.packets = 0;
  } else if (!assembly_.open || packet.timestamp != assembly_.first.timestamp ||
             assembly_.coded.size() + fragment->coded.size() > max_bytes_) {
    abandon(out);
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    return;
  } else {
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
  }
  put(assembly_.coded, fragment->coded);
  ++assembly_.packets;
  if (fragment->last) restore(settings, now, out);
}

/// The access unit at hand will never be whole.
void Receiver::abandon(Outputs& out) {
  if (!assembly_.open) return;
  assembly_.open = false;
  out.push_back({.kind = Output::Kind::kDrop, .handle = assembly_.handle});
  ++stats_.units_lost;
  lose(assembly_.header.chain);
}

void Receiver::lose(std::uint8_t chain) {
  if (following_ || !seen_chain_ || chain != chain_) {  // news, to be told at once
    next_request_ = 0;
    backoff_ = 0;
  }
  following_ = false;
  seen_chain_ = true;
  chain_ = chain;
  discontinuity_ = true;
}

void Receiver::restore(const ReceiverSettings& settings, Time now, Outputs& out) {
  assembly_.open = false;
  Shape shape;
  const bool ok = join(assembly_.header) && decode(shape);
  if (ok) {
    emit(settings, shape, out);
    ++next_;
    ++stats_.units_restored;
    if (assembly_.header.start) {
      ++stats_.chains;
      acknowledge_ = true;
    }
    if (assembly_.header.mark) keep(*assembly_.header.mark, now);
  } else {
    ++stats_.units_lost;
    lose(assembly_.header.chain);
    next_out_ = static_cast<std::uint16_t>(next_out_ + 1);  // the loss shows in the numbers too
  }
  out.push_back({.kind = Output::Kind::kDrop, .handle = assembly_.handle});
}

/// Brings the state to where this access unit was coded from; false when that cannot be.
bool Receiver::join(const UnitHeader& header) {
  if (!header.start) {
    if (following_ && header.chain == chain_ && header.number != next_)
      stats_.units_lost += static_cast<std::uint16_t>(header.number - next_);
    return following_ && header.chain == chain_ && header.number == next_;
  }
  if (header.start->from == kInitial) {
    engine_.reset();
  } else {
    const auto kept = std::find_if(kept_.begin(), kept_.end(),
                                   [&](const auto& k) { return k && k->epoch == header.start->from; });
    if (kept == kept_.end()) return false;
    engine_.restore((*kept)->slot);
  }
  if (seen_chain_ && stats_.units_restored > 0) ++stats_.resyncs;
  following_ = true;
  seen_chain_ = true;
  chain_ = header.chain;
  next_ = header.number;
  rule_ = {};
  offset_ = header.start->offset;
  return true;
}

bool Receiver::decode(Shape& shape) {
  const UnitHeader& header = assembly_.header;
  const std::uint32_t before = engine_.hash();
  unit_.clear();
  const Engine::Restored restored = engine_.decode(header.profile, assembly_.coded, unit_);
  stats_.restoring.add(restored.micros);
  if (restored.ok && checksum(before, unit_, assembly_.description) == header.checksum &&
      read_description(assembly_.description, unit_, rule_, shape))
    return true;
  ++stats_.units_corrupt;
  return false;
}

void Receiver::emit(const ReceiverSettings& settings, const Shape& shape, Outputs& out) {
  const std::size_t originals = shape.packets();
  const auto first_original = static_cast<std::uint16_t>(assembly_.first.sequence + offset_);
  const bool key = has_idr(unit_);
  Packet packet = assembly_.first;
  packet.type = media_type_.value_or(96);
  std::uint16_t index = 0;
  const std::size_t overhead = kRtpHeader + assembly_.extension.size();
  const Rule own{static_cast<std::uint32_t>(settings.mtu - std::min(settings.mtu, overhead))};
  packetise(unit_, settings.exact ? shape : shape_of(unit_, own), [&](Bytes payload, bool last) {
    packet.marker = last && !assembly_.header.unmarked;
    packet.sequence = settings.exact ? static_cast<std::uint16_t>(first_original + index) : next_out_;
    packet.extension = index == 0 ? Bytes{assembly_.extension} : Bytes{};
    Output made{.kind = Output::Kind::kMade,
                .handle = assembly_.handle,
                .discontinuity = std::exchange(discontinuity_, false),
                .first = index == 0,
                .last = last,
                .key = key};
    made.bytes.reserve(kRtpHeader + packet.extension.size() + payload.size());
    write_header(packet, made.bytes);
    put(made.bytes, payload);
    ++stats_.packets_out;
    stats_.bytes_out += made.bytes.size() + kIpUdp;
    out.push_back(std::move(made));
    ++index;
    ++next_out_;
  });
  offset_ = static_cast<std::uint16_t>(offset_ + originals - assembly_.packets);
}

/// The older of the two kept states makes room.
void Receiver::keep(Epoch epoch, Time now) {
  if (last_mark_ && now - *last_mark_ < kMinMarkInterval) return;
  last_mark_ = now;
  const Slot slot = kept_.front() ? other(kept_.front()->slot) : Slot::kFirst;
  engine_.keep(slot);
  kept_.back() = std::exchange(kept_.front(), Kept{.epoch = epoch, .hash = engine_.hash(), .slot = slot});
  acknowledge_ = true;
  ++stats_.epochs;
}

std::optional<Feedback> Receiver::feedback(Time now) {
  if (!seen_chain_) return std::nullopt;
  Feedback out{.reporter = reporter_, .media = ssrc_, .chain = chain_};
  if (following_) {
    if (!acknowledge_ && now - last_feedback_ < kRepeat) return std::nullopt;
    acknowledge_ = false;
    last_feedback_ = now;
  } else {
    if (now < next_request_) return std::nullopt;
    backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kMaxBackoff);
    next_request_ = now + backoff_;
    out.kind = Feedback::Kind::kResync;
    ++stats_.requests;
  }
  for (const auto& kept : kept_)
    if (kept) out.held.at(out.count++) = {.epoch = kept->epoch, .hash = kept->hash};
  return out;
}

}  // namespace auralink::aic::rtp
