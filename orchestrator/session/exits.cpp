// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/exits.hpp"

#include <csignal>

namespace auralink::session {
namespace {

/// Signals somebody sends, as opposed to those a fault raises.
bool is_sent(int signo) {
  return signo == SIGKILL || signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT;
}

std::string with_detail(std::string sentence, const std::string& detail) {
  return detail.empty() ? sentence : sentence + ": " + detail;
}

Verdict judge_signal(const WorkerExit& exit, const std::optional<Intent>& intent) {
  // The host kills a worker that breaks the protocol and says so; that is the worker's fault, not the
  // signal's.
  if (exit.said == ExitClass::crashed)
    return {ExitClass::crashed, with_detail("the worker crashed", exit.reason)};
  const std::string signal = "signal " + std::to_string(exit.signo);
  if (!is_sent(exit.signo))
    return {ExitClass::crashed, with_detail("the worker crashed with " + signal, exit.reason)};
  if (intent && intent->forced)
    return {ExitClass::killed,
            "the worker did not finish in time after \"" + intent->reason + "\" and was killed"};
  return {ExitClass::killed, with_detail("the worker was killed with " + signal, exit.reason)};
}

Verdict judge_status(const WorkerExit& exit, const std::optional<Intent>& intent) {
  // The host could not see a status and nothing was said: not even an order to stop makes that a clean end.
  if (exit.said == ExitClass::crashed)
    return {ExitClass::crashed, with_detail("the worker crashed", exit.reason)};
  const bool failed = exit.said == ExitClass::failed_source || exit.said == ExitClass::failed_sink;
  if (failed) return {*exit.said, exit.reason.empty() ? "the worker reported a failure" : exit.reason};
  const std::string status = "exit status " + std::to_string(exit.code);
  if (exit.code != 0)
    return {ExitClass::crashed, with_detail("the worker ended with " + status, exit.reason)};
  if (intent) return {intent->how, intent->reason, true};
  if (exit.said) return {*exit.said, exit.reason.empty() ? "the source ended" : exit.reason, true};
  return {ExitClass::crashed, "the worker ended without saying why"};
}

}  // namespace

Verdict judge_exit(const WorkerExit& exit, const std::optional<Intent>& intent) {
  if (exit.oom)
    return {ExitClass::oom, "the worker used more memory than it may and was killed by the kernel"};
  // A worker we gave up on ends because of us, however it went down.
  const bool given_up =
      intent && (intent->how == ExitClass::stalled || intent->how == ExitClass::failed_source);
  if (given_up) return {intent->how, intent->reason};
  return exit.signo != 0 ? judge_signal(exit, intent) : judge_status(exit, intent);
}

}  // namespace auralink::session
