// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of commands.hpp. A new command is one row here and one line in the dispatcher.
#include <array>

#include "orchestrator/ctl/commands.hpp"

namespace auralink::ctl {
namespace {

constexpr std::array<std::string_view, 4> kContainers{"mp4", "webm", "mkv", "segments"};
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

const Option kParameter{.name = "param",
                        .letter = 'p',
                        .value = "KEY=VALUE",
                        .help = "a parameter; VALUE is JSON, or a string when it is not JSON",
                        .repeated = true};
const Option kParameters{.name = "params",
                         .value = "FILE",
                         .help = "parameters from a JSON object; -p wins over it",
                         .complete = Complete::file};
const Option kOutput{.name = "output",
                     .letter = 'o',
                     .value = "FILE",
                     .help = "write there instead of to stdout",
                     .complete = Complete::file};
const Option kConference{
    .name = "conference", .value = "ID", .help = "only of this conference", .complete = Complete::conference};
const Option kPipelines{
    .name = "pipelines", .value = "DIR", .help = "folder of descriptions", .complete = Complete::directory};
const Option kConfig{.name = "config",
                     .value = "FILE",
                     .help = "configuration that {\"$config\":…} reads, as JSON",
                     .complete = Complete::file};

Option wait(std::string_view help) { return {.name = "wait", .letter = 'w', .help = help}; }
Option container(std::string_view help) {
  return {.name = "container",
          .value = "KIND",
          .help = help,
          .complete = Complete::choice,
          .choices = kContainers};
}
const Positional kConferenceId{.name = "CONFERENCE", .complete = Complete::conference};
const Positional kRecordingId{.name = "RECORDING", .complete = Complete::recording};
const Positional kPipelineName{.name = "NAME|FILE", .complete = Complete::pipeline};

std::vector<Command> conference_commands() {
  return {
      {.group = "conference",
       .name = "create",
       .help = "start a conference from a pipeline description",
       .positionals = {{.name = "PIPELINE", .complete = Complete::pipeline}},
       .options = {{.name = "id",
                    .value = "ID",
                    .help = "name it; repeating the command then changes nothing"},
                   kParameter,
                   kParameters,
                   {.name = "wait-running", .help = "return when it runs"},
                   wait("return when it has ended, showing progress")}},
      {.group = "conference",
       .name = "list",
       .help = "conferences, live and ended",
       .options = {{.name = "state",
                    .value = "STATE",
                    .help = "only in this state",
                    .complete = Complete::choice,
                    .choices = kConferenceStates}}},
      {.group = "conference",
       .name = "show",
       .help = "one conference with its branches and participants",
       .positionals = {kConferenceId}},
      {.group = "conference",
       .name = "stop",
       .help = "finalise its recordings and end it",
       .positionals = {kConferenceId},
       .options = {wait("return when it has ended")}},
      {.group = "conference",
       .name = "wait",
       .help = "return when it has ended, showing progress",
       .positionals = {kConferenceId}},
      {.group = "conference",
       .name = "rm",
       .help = "forget an ended conference, stop a live one; files stay",
       .positionals = {kConferenceId}},
      {.group = "conference",
       .name = "graph",
       .help = "the running pipeline as a drawing",
       .positionals = {kConferenceId},
       .options = {{.name = "format",
                    .value = "KIND",
                    .help = "dot (default) or svg",
                    .complete = Complete::choice,
                    .choices = kGraphFormats},
                   kOutput}},
  };
}

std::vector<Command> branch_commands() {
  return {
      {.group = "branch",
       .name = "add",
       .help = "add an output to a live conference",
       .positionals = {kConferenceId, {.name = "NAME"}},
       .options = {container("what to write: mp4 (default), webm, mkv or segments"),
                   {.name = "path", .value = "TEMPLATE", .help = "where, beneath the recordings folder"},
                   {.name = "input",
                    .value = "ENCODE",
                    .help = "take this encode; default: all that fit",
                    .repeated = true},
                   {.name = "on-error",
                    .value = "WHAT",
                    .help = "detach (default) or fail-pipeline",
                    .complete = Complete::choice,
                    .choices = kOnError},
                   {.name = "file",
                    .value = "FILE",
                    .help = "the whole branch object as JSON instead",
                    .complete = Complete::file},
                   wait("return when it writes")}},
      {.group = "branch",
       .name = "rm",
       .help = "finalise and remove an output; the others go on",
       .positionals = {kConferenceId, {.name = "NAME", .complete = Complete::branch}},
       .options = {wait("return when it is gone")}},
      {.group = "branch", .name = "list", .help = "outputs of a conference", .positionals = {kConferenceId}},
  };
}

std::vector<Command> record_commands() {
  return {
      {.group = "record",
       .name = "start",
       .help = "record a live conference",
       .positionals = {kConferenceId},
       .options = {{.name = "id", .value = "ID", .help = "name it"},
                   container("mp4 (default), webm, mkv or segments"),
                   {.name = "path", .value = "TEMPLATE", .help = "where, beneath the recordings folder"},
                   wait("return when it is complete, showing progress")}},
      {.group = "record",
       .name = "stop",
       .help = "finalise a recording; the conference goes on",
       .positionals = {kRecordingId},
       .options = {wait("return when the file is complete")}},
      {.group = "record",
       .name = "wait",
       .help = "return when it is complete, showing progress",
       .positionals = {kRecordingId}},
      {.group = "record",
       .name = "list",
       .help = "recordings",
       .options = {kConference,
                   {.name = "state",
                    .value = "STATE",
                    .help = "only in this state",
                    .complete = Complete::choice,
                    .choices = kRecordingStates}}},
      {.group = "record", .name = "show", .help = "one recording", .positionals = {kRecordingId}},
  };
}

std::vector<Command> pipeline_commands() {
  return {
      {.group = "pipelines", .name = "list", .help = "descriptions the daemon offers"},
      {.group = "pipelines",
       .name = "show",
       .help = "what one is for and its parameters",
       .positionals = {{.name = "PIPELINE", .complete = Complete::pipeline}}},
      {.group = "pipeline", .name = "list", .help = "descriptions on this machine", .options = {kPipelines}},
      {.group = "pipeline",
       .name = "lint",
       .help = "check descriptions without running them",
       .positionals = {{.name = "NAME|FILE", .repeated = true, .complete = Complete::pipeline}},
       .options = {kParameter, kParameters, kPipelines, kConfig}},
      {.group = "pipeline",
       .name = "render",
       .help = "show the pipeline a description becomes",
       .positionals = {kPipelineName},
       .options = {{.name = "format",
                    .letter = 'f',
                    .value = "KIND",
                    .help = "launch (default; runs under gst-launch-1.0), dot, svg or json",
                    .complete = Complete::choice,
                    .choices = kFormats},
                   {.name = "source",
                    .value = "KIND",
                    .help = "test: generated participants instead of its own source",
                    .complete = Complete::choice,
                    .choices = kSources},
                   kParameter,
                   kParameters,
                   kOutput,
                   {.name = "recordings",
                    .value = "DIR",
                    .help = "where its files go (default: the current folder)",
                    .complete = Complete::directory},
                   kPipelines,
                   kConfig}},
      {.group = "pipeline",
       .name = "run",
       .help = "run it here, without a daemon, until it ends or Ctrl-C",
       .positionals = {kPipelineName},
       .options = {{.name = "source",
                    .value = "KIND",
                    .help = "test: generated participants instead of its own source",
                    .complete = Complete::choice,
                    .choices = kSources},
                   kParameter,
                   kParameters,
                   {.name = "recordings",
                    .value = "DIR",
                    .help = "where its files go (default: the current folder)",
                    .complete = Complete::directory},
                   kPipelines,
                   kConfig}},
  };
}

void append(std::vector<Command>& to, std::vector<Command> rows) {
  for (auto& row : rows) to.push_back(std::move(row));
}

std::vector<Command> all() {
  std::vector<Command> rows{
      {.group = "", .name = "status", .help = "the daemon: version, load, limits, folders"}};
  append(rows, conference_commands());
  append(rows, branch_commands());
  append(rows, record_commands());
  append(rows,
         {
             {.group = "",
              .name = "events",
              .help = "what happens, as it happens",
              .options = {{.name = "after", .value = "SEQ", .help = "begin behind this event"},
                          kConference,
                          {.name = "type",
                           .value = "TYPE",
                           .help = "only of this type, or beginning with it (recording)"},
                          {.name = "no-follow", .help = "print what has happened and return"}}},
             {.group = "", .name = "watch", .help = "a live table of conferences, branches and recordings"},
         });
  append(rows, pipeline_commands());
  append(rows, {{.group = "",
                 .name = "completion",
                 .help = "completion script for a shell",
                 .positionals = {{.name = "SHELL", .complete = Complete::choice, .choices = kShells}}},
                {.group = "",
                 .name = "completion-names",
                 .help = "names that a completion script offers",
                 .positionals = {{.name = "KIND", .complete = Complete::choice, .choices = kNames},
                                 {.name = "CONFERENCE", .required = false}},
                 .hidden = true}});
  return rows;
}

}  // namespace

const std::vector<Option>& global_options() {
  static const std::vector<Option> options{
      {.name = "url",
       .value = "URL",
       .help = "the daemon (default: $AURALINK_URL, or what it wrote in its state folder)"},
      {.name = "state-dir",
       .value = "DIR",
       .help = "the daemon's state folder",
       .complete = Complete::directory},
      {.name = "token-file",
       .value = "FILE",
       .help = "bearer token (default: $AURALINK_TOKEN_FILE)",
       .complete = Complete::file},
      {.name = "json", .help = "print what the API answered, for programs"},
      {.name = "help", .letter = 'h', .help = "show help"},
      {.name = "version", .help = "show the version"},
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
  if (group == "pipelines") return "descriptions the daemon offers";
  if (group == "pipeline") return "descriptions on this machine, without a daemon";
  return {};
}

}  // namespace auralink::ctl
