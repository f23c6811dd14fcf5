// SPDX-License-Identifier: LGPL-2.1-or-later
// One conference's process. Started by auralinkd with the channel on descriptor 3; or by hand with
// --standalone DESCRIPTION, which runs a resolved description and prints its news as JSON lines.
#include <glib-unix.h>
#include <google/protobuf/util/json_util.h>
#include <gst/gst.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/pipeline/description.hpp"
#include "orchestrator/worker/agent.hpp"
#include "orchestrator/worker/lifeline.hpp"
#include "orchestrator/worker/privacy.hpp"

namespace {

using auralink::worker::Agent;
using auralink::worker::Lifeline;
namespace v1 = auralink::worker::v1;

struct Loop {
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  int status = 0;
  Loop() = default;
  ~Loop() { g_main_loop_unref(loop); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  void quit(int with) {
    status = with;
    // Not at once: the caller may stand deep inside what the end of the loop destroys.
    g_idle_add_full(
        G_PRIORITY_LOW,
        [](gpointer l) -> gboolean { return g_main_loop_quit(static_cast<GMainLoop*>(l)), FALSE; }, loop,
        nullptr);
  }
};

/// What SIGTERM and SIGINT do, for as long as this lives; the times it was asked are counted from 1.
class Signals {
 public:
  explicit Signals(std::function<void(unsigned times)> asked) : asked_{std::move(asked)} {
    g_unix_signal_add(SIGTERM, &Signals::on_signal, this);
    g_unix_signal_add(SIGINT, &Signals::on_signal, this);
  }
  ~Signals() {
    while (g_source_remove_by_user_data(this) != FALSE) {
    }
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  static gboolean on_signal(gpointer data) {
    auto* self = static_cast<Signals*>(data);
    self->asked_(++self->times_);
    return G_SOURCE_CONTINUE;
  }
  std::function<void(unsigned)> asked_;
  unsigned times_ = 0;
};

constexpr const char* kAsked = "asked by a signal";

/// First: finish the files. Second: end now.
void wind_down(Agent& agent, unsigned times) {
  if (times == 1) return agent.wind_down(kAsked);
  agent.end_now(kAsked);
}

/// Runs what the daemon on descriptor 3 asks for, and goes on under the next one when that is wanted.
class Service {
 public:
  int run() {
    agent_.hello();
    g_main_loop_run(loop_.loop);
    lifeline_.flush(kLastWords);
    return loop_.status;
  }

 private:
  static constexpr std::chrono::seconds kLastWords{2};

  /// A conference that ended while nobody listened is told to the next daemon, if one comes in time.
  void done(int status) {
    status_ = status;
    if (!lifeline_.waiting()) loop_.quit(status);
  }
  void adopted() {
    agent_.replay();
    if (agent_.ended()) loop_.quit(status_);
  }
  void asked(unsigned times) {
    lifeline_.no_rescue();
    if (agent_.ended()) return loop_.quit(status_);
    wind_down(agent_, times);
  }
  void alone(const std::string& reason) {
    if (agent_.ended()) return loop_.quit(status_);
    agent_.wind_down(reason);
  }

  Loop loop_;
  int status_ = 0;
  Agent agent_{[this](const v1::FromWorker& message) { lifeline_.send(message); },
               [this](int status) { done(status); },
               [this](const std::string& socket) { return lifeline_.rescue_at(socket); }};
  Lifeline lifeline_{auralink::worker::kWorkerFd,
                     {.on_message = [this](std::string_view payload) { agent_.on_command(payload); },
                      .on_adopted = [this] { adopted(); },
                      .on_alone = [this](const std::string& reason) { alone(reason); }}};
  Signals signals_{[this](unsigned times) { asked(times); }};
};

/// File name of every branch under `output`, for a run without a daemon.
void fill_paths(const std::string& description, const std::string& output, v1::Start& start) {
  const auto document = auralink::json::parse(description);
  const auto parsed =
      document ? auralink::pipeline::parse_description(*document)
               : auralink::json::Checked<auralink::pipeline::Description>{tl::unexpected(document.error())};
  if (!parsed) return;  // Agent::start complains in detail
  for (const auto& [name, branch] : parsed->branches) {
    const auto* recording = auralink::pipeline::as_file(branch);
    if (recording == nullptr) continue;
    const auto container = recording->container;
    const auto path =
        std::filesystem::path{output} / (name + std::string{auralink::pipeline::suffix_of(container)});
    if (container == auralink::pipeline::Container::segments) std::filesystem::create_directories(path);
    (*start.mutable_paths())[name] = path.string();
  }
}

int standalone(const std::string& file, const std::string& output) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return std::fprintf(stderr, "auralink-worker: cannot read %s\n", file.c_str()), 2;
  Loop loop;
  Agent agent{[](const v1::FromWorker& message) {
                std::string line;
                google::protobuf::util::JsonPrintOptions options;
                options.preserve_proto_field_names = true;
                if (google::protobuf::util::MessageToJsonString(message, &line, options).ok())
                  std::fprintf(stdout, "%s\n", line.c_str()), std::fflush(stdout);
              },
              [&](int status) { loop.quit(status); }};
  const Signals signals{[&agent](unsigned times) { wind_down(agent, times); }};
  agent.hello();
  v1::Start start;
  start.set_conference("standalone");
  start.set_epoch(1);
  start.set_log_level(GST_LEVEL_WARNING);
  start.set_description(std::string{std::istreambuf_iterator<char>{in}, {}});
  fill_paths(start.description(), output, start);
  agent.start(start);
  g_main_loop_run(loop.loop);
  return loop.status;
}

constexpr const char* kUsage =
    "usage: auralink-worker                                    (by auralinkd, channel on descriptor 3)\n"
    "       auralink-worker --core-dumps                       (the same, and may leave core dumps)\n"
    "       auralink-worker --standalone FILE [--output DIR]   (runs a resolved description)\n"
    "       auralink-worker --version\n";

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> args(argv + 1, argv + argc);
  if (args.size() == 1 && args[0] == "--version") return std::puts("auralink-worker " AURALINK_VERSION) < 0;
  const bool alone =
      (args.size() == 2 || (args.size() == 4 && args[2] == "--output")) && args[0] == "--standalone";
  const bool dumps = args.size() == 1 && args[0] == "--core-dumps";
  if (!args.empty() && !alone && !dumps) return std::fputs(kUsage, stderr), 2;
  if (!alone) auralink::worker::be_first_to_go();
  if (!dumps) auralink::worker::keep_memory_private();
  // The daemon reads what is printed here; without one, printing must not end this process.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  gst_init(nullptr, nullptr);
  return alone ? standalone(std::string{args[1]}, args.size() == 4 ? std::string{args[3]} : ".")
               : Service{}.run();
}
