// SPDX-License-Identifier: LGPL-2.1-or-later
// Sentences about JSON values, shared by every room that complains about input. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "orchestrator/json/json.hpp"

namespace auralink::json {

/// "an object", "a string", ... : what kind of value this is, as a complaint says it.
[[nodiscard]] std::string_view kind_of(const Value& value) noexcept;

/// The value in quotes when it is a short printable scalar, else only its kind: complaints travel into logs
/// and answers, so they never carry long, binary or structured input.
[[nodiscard]] std::string shown(const Value& value);

/// "a, b or c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

/// ", did you mean X?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

/// "250ms", "30s", "10m", "4h" as nanoseconds; nullopt when it is not one unsigned integer and one unit, or
/// does not fit 63 bits.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text) noexcept;

/// The shortest exact text of a duration in the form parse_duration() reads (whole milliseconds).
[[nodiscard]] std::string print_duration(std::int64_t nanoseconds);

}  // namespace auralink::json
