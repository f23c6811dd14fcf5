// SPDX-License-Identifier: LGPL-2.1-or-later
// The head of a request, looked at before the HTTP library sees a byte of it. Whatever two programs could
// read in two ways is refused here (RFC 9112 section 11.2), with a body that says what was wrong. Pure;
// fuzzed by tests/fuzz/head_fuzz.cpp.
#pragma once

#include <string_view>
#include <variant>

#include "orchestrator/api/problem.hpp"

namespace auralink::api {

struct HeadLimits {
  std::size_t bytes = std::size_t{32} << 10U;  ///< request line and fields
  std::size_t line = std::size_t{16} << 10U;   ///< request line
  std::size_t fields = 100;
};

struct HeadIncomplete {};  ///< nothing wrong so far
struct HeadComplete {
  std::size_t bytes = 0;  ///< with the empty line
};

/// `bytes` is what has arrived so far, from the first byte on.
[[nodiscard]] std::variant<HeadIncomplete, HeadComplete, Refusal> screen_head(std::string_view bytes,
                                                                              const HeadLimits& limits = {});

}  // namespace auralink::api
