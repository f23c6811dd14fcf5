// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/sender.hpp"

#include <algorithm>
#include <utility>

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

/// A mark that nobody acknowledges for so long is given up.
constexpr Time kMarkTimeout = 5'000'000;
/// After so many chains in a row that the far end could not follow, everything goes natively for a while: it
/// may be another version, and pictures matter more than the saving. The while doubles as long as that goes
/// on.
constexpr unsigned kMaxRefusals = 4;
constexpr Time kFirstRest = 2'000'000;
constexpr Time kMaxRest = 60'000'000;
/// For so long after a loss another one is likely enough to start chains at IDR pictures.
constexpr Time kLossMemory = 10'000'000;
constexpr std::uint64_t kStartShare = 32;
constexpr std::uint64_t kStartBytes = 64;
constexpr std::size_t kMaxSets = 16;
constexpr std::uint32_t kClockRate = 90'000;  // RFC 6184 section 8.2.1
constexpr std::uint32_t kMicros = 1'000'000;
constexpr unsigned kIdr = 5;
constexpr unsigned kSps = 7;
constexpr unsigned kPps = 8;

bool has_idr(const AccessUnit& unit) noexcept {
  for (std::size_t i = 0; i < unit.count(); ++i)
    if (nal_type(unit.nal(i).front()) == kIdr) return true;
  return false;
}

Cause cause_of(Gatherer::Fault fault) noexcept {
  switch (fault) {
    case Gatherer::Fault::kIncomplete:
      return Cause::kIncomplete;
    case Gatherer::Fault::kUnsupported:
      return Cause::kPackets;
    case Gatherer::Fault::kTooLarge:
      return Cause::kTooLarge;
    case Gatherer::Fault::kNone:
      break;
  }
  return Cause::kNone;
}

Cause cause_of(h264::Refusal refusal) noexcept {
  switch (refusal) {
    case h264::Refusal::kNoSlice:
      return Cause::kNoSlice;
    case h264::Refusal::kUnknownParameters:
      return Cause::kUnknownParameters;
    case h264::Refusal::kUnsupported:
      return Cause::kUnsupported;
    case h264::Refusal::kMalformed:
      return Cause::kMalformed;
    case h264::Refusal::kNotCanonical:
      return Cause::kNotCanonical;
    case h264::Refusal::kTooLarge:
      return Cause::kTooLarge;
    case h264::Refusal::kNone:
      break;
  }
  return Cause::kNone;
}

Epoch after(Epoch epoch) noexcept {
  const auto next = static_cast<Epoch>(epoch + 1);
  return next == kInitial ? Epoch{1} : next;
}

}  // namespace

std::string_view name(Cause cause) noexcept {
  constexpr std::array<std::string_view, kCauses> kNames{
      "none",        "off",       "incomplete",    "packets",  "small",    "not-smaller",
      "deadline",    "pressure",  "unverified",    "peer",     "no-slice", "unknown-parameters",
      "unsupported", "malformed", "not-canonical", "too-large"};
  return kNames.at(static_cast<std::size_t>(cause));
}

Sender::Sender(Engine& engine, const Limits& limits, std::uint8_t chain) noexcept
    : engine_{engine}, gatherer_{limits.max_access_unit}, chain_{chain} {}

void Sender::configure(const SenderSettings& settings, Time now, Outputs& out) {
  if (settings_.active && !settings.active) finish(now, out);
  settings_ = settings;
}

void Sender::parameters(const AccessUnit& sets) {
  learn_parameters(sets);
  engine_.note_native(sets);
}

