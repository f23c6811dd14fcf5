// SPDX-License-Identifier: LGPL-2.1-or-later
// Idempotency-Key: a repeated POST gets the first answer and is not carried out again. After the IETF draft
// draft-ietf-httpapi-idempotency-key-header.
//
// Before a request is carried out its key is noted as begun; a daemon that ends in between finds that note
// and says so (409) instead of guessing. Only successes are remembered: what was refused changed nothing and
// may be tried again.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "orchestrator/api/http.hpp"
#include "orchestrator/api/problem.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::api {

/// 1 to 255 visible ASCII characters, plain or as a quoted string (RFC 8941); both spell the same key.
[[nodiscard]] tl::expected<std::string, Refusal> parse_idempotency_key(std::string_view header);

class Replays {
 public:
  static constexpr session::Millis kKept{std::chrono::hours{24}};

  Replays(session::ReplyMemory& memory, const session::Clock& clock) : memory_{memory}, clock_{clock} {}

  /// `work` unless this principal did it before under this key. The memory may throw; then nothing was done,
  /// or it is noted as begun.
  [[nodiscard]] Reply once(const std::string& principal, const std::string& key, const Request& request,
                           const std::function<Reply()>& work);

 private:
  session::ReplyMemory& memory_;
  const session::Clock& clock_;
};

}  // namespace auralink::api
