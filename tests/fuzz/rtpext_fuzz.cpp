// SPDX-License-Identifier: LGPL-2.1-or-later
// Input: id and size of an element to set (id 0: none), id to remove (0: none), one byte of MTU, then a
// packet. Whatever the packet is, the core must not read outside it, and what it writes must be a sound
// packet that carries what was set once, nothing that was removed, and all else unchanged.
#include <algorithm>
#include <array>
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
bool same_item(const ElementReader::Item& a, const ElementReader::Item& b) {
  return a.id == b.id && same(a.data, b.data);
}

/// Elements up to the end or a terminator.
std::vector<ElementReader::Item> items(Bytes packet, const Header& header) {
  std::vector<ElementReader::Item> out;
  if (!header.extension) return out;
  ElementReader reader{form_of(header.profile).value(),
                       packet.subspan(header.extension_offset(), header.extension_bytes)};
  while (const auto item = reader.next()) out.push_back(*item);
  require(!reader.broken());
  return out;
}

/// Those that the edits do not name.
std::vector<ElementReader::Item> others(Bytes packet, const Header& header, const Edits& edits) {
  auto out = items(packet, header);
  std::erase_if(out, [&](const auto& item) {
    return edits.remove[item.id] || std::any_of(edits.set.begin(), edits.set.end(),
                                                [&](const ElementView& e) { return e.id == item.id; });
  });
  return out;
}

Decision decide_on(const Packet& packet, const Edits& edits, std::size_t mtu) {
  const auto parsed = read_packet(packet);
  if (parsed.fault()) return refuse(*parsed.fault());
  return decide(packet, *parsed.value(), edits, mtu);
}

void check_rewrite(Bytes before, const Decision& decision, const Edits& edits, std::size_t mtu) {
  std::vector<std::uint8_t> after(decision.rewrite.head_size);
  write_head(before, decision.header, edits, decision.rewrite, after);
  const Bytes payload = before.subspan(decision.header.payload_offset);
  after.insert(after.end(), payload.begin(), payload.end());
  require(after.size() <= mtu || after.size() <= before.size());

  const auto parsed = parse_header(after, after.size());
  require(parsed.value() != nullptr && parsed.value()->payload_offset == decision.rewrite.head_size);
  require(parsed.value()->extension == decision.rewrite.extension);
  const auto old_items = others(before, decision.header, edits);
  const auto new_items = others(after, *parsed.value(), edits);
  require(std::equal(old_items.begin(), old_items.end(), new_items.begin(), new_items.end(), same_item));

  const auto all = items(after, *parsed.value());
  require(all.size() == new_items.size() + edits.set.size());
  for (const auto& element : edits.set) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& i) { return i.id == element.id; });
    require(found != all.end() && same(found->data, element.data));
  }
  if (decision.header.extension && !decision.rewrite.converted && decision.rewrite.extension)
    require(parsed.value()->profile == decision.header.profile);

  const auto again = decide_on({.head = after, .size = after.size(), .last_byte = after.back()}, edits, mtu);
  require(again.outcome == (edits.set.empty() ? Outcome::kUnchanged : Outcome::kReplaced));
  require(again.rewrite.head_size == decision.rewrite.head_size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kControl = 4;
  if (size < kControl) return 0;
  const Bytes input{data, size};
  const std::vector<std::uint8_t> content(input[1] % 64U, 0xE5);
  const std::array set{ElementView{.id = input[0], .data = content},
                       // A second one beside it, whose id the first never has.
                       ElementView{.id = static_cast<std::uint8_t>(input[0] == 255 ? 1 : input[0] + 1),
                                   .data = Bytes{content}.first(content.size() / 2)}};
  const std::size_t count = input[0] == 0 ? 0 : 1 + input[1] % 2U;
  Edits edits{.set = std::span{set}.first(count), .remove = {}};
  if (input[2] != 0 && std::none_of(edits.set.begin(), edits.set.end(),
                                    [&](const ElementView& e) { return e.id == input[2]; }))
    edits.remove.set(input[2]);
  const std::size_t mtu = 28 + std::size_t{input[3]} * 8;
  // An allocation of exactly this size lets the sanitizer see every read past the end.
  const std::vector<std::uint8_t> packet{input.begin() + kControl, input.end()};

  const Packet view{
      .head = packet, .size = packet.size(), .last_byte = packet.empty() ? std::uint8_t{0} : packet.back()};
  const Decision decision = decide_on(view, edits, mtu);
  if (decision.rewrites()) check_rewrite(packet, decision, edits, mtu);

  // The same packet of which only a part is at hand must never be rewritten differently.
  const Packet part{
      .head = Bytes{packet}.first(packet.size() / 2), .size = packet.size(), .last_byte = view.last_byte};
  const Decision partial = decide_on(part, edits, mtu);
  if (partial.rewrites())
    require(decision.rewrites() && partial.rewrite.head_size == decision.rewrite.head_size);
  return 0;
}
