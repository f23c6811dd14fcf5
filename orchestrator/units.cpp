// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace auralink {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurations{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                Unit{"d", 86'400'000}};
constexpr std::array kBytes{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"KiB", 1ULL << 10U},
                            Unit{"MiB", 1ULL << 20U},
                            Unit{"GiB", 1ULL << 30U},
                            Unit{"TiB", 1ULL << 40U},
                            Unit{"kB", 1'000},
                            Unit{"MB", 1'000'000},
                            Unit{"GB", 1'000'000'000},
                            Unit{"TB", 1'000'000'000'000}};
constexpr std::uint64_t kLongest = 100ULL * 366 * 86'400'000;
constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();

/// A whole number directly followed by one of the units.
[[nodiscard]] std::optional<std::uint64_t> quantity(std::string_view text, std::span<const Unit> units,
                                                    std::uint64_t most) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  for (const auto& unit : units)
    if (unit.name == suffix)
      return number <= most / unit.factor ? std::optional{number * unit.factor} : std::nullopt;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  if (text == "0") return std::chrono::milliseconds{0};
  const auto found = quantity(text, kDurations, kLongest);
  return found ? std::optional{std::chrono::milliseconds{*found}} : std::nullopt;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
  return quantity(text, kBytes, kMostBytes);
}

std::optional<double> parse_share(std::string_view text) noexcept {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (percent) number /= 100;
  if (!(number >= 0 && number <= 1)) return std::nullopt;
  return number;
}

}  // namespace auralink
