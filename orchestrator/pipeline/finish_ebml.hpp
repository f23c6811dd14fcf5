// SPDX-License-Identifier: LGPL-2.1-or-later
// EBML (RFC 8794): element headers in and out. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish::ebml {

inline constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

struct Head {
  std::uint32_t id = 0;
  std::uint64_t size = 0;  ///< of the data; kUnknown: until something follows that cannot lie in it
  unsigned length = 0;     ///< of the header itself
};

/// A variable-length number at the front of `at`: its value without the marker, and its length.
struct Number {
  std::uint64_t value = 0;
  unsigned length = 0;
  bool all_ones = false;
};
[[nodiscard]] constexpr std::optional<Number> number(View at, unsigned longest = 8) noexcept {
  if (at.empty() || at[0] == 0) return std::nullopt;
  const auto length = static_cast<unsigned>(std::countl_zero(at[0])) + 1;
  if (length > longest || length > at.size()) return std::nullopt;
  std::uint64_t value = at[0] & (0xFFU >> length);
  for (unsigned i = 1; i < length; ++i) value = value << 8U | at[i];
  return Number{value, length, value == (std::uint64_t{1} << 7U * length) - 1};
}

/// An element's header; ids keep their marker, as they are written in specifications.
[[nodiscard]] constexpr std::optional<Head> head(View at) noexcept {
  const auto id = number(at, 4);
  if (!id) return std::nullopt;
  const auto size = number(at.subspan(id->length));
  if (!size) return std::nullopt;
  return Head{static_cast<std::uint32_t>(id->value | std::uint64_t{1} << 7U * id->length),
              size->all_ones ? kUnknown : size->value, id->length + size->length};
}

/// The header at `offset` of a file; nullopt when it is not all there.
[[nodiscard]] inline std::optional<Head> head(const ByteSource& source, std::uint64_t offset) {
  std::array<std::uint8_t, 12> bytes{};
  if (offset >= source.size()) return std::nullopt;
  const auto there = std::span{bytes}.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), source.size() - offset)));
  if (!source.read(offset, there)) return std::nullopt;
  return head(View{there});
}

/// Calls `each(id, data, whole)` for the whole elements in `body`.
template <class F>
void for_each(View body, F each) {
  while (const auto h = head(body)) {
    if (h->size > body.size() - h->length) return;
    const auto size = static_cast<std::size_t>(h->size);
    each(h->id, body.subspan(h->length, size), body.first(h->length + size));
    body = body.subspan(h->length + size);
  }
}

[[nodiscard]] inline std::uint64_t unsigned_of(View data) noexcept {
  std::uint64_t value = 0;
  for (const auto byte : data.first(std::min<std::size_t>(data.size(), 8))) value = value << 8U | byte;
  return value;
}
[[nodiscard]] inline double float_of(View data) noexcept {
  if (data.size() == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(unsigned_of(data)));
  if (data.size() == 8) return std::bit_cast<double>(unsigned_of(data));
  return 0;
}

inline void put_id(Bytes& out, std::uint32_t id) {
  for (unsigned i = 4; i-- > 0;)
    if (const auto byte = id >> 8U * i; byte != 0) out.push_back(static_cast<std::uint8_t>(byte));
}
/// Always eight bytes, so that places can be computed before contents.
inline void put_size(Bytes& out, std::uint64_t size) { put<8>(out, size | std::uint64_t{1} << 56U); }
inline void put_unsigned(Bytes& out, std::uint32_t id, std::uint64_t value) {
  put_id(out, id);
  out.push_back(0x88);
  put<8>(out, value);
}
inline void put_element(Bytes& out, std::uint32_t id, View data) {
  put_id(out, id);
  put_size(out, data.size());
  put(out, data);
}

}  // namespace auralink::pipeline::finish::ebml
