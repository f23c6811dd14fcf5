// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/discovery.hpp"

namespace auralink::ctl {
namespace {

std::string trimmed(std::string text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? std::string{} : text.substr(first);
}

/// host of "http://[::1]:80/x" -> "::1"; "" when the URL is not http(s) or has no host.
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto name = url.substr(0, scheme);
  if (name != "http" && name != "https") return {};
  url.remove_prefix(scheme + 3);
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return {};
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? std::string{} : std::string{authority.substr(1, end - 1)};
  }
  return std::string{authority.substr(0, authority.find(':'))};
}

/// By number, not by how a name begins: 127.example.org is somebody else.
bool loopback(std::string_view host) {
  const bool number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "::1" || (number && host.starts_with("127."));
}

bool clean(std::string_view token) {
  for (const char byte : token)
    if (byte <= ' ' || byte > '~') return false;
  return true;
}

}  // namespace

std::string default_state_dir(const Environment& environment) {
  // A relative XDG folder is to be ignored (XDG base directory specification).
  if (const auto state = environment("XDG_STATE_HOME"); state && state->starts_with('/'))
    return *state + "/auralink";
  return environment("HOME").value_or("") + "/.local/state/auralink";
}

tl::expected<Endpoint, Refused> discover(const Wanted& wanted, const Environment& environment,
                                         const ReadFile& read_file) {
  Endpoint endpoint;
  bool told = true;
  if (wanted.url) {
    endpoint.url = *wanted.url;
  } else if (const auto url = wanted.state_dir ? std::nullopt : environment("AURALINK_URL");
             url && !url->empty()) {
    endpoint.url = *url;
  } else {
    told = false;
    const std::string file = wanted.state_dir.value_or(default_state_dir(environment)) + "/auralinkd.url";
    const auto text = read_file(file);
    if (!text)
      return tl::make_unexpected(Refused{false, "no daemon is running here: " + file + " is not there"});
    endpoint.url = trimmed(*text);
  }
  while (endpoint.url.ends_with('/')) endpoint.url.pop_back();
  const std::string host = host_of(endpoint.url);
  if (host.empty())
    return tl::make_unexpected(
        Refused{told, "expected a URL like http://127.0.0.1:8080 and no credentials in it"});

  auto token_file = wanted.token_file;
  if (!token_file) token_file = environment("AURALINK_TOKEN_FILE");
  if (token_file && !token_file->empty()) {
    const auto text = read_file(*token_file);
    if (!text) return tl::make_unexpected(Refused{true, "cannot read the token from " + *token_file});
    endpoint.token = trimmed(*text);
    if (endpoint.token.empty() || !clean(endpoint.token))
      return tl::make_unexpected(Refused{true, *token_file + " holds no bearer token"});
    if (endpoint.url.starts_with("http://") && !loopback(host))
      return tl::make_unexpected(Refused{true, "a token is not sent to " + host + " without TLS"});
  }
  return endpoint;
}

}  // namespace auralink::ctl
