// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/json/text.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace auralink::json {

std::string child(std::string_view pointer, std::string_view token) {
  std::string out{pointer};
  out += '/';
  for (const char c : token) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string child(std::string_view pointer, std::size_t index) {
  return child(pointer, std::to_string(index));
}

namespace {

constexpr std::size_t kLongestWord = 64;

/// Edits (insert, delete, replace, swap of neighbours) between two words, ignoring ASCII case.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.empty() || name.size() > kLongestWord) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const auto d = distance(name, candidate);
    // A distance of the whole word means nothing is in common.
    if (d < best_distance && d < candidate.size()) best = candidate, best_distance = d;
  }
  return best;
}

std::string_view kind_of(const Value& value) noexcept {
  switch (value.type()) {
    case Value::value_t::null:
      return "null";
    case Value::value_t::object:
      return "an object";
    case Value::value_t::array:
      return "an array";
    case Value::value_t::string:
      return "a string";
    case Value::value_t::boolean:
      return "a boolean";
    case Value::value_t::number_integer:
    case Value::value_t::number_unsigned:
      return "an integer";
    case Value::value_t::number_float:
      return "a number";
    default:
      return "not JSON";
  }
}

std::string shown(const Value& value) {
  constexpr std::size_t longest = 48;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (text.size() <= longest && printable) return '"' + text + '"';
    return "a string of " + std::to_string(text.size()) + " bytes";
  }
  if (value.is_boolean() || value.is_number()) return value.dump();
  return std::string{kind_of(value)};
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const auto best = closest(name, candidates);
  return best ? "; did you mean \"" + *best + "\"?" : "";
}

namespace {
struct Unit {
  std::string_view suffix;
  std::int64_t nanoseconds;
};
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array kUnits{Unit{"ms", 1'000'000}, Unit{"s", kSecond}, Unit{"m", 60 * kSecond},
                            Unit{"h", 3600 * kSecond}};
}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) noexcept {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 18) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text.substr(0, digits)) count = count * 10 + (c - '0');
  for (const auto& unit : kUnits)
    if (text.substr(digits) == unit.suffix)
      return count > std::numeric_limits<std::int64_t>::max() / unit.nanoseconds
                 ? std::nullopt
                 : std::optional{count * unit.nanoseconds};
  return std::nullopt;
}

std::string print_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit)
    if (nanoseconds % unit->nanoseconds == 0)
      return std::to_string(nanoseconds / unit->nanoseconds) + std::string{unit->suffix};
  return std::to_string(nanoseconds / kUnits[0].nanoseconds) + "ms";
}

}  // namespace auralink::json
