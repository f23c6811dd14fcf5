// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may talk to this daemon at all: listening addresses, Host, Origin and bearer tokens. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/api/problem.hpp"
#include "orchestrator/api/router.hpp"
#include "orchestrator/api/tokens.hpp"

namespace auralink::api {

/// "127.0.0.1:8470", "[::1]:8470", "localhost:0", "0.0.0.0:80". Names other than localhost are not resolved.
struct Listen {
  std::string host;  ///< an address literal, without brackets
  std::uint16_t port = 0;
  [[nodiscard]] bool loopback() const;
};
[[nodiscard]] tl::expected<Listen, std::string> parse_listen(std::string_view text);

/// Host of an authority ("[::1]:80" -> "::1"), lower case; nullopt when it is not one.
[[nodiscard]] std::optional<std::string> authority_host(std::string_view authority);
[[nodiscard]] bool is_loopback_name(std::string_view host);

/// Parts of a request that are looked at before anything else.
struct Head {
  std::optional<std::string> host = {}, origin = {}, fetch_site = {}, authorization = {};
  unsigned hosts = 1;  ///< how often each came
  unsigned authorizations = 0;
  unsigned content_lengths = 0;
  bool transfer_encoding = false;
};

/// What a request needs beyond being one.
enum class Access { nothing, any_token, read, write, metrics };
/// Of a route; null: nothing is served there, which only who has a token may learn.
[[nodiscard]] Access access_of(const Route* route) noexcept;

class Guard {
 public:
  /// Without tokens everybody may do everything.
  Guard(Listen listen, Tokens tokens) : listen_{std::move(listen)}, tokens_{std::move(tokens)} {}

  /// Who asks, or why not.
  [[nodiscard]] tl::expected<Principal, Refusal> check(const Head& head, Access access,
                                                       session::Millis now) const;
  [[nodiscard]] const Listen& listen() const noexcept { return listen_; }
  void set_tokens(Tokens tokens) { tokens_ = std::move(tokens); }

 private:
  [[nodiscard]] std::optional<Refusal> check_origin(const Head& head) const;
  [[nodiscard]] tl::expected<Principal, Refusal> check_token(const Head& head, Access access,
                                                             session::Millis now) const;
  [[nodiscard]] bool host_is_ours(std::string_view host) const;

  Listen listen_;
  Tokens tokens_;
};

}  // namespace auralink::api
