// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/tokens.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "orchestrator/api/digest.hpp"

namespace auralink::api {
namespace {

using json::ObjectReader;
using Need = ObjectReader::Need;

constexpr std::size_t kShortestToken = 16;
constexpr std::size_t kLongestToken = 1024;
constexpr std::size_t kMostTokens = 1000;
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kLongestName = 64;
constexpr std::array<std::string_view, 4> kScopes{"read", "write", "metrics", "admin"};

[[nodiscard]] bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

void read_scopes(ObjectReader& reader, Principal& principal) {
  const auto* list = reader.array("scopes", kScopes.size(), Need::required);
  if (list == nullptr) return;
  if (list->empty()) reader.complain("scopes", "expected at least one of read, write, metrics or admin");
  for (const auto& item : *list) {
    const auto at = item.is_string()
                        ? std::find(kScopes.begin(), kScopes.end(), item.get_ref<const std::string&>())
                        : kScopes.end();
    if (at == kScopes.end())
      reader.complain("scopes", "expected read, write, metrics or admin");
    else
      principal.scopes[static_cast<std::size_t>(at - kScopes.begin())] = true;
  }
}

/// The digits of `text` at `at` as a number; nullopt when one is none.
[[nodiscard]] std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::string_view to_string(Scope scope) noexcept { return kScopes[static_cast<std::size_t>(scope)]; }

std::optional<session::Millis> parse_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() < kForm.size() + 1 || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::optional<int> milli = 0;
  if (text.size() == kForm.size() + 5 && text[kForm.size()] == '.')
    milli = digits(text, kForm.size() + 1, 3);
  else if (text.size() != kForm.size() + 1)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!milli || !date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return std::chrono::duration_cast<session::Millis>(std::chrono::sys_days{date}.time_since_epoch()) +
         std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second} +
         session::Millis{*milli};
}

bool same_secret(std::string_view given, std::string_view wanted) noexcept {
  // Runs over `wanted` whatever was given, so that time tells nothing about where they differ.
  volatile unsigned char difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char other = given.empty() ? '\0' : given[i % given.size()];
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(other ^ wanted[i]));
  }
  return difference == 0 && given.size() == wanted.size();
}

tl::expected<std::string, std::string> check_token(std::string_view content) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = std::min(content.find_first_not_of(kSpace), content.size());
  content.remove_prefix(begin);
  const auto last = content.find_last_not_of(kSpace);
  content = content.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (content.size() < kShortestToken || content.size() > kLongestToken)
    return tl::unexpected("the token must have " + std::to_string(kShortestToken) + " to " +
                          std::to_string(kLongestToken) + " bytes, it has " + std::to_string(content.size()));
  if (std::any_of(content.begin(), content.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return tl::unexpected(std::string{"the token must be one line of printable ASCII without spaces"});
  return std::string{content};
}

json::Checked<Tokens> Tokens::parse(std::string_view file_content) {
  const auto parsed = json::parse(file_content);
  if (!parsed) return tl::unexpected(parsed.error());
  json::Violations violations;
  Tokens out;
  if (!parsed->is_array() || parsed->empty() || parsed->size() > kMostTokens)
    return tl::unexpected(
        json::Violations{{"", "expected an array of 1 to " + std::to_string(kMostTokens) + " tokens"}});
  for (std::size_t i = 0; i < parsed->size(); ++i) {
    ObjectReader reader{(*parsed)[i], json::child("", i), violations};
    Entry entry;
    entry.principal.name = reader.string("name", Need::required).value_or("");
    const auto& name = entry.principal.name;
    const auto plain = [](char c) { return c > ' ' && c <= '~'; };
    if (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), plain))
      reader.complain("name", "expected 1 to 64 visible ASCII characters");
    for (const auto& other : out.entries_)
      if (other.principal.name == name) reader.complain("name", "expected a name that comes once");
    entry.sha256 = reader.string("sha256", Need::required).value_or("");
    if (!is_digest(entry.sha256)) reader.complain("sha256", "expected 64 lower-case hexadecimal digits");
    read_scopes(reader, entry.principal);
    if (const auto expires = reader.string("expires")) {
      entry.expires = parse_time(*expires);
      if (!entry.expires) reader.complain("expires", "expected a time such as 2027-01-01T00:00:00Z");
    }
    reader.finish();
    out.entries_.push_back(std::move(entry));
  }
  if (!violations.empty()) return tl::unexpected(std::move(violations));
  return out;
}

void Tokens::add_single(std::string_view token) {
  Entry entry{.principal = {.name = "token"}, .sha256 = sha256(token), .expires = {}};
  entry.principal.scopes[static_cast<std::size_t>(Scope::admin)] = true;
  entries_.push_back(std::move(entry));
}

Tokens::Found Tokens::find(std::string_view token, session::Millis now) const {
  Found found;
  const auto digest = sha256(token);
  for (const auto& entry : entries_) {
    if (!same_secret(digest, entry.sha256)) continue;
    found.principal = &entry.principal;
    found.expired = entry.expires && *entry.expires <= now;
  }
  return found;
}

}  // namespace auralink::api
