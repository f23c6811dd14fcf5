// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/injection.hpp"

namespace auralink::rtphdrext {
namespace {

Outcome outcome_of(Fault fault) noexcept {
  switch (fault) {
    case Fault::kRtcp:
      return Outcome::kRtcp;
    case Fault::kOtherForm:
    case Fault::kTerminated:
      return Outcome::kOtherForm;
    case Fault::kNoRoom:
      return Outcome::kNoRoom;
    case Fault::kTruncated:
    case Fault::kVersion:
    case Fault::kPadding:
    case Fault::kBrokenElement:
      break;
  }
  return Outcome::kMalformed;
}

}  // namespace

std::string_view name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kInjected:
      return "injected";
    case Outcome::kReplaced:
      return "replaced";
    case Outcome::kRemoved:
      return "removed";
    case Outcome::kUnchanged:
      return "unchanged";
    case Outcome::kIdle:
      return "idle";
    case Outcome::kOverMtu:
      return "over-mtu";
    case Outcome::kRtcp:
      return "rtcp";
    case Outcome::kOtherForm:
      return "other-form";
    case Outcome::kNoRoom:
      return "no-room";
    case Outcome::kMalformed:
      return "malformed";
  }
  return "unknown";
}

Decision refuse(Fault fault, const Header& header) noexcept {
  return {.outcome = outcome_of(fault), .header = header, .reason = describe(fault)};
}

Result<Header> read_packet(const Packet& packet) noexcept {
  auto parsed = parse_header(packet.head, packet.size);
  if (parsed.value() != nullptr && !padding_fits(packet.size, *parsed.value(), packet.last_byte))
    return Fault::kPadding;
  return parsed;
}

Decision decide(const Packet& packet, const Header& header, const Edits& edits, std::size_t mtu) noexcept {
  const auto planned = plan_rewrite(packet.head, header, edits);
  if (const auto fault = planned.fault()) return refuse(*fault, header);
  const Rewrite& plan = *planned.value();
  Decision decision{.header = header, .rewrite = plan};
  if (plan.head_size > header.payload_offset &&
      plan.head_size + (packet.size - header.payload_offset) > mtu) {
    decision.outcome = Outcome::kOverMtu;
    decision.reason = "packet would exceed the MTU";
  } else if (plan.added > 0) {
    decision.outcome = Outcome::kInjected;
  } else if (plan.placed > 0) {
    decision.outcome = Outcome::kReplaced;
  } else if (plan.removed > 0) {
    decision.outcome = Outcome::kRemoved;
  } else {
    decision.outcome = Outcome::kUnchanged;
    decision.reason = "nothing to write or remove";
  }
  return decision;
}

}  // namespace auralink::rtphdrext
