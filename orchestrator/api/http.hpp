// SPDX-License-Identifier: LGPL-2.1-or-later
// One request and its answer as plain values, so that everything but server.cpp is free of sockets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auralink::api {

struct Request {
  std::string method;
  std::string path;   ///< still percent-encoded, without query
  std::string query;  ///< still percent-encoded, without '?'
  std::string body;
  std::optional<std::string> content_type;
  std::optional<std::string> accept;
  std::optional<std::string> if_match, if_none_match;
  std::optional<std::string> last_event_id;
  std::optional<std::string> idempotency_key;
  std::string principal = {};  ///< name of the token it came with; empty: no tokens are needed
};

struct Reply {
  /// What happens after the head of the answer.
  enum class Then {
    done,    ///< `body` is the answer
    events,  ///< a stream of server-sent events after `after`; nullopt: only new ones
    graph,   ///< answered when the graph of conference `subject` arrives
  };
  unsigned status = 200;
  std::string content_type = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  Then then = Then::done;
  std::optional<std::int64_t> after = {};
  std::string subject = {};
};

/// %XX decoding of one path segment or query part; nullopt for a broken escape or a control character.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// "a=1&b=2"; nullopt when an escape is broken or a name comes twice.
[[nodiscard]] std::optional<std::map<std::string, std::string>> parse_query(std::string_view query);

}  // namespace auralink::api
