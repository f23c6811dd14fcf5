// SPDX-License-Identifier: LGPL-2.1-or-later
// conference_stdio DESCRIPTION FOLDER: runs one conference without a daemon, for tests that judge its files.
// Branches go to FOLDER/<name><suffix>. Commands, one a line, on standard input:
//   add NAME JSON | remove NAME | pause NAME | resume NAME | stop
// News, one JSON object a line, on standard output: {"branch":…,"state":…,"error":…}, {"stats":{…}} ten times
// a second, {"running":true}, {"ended":REASON}. The end of standard input ends it like stop.
#include <glib-unix.h>
#include <gst/gst.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "orchestrator/pipeline/conference.hpp"

using namespace auralink;
using pipeline::Conference;

namespace {

std::string path_of(const std::filesystem::path& folder, const std::string& name,
                    const pipeline::Branch& branch) {
  const auto container = pipeline::as_file(branch)->container;
  auto path = folder / (name + std::string{pipeline::suffix_of(container)});
  if (pipeline::is_folder(container)) std::filesystem::create_directories(path);
  return path;
}

class Run final : public pipeline::ConferenceObserver {
 public:
  Run(pipeline::Description d, std::filesystem::path folder) : description_{d}, folder_{std::move(folder)} {
    std::map<std::string, std::string> paths;
    for (const auto& [name, branch] : d.branches) paths[name] = path_of(folder_, name, branch);
    conference_ = std::make_unique<Conference>(std::move(d), paths, std::chrono::seconds{10}, *this);
  }

  int run() {
    if (const auto started = conference_->start(); !started) return say({{"ended", started.error()}}), 1;
    const auto on_input = [](gint, GIOCondition, gpointer self) -> gboolean {
      return static_cast<Run*>(self)->read();
    };
    g_unix_fd_add(0, GIOCondition(G_IO_IN | G_IO_HUP), on_input, this);
    const auto on_time = [](gpointer self) -> gboolean {
      return static_cast<Run*>(self)->say_stats(), G_SOURCE_CONTINUE;
    };
    g_timeout_add(100, on_time, this);
    while (!ended_) g_main_context_iteration(nullptr, TRUE);
    return 0;
  }

  void on_running() override { say({{"running", true}}); }
  void on_branch(std::string_view name, session::BranchState state, std::string_view error,
                 const pipeline::BranchFacts& facts) override {
    say({{"branch", name},
         {"state", session::to_string(state)},
         {"error", error},
         {"media", static_cast<double>(facts.media_ns) / 1e9}});
  }
  void on_participant_failed(std::string_view name, std::string_view error) override {
    say({{"participant", name}, {"error", error}});
  }
  void on_ended(pipeline::EndClass, std::string_view reason) override {
    say({{"ended", reason}});
    ended_ = true;
  }

 private:
  static void say(const json::Value& news) {
    std::puts(news.dump().c_str());
    std::fflush(stdout);
  }

  void say_stats() {
    const auto stats = conference_->stats();
    json::Value out{
        {"late", stats.late_frames}, {"branches", json::Value::object()}, {"people", json::Value::array()}};
    for (const auto& [name, facts] : stats.branches)
      out["branches"][name] = {{"media", static_cast<double>(facts.media_ns) / 1e9},
                               {"bytes", facts.bytes},
                               {"dropped", facts.dropped},
                               {"paused", facts.paused}};
    for (const auto& who : stats.participants) out["people"].push_back(who.name);
    say({{"stats", out}});
  }

  bool read() {
    char part[4096];
    const auto count = ::read(0, part, sizeof part);
    if (count <= 0) return conference_->stop(), false;
    text_.append(part, static_cast<std::size_t>(count));
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      command(text_.substr(0, end));
      text_.erase(0, end + 1);
    }
    return true;
  }

  void command(const std::string& line) {
    const auto first = line.find(' ');
    const auto what = line.substr(0, first);
    const auto rest = first == std::string::npos ? std::string{} : line.substr(first + 1);
    if (what == "stop") conference_->stop();
    if (what == "pause" || what == "resume") conference_->pause_branch(rest, what == "pause");
    if (what == "remove") conference_->remove_branch(rest);
    if (what != "add") return;
    const auto name = rest.substr(0, rest.find(' '));
    const auto branch = pipeline::parse_branch(*json::parse(rest.substr(name.size() + 1)), description_);
    if (!branch)
      return say({{"branch", name}, {"state", "refused"}, {"error", branch.error().front().detail}});
    conference_->add_branch(name, *branch, path_of(folder_, name, *branch));
  }

  pipeline::Description description_;
  std::filesystem::path folder_;
  std::string text_;
  bool ended_ = false;
  std::unique_ptr<Conference> conference_;
};

}  // namespace

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  if (argc != 3) return std::fputs("usage: conference_stdio DESCRIPTION FOLDER\n", stderr), 2;
  std::ifstream in{argv[1]};
  const auto document = json::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
  const auto description =
      document ? pipeline::parse_description(*document) : tl::unexpected(document.error());
  if (!description) {
    for (const auto& wrong : description.error())
      std::fprintf(stderr, "%s: %s\n", wrong.pointer.c_str(), wrong.detail.c_str());
    return 2;
  }
  return Run{*description, argv[2]}.run();
}
