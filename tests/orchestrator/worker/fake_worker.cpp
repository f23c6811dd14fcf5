// SPDX-License-Identifier: LGPL-2.1-or-later
// A fake of auralink-worker, for faults that a real one does not produce: garbage, oversized and unparsable
// frames, silence, crashes, ignored signals. No media. What it does follows from GST_FAKE_WORKER before it
// has a conference, and from the conference's id afterwards.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "orchestrator/worker/frame.hpp"
#include "worker.pb.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace {

using auralink::worker::v1::BranchChange;
using auralink::worker::v1::Ended;
using auralink::worker::v1::FromWorker;
using auralink::worker::v1::Start;
using auralink::worker::v1::ToWorker;

constexpr int kChannel = 3;
std::uint32_t epoch = 0;
std::string conference;

void write_all(const std::string& bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto wrote = ::write(kChannel, bytes.data() + at, bytes.size() - at);
    if (wrote <= 0) ::_exit(9);
    at += static_cast<std::size_t>(wrote);
  }
}
void say(FromWorker message) {
  message.set_epoch(epoch);
  write_all(auralink::worker::frame(message));
}
void say_line(const std::string& line) {
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

void hello(std::uint32_t protocol) {
  FromWorker message;
  message.mutable_hello()->set_pid(::getpid());
  message.mutable_hello()->set_protocol(protocol);
  say(message);
}

void branch(const std::string& name, BranchChange::State state) {
  FromWorker message;
  auto& change = *message.mutable_branch();
  change.set_name(name);
  change.set_state(state);
  change.set_bytes(1234);
  change.set_duration_ns(5'000'000'000);
  if (state == BranchChange::FAILED) change.set_error("cannot write rtmp://host/app/secret-stream-key");
  say(message);
}

[[noreturn]] void forever() {
  for (;;) ::pause();
}

/// What a worker inherited, told as a "graph".
void report() {
  std::string text = "pgid=" + std::string{::getpgrp() == ::getpid() ? "own" : "shared"} + "\n";
  text += "nice " + std::to_string(::getpriority(PRIO_PROCESS, 0)) + "\n";
  for (char** entry = environ; *entry != nullptr; ++entry) text += std::string{"env "} + *entry + "\n";
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    while (const auto* item = ::readdir(folder))
      if (item->d_name[0] != '.' && std::atoi(item->d_name) != ::dirfd(folder))
        text += std::string{"fd "} + item->d_name + "\n";
    ::closedir(folder);
  }
  FromWorker message;
  message.mutable_graph()->set_dot(text);
  say(message);
}

void run_conference(const Start& start) {
  conference = start.conference();
  epoch = start.epoch();
  if (conference == "garbage") write_all("this is no frame at all");
  if (conference == "oversize") write_all(std::string{"\0\x50\0\0", 4});
  if (conference == "unparsable") write_all(auralink::worker::frame(std::string_view{"\xff\xff\xff\xff"}));
  if (conference == "exit3") ::_exit(3);
  if (conference == "closes") {
    ::close(kChannel);
    forever();
  }
  if (conference == "crash") {
    say_line("about to fall\nover");
    std::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  }
  if (conference == "stubborn") std::signal(SIGTERM, SIG_IGN);
  if (conference == "epoch") epoch += 7;
  FromWorker running;
  running.mutable_running();
  say(running);
  if (conference == "unknown-state") return branch("record", BranchChange::STATE_UNSPECIFIED);
  for (const auto& [name, path] : start.paths()) branch(name, BranchChange::ACTIVE);
}

void stop() {
  if (conference == "stubborn") return;
  FromWorker message;
  message.mutable_ended()->set_class_(Ended::STOPPED);
  message.mutable_ended()->set_reason("asked to stop, password=hunter2");
  say(message);
  ::_exit(0);
}

void obey(const ToWorker& order) {
  switch (order.body_case()) {
    case ToWorker::kStart:
      return run_conference(order.start());
    case ToWorker::kAddBranch:
      return branch(order.add_branch().name(),
                    order.add_branch().name() == "broken" ? BranchChange::FAILED : BranchChange::ACTIVE);
    case ToWorker::kRemoveBranch:
      branch(order.remove_branch().name(), BranchChange::DRAINING);
      return branch(order.remove_branch().name(), BranchChange::REMOVED);
    case ToWorker::kStop:
      return stop();
    case ToWorker::kDumpGraph:
      return report();
    default:
      return;
  }
}

}  // namespace

int main() {
  const char* given = std::getenv("GST_FAKE_WORKER");
  const std::string mode = given == nullptr ? "" : given;
  if (mode == "crash") ::_exit(4);
  if (mode == "silent") forever();
  hello(mode == "wrong-protocol" ? 99 : 1);
  auralink::worker::FrameReader reader;
  std::uint8_t bytes[4096];
  for (;;) {
    const auto got = ::read(kChannel, bytes, sizeof bytes);
    if (got <= 0) return 0;  // the daemon let go
    if (!reader.feed({bytes, static_cast<std::size_t>(got)})) return 8;
    while (const auto payload = reader.next()) {
      ToWorker order;
      if (!order.ParseFromString(*payload)) return 8;
      obey(order);
    }
  }
}
