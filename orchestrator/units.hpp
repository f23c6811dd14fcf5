// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers with the units people write them in. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace auralink {

/// "250ms", "10s", "5m", "12h", "7d", or "0"; nothing else, no sign, no fraction. nullopt: not one, or beyond
/// 100 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

/// "4096" or "4096B", "512KiB", "20GiB", "2TB", ...: KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000.
/// nullopt: not one, or more than 2^63 - 1 bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;

/// "80%" or "0.8": a share from 0 to 1.
[[nodiscard]] std::optional<double> parse_share(std::string_view text) noexcept;

}  // namespace auralink
