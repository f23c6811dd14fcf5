// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of commands.hpp. A new command is one row here and one line in the dispatcher.
#include <array>

#include "orchestrator/ctl/commands.hpp"

namespace auralink::ctl {
namespace {

constexpr std::array<std::string_view, 6> kContainers{"mp4", "webm", "mkv", "ogg", "segments", "hls"};
constexpr std::array<std::string_view, 3> kTracks{"both", "video", "audio"};
constexpr std::array<std::string_view, 4> kPresets{"480p", "720p", "1080p", "4k"};
constexpr std::array<std::string_view, 4> kScopes{"read", "write", "metrics", "admin"};
constexpr std::array<std::string_view, 4> kFormats{"launch", "dot", "svg", "json"};
constexpr std::array<std::string_view, 2> kGraphFormats{"dot", "svg"};
constexpr std::array<std::string_view, 1> kSources{"test"};
constexpr std::array<std::string_view, 2> kShells{"bash", "zsh"};
constexpr std::array<std::string_view, 4> kNames{"pipelines", "conferences", "recordings", "branches"};
constexpr std::array<std::string_view, 2> kOnError{"detach", "fail-pipeline"};
constexpr std::array<std::string_view, 5> kConferenceStates{"pending", "starting", "running", "stopping",
                                                            "ended"};
constexpr std::array<std::string_view, 6> kRecordingStates{"starting", "active",      "finalising",
                                                           "complete", "interrupted", "failed"};

// The kinds of options there are, so that a row says only what is its own.
Option flag(std::string_view name, std::string_view help, char letter = 0) {
  return {.name = name, .letter = letter, .help = help};
}
Option text(std::string_view name, std::string_view value, std::string_view help,
            Complete complete = Complete::none) {
  return {.name = name, .value = value, .help = help, .complete = complete};
}
Option choice(std::string_view name, std::string_view value, std::string_view help,
              std::span<const std::string_view> choices) {
  return {.name = name, .value = value, .help = help, .complete = Complete::choice, .choices = choices};
}
Option repeated(Option option) {
  option.repeated = true;
  return option;
}
Option with(char letter, Option option) {
  option.letter = letter;
  return option;
}
Option wait(std::string_view help) { return flag("wait", help, 'w'); }
Option container(std::string_view help) { return choice("container", "KIND", help, kContainers); }

const Option kParameter = with(
    'p', repeated(text("param", "KEY=VALUE", "a parameter; VALUE is JSON, or a string when it is not JSON")));
const Option kParameters =
    text("params", "FILE", "parameters from a JSON object; -p wins over it", Complete::file);
const Option kOutput = with('o', text("output", "FILE", "write there instead of to stdout", Complete::file));
const Option kConference = text("conference", "ID", "only of this conference", Complete::conference);
const Option kPipelines = text("pipelines", "DIR", "folder of descriptions", Complete::directory);
const Option kConfig =
    text("config", "FILE", "configuration that {\"$config\":…} reads, as JSON", Complete::file);
const Option kPath = text("path", "TEMPLATE", "where, beneath the recordings folder");
const Option kTestSource =
    choice("source", "KIND", "test: generated participants instead of its own source", kSources);
const Option kRecordingsFolder =
    text("recordings", "DIR", "where its files go (default: the current folder)", Complete::directory);
const Option kTrackChoice = choice("tracks", "WHICH", "both (default), video or audio", kTracks);
const Option kParticipant = text("participant", "NAME", "this participant alone instead of the mix");
const Option kPreset = choice("preset", "SIZE", "a rendition of its own: 480p, 720p, 1080p or 4k", kPresets);
const Option kPreviews =
    text("previews", "TIME", "a picture for scrubbing so often, such as 10s; none: no pictures");

const Positional kConferenceId{.name = "CONFERENCE", .complete = Complete::conference};
const Positional kRecordingId{.name = "RECORDING", .complete = Complete::recording};
const Positional kPipeline{.name = "PIPELINE", .complete = Complete::pipeline};
const Positional kPipelineName{.name = "NAME|FILE", .complete = Complete::pipeline};

std::vector<Command> conference_commands() {
  return {
      {"conference",
       "create",
       "start a conference from a pipeline description",
       {kPipeline},
       {text("id", "ID", "name it; repeating the command then changes nothing"), kParameter, kParameters,
        flag("wait-running", "return when it runs"),
        wait("return when it has ended and its recordings are final, showing progress")}},
      {"conference",
       "list",
       "conferences, live and ended",
       {},
       {choice("state", "STATE", "only in this state", kConferenceStates)}},
      {"conference", "show", "one conference with its branches and participants", {kConferenceId}},
      {"conference",
       "stop",
       "finalise its recordings and end it",
       {kConferenceId},
       {wait("return when it has ended and its recordings are final")}},
      {"conference", "wait", "return when it has ended and its recordings are final", {kConferenceId}},
      {"conference", "rm", "forget an ended conference, stop a live one; files stay", {kConferenceId}},
      {"conference",
       "graph",
       "the running pipeline as a drawing",
       {kConferenceId},
       {choice("format", "KIND", "dot (default) or svg", kGraphFormats), kOutput}},
  };
}

std::vector<Command> branch_commands() {
  return {
      {"branch",
       "add",
       "add an output to a live conference",
       {kConferenceId, {.name = "NAME"}},
       {container("what to write: mp4 (default), webm, mkv, ogg, segments or hls"), kPath,
        repeated(text("input", "ENCODE", "take this encode; default: all that fit")), kTrackChoice,
        kParticipant, kPreset, kPreviews,
        choice("on-error", "WHAT", "detach (default) or fail-pipeline", kOnError),
        text("file", "FILE", "the whole branch object as JSON instead", Complete::file),
        wait("return when it writes")}},
      {"branch",
       "rm",
       "finalise and remove an output; the others go on",
       {kConferenceId, {.name = "NAME", .complete = Complete::branch}},
       {wait("return when it is gone")}},
      {"branch", "list", "outputs of a conference", {kConferenceId}},
  };
}

std::vector<Command> record_commands() {
  const auto set =
      repeated(text("set", "KEY=VALUE", "metadata; VALUE is JSON, or a string when it is not JSON"));
  return {
      {"record",
       "start",
       "record a live conference",
       {kConferenceId},
       {text("id", "ID", "name it; repeating the command then changes nothing"),
        container("mp4 (default), webm, mkv, ogg, segments or hls"), kPath, kTrackChoice, kParticipant,
        kPreset, text("title", "TEXT", "metadata: what it is called"),
        text("organizer", "TEXT", "metadata: who invited"), set, kPreviews,
        wait("return when it is complete, showing progress")}},
      {"record",
       "stop",
       "finalise a recording; the conference goes on",
       {kRecordingId},
       {wait("return when the file is complete")}},
      {"record", "pause", "record nothing until it is resumed; the file has no hole", {kRecordingId}},
      {"record", "resume", "go on recording", {kRecordingId}},
      {"record",
       "set",
       "change the metadata of a recording",
       {kRecordingId},
       {text("title", "TEXT", "what it is called"), text("organizer", "TEXT", "who invited"), set,
        repeated(text("unset", "KEY", "remove this member"))}},
      {"record", "rm", "delete an ended recording and its files", {kRecordingId}},
      {"record", "wait", "return when it is complete, showing progress", {kRecordingId}},
      {"record",
       "list",
       "recordings",
       {},
       {kConference, choice("state", "STATE", "only in this state", kRecordingStates)}},
      {"record", "show", "one recording", {kRecordingId}},
  };
}

std::vector<Command> pipeline_commands() {
  return {
      {"pipelines", "list", "descriptions the daemon offers"},
      {"pipelines", "show", "what one is for and its parameters", {kPipeline}},
      {"pipeline", "list", "descriptions on this machine", {}, {kPipelines}},
      {"pipeline",
       "lint",
       "check descriptions without running them",
       {{.name = "NAME|FILE", .repeated = true, .complete = Complete::pipeline}},
       {kParameter, kParameters, kPipelines, kConfig}},
      {"pipeline",
       "render",
       "show the pipeline a description becomes",
       {kPipelineName},
       {with('f', choice("format", "KIND", "launch (default; runs under gst-launch-1.0), dot, svg or json",
                         kFormats)),
        kTestSource, kParameter, kParameters, kOutput, kRecordingsFolder, kPipelines, kConfig}},
      {"pipeline",
       "run",
       "run it here, without a daemon, until it ends or Ctrl-C",
       {kPipelineName},
       {kTestSource, kParameter, kParameters, kRecordingsFolder, kPipelines, kConfig}},
  };
}

std::vector<Command> daemon_commands() {
  return {
      {"",
       "events",
       "what happens, as it happens",
       {},
       {text("after", "SEQ", "begin behind this event"), kConference,
        text("type", "TYPE", "only of this type, or beginning with it (recording)"),
        flag("no-follow", "print what has happened and return")}},
      {"", "watch", "a live table of conferences, branches and recordings"},
      {"", "openapi", "the daemon's description of its API", {}, {kOutput}},
  };
}

std::vector<Command> other_commands() {
  return {
      {"token",
       "new",
       "make a bearer token: printed once, with the entry for --tokens-file",
       {{.name = "NAME"}},
       {repeated(
            choice("scope", "SCOPE", "read (default), write, metrics or admin; may be repeated", kScopes)),
        text("expires", "TIME", "not valid from then on, such as 2027-01-01T00:00:00Z")}},
      {"",
       "completion",
       "completion script for a shell",
       {{.name = "SHELL", .complete = Complete::choice, .choices = kShells}}},
      {"",
       "completion-names",
       "names that a completion script offers",
       {{.name = "KIND", .complete = Complete::choice, .choices = kNames},
        {.name = "CONFERENCE", .required = false}},
       {},
       true},
  };
}

void append(std::vector<Command>& to, std::vector<Command> rows) {
  for (auto& row : rows) to.push_back(std::move(row));
}

std::vector<Command> all() {
  std::vector<Command> rows{{"", "status", "the daemon: version, load, limits, folders"}};
  for (auto* part : {conference_commands, branch_commands, record_commands, daemon_commands,
                     pipeline_commands, other_commands})
    append(rows, part());
  return rows;
}

}  // namespace

const std::vector<Option>& global_options() {
  static const std::vector<Option> options{
      text("url", "URL", "the daemon (default: $AURALINK_URL, or what it wrote in its state folder)"),
      text("state-dir", "DIR", "the daemon's state folder", Complete::directory),
      text("token-file", "FILE", "bearer token (default: $AURALINK_TOKEN_FILE)", Complete::file),
      flag("json", "print what the API answered, for programs"),
      flag("help", "show help", 'h'),
      flag("version", "show the version"),
  };
  return options;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> rows = all();
  return rows;
}

std::string_view group_help(std::string_view group) {
  if (group == "conference") return "start, stop and look at conferences";
  if (group == "branch") return "outputs of a conference";
  if (group == "record") return "recordings";
  if (group == "token") return "bearer tokens";
  if (group == "pipelines") return "descriptions the daemon offers";
  if (group == "pipeline") return "descriptions on this machine, without a daemon";
  return {};
}

}  // namespace auralink::ctl
