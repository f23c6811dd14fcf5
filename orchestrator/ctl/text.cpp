// SPDX-License-Identifier: LGPL-2.1-or-later
// The small forms of format.hpp: numbers, safe text, tables.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "orchestrator/ctl/format.hpp"

namespace auralink::ctl {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t sequence(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  return length;
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) value /= 1000, ++unit;
  std::array<char, 32> text{};
  const int decimals = unit == 0 || value >= 99.95 ? 0 : 1;
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, kUnits[unit]);
  return text.data();
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  std::array<char, 48> text{};
  if (seconds < 59.95) {
    std::snprintf(text.data(), text.size(), "%.1f s", seconds);
    return text.data();
  }
  const auto whole = static_cast<long long>(std::llround(std::min(seconds, 1e12)));
  if (whole < 3600)
    std::snprintf(text.data(), text.size(), "%lld:%02lld", whole / 60, whole % 60);
  else
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return text.data();
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = sequence(text);
    // C1 controls (U+0080..U+009F) steer terminals like C0 does.
    const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (length == 0 || first < 0x20 || first == 0x7F || c1)
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

std::string format_table(const std::vector<Column>& titles,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    widths.push_back(columns(titles[i].title));
    for (const auto& row : rows)
      if (i < row.size()) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string out;
  const auto add = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < titles.size(); ++i) {
      const std::string cell = cell_of(i);
      const std::string blanks(widths[i] - columns(cell), ' ');
      line += (i == 0 ? "" : "  ") + (titles[i].align == Align::right ? blanks + cell : cell + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add([&](std::size_t i) { return titles[i].title; });
  for (const auto& row : rows) add([&](std::size_t i) { return i < row.size() ? row[i] : std::string{}; });
  return out;
}

std::string format_violations(const json::Violations& violations) {
  std::string out;
  for (const auto& violation : violations)
    out += "  " +
           (violation.pointer.empty() ? std::string{"(whole document)"} : printable(violation.pointer)) +
           ": " + printable(violation.detail) + '\n';
  return out;
}

std::string format_problem(unsigned status, std::string_view body) {
  const auto parsed = json::parse(body);
  const std::string fallback = "the daemon answered " + std::to_string(status);
  if (!parsed || !parsed->is_object()) return fallback + '\n';
  const std::string title = printable(text_of(*parsed, "title", fallback));
  const std::string detail = printable(text_of(*parsed, "detail"));
  std::string out = title;
  if (!detail.empty() && detail != title) out += ": " + detail;
  if (const auto reason = text_of(*parsed, "reason"); !reason.empty()) out += " (" + printable(reason) + ")";
  out += '\n';
  json::Violations violations;
  for (const auto& error : member(*parsed, "errors"))
    violations.push_back({text_of(error, "pointer"), text_of(error, "detail")});
  return out + format_violations(violations);
}

const json::Value& member(const json::Value& object, std::string_view key) {
  static const json::Value none;
  if (!object.is_object()) return none;
  const auto found = object.find(std::string{key});
  return found == object.end() ? none : *found;
}

std::string text_of(const json::Value& object, std::string_view key, std::string_view fallback) {
  const auto& value = member(object, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::string{fallback};
}

double number_of(const json::Value& object, std::string_view key, double fallback) {
  const auto& value = member(object, key);
  return value.is_number() ? value.get<double>() : fallback;
}

}  // namespace auralink::ctl
