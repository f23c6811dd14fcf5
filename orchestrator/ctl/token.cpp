// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/token.hpp"

#include <glib.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "orchestrator/json/json.hpp"

namespace auralink::ctl {
namespace {

constexpr std::size_t kBytes = 32;

/// URL-safe base64 without padding.
std::string printed(const std::array<guchar, kBytes>& bytes) {
  gchar* text = g_base64_encode(bytes.data(), bytes.size());
  std::string out{text};
  g_free(text);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

std::string sha256(const std::string& text) {
  gchar* digest =
      g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.data(), static_cast<gssize>(text.size()));
  std::string out{digest};
  g_free(digest);
  return out;
}

}  // namespace

Exit new_token(const Invocation& invocation, Terminal& terminal) {
  std::array<guchar, kBytes> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    terminal.complain("the system gives no random bytes");
    return Exit::failed;
  }
  const auto token = printed(bytes);
  auto scopes = invocation.values("scope");
  if (scopes.empty()) scopes.emplace_back("read");
  json::Value entry{{"name", invocation.argument(0)}, {"sha256", sha256(token)}, {"scopes", scopes}};
  if (const auto expires = invocation.value("expires")) entry["expires"] = *expires;
  const auto text = [](const json::Value& value) {
    return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
  };
  if (invocation.has("json")) {
    terminal.out(text({{"token", token}, {"entry", entry}}) + "\n");
    return Exit::ok;
  }
  terminal.out(token + "\n");
  terminal.note("This is shown once. Add to the daemon's --tokens-file, then send it SIGHUP:\n" +
                text(entry));
  return Exit::ok;
}

}  // namespace auralink::ctl
