// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/remote.hpp"

#include <array>
#include <deque>

#include "orchestrator/ctl/api.hpp"
#include "orchestrator/ctl/files.hpp"
#include "orchestrator/ctl/format.hpp"

namespace auralink::ctl {
namespace {

constexpr std::string_view kConferences = "/v1/conferences";
constexpr std::string_view kRecordings = "/v1/recordings";
constexpr std::size_t kWatchedEvents = 200;

/// One command being carried out.
class Run {
 public:
  Run(const Invocation& invocation, Client& client, Terminal& terminal)
      : invocation_{invocation}, api_{client, terminal}, terminal_{terminal} {}

  Exit status() { return show(api_.get("/status"), format_status); }
  Exit pipelines_list() { return show(api_.get("/v1/pipelines"), format_pipelines); }
  Exit pipelines_show() { return show(api_.get("/v1/pipelines/" + escaped(0)), format_pipeline); }
  Exit conference_list() {
    return show(api_.list(std::string{kConferences}, query({"state"})), format_conferences);
  }
  Exit conference_show() { return show(api_.get(conference()), format_conference); }
  Exit branch_list() { return show(api_.get(conference() + "/branches"), format_branches); }
  Exit record_list() {
    return show(api_.list(std::string{kRecordings}, query({"conference", "state"})), format_recordings);
  }
  Exit record_show() { return show(api_.get(recording(invocation_.argument(0))), format_recording); }

  Exit conference_create() {
    auto parameters = parameters_of(invocation_);
    if (!parameters) return fail({Exit::usage, parameters.error()});
    json::Value body{{"pipeline", invocation_.argument(0)}, {"parameters", std::move(*parameters)}};
    std::string path{kConferences};
    // With a name of the caller's the command can be repeated without starting a second conference.
    const auto id = invocation_.value("id");
    if (id) path += "/" + segment(*id);
    const auto made = api_.call(id ? "PUT" : "POST", path, body);
    if (!made) return fail(made.error());
    const std::string one = std::string{kConferences} + "/" + segment(text_of(*made, "id"));
    if (invocation_.has("wait")) return outcome(await_end(text_of(*made, "id")), made, format_conference);
    if (invocation_.has("wait-running"))
      return outcome(api_.await({one, conference_running, conference_progress}), made, format_conference);
    return show(made, format_conference);
  }

  Exit conference_stop() {
    const auto stopped = api_.call("POST", conference() + "/stop");
    if (!stopped || !invocation_.has("wait")) return show(stopped, format_conference);
    return outcome(await_end(invocation_.argument(0)), stopped, format_conference);
  }

  Exit conference_wait() { return show(await_end(invocation_.argument(0)), format_conference); }

  Exit conference_rm() {
    const auto removed = api_.call("DELETE", conference());
    if (!removed) return fail(removed.error());
    if (removed->is_object()) return show(removed, format_conference);
    return Exit::ok;
  }

  Exit conference_graph() {
    const auto dot = api_.text(conference() + "/graph");
    if (!dot) return fail(dot.error());
    if (invocation_.value("format") != "svg") return deliver(invocation_, terminal_, *dot);
    const auto svg = draw_svg(*dot);
    if (!svg) return fail({Exit::failed, svg.error()});
    return deliver(invocation_, terminal_, *svg);
  }

  Exit branch_add() {
    json::Value body = json::Value::object();
    if (const auto file = invocation_.value("file")) {
      for (const auto* option :
           {"container", "path", "input", "on-error", "tracks", "participant", "preset", "previews"})
        if (invocation_.has(option))
          return fail({Exit::usage, "--file and --" + std::string{option} + " exclude each other"});
      const auto text = read_file(*file);
      if (!text) return fail({Exit::usage, "cannot read " + *file});
      auto parsed = json::parse(*text);
      if (!parsed) return fail({Exit::usage, *file + ":\n" + format_violations(parsed.error())});
      body = std::move(*parsed);
    } else {
      body["kind"] = "file";
      body["container"] = invocation_.value("container").value_or("mp4");
      add_choices(body);
      if (const auto inputs = invocation_.values("input"); !inputs.empty()) body["inputs"] = inputs;
      if (const auto on_error = invocation_.value("on-error")) body["onError"] = *on_error;
    }
    const auto added = api_.call("PUT", branch(), body);
    if (!added || !invocation_.has("wait")) return show(added, one_branch);
    return outcome(api_.await({branch(), branch_active, branch_progress}), added, one_branch);
  }

