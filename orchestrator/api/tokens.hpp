// SPDX-License-Identifier: LGPL-2.1-or-later
// Bearer tokens and what they allow. Only SHA-256 digests are kept: tokens have enough entropy that nothing
// slower is needed, and neither this process nor its files can give one away. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/model.hpp"

namespace auralink::api {

enum class Scope { read, write, metrics, admin };  ///< admin: all of them

/// Whom a token speaks for.
struct Principal {
  std::string name = {};  ///< empty: nobody in particular, this daemon asks for no token
  std::array<bool, 4> scopes = {};

  [[nodiscard]] bool may(Scope scope) const noexcept {
    return scopes[static_cast<std::size_t>(scope)] || scopes[static_cast<std::size_t>(Scope::admin)];
  }
};

/// True when equal; takes as long for a wrong guess as for the right one of the same length.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view wanted) noexcept;

/// At least 16 printable bytes; surrounding white space of the file is not part of it.
[[nodiscard]] tl::expected<std::string, std::string> check_token(std::string_view file_content);

class Tokens {
 public:
  /// [{"name":"ci","sha256":"<64 hex digits>","scopes":["read","write"],"expires":"2027-01-01T00:00:00Z"}]
  [[nodiscard]] static json::Checked<Tokens> parse(std::string_view file_content);

  /// A token from check_token() that may do everything, under the name "token".
  void add_single(std::string_view token);

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  struct Found {
    const Principal* principal = nullptr;  ///< null: no such token
    bool expired = false;
  };
  /// Looks at every entry whatever was given.
  [[nodiscard]] Found find(std::string_view token, session::Millis now) const;

 private:
  struct Entry {
    Principal principal;
    std::string sha256;
    std::optional<session::Millis> expires;
  };
  std::vector<Entry> entries_;
};

[[nodiscard]] std::string_view to_string(Scope) noexcept;

/// "2027-01-01T00:00:00Z", also with milliseconds; UTC only.
[[nodiscard]] std::optional<session::Millis> parse_time(std::string_view text);

}  // namespace auralink::api
