// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace auralink::api {
namespace {

[[nodiscard]] std::string lowered(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

[[nodiscard]] std::optional<std::array<unsigned char, sizeof(in6_addr)>> address(const std::string& host,
                                                                                 int family) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(family, host.c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

struct Authority {
  std::string_view host, port;
  bool bracketed = false;
};
[[nodiscard]] std::optional<Authority> split(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    return Authority{text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1), true};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return Authority{text, {}, false};
  return Authority{text.substr(0, colon), text.substr(colon + 1), false};
}

}  // namespace

bool is_loopback_name(std::string_view host) {
  auto name = lowered(host);
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  if (const auto v4 = address(name, AF_INET)) return (*v4)[0] == 127;
  if (const auto v6 = address(name, AF_INET6)) {
    auto expected = std::array<unsigned char, sizeof(in6_addr)>{};
    expected.back() = 1;
    return *v6 == expected;
  }
  return false;
}

bool Listen::loopback() const { return is_loopback_name(host); }

tl::expected<Listen, std::string> parse_listen(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return tl::unexpected("listening address \"" + std::string{text} + "\": " + std::string{why});
  };
  const auto parts = split(text);
  if (!parts || parts->port.empty()) return wrong("expected HOST:PORT");
  const auto port = parse_port(parts->port);
  if (!port) return wrong("expected a port from 0 to 65535");
  std::string host = lowered(parts->host);
  if (host == "localhost") host = "127.0.0.1";
  if (!address(host, parts->bracketed ? AF_INET6 : AF_INET))
    return wrong("expected an IPv4 address, an IPv6 address in brackets, or localhost");
  return Listen{.host = std::move(host), .port = *port};
}

std::optional<std::string> authority_host(std::string_view authority) {
  const auto parts = split(authority);
  if (!parts || parts->host.empty()) return std::nullopt;
  if (!parts->port.empty() && !parse_port(parts->port)) return std::nullopt;
  return lowered(parts->host);
}

Access access_of(const Route* route) noexcept {
  if (route == nullptr) return Access::any_token;
  if (route->open) return Access::nothing;
  if (route->operation == Operation::metrics) return Access::metrics;
  return route->method == "GET" ? Access::read : Access::write;
}

bool Guard::host_is_ours(std::string_view host) const {
  return is_loopback_name(host) || host == lowered(listen_.host);
}

std::optional<Refusal> Guard::check_origin(const Head& head) const {
  const Refusal cross{
      .status = 403, .type = "forbidden", .detail = "cross-origin requests are refused", .reason = "origin"};
  if (head.fetch_site && *head.fetch_site != "same-origin" && *head.fetch_site != "none") return cross;
  if (!head.origin) return std::nullopt;
  const auto& origin = *head.origin;
  const auto mark = origin.find("://");
  if (mark == std::string::npos || !head.host || lowered(origin.substr(mark + 3)) != lowered(*head.host))
    return cross;
  return std::nullopt;
}

tl::expected<Principal, Refusal> Guard::check(const Head& head, Access access, session::Millis now) const {
  const auto refused = [](Refusal refusal) { return tl::unexpected(std::move(refusal)); };
  if (head.hosts != 1 || head.authorizations > 1 || head.content_lengths > 1 ||
      (head.content_lengths > 0 && head.transfer_encoding))
    return refused({.status = 400, .detail = "a header that must be unique came more than once"});
  const auto host = head.host ? authority_host(*head.host) : std::nullopt;
  if (!host) return refused({.status = 400, .detail = "the Host header is not a host"});
  // A page that rebinds its own name to a loopback address still sends that name.
  if (listen_.loopback() && !host_is_ours(*host))
    return refused({.status = 403,
                    .type = "forbidden",
                    .detail = "the Host header does not name this daemon",
                    .reason = "host"});
  if (auto refusal = check_origin(head)) return refused(std::move(*refusal));
  if (access == Access::nothing || tokens_.empty()) return Principal{};
  return check_token(head, access, now);
}

tl::expected<Principal, Refusal> Guard::check_token(const Head& head, Access access,
                                                    session::Millis now) const {
  constexpr std::string_view kScheme = "bearer ";
  const auto refused = [](const char* reason, const char* detail) {
    return tl::unexpected(Refusal{.status = 401, .type = "unauthorized", .detail = detail, .reason = reason});
  };
  const auto& given = head.authorization;
  if (!given) return refused("missing", "no token given");
  if (lowered(std::string_view{*given}.substr(0, kScheme.size())) != kScheme)
    return refused("missing", "expected Authorization: Bearer and a token");
  const auto found = tokens_.find(std::string_view{*given}.substr(kScheme.size()), now);
  if (found.principal == nullptr) return refused("unknown", "the token is not valid");
  if (found.expired) return refused("expired", "the token has expired");
  const auto& principal = *found.principal;
  const auto scope = access == Access::metrics ? Scope::metrics
                     : access == Access::write ? Scope::write
                                               : Scope::read;
  if (access == Access::any_token || principal.may(scope)) return principal;
  return tl::unexpected(Refusal{.status = 403,
                                .type = "forbidden",
                                .detail = "the token \"" + principal.name + "\" does not have the scope " +
                                          std::string{to_string(scope)},
                                .reason = "scope"});
}

}  // namespace auralink::api
