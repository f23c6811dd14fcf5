// SPDX-License-Identifier: LGPL-2.1-or-later
// Input: one byte of element id and size, one of MTU, then a packet. Whatever the packet is, the core must
// not read outside it, and what it writes must be a sound packet that carries the element once and the others
// unchanged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gst/rtphdrext/core/injection.hpp"

namespace {

using namespace auralink::rtphdrext;

void require(bool fact) {
  if (!fact) std::abort();
}

bool same(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

/// Elements before the end or a terminator, without those of one id.
std::vector<OneByteReader::Item> others(Bytes packet, const Header& header, std::uint8_t id) {
  std::vector<OneByteReader::Item> out;
  if (!header.extension) return out;
  OneByteReader reader{packet.subspan(header.extension_offset(), header.extension_bytes)};
  while (const auto item = reader.next())
    if (item->id != id) out.push_back(*item);
  return out;
}

void check_rewrite(Bytes before, const Decision& decision, const Element& element, std::size_t mtu) {
  std::vector<std::uint8_t> after(decision.head_size);
  write_head(before, decision.header, element, after);
  const Bytes payload = before.subspan(decision.header.payload_offset);
  after.insert(after.end(), payload.begin(), payload.end());
  require(after.size() <= mtu);

  const auto parsed = parse_header(after, after.size());
  require(parsed.value() != nullptr && parsed.value()->payload_offset == decision.head_size);
  const auto old_items = others(before, decision.header, element.id());
  const auto new_items = others(after, *parsed.value(), element.id());
  require(std::equal(old_items.begin(), old_items.end(), new_items.begin(), new_items.end(),
                     [](const auto& a, const auto& b) { return a.id == b.id && same(a.data, b.data); }));

  OneByteReader reader{
      Bytes{after}.subspan(parsed.value()->extension_offset(), parsed.value()->extension_bytes)};
  int found = 0;
  while (const auto item = reader.next())
    if (item->id == element.id()) {
      require(same(item->data, element.data()));
      ++found;
    }
  require(found == 1 && !reader.broken());

  const auto again = decide({.head = after, .size = after.size(), .last_byte = after.back()}, element, mtu);
  require(again.outcome == Outcome::kReplaced && again.head_size == decision.head_size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes input{data, size};
  const std::vector<std::uint8_t> content(1U + (input[0] & 0x0FU), 0xE5);
  const auto element = Element::make(1U + (input[0] >> 4U) % kMaxOneByteId, content);
  const std::size_t mtu = 28 + std::size_t{input[1]} * 8;
  // An allocation of exactly this size lets the sanitizer see every read past the end.
  const std::vector<std::uint8_t> packet{input.begin() + 2, input.end()};

  const Packet view{
      .head = packet, .size = packet.size(), .last_byte = packet.empty() ? std::uint8_t{0} : packet.back()};
  const Decision decision = decide(view, *element, mtu);
  if (decision.rewrites()) check_rewrite(packet, decision, *element, mtu);

  // The same packet of which only a part is at hand must never be rewritten differently.
  const Packet part{
      .head = Bytes{packet}.first(packet.size() / 2), .size = packet.size(), .last_byte = view.last_byte};
  const Decision partial = decide(part, *element, mtu);
  if (partial.rewrites()) require(decision.rewrites() && partial.head_size == decision.head_size);
  return 0;
}
