// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may talk to this daemon at all: listening addresses, Host, Origin and bearer tokens. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/api/problem.hpp"

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

/// True when equal; takes as long for a wrong guess as for the right one of the same length.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view wanted) noexcept;

/// At least 16 printable bytes; surrounding white space of the file is not part of it.
[[nodiscard]] tl::expected<std::string, std::string> check_token(std::string_view file_content);

/// Parts of a request that are looked at before anything else.
struct Head {
  std::optional<std::string> host = {}, origin = {}, fetch_site = {}, authorization = {};
  unsigned hosts = 1;  ///< how often each came
  unsigned authorizations = 0;
  unsigned content_lengths = 0;
  bool transfer_encoding = false;
};

class Guard {
 public:
  Guard(Listen listen, std::optional<std::string> token)
      : listen_{std::move(listen)}, token_{std::move(token)} {}

  /// nullopt: go on. `open` routes need no token.
  [[nodiscard]] std::optional<Refusal> check(const Head& head, bool open) const;
  [[nodiscard]] const Listen& listen() const noexcept { return listen_; }

 private:
  [[nodiscard]] std::optional<Refusal> check_origin(const Head& head) const;
  [[nodiscard]] bool host_is_ours(std::string_view host) const;

  Listen listen_;
  std::optional<std::string> token_;
};

}  // namespace auralink::api
