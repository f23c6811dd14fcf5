// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything of a request but its body: the head as it comes from the socket, and what is in its fields. The
// first byte says which reader gets the rest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "orchestrator/api/etag.hpp"
#include "orchestrator/api/head_screen.hpp"
#include "orchestrator/api/idempotency.hpp"
#include "orchestrator/api/tokens.hpp"

namespace {

using namespace auralink::api;

void check(bool holds) {
  if (!holds) std::abort();
}

/// However a head is cut on its way, it is judged alike once it is whole.
void read_head(std::string_view text) {
  const auto whole = screen_head(text);
  if (const auto* refusal = std::get_if<Refusal>(&whole)) {
    check(refusal->status >= 400 && refusal->status < 600 && !refusal->detail.empty());
    return;
  }
  const auto* complete = std::get_if<HeadComplete>(&whole);
  for (const auto part : {text.size() / 2, text.size() == 0 ? 0 : text.size() - 1}) {
    const auto early = screen_head(text.substr(0, part));
    if (complete == nullptr || part < complete->bytes) check(std::holds_alternative<HeadIncomplete>(early));
  }
  if (complete == nullptr) return;
  check(complete->bytes <= text.size());
  const auto head = text.substr(0, complete->bytes);
  check(head.ends_with("\r\n\r\n") && head.find('\0') == std::string_view::npos);
}

void read_tags(std::string_view text) {
  const auto list = TagList::parse(text);
  const Tag tag{.version = "1", .digest = "abc"};
  if (list && list->any()) check(list->has_answer(tag) && list->knows_version(tag));
}

void read_key(std::string_view text) {
  if (const auto key = parse_idempotency_key(text)) check(!key->empty() && key->size() <= 255);
}

void read_tokens(std::string_view text) {
  static_cast<void>(parse_time(text));
  const auto tokens = Tokens::parse(text);
  if (tokens) check(!tokens->empty() && tokens->find("", auralink::session::Millis{0}).principal == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0]) {
    case 'e':
      read_tags(rest);
      break;
    case 'i':
      read_key(rest);
      break;
    case 't':
      read_tokens(rest);
      break;
    default:
      read_head(rest);
      break;
  }
  return 0;
}
