// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line tool: one command, then an exit status.
#include <csignal>
#include <cstdlib>

#include "orchestrator/ctl/completion.hpp"
#include "orchestrator/ctl/discovery.hpp"
#include "orchestrator/ctl/files.hpp"
#include "orchestrator/ctl/local.hpp"
#include "orchestrator/ctl/remote.hpp"
#include "orchestrator/ctl/token.hpp"

namespace {

using namespace auralink::ctl;

std::optional<std::string> from_environment(std::string_view name) {
  const char* value = std::getenv(std::string{name}.c_str());
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

Exit carry_out(const Invocation& invocation, Terminal& terminal) {
  if (invocation.version) {
    terminal.out("auralinkctl " AURALINK_VERSION "\n");
    return Exit::ok;
  }
  if (invocation.help) {
    terminal.out(help_text(invocation.help_for));
    return Exit::ok;
  }
  if (invocation.command->path() == "completion") {
    terminal.out(invocation.argument(0) == "zsh" ? zsh_completion() : bash_completion());
    return Exit::ok;
  }
  if (invocation.command->path() == "token new") return new_token(invocation, terminal);
  if (!needs_daemon(*invocation.command)) return run_local(invocation, terminal);
  const auto endpoint =
      discover({invocation.value("url"), invocation.value("state-dir"), invocation.value("token-file")},
               from_environment, [](const std::string& path) { return read_file(path, 65536); });
  if (!endpoint) {
    terminal.complain(endpoint.error().why);
    return endpoint.error().usage ? Exit::usage : Exit::unreachable;
  }
  Client client{*endpoint};
  return run_remote(invocation, client, terminal);
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that has gone is told by the failed write, not by a signal in the middle of one.
  std::signal(SIGPIPE, SIG_IGN);
  Terminal terminal{stdout, stderr};
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto invocation = parse_command_line(words);
  if (!invocation) {
    terminal.complain(invocation.error());
    terminal.note("`auralinkctl --help` tells what there is.");
    return static_cast<int>(Exit::usage);
  }
  const Exit exit = carry_out(*invocation, terminal);
  if (!terminal.flush() && exit == Exit::ok) return static_cast<int>(Exit::failed);
  return static_cast<int>(exit);
}