void Sender::push(Handle handle, Bytes wire, Time now, Outputs& out) {
  Packet packet;
  const Parsed parsed = parse(wire, packet);
  // A packet that already has the type of coded ones could not be told from them at the far end.
  if (parsed == Parsed::kMalformed || (parsed == Parsed::kRtp && packet.type == settings_.type)) {
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
  if (!started_ || packet.ssrc != ssrc_) start_stream(packet.ssrc, now, out);
  if (!media_type_) media_type_ = packet.type;

  const Arrivals::Is arrival = arrivals_.see(packet.sequence);
  const bool in_order = arrival == Arrivals::Is::kNext;
  if (arrival == Arrivals::Is::kDuplicate) {
    ++stats_.duplicates;
    out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    return;
  }
  if (arrival == Arrivals::Is::kLate) {
    ++stats_.late;
    if (distance(offset_since_, packet.sequence) < 0) {  // its number on the wire may have been used since
      out.push_back({.kind = Output::Kind::kDrop, .handle = handle});
    } else if (gatherer_.empty()) {
      forward(handle, packet.sequence, packet.size, out);
    } else {
      gatherer_.miss();
      hold(handle, packet, true);
    }
    return;
  }
  if (!in_order) {
    ++stats_.missing;
    if (!gatherer_.empty() && !gatherer_.marked()) gatherer_.miss();
  }
  if (!settings_.active) {
    forward(handle, packet.sequence, packet.size, out);
    if (packet.marker) {
      ++stats_.units_native;
      ++stats_.native.at(static_cast<std::size_t>(Cause::kOff));
    }
    return;
  }
  if (gatherer_.separates(packet) || held_.size() >= kMaxHeld) finish(now, out);
  hold(handle, packet, false);
  const bool ended = gatherer_.add(packet);
  if (!in_order) gatherer_.miss();
  if (packet.type != *media_type_) gatherer_.refuse();
  if (ended) finish(now, out);
}

void Sender::start_stream(std::uint32_t ssrc, Time now, Outputs& out) {
  finish(now, out);
  if (started_) {
    media_type_.reset();
    begin_chain(std::nullopt);
  }
  started_ = true;
  ssrc_ = ssrc;
  arrivals_ = {};
  offset_ = 0;
  last_timestamp_.reset();
}

void Sender::hold(Handle handle, const Packet& packet, bool other) {
  if (held_.empty()) {
    first_ = packet;
    extension_.assign(packet.extension.begin(), packet.extension.end());
    first_.extension = first_.payload = {};
  }
  held_.push_back({.handle = handle, .sequence = packet.sequence, .size = packet.size, .other = other});
}

void Sender::forward(Handle handle, std::uint16_t sequence, std::size_t size, Outputs& out) {
  ++stats_.packets_out;
  stats_.bytes_out += size + kIpUdp;
  out.push_back({.kind = Output::Kind::kForward,
                 .handle = handle,
                 .renumber = true,
                 .sequence = static_cast<std::uint16_t>(sequence - offset_)});
}

void Sender::flush(Time now, Outputs& out) { finish(now, out); }

void Sender::discard(Outputs& out) {
  for (const Waiting& packet : held_) out.push_back({.kind = Output::Kind::kDrop, .handle = packet.handle});
  held_.clear();
  gatherer_.clear();
  arrivals_ = {};
}

void Sender::finish(Time now, Outputs& out) {
  if (held_.empty()) return;
  const std::uint32_t timestamp = first_.timestamp;
  if (last_timestamp_) {
    const std::uint32_t ticks = timestamp - *last_timestamp_;
    // Steps backwards are huge as unsigned numbers, and as jumps they are no measure of time.
    if (ticks < 10 * kClockRate)
      pace_.advance(settings_.pace, static_cast<std::uint32_t>(std::uint64_t{ticks} * kMicros / kClockRate));
  }
  last_timestamp_ = timestamp;

  report_ = {.chain = chain_, .number = number_, .epoch = from_};
  for (const Waiting& packet : held_) report_.native_bytes += packet.size + kIpUdp;
  const std::size_t before = out.size();
  report_.cause = decide(now, out);
  if (report_.cause != Cause::kNone) {
    out.resize(before);
    send_native(out);
    ++stats_.units_native;
  } else {
    ++stats_.units_coded;
  }
  ++stats_.native.at(static_cast<std::size_t>(report_.cause));
  learn_parameters(gatherer_.unit());
  held_.clear();
  gatherer_.clear();
}

Cause Sender::decide(Time now, Outputs& out) {
  if (const Cause fault = cause_of(gatherer_.fault()); fault != Cause::kNone) return fault;
  const std::size_t least = kRtpHeader + extension_.size() + kUnitHeaderSize + settings_.first_extra;
  if (report_.native_bytes + settings_.first_extra <= least + kIpUdp + 1) return Cause::kSmall;
  if (now < rest_until_) return Cause::kPeer;
  const Pace::Choice choice =
      pace_.choose(settings_.pace, gatherer_.unit().bytes.size(), has_idr(gatherer_.unit()));
  if (!choice.profile) return choice.why == Pace::Why::kPressure ? Cause::kPressure : Cause::kDeadline;
  return code(*choice.profile, now, out);
}

Cause Sender::code(Profile profile, Time now, Outputs& out) {
  const AccessUnit& unit = gatherer_.unit();
  // An IDR picture is where H.264 itself recovers, so there the tunnel must too. One-way, that takes a chain
  // from the initial state; with a back channel one from what both ends hold, and only while the network is
  // losing packets.
  if (!beginning_ && has_idr(unit)) {
    if (!peers_.any(now))
      begin_chain(std::nullopt);
    else if (last_resync_ && now - *last_resync_ < kLossMemory)
      begin_chain(acknowledged_);
  }

  Draft draft;
  draft.header.profile = profile;
  if (!prepare(draft, now)) return Cause::kPackets;
  coded_.clear();
  const Engine::Coded coded = engine_.encode(profile, unit, coded_);
  report_.micros = coded.micros;
  if (coded.refusal != h264::Refusal::kNone) return cause_of(coded.refusal);
  cut(draft);
  // What is undone is not learned either, so the first access unit of a chain may cost a little: later ones
  // gain by it.
  const std::uint64_t native = report_.native_bytes + settings_.first_extra;
  const std::uint64_t allowed = beginning_ ? native + native / kStartShare + kStartBytes : native - 1;
  if (draft.wire_bytes > allowed && engine_.undo()) {
    remind();
    pace_.took(profile, unit.bytes.size(), coded.micros);
    return Cause::kNotSmaller;
  }
  const Engine::Verified verified = engine_.verify(profile, unit, coded_);
  report_.micros += verified.micros;
  pace_.took(profile, unit.bytes.size(), report_.micros);
  if (!verified.ok) {
    begin_chain(acknowledged_);
    return Cause::kUnverified;
  }
  stats_.coding.add(report_.micros);
  send(draft, now, out);
  return Cause::kNone;
}

/// All of the header that does not depend on the coded bytes; false when it has no room in a packet.
bool Sender::prepare(Draft& draft, Time now) {
  const AccessUnit& unit = gatherer_.unit();
  UnitHeader& header = draft.header;
  draft.first_sequence = static_cast<std::uint16_t>(held_.front().sequence - offset_);
  draft.rule = beginning_ ? Rule{} : rule_;
  describe(gatherer_.shape(), unit, draft.rule, draft.description);
  header.description = draft.description;
  header.chain = beginning_ ? static_cast<std::uint8_t>(chain_ + 1) : chain_;
  header.number = beginning_ ? std::uint16_t{0} : number_;
  if (beginning_) header.start = ChainStart{.from = from_, .offset = offset_};
  const bool wanted = peers_.any(now) && settings_.epoch_us > 0;
  const Time since = now - last_mark_;
  if (wanted && (last_epoch_ == kInitial || since >= (pending_ ? kMarkTimeout : settings_.epoch_us)))
    header.mark = after(last_epoch_);
  header.unmarked = !gatherer_.marked();
  header.checksum = checksum(engine_.hash(), unit, header.description);
  std::vector<std::uint8_t> bytes;
  write(header, bytes);
  return header.description.size() <= kMaxDescription &&
         kRtpHeader + extension_.size() + settings_.first_extra + bytes.size() < settings_.mtu;
}

/// Spreads the coded bytes over packets.
void Sender::cut(Draft& draft) const {
  Packet packet = first_;
  packet.type = settings_.type;
  Bytes rest = coded_;
  do {
    const bool first = draft.packets.empty();
    packet.sequence = static_cast<std::uint16_t>(draft.first_sequence + draft.packets.size());
    packet.extension = first ? Bytes{extension_} : Bytes{};
    std::vector<std::uint8_t> wire;
    const std::size_t reserve = first ? settings_.first_extra : 0;
    const auto with_header = [&](bool last) {
      wire.clear();
      packet.marker = last;
      write_header(packet, wire);
      const std::size_t at = wire.size();
      if (first)
        write(draft.header, wire);
      else
        put_u8(wire, 0);
      wire[at] = static_cast<std::uint8_t>(wire[at] | continuation(last));
    };
    with_header(true);
    std::size_t room = settings_.mtu - std::min(settings_.mtu - 1, wire.size() + reserve);
    if (rest.size() > room) with_header(false);
    room = std::min(room, rest.size());
    put(wire, rest.first(room));
    rest = rest.subspan(room);
    draft.wire_bytes += wire.size() + reserve + kIpUdp;
    draft.packets.push_back(std::move(wire));
  } while (!rest.empty());
}

void Sender::send(Draft& draft, Time now, Outputs& out) {
  const std::size_t originals = held_.size();
  const std::size_t packets = draft.packets.size();
  const bool key = has_idr(gatherer_.unit());
  for (std::size_t i = 0; i < packets; ++i)
    out.push_back({.kind = Output::Kind::kMade,
                   .handle = held_.front().handle,
                   .first = i == 0,
                   .last = i + 1 == packets,
                   .key = key,
                   .bytes = std::move(draft.packets[i])});
  for (const Waiting& packet : held_) out.push_back({.kind = Output::Kind::kDrop, .handle = packet.handle});
  stats_.packets_out += packets;
  stats_.bytes_out += draft.wire_bytes;

  if (originals != packets) offset_since_ = static_cast<std::uint16_t>(held_.back().sequence + 1);
  offset_ = static_cast<std::uint16_t>(offset_ + originals - packets);
  chain_ = draft.header.chain;
  number_ = static_cast<std::uint16_t>(draft.header.number + 1);
  rule_ = draft.rule;
  if (beginning_) ++stats_.chains;
  beginning_ = false;
  if (draft.header.mark) {
    const Slot slot = acknowledged_ ? other(acknowledged_->slot) : Slot::kFirst;
    engine_.keep(slot);
    last_epoch_ = *draft.header.mark;
    last_mark_ = now;
    pending_ = Kept{.epoch = last_epoch_, .hash = engine_.hash(), .slot = slot};
    peers_.mark();
    ++stats_.epochs;
  }
  report_.profile = draft.header.profile;
  report_.sent_bytes = draft.wire_bytes;
  report_.chain = chain_;
  report_.number = draft.header.number;
  report_.epoch = from_;
}

void Sender::send_native(Outputs& out) {
  const bool key = has_idr(gatherer_.unit());
  bool first = true;
  for (const Waiting& packet : held_) {
    forward(packet.handle, packet.sequence, packet.size, out);
    out.back().first = std::exchange(first, false);
    out.back().last = &packet == &held_.back();
    out.back().key = key;
  }
  stats_.bytes_out += settings_.first_extra;
  report_.sent_bytes = report_.native_bytes + settings_.first_extra;
}

/// The next coded access unit starts a chain from a kept state, or from the initial one. A mark that is still
/// to be acknowledged stays: were it given up, the far end would keep it and, with the next mark, let go the
/// acknowledged one.
void Sender::begin_chain(const std::optional<Kept>& from) {
  if (from) {
    engine_.restore(from->slot);
    if (pending_ && pending_->slot == from->slot) acknowledge();
  } else {
    engine_.reset();
    forget(acknowledged_);
    forget(pending_);
  }
  from_ = acknowledged_ ? acknowledged_->epoch : kInitial;
  beginning_ = true;
  remind();
}

/// The far end has the marked state too; the one before it is of no use any more.
void Sender::acknowledge() {
  forget(acknowledged_);
  acknowledged_ = std::exchange(pending_, std::nullopt);
}

void Sender::forget(std::optional<Kept>& kept) {
  if (kept) engine_.forget(kept->slot);
  kept.reset();
}

void Sender::feedback(const Feedback& feedback, Time now) {
  if (!started_ || feedback.media != ssrc_) return;
  Peer& peer = peers_.hear(feedback.reporter, now);
  if (feedback.kind == Feedback::Kind::kAcknowledge) {
    if (feedback.chain == chain_ && !beginning_) peer.refusals = 0, peer.rest_us = 0;
    const auto* held = pending_ ? feedback.find(pending_->epoch) : nullptr;
    if (held == nullptr) return;
    if (held->hash != pending_->hash) {
      begin_chain(std::nullopt);  // the two sides disagree about a state that both took to be sound
      return;
    }
    peer.holds_mark = true;
    if (!peers_.all_hold_mark()) return;
    acknowledge();
    ++stats_.acknowledged;
    return;
  }
  if (pending_ && feedback.find(pending_->epoch) == nullptr && feedback.chain == chain_) forget(pending_);
  if (beginning_) {
    // A new chain is about to start. It will do unless the far end has forgotten what it starts from.
    const auto* held = from_ == kInitial ? nullptr : feedback.find(from_);
    const bool usable =
        from_ == kInitial || (held != nullptr && acknowledged_ && held->hash == acknowledged_->hash);
    if (!usable) begin_chain(common(feedback));
    return;
  }
  if (feedback.chain != chain_) return;  // repeated; answered by the chain that has started since
  ++stats_.resyncs;
  last_resync_ = now;
  if (++peer.refusals >= kMaxRefusals) {
    peer.refusals = 0;
    peer.rest_us = std::clamp(peer.rest_us * 2, kFirstRest, kMaxRest);
    rest_until_ = std::max(rest_until_, now + peer.rest_us);
  }
  begin_chain(common(feedback));
}

/// The newest state that this receiver and all others hold.
std::optional<Sender::Kept> Sender::common(const Feedback& feedback) const noexcept {
  const auto held = [&](const std::optional<Kept>& kept) {
    const auto* far = kept ? feedback.find(kept->epoch) : nullptr;
    return far != nullptr && far->hash == kept->hash;
  };
  if (held(pending_) && peers_.others_hold_mark(feedback.reporter)) return pending_;
  return held(acknowledged_) ? acknowledged_ : std::nullopt;
}

/// A restored state may be older than the parameter sets in force, so all are kept and told to it again.
void Sender::learn_parameters(const AccessUnit& unit) {
  bool any = false;
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const Bytes nal = unit.nal(i);
    if (nal.empty()) continue;
    if (const unsigned type = nal_type(nal.front()); type != kSps && type != kPps) continue;
    any = true;
    std::erase_if(
        sets_, [&](const auto& set) { return std::equal(set.begin(), set.end(), nal.begin(), nal.end()); });
    if (sets_.size() >= kMaxSets) sets_.erase(sets_.begin());
    sets_.emplace_back(nal.begin(), nal.end());
  }
  if (any && report_.cause != Cause::kNone) engine_.note_native(unit);
}

void Sender::remind() {
  if (sets_.empty()) return;
  AccessUnit all;
  for (const auto& set : sets_) all.add(set);
  engine_.note_native(all);
}

}  // namespace auralink::aic::rtp
