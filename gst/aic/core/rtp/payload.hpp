// SPDX-License-Identifier: LGPL-2.1-or-later
// The AIC payload format: a coded access unit, cut into RTP payloads. gst/aic/README.md shows it bit by bit.
// Pure; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gst/aic/core/codec.hpp"

namespace auralink::aic::rtp {

/// Where a chain of access units starts, on both sides alike. Number 0 is the initial State, which needs no
/// talking.
using Epoch = std::uint8_t;
inline constexpr Epoch kInitial = 0;

/// The first access unit of a chain.
struct ChainStart {
  Epoch from = kInitial;     ///< the state that the chain starts from
  std::uint16_t offset = 0;  ///< original sequence number of its first packet less that of this one
  bool operator==(const ChainStart&) const = default;
};

/// What is said about an access unit before its coded bytes.
struct UnitHeader {
  Profile profile = Profile::kMax;
  std::uint8_t chain = 0;
  std::uint16_t number = 0;           ///< of the access unit in its chain
  std::uint32_t checksum = 0;         ///< see checksum()
  std::optional<ChainStart> start{};  ///< first access unit of a chain
  std::optional<Epoch> mark{};  ///< number under which the state after this access unit is kept; not kInitial
  bool unmarked = false;        ///< the last original packet had no marker bit
  Bytes description{};          ///< see shape.hpp; at most kMaxDescription bytes
  bool operator==(const UnitHeader& o) const noexcept;
};
inline constexpr std::size_t kMaxDescription = 1024;

/// What the first payload of an access unit costs when it starts no chain, marks nothing and describes
/// nothing.
inline constexpr std::size_t kUnitHeaderSize = 8;
inline constexpr std::size_t kFragmentHeaderSize = 1;
void write(const UnitHeader& header, std::vector<std::uint8_t>& out);

/// A payload that was received; views into it.
struct Fragment {
  bool first = false;
  bool last = false;
  UnitHeader header;  ///< of the first only
  Bytes coded;
};
[[nodiscard]] std::optional<Fragment> read(Bytes payload) noexcept;
/// The first byte of a fragment, whose other fields `write` appends.
inline constexpr std::uint8_t kStartBit = 0x20;
inline constexpr std::uint8_t kEndBit = 0x10;
[[nodiscard]] std::uint8_t continuation(bool last) noexcept;

/// CRC-32 (IEEE 802.3) of the hash of the state before the access unit, of each NAL unit with its size, and
/// of the description: equal only if the far end began from the same state and restored the same bytes and
/// boundaries.
[[nodiscard]] std::uint32_t checksum(std::uint32_t state, const AccessUnit& unit, Bytes description) noexcept;

}  // namespace auralink::aic::rtp
