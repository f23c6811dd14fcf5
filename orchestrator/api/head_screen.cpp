// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/head_screen.hpp"

#include <algorithm>
#include <array>

namespace auralink::api {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::size_t kLongestMethod = 32;
constexpr std::size_t kLongestFieldName = 256;
constexpr std::size_t kLengthDigits = 18;

using Fault = std::optional<Refusal>;

[[nodiscard]] Refusal malformed_head(std::string detail) {
  return {.status = 400, .detail = std::move(detail)};
}

[[nodiscard]] bool same_word(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
         });
}

[[nodiscard]] bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

[[nodiscard]] bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// Every byte that ends a line for some program and not for another, or a string in C.
[[nodiscard]] Fault check_bytes(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    if (c == '\n' && (i == 0 || head[i - 1] != '\r')) return malformed_head("a line ends with a bare LF");
    if (c == '\r' && i + 1 < head.size() && head[i + 1] != '\n') return malformed_head("a bare CR");
    if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7F)
      return malformed_head("a control character in the head");
  }
  return std::nullopt;
}

/// What a request looks like that came through a proxy must agree with its Host field.
struct Seen {
  std::string_view authority;  ///< of an absolute target
  std::string_view host;
  std::size_t fields = 0;
  bool old_version = false, length = false, chunked = false;
  /// Fields that may come once only.
  std::array<bool, 14> once{};
};
constexpr std::array<std::string_view, 14> kOnce{
    "host",          "content-length",  "transfer-encoding", "authorization",  "content-type",
    "expect",        "idempotency-key", "last-event-id",     "origin",         "sec-fetch-site",
    "content-range", "range",           "upgrade",           "accept-encoding"};
constexpr std::array<std::string_view, 3> kOverrides{"x-http-method-override", "x-http-method",
                                                     "x-method-override"};

[[nodiscard]] Fault check_target(std::string_view method, std::string_view target, Seen& seen) {
  if (!is_printable(target) || target.find('#') != std::string_view::npos)
    return malformed_head("the request target is not one");
  if (target.starts_with('/')) return std::nullopt;
  if (target == "*" && method == "OPTIONS") return std::nullopt;
  constexpr std::string_view kScheme = "http://";
  if (!same_word(target.substr(0, kScheme.size()), kScheme))
    return malformed_head("the request target is neither a path nor an http URI");
  const auto rest = target.substr(kScheme.size());
  seen.authority = rest.substr(0, rest.find_first_of("/?"));
  if (seen.authority.empty() || seen.authority.find('@') != std::string_view::npos)
    return malformed_head("the request target has no plain authority");
  return std::nullopt;
}

[[nodiscard]] Fault check_request_line(std::string_view line, Seen& seen) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed_head("the request line is not \"METHOD TARGET HTTP/1.1\"");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > kLongestMethod)
    return malformed_head("the request line does not begin with a method");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) || version[6] != '.' ||
      !digit(version[7]))
    return malformed_head("the request line does not end with a version of HTTP");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return Refusal{.status = 505, .type = "invalid", .detail = "expected HTTP/1.1"};
  seen.old_version = version == "HTTP/1.0";
  return check_target(method, target, seen);
}

[[nodiscard]] Fault check_framing(std::string_view name, std::string_view value, Seen& seen) {
  if (name == "content-length") {
    const bool number = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || !number) return malformed_head("Content-Length: expected a number");
    if (value.size() > kLengthDigits)
      return Refusal{.status = 413, .type = "too-large", .detail = "Content-Length: out of all proportion"};
    seen.length = true;
  } else if (name == "transfer-encoding") {
    if (!same_word(value, "chunked") || seen.old_version)
      return Refusal{
          .status = 501, .type = "invalid", .detail = "Transfer-Encoding: none of this is known here"};
    seen.chunked = true;
  } else if (name == "expect" && !same_word(value, "100-continue")) {
    return Refusal{.status = 417, .type = "invalid", .detail = "Expect: expected 100-continue"};
  } else if (name == "host") {
    if (value.empty() || !is_printable(value) || value.find_first_of("/?#@\\\"<>") != std::string_view::npos)
      return malformed_head("the Host header is not a host");
    seen.host = value;
  }
  return std::nullopt;
}

[[nodiscard]] Fault check_field(std::string_view line, Seen& seen, const HeadLimits& limits) {
  if (++seen.fields > limits.fields)
    return Refusal{.status = 431, .type = "too-large", .detail = "too many header fields"};
  if (line.starts_with(' ') || line.starts_with('\t')) return malformed_head("a folded header field");
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name))
    return malformed_head("a header field without a proper name");
  if (name.size() > kLongestFieldName)
    return Refusal{.status = 431, .type = "too-large", .detail = "the name of a header field is too long"};
  auto value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  value = value.substr(0, value.find_last_not_of(" \t") + 1);
  for (const auto& word : kOverrides)
    if (same_word(name, word)) return malformed_head(std::string{name} + ": the method is what it is");
  for (std::size_t i = 0; i < kOnce.size(); ++i) {
    if (!same_word(name, kOnce[i])) continue;
    if (std::exchange(seen.once[i], true))
      return malformed_head(std::string{kOnce[i]} + ": a header that must be unique came more than once");
    return check_framing(kOnce[i], value, seen);
  }
  return std::nullopt;
}

[[nodiscard]] Fault check_together(const Seen& seen) {
  if (seen.host.empty()) return malformed_head("no Host header");
  if (!seen.authority.empty() && seen.authority != seen.host)
    return malformed_head("the request target and the Host header name different hosts");
  if (seen.length && seen.chunked)
    return malformed_head("Content-Length and Transfer-Encoding contradict each other");
  // A body whose end is told only by its own bytes needs a second parser; nothing here needs such bodies.
  if (seen.chunked)
    return Refusal{.status = 411, .type = "invalid", .detail = "expected Content-Length, not chunks"};
  return std::nullopt;
}

[[nodiscard]] std::size_t leading_blank(std::string_view bytes) {
  // One empty line before a request is what some clients leave behind an earlier body.
  return bytes.starts_with(kEndOfLine) ? kEndOfLine.size() : 0;
}

}  // namespace

std::variant<HeadIncomplete, HeadComplete, Refusal> screen_head(std::string_view bytes,
                                                                const HeadLimits& limits) {
  const auto begin = leading_blank(bytes);
  const auto end = bytes.find("\r\n\r\n", begin);
  const bool complete = end != std::string_view::npos;
  auto head = bytes.substr(begin, complete ? end + kEndOfLine.size() - begin : std::string_view::npos);
  if (auto fault = check_bytes(head)) return *fault;
  const auto line = head.substr(0, head.find('\r'));
  if (line.size() > limits.line)
    return Refusal{.status = 414, .type = "too-large", .detail = "the request line is too long"};
  if (head.size() > limits.bytes)
    return Refusal{.status = 431, .type = "too-large", .detail = "the header fields are too long"};
  if (!complete) return HeadIncomplete{};
  Seen seen;
  if (auto fault = check_request_line(line, seen)) return *fault;
  for (head.remove_prefix(line.size() + 2); !head.empty();) {
    const auto field = head.substr(0, head.find('\r'));
    if (auto fault = check_field(field, seen, limits)) return *fault;
    head.remove_prefix(field.size() + kEndOfLine.size());
  }
  if (auto fault = check_together(seen)) return *fault;
  return HeadComplete{end + 2 * kEndOfLine.size()};
}

}  // namespace auralink::api
