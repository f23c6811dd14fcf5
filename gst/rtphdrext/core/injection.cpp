// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/injection.hpp"

namespace auralink::rtphdrext {
namespace {

Outcome outcome_of(Fault fault) noexcept {
  switch (fault) {
    case Fault::kRtcp:
      return Outcome::kRtcp;
    case Fault::kOtherForm:
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

Decision refuse(Fault fault, const Header& header = {}) noexcept {
  return {.outcome = outcome_of(fault), .header = header, .reason = describe(fault)};
}

}  // namespace

std::string_view name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kInjected:
      return "injected";
    case Outcome::kReplaced:
      return "replaced";
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

Decision decide(const Packet& packet, const Element& element, std::size_t mtu) noexcept {
  const auto parsed = parse_header(packet.head, packet.size);
  if (const auto fault = parsed.fault()) return refuse(*fault);
  const Header& header = *parsed.value();
  if (!padding_fits(packet.size, header, packet.last_byte)) return refuse(Fault::kPadding);

  const auto planned = plan_rewrite(packet.head, header, element);
  if (const auto fault = planned.fault()) return refuse(*fault, header);
  const Rewrite& plan = *planned.value();
  if (plan.head_size + (packet.size - header.payload_offset) > mtu)
    return {.outcome = Outcome::kOverMtu, .header = header, .reason = "packet would exceed the MTU"};
  return {.outcome = plan.replaces ? Outcome::kReplaced : Outcome::kInjected,
          .header = header,
          .head_size = plan.head_size};
}

}  // namespace auralink::rtphdrext