  Exit branch_rm() {
    const auto removed = api_.call("DELETE", branch());
    if (!removed || !invocation_.has("wait")) return show(removed, one_branch);
    return outcome(api_.await({branch(), branch_gone, branch_progress, Outcome::good}), removed, one_branch);
  }

  Exit record_start() {
    json::Value body{{"conference", invocation_.argument(0)},
                     {"container", invocation_.value("container").value_or("mp4")}};
    add_choices(body);
    auto metadata = metadata_given();
    if (!metadata) return fail({Exit::usage, metadata.error()});
    if (!metadata->empty()) body["metadata"] = std::move(*metadata);
    // With a name of the caller's the command can be repeated without starting a second recording.
    const auto id = invocation_.value("id");
    const auto started = api_.call(id ? "PUT" : "POST", id ? recording(*id) : std::string{kRecordings}, body);
    if (!started || !invocation_.has("wait")) return show(started, format_recording);
    return outcome(api_.await({recording(text_of(*started, "id")), recording_complete, recording_progress}),
                   started, format_recording);
  }

  Exit record_pause() { return show(api_.call("POST", this_recording() + "/pause"), format_recording); }
  Exit record_resume() { return show(api_.call("POST", this_recording() + "/resume"), format_recording); }

  Exit record_set() {
    auto metadata = metadata_given();
    if (!metadata) return fail({Exit::usage, metadata.error()});
    for (const auto& name : invocation_.values("unset")) (*metadata)[name] = nullptr;
    if (metadata->empty())
      return fail({Exit::usage, "nothing to change: --title, --organizer, --set or --unset"});
    return show(api_.call("PATCH", this_recording(), json::Value{{"metadata", std::move(*metadata)}}),
                format_recording);
  }

  Exit record_rm() {
    const auto removed = api_.call("DELETE", this_recording());
    return removed ? Exit::ok : fail(removed.error());
  }

  Exit openapi() {
    const auto text = api_.text("/openapi.json");
    if (!text) return fail(text.error());
    const auto value = json::Value::parse(*text, nullptr, false);
    return deliver(invocation_, terminal_, value.dump(2) + '\n');
  }

  Exit record_stop() {
    const std::string path = recording(invocation_.argument(0));
    const auto stopped = api_.call("POST", path + "/stop");
    if (!stopped || !invocation_.has("wait")) return show(stopped, format_recording);
    return outcome(api_.await({path, recording_complete, recording_progress}), stopped, format_recording);
  }

  Exit record_wait() {
    return show(api_.await({recording(invocation_.argument(0)), recording_complete, recording_progress}),
                format_recording);
  }

  Exit events();
  Exit watch();

  Exit completion_names() {
    const std::string kind = invocation_.argument(0);
    const bool branches = kind == "branches";
    if (branches && invocation_.argument(1).empty()) return Exit::ok;
    const std::string path =
        branches ? std::string{kConferences} + "/" + segment(invocation_.argument(1)) + "/branches"
                 : "/v1/" + kind;
    const auto answer = api_.list(path);
    if (!answer) return answer.error().exit;  // in the middle of typing: no words
    for (const auto& item : member(*answer, "items"))
      terminal_.out(printable(text_of(item, "id", text_of(item, "name"))) + '\n');
    return Exit::ok;
  }

 private:
  using Format = std::string (*)(const json::Value&);

  static std::string one_branch(const json::Value& branch) {
    return format_branches(json::Value::array({branch}));
  }

