// SPDX-License-Identifier: LGPL-2.1-or-later
// Masking of credentials in free text. Three passes (URLs, authorization schemes, key=value pairs), each
// linear.
#include <algorithm>
#include <array>
#include <cctype>

#include "orchestrator/telemetry/log.hpp"

namespace auralink::telemetry {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kLongestKey = 64;

[[nodiscard]] char lower(char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] bool alnum(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); }
[[nodiscard]] std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}
[[nodiscard]] bool ends_url(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`';
}
[[nodiscard]] bool ends_value(char c) {
  return ends_url(c) || c == ',' || c == ';' || c == '&' || c == ')' || c == '}' || c == ']';
}

enum class Secrecy { none, weak, strong };

/// `weak` keys are only masked before '=': prose like "unknown key: name" keeps its meaning.
[[nodiscard]] Secrecy secrecy(std::string_view key) {
  static constexpr std::array<std::string_view, 7> kStrong{"password", "passwd",     "passphrase",   "secret",
                                                           "token",    "credential", "authorization"};
  const std::string name = lowered(key);
  for (const auto word : kStrong)
    if (name.find(word) != std::string::npos) return Secrecy::strong;
  return name.ends_with("key") ? Secrecy::weak : Secrecy::none;
}

/// Masks userinfo, query, fragment and, for RTMP, everything below the application in one URL's remainder.
[[nodiscard]] std::string redact_url(std::string_view scheme, std::string_view rest) {
  std::string out{"://"};
  const auto tail = std::min(rest.find_first_of("?#"), rest.size());
  const auto authority_end = std::min(rest.find('/'), tail);
  const auto authority = rest.substr(0, authority_end);
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) {
    out.append(kMask).append("@").append(authority.substr(at + 1));
  } else {
    out.append(authority);
  }
  auto path = rest.substr(authority_end, tail - authority_end);
  if (lowered(scheme).starts_with("rtmp")) {
    const auto key = path.empty() ? std::string_view::npos : path.find('/', 1);
    if (key != std::string_view::npos && key + 1 < path.size()) {
      out.append(path.substr(0, key + 1)).append(kMask);
      path = {};
    }
  }
  out.append(path);
  if (tail < rest.size()) out.append(rest.substr(tail, 1)).append(kMask);
  return out;
}

[[nodiscard]] std::string redact_urls(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (auto mark = text.find("://"); mark != std::string_view::npos; mark = text.find("://", done)) {
    auto begin = mark;
    while (begin > done && mark - begin < kLongestKey && (alnum(text[begin - 1]) || text[begin - 1] == '+'))
      --begin;
    auto end = mark + 3;
    while (end < text.size() && !ends_url(text[end])) ++end;
    out.append(text.substr(done, mark - done));
    out.append(redact_url(text.substr(begin, mark - begin), text.substr(mark + 3, end - mark - 3)));
    done = end;
  }
  return out.append(text.substr(done));
}

[[nodiscard]] std::string redact_schemes(std::string_view text) {
  const std::string flat = lowered(text);
  std::string out;
  std::size_t done = 0;
  while (done < text.size()) {
    const auto bearer = flat.find("bearer ", done);
    const auto basic = flat.find("basic ", done);
    const auto at = std::min(bearer, basic);
    if (at == std::string::npos) break;
    auto value = at + (at == bearer ? 7U : 6U);
    while (value < text.size() && text[value] == ' ') ++value;
    auto end = value;
    while (end < text.size() && !ends_value(text[end])) ++end;
    out.append(text.substr(done, value - done));
    // "basic" is also an English word: a short word after it is no credential.
    if (end > value && (at == bearer || end - value >= 8)) {
      out.append(kMask);
    } else {
      out.append(text.substr(value, end - value));
    }
    done = end;
  }
  return out.append(text.substr(done));
}

[[nodiscard]] std::string_view key_before(std::string_view text, std::size_t separator) {
  auto end = separator;
  while (end > 0 &&
         (text[end - 1] == ' ' || text[end - 1] == '"' || text[end - 1] == '\'' || text[end - 1] == '\\'))
    --end;
  auto begin = end;
  while (
      begin > 0 && end - begin < kLongestKey &&
      (alnum(text[begin - 1]) || text[begin - 1] == '_' || text[begin - 1] == '-' || text[begin - 1] == '.'))
    --begin;
  return text.substr(begin, end - begin);
}

[[nodiscard]] std::string redact_pairs(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (auto at = text.find_first_of("=:"); at != std::string_view::npos;
       at = text.find_first_of("=:", at + 1)) {
    if (at < done) continue;
    const auto kind = secrecy(key_before(text.substr(done), at - done));
    if (kind == Secrecy::none) continue;
    const bool quoted_key = at > 0 && text[at - 1] == '"';
    if (kind == Secrecy::weak && text[at] == ':' && !quoted_key) continue;
    auto value = at + 1;
    while (value < text.size() && (text[value] == ' ' || text[value] == '\\')) ++value;
    if (value < text.size() && text[value] == '(') {  // a GStreamer type, as in key=(string)value
      const auto close = text.find(')', value);
      if (close != std::string_view::npos) value = close + 1;
    }
    auto end = value;
    if (value < text.size() && (text[value] == '"' || text[value] == '\'')) {
      const char quote = text[value++];
      end = value;
      while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
      end = std::min(end, text.size());
    } else {
      while (end < text.size() && !ends_value(text[end])) ++end;
    }
    out.append(text.substr(done, value - done));
    if (end > value) out.append(kMask);
    done = end;
  }
  return out.append(text.substr(done));
}

}  // namespace

std::string redact(std::string_view text) { return redact_pairs(redact_schemes(redact_urls(text))); }

json::Value redact_value(const json::Value& value) {
  if (value.is_string()) return redact(std::string_view{value.get_ref<const std::string&>()});
  if (value.is_array()) {
    auto out = json::Value::array();
    for (const auto& item : value) out.push_back(redact_value(item));
    return out;
  }
  if (value.is_object()) {
    auto out = json::Value::object();
    for (const auto& [key, item] : value.items())
      out[key] = secrecy(key) != Secrecy::none && item.is_string() ? json::Value(kMask) : redact_value(item);
    return out;
  }
  return value;
}

}  // namespace auralink::telemetry
