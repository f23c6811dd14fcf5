// SPDX-License-Identifier: LGPL-2.1-or-later
// NAL units: emulation prevention (H.264 7.4.1) and the byte stream format (annex B). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace auralink::aic::h264 {

/// Appends the payload without its emulation_prevention_three_bytes.
void strip_emulation_prevention(std::span<const std::uint8_t> nal, std::vector<std::uint8_t>& out);
/// Appends the payload with an emulation_prevention_three_byte wherever one is needed and nowhere else.
void insert_emulation_prevention(std::span<const std::uint8_t> payload, std::vector<std::uint8_t>& out);

/// The NAL units of an annex B byte stream, without start codes and trailing zeros; views into `stream`.
[[nodiscard]] std::vector<std::span<const std::uint8_t>> split_byte_stream(
    std::span<const std::uint8_t> stream);

/// nal_unit_type; 0 for an empty one.
[[nodiscard]] constexpr int nal_type(std::span<const std::uint8_t> nal) noexcept {
  return nal.empty() ? 0 : nal.front() & 0x1F;
}
[[nodiscard]] constexpr bool is_slice(std::span<const std::uint8_t> nal) noexcept {
  return nal_type(nal) == 1 || nal_type(nal) == 5;
}
/// Whether a NAL unit may only be found at the beginning of an access unit, once a slice has been seen
/// (7.4.1.2.3): a first macroblock of address 0, or what precedes the slices. Enough for streams without
/// redundant or out-of-order slices.
[[nodiscard]] bool begins_access_unit(std::span<const std::uint8_t> nal) noexcept;

}  // namespace auralink::aic::h264