  Exit fail(const Failure& failure) {
    terminal_.complain(failure.why);
    return failure.exit;
  }
  void print(const json::Value& value, Format format) {
    if (value.is_null()) return;
    terminal_.out(invocation_.has("json")
                      ? value.dump(2, ' ', false, json::Value::error_handler_t::replace) + '\n'
                      : format(value));
  }
  Exit show(const Told<json::Value>& answer, Format format) {
    if (!answer) return fail(answer.error());
    print(*answer, format);
    return Exit::ok;
  }
  /// A conference has ended for whoever waits when its recordings are final too: until then their files are
  /// not yet what they will be.
  Told<json::Value> await_end(const std::string& id) {
    auto ended =
        api_.await({std::string{kConferences} + "/" + segment(id), conference_ended, conference_progress});
    const auto recordings = api_.list(std::string{kRecordings}, "?conference=" + segment(id));
    if (!recordings) return ended;
    for (const auto& one : member(*recordings, "items")) {
      if (recording_final(one) != Outcome::going_on) continue;
      const auto last =
          api_.await({recording(text_of(one, "id")), recording_final, recording_progress, Outcome::good});
      if (!last) return last;
    }
    return ended;
  }
  /// After waiting: the last look at the resource, or the first answer when it is gone by now.
  Exit outcome(const Told<json::Value>& last, const Told<json::Value>& first, Format format) {
    return show(last && last->is_null() ? first : last, format);
  }

  /// What recordings and branches choose alike.
  void add_choices(json::Value& body) const {
    for (const auto* option : {"path", "tracks", "participant", "preset"})
      if (const auto value = invocation_.value(option)) body[option] = *value;
    if (const auto previews = invocation_.value("previews")) {
      if (*previews == "none")
        body["previews"] = false;
      else
        body["previews"] = {{"interval", *previews}};
    }
  }
  /// --title, --organizer and --set as one object.
  [[nodiscard]] tl::expected<json::Value, std::string> metadata_given() const {
    json::Value out = json::Value::object();
    for (const auto* option : {"title", "organizer"})
      if (const auto value = invocation_.value(option)) out[option] = *value;
    for (const auto& pair : invocation_.values("set")) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0)
        return tl::make_unexpected("--set " + pair + ": expected KEY=VALUE");
      const auto text = pair.substr(equals + 1);
      const auto value = json::parse(text);
      out[pair.substr(0, equals)] = value ? *value : json::Value(text);
    }
    return out;
  }

  [[nodiscard]] std::string this_recording() const { return recording(invocation_.argument(0)); }
  [[nodiscard]] std::string escaped(std::size_t index) const { return segment(invocation_.argument(index)); }
  [[nodiscard]] std::string conference() const { return std::string{kConferences} + "/" + escaped(0); }
  [[nodiscard]] std::string branch() const { return conference() + "/branches/" + escaped(1); }
  static std::string recording(const std::string& id) { return std::string{kRecordings} + "/" + segment(id); }
  [[nodiscard]] std::string query(std::initializer_list<std::string_view> options) const {
    std::string text;
    for (const auto option : options)
      if (const auto value = invocation_.value(option))
        text += (text.empty() ? "?" : "&") + std::string{option} + "=" + segment(*value);
    return text;
  }
  [[nodiscard]] bool wanted(const json::Value& event) const {
    const auto conference = invocation_.value("conference"), type = invocation_.value("type");
    const std::string is = text_of(event, "type");
    return (!conference || text_of(event, "conference") == *conference) &&
           (!type || is == *type || is.starts_with(*type + "."));
  }
  void print_event(const json::Value& event) {
    if (!wanted(event)) return;
    terminal_.out(invocation_.has("json")
                      ? event.dump(-1, ' ', false, json::Value::error_handler_t::replace) + '\n'
                      : format_event(event) + '\n');
  }
  Exit followed(const tl::expected<Client::Ended, Unreachable>& ended) {
    if (!ended) return fail({Exit::unreachable, ended.error()});
    return Exit::ok;
  }

  const Invocation& invocation_;
  Api api_;
  Terminal& terminal_;
};

