// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the daemon is and how to be let in. Pure: environment and files are asked through functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace auralink::ctl {

using Environment = std::function<std::optional<std::string>(std::string_view)>;
using ReadFile =
    std::function<std::optional<std::string>(const std::string& path)>;  ///< nullopt: cannot be read

struct Wanted {
  std::optional<std::string> url = {}, state_dir = {}, token_file = {};  ///< from the command line
};

struct Endpoint {
  std::string url;    ///< "http://127.0.0.1:4711", no trailing slash
  std::string token;  ///< empty: none
};

struct Refused {
  bool usage = false;  ///< the command line is wrong; else the daemon is not there
  std::string why;
};

/// The daemon's default state folder: $XDG_STATE_HOME/auralink, else ~/.local/state/auralink.
[[nodiscard]] std::string default_state_dir(const Environment&);

/// --url, else $AURALINK_URL, else <state folder>/auralinkd.url. The token comes from --token-file, else from
/// $AURALINK_TOKEN_FILE; it never stands in an argument or in the environment itself. A token is refused for
/// http:// off loopback: it would travel in clear.
[[nodiscard]] tl::expected<Endpoint, Refused> discover(const Wanted&, const Environment&, const ReadFile&);

}  // namespace auralink::ctl
