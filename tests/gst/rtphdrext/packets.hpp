// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets written byte by byte, so that the tests share no code with what they test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

namespace auralink::rtphdrext::test {

using Wire = std::vector<std::uint8_t>;

struct PacketSpec {
  unsigned version = 2;
  unsigned csrcs = 0;
  bool padding = false;
  std::optional<unsigned> profile{};  ///< sets the X bit
  Wire extension{};                   ///< must be a multiple of four
  Wire payload{0xAA, 0xBB, 0xCC};
};

inline Wire packet(const PacketSpec& spec) {
  Wire out;
  out.push_back(static_cast<std::uint8_t>((spec.version << 6U) | (spec.padding ? 0x20U : 0U) |
                                          (spec.profile ? 0x10U : 0U) | spec.csrcs));
  for (const unsigned byte : {0x80U | 96U, 0x12U, 0x34U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U})
    out.push_back(static_cast<std::uint8_t>(byte));
  for (unsigned i = 0; i < 4 * spec.csrcs; ++i) out.push_back(static_cast<std::uint8_t>(0xC0U + i));
  if (spec.profile) {
    const std::size_t words = spec.extension.size() / 4;
    for (const std::size_t byte :
         {std::size_t{*spec.profile >> 8U}, std::size_t{*spec.profile & 0xFFU}, words >> 8U, words & 0xFFU})
      out.push_back(static_cast<std::uint8_t>(byte));
    out.insert(out.end(), spec.extension.begin(), spec.extension.end());
  }
  out.insert(out.end(), spec.payload.begin(), spec.payload.end());
  return out;
}

}  // namespace auralink::rtphdrext::test