Exit Run::events() {
  const auto after = invocation_.value("after");
  if (after && after->find_first_not_of("0123456789") != std::string::npos)
    return fail({Exit::usage, "--after: expected the number of an event"});
  if (invocation_.has("no-follow")) {
    std::string cursor = after.value_or("0");
    for (;;) {
      const auto page = api_.get("/v1/events?after=" + cursor);
      if (!page) return fail(page.error());
      for (const auto& event : member(*page, "items")) print_event(event);
      const std::string next = text_of(*page, "next");
      if (next.empty() || next == cursor || member(*page, "items").empty()) return Exit::ok;
      cursor = next;
    }
  }
  Client::Follow follow;
  follow.after = after;
  follow.on_event = [this](const SseEvent& event) {
    if (event.type == "events.lost")
      terminal_.note("auralinkctl: some events are not kept any more");
    else if (const auto value = json::parse(event.data))
      print_event(*value);
    // Piped to a program that has gone: nobody reads any more.
    return terminal_.flush() ? Client::Next::go_on : Client::Next::stop;
  };
  return followed(api_.client().follow(follow));
}

Exit Run::watch() {
  // For a file or a pipe a screen makes no sense: one line per event.
  if (!terminal_.out_is_tty() || invocation_.has("json")) return events();
  Screen screen;
  std::deque<std::string> latest;
  std::optional<Failure> failure;
  Client::Follow follow;
  follow.on_event = [&](const SseEvent& event) {
    if (const auto value = json::parse(event.data)) latest.push_back(format_event(*value));
    if (latest.size() > kWatchedEvents) latest.pop_front();
    return Client::Next::go_on;
  };
  follow.on_tick = [&] {
    for (const auto& [path, into] : {std::pair{std::string{"/status"}, &screen.status},
                                     std::pair{std::string{kConferences}, &screen.conferences},
                                     std::pair{std::string{kRecordings}, &screen.recordings}}) {
      auto answer = path == "/status" ? api_.get(path) : api_.list(path);
      if (!answer) {
        failure = answer.error();
        return Client::Next::stop;
      }
      *into = std::move(*answer);
    }
    screen.events.assign(latest.begin(), latest.end());
    const auto [lines, width] = terminal_.size();
    terminal_.screen(format_screen(screen, lines - 1, width));
    return Client::Next::go_on;
  };
  const auto ended = api_.client().follow(follow);
  if (failure) return fail(*failure);
  return followed(ended);
}

struct Row {
  std::string_view path;
  Exit (Run::*run)();
};
constexpr std::array kRows{
    Row{"status", &Run::status},
    Row{"pipelines list", &Run::pipelines_list},
    Row{"pipelines show", &Run::pipelines_show},
    Row{"conference create", &Run::conference_create},
    Row{"conference list", &Run::conference_list},
    Row{"conference show", &Run::conference_show},
    Row{"conference stop", &Run::conference_stop},
    Row{"conference wait", &Run::conference_wait},
    Row{"conference rm", &Run::conference_rm},
    Row{"conference graph", &Run::conference_graph},
    Row{"branch add", &Run::branch_add},
    Row{"branch rm", &Run::branch_rm},
    Row{"branch list", &Run::branch_list},
    Row{"record start", &Run::record_start},
    Row{"record stop", &Run::record_stop},
    Row{"record pause", &Run::record_pause},
    Row{"record resume", &Run::record_resume},
    Row{"record set", &Run::record_set},
    Row{"record rm", &Run::record_rm},
    Row{"record wait", &Run::record_wait},
    Row{"record list", &Run::record_list},
    Row{"record show", &Run::record_show},
    Row{"events", &Run::events},
    Row{"watch", &Run::watch},
    Row{"openapi", &Run::openapi},
    Row{"completion-names", &Run::completion_names},
};

}  // namespace

bool needs_daemon(const Command& command) {
  for (const auto& row : kRows)
    if (row.path == command.path()) return true;
  return false;
}

Exit run_remote(const Invocation& invocation, Client& client, Terminal& terminal) {
  Run run{invocation, client, terminal};
  for (const auto& row : kRows)
    if (row.path == invocation.command->path()) return (run.*row.run)();
  return Exit::usage;
}

}  // namespace auralink::ctl
