// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/inject_packet.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace auralink::rtphdrext {

using support::Owned;

Owned<GstBuffer> with_head(Owned<GstBuffer> packet, Bytes head, gsize old_size) noexcept {
  if (!gst_buffer_is_writable(packet.get())) packet.reset(gst_buffer_copy(packet.get()));
  if (packet == nullptr) return nullptr;
  GstBuffer* out = packet.get();
  GstMemory* first = gst_buffer_peek_memory(out, 0);
  const gsize first_size = gst_memory_get_sizes(first, nullptr, nullptr);
  if (head.size() == old_size && first_size >= old_size && gst_buffer_is_memory_range_writable(out, 0, 1)) {
    support::MemoryMap map{first, GST_MAP_READWRITE};
    if (!map.ok()) return nullptr;
    std::copy(head.begin(), head.end(), map.writable().begin());
    return packet;
  }
  auto memory = support::adopt(gst_allocator_alloc(nullptr, head.size(), nullptr));
  if (memory == nullptr) return nullptr;
  {
    support::MemoryMap map{memory.get(), GST_MAP_WRITE};
    if (!map.ok()) return nullptr;
    std::copy(head.begin(), head.end(), map.writable().begin());
  }
  if (first_size == old_size) {
    gst_buffer_replace_memory(out, 0, memory.release());
  } else if (gst_buffer_get_size(out) == old_size) {
    gst_buffer_replace_all_memory(out, memory.release());
  } else {
    gst_buffer_resize(out, static_cast<gssize>(old_size), -1);
    gst_buffer_prepend_memory(out, memory.release());
  }
  return packet;
}

std::optional<Fragment> fragment_in(GstBuffer* packet, Bytes head, gsize begin, gsize end,
                                    Codec codec) noexcept {
  if (end <= begin) return std::nullopt;
  if (end <= head.size()) return read_fragment(codec, head.subspan(begin, end - begin));
  if (begin == head.size() && gst_buffer_n_memory(packet) == 2) {
    const support::MemoryMap map{gst_buffer_peek_memory(packet, 1), GST_MAP_READ};
    return read_fragment(codec, map.bytes().first(std::min(map.bytes().size(), end - begin)));
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): only what was written is read
  std::array<std::uint8_t, 2048> scratch;
  const gsize size = gst_buffer_extract(packet, begin, scratch.data(), std::min(end - begin, scratch.size()));
  return read_fragment(codec, Bytes{scratch}.first(size));
}

}  // namespace auralink::rtphdrext
