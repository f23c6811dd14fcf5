// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/format.hpp"

#include <cmath>
#include <cstdio>

namespace auralink::ctl {
namespace {

std::string shown(const json::Value& object, std::string_view key, std::string_view fallback = "-") {
  return printable(text_of(object, key, fallback));
}

std::uint64_t bytes_of(const json::Value& object, std::string_view key) {
  const double value = number_of(object, key);
  return value > 0 && value < 1e18 ? static_cast<std::uint64_t>(value) : 0;
}

/// "2026-11-23T22:01:02.345Z" -> "22:01:02.345"; anything else as it is.
std::string clock_of(const std::string& time) {
  return time.size() >= 20 && time[10] == 'T' ? time.substr(11, time.size() - 12) : time;
}

const json::Value& items_of(const json::Value& answer) {
  return answer.is_array() ? answer : member(answer, "items");
}

std::string state_of(const json::Value& conference) {
  std::string state = shown(conference, "state");
  if (const auto exit = text_of(conference, "exit"); !exit.empty()) state += " (" + printable(exit) + ")";
  return state;
}

/// A recording's state with what is going on in it.
std::string recording_state(const json::Value& recording) {
  std::string state = shown(recording, "state");
  if (member(recording, "paused") == true) state += ", paused";
  const auto processing = text_of(member(recording, "processing"), "state");
  if (processing == "pending" || processing == "running") state += ", processing";
  if (processing == "failed") state += ", processing failed";
  if (const auto gaps = member(recording, "gaps").size(); gaps > 0)
    state += ", " + std::to_string(gaps) + (gaps == 1 ? " gap" : " gaps");
  return state;
}

std::string metadata_of(const json::Value& recording) {
  std::string out;
  for (const auto& [name, value] : member(recording, "metadata").items())
    out += (out.empty() ? "" : ", ") + printable(name) + ": " +
           printable(value.is_string() ? value.get<std::string>() : value.dump());
  return out;
}

std::string fields(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, columns(name));
  std::string out;
  for (const auto& [name, value] : rows)
    if (!value.empty()) out += name + std::string(width - columns(name) + 2, ' ') + value + '\n';
  return out;
}

/// {"a":1,"b":{"c":2}} -> a, b.c: whatever the daemon tells, without this program knowing every name.
void flatten(const json::Value& value, const std::string& prefix,
             std::vector<std::pair<std::string, std::string>>& rows, unsigned depth = 0) {
  if (value.is_object() && depth < 4) {
    for (const auto& [key, inner] : value.items())
      flatten(inner, prefix.empty() ? key : prefix + "." + key, rows, depth + 1);
  } else if (!value.is_null()) {
    rows.emplace_back(printable(prefix),
                      printable(value.is_string() ? value.get<std::string>() : value.dump()));
  }
}

std::string participants_of(const json::Value& conference) {
  std::string out;
  for (const auto& participant : member(conference, "participants")) {
    const bool audio = member(participant, "audio") == true, video = member(participant, "video") == true;
    out += (out.empty() ? "" : ", ") + shown(participant, "name");
    out += audio && video ? "" : audio ? " (audio)" : video ? " (video)" : " (absent)";
  }
  return out;
}

}  // namespace

std::string format_status(const json::Value& status) {
  std::vector<std::pair<std::string, std::string>> rows;
  flatten(status, "", rows);
  return fields(rows);
}

std::string format_pipelines(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items_of(answer))
    rows.push_back({shown(item, "name"), shown(item, "version"), shown(item, "why")});
  return format_table({{"NAME"}, {"VERSION", Align::right}, {"WHY"}}, rows);
}

std::string format_pipeline(const json::Value& pipeline) {
  const auto& schema = member(pipeline, "parameters");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, property] : member(schema, "properties").items()) {
    bool required = false;
    for (const auto& wanted : member(schema, "required")) required = required || wanted == name;
    std::string type = shown(property, "type", "any");
    if (const auto& choices = member(property, "enum"); choices.is_array()) {
      type.clear();
      for (const auto& choice : choices)
        type += (type.empty() ? "" : "|") +
                printable(choice.is_string() ? choice.get<std::string>() : choice.dump());
    }
    const auto& fallback = member(property, "default");
    rows.push_back({printable(name), type,
                    required             ? "required"
                    : fallback.is_null() ? "-"
                                         : printable(fallback.dump()),
                    shown(property, "description", "")});
  }
  std::string out = shown(pipeline, "name") + " version " + shown(pipeline, "version") + ": " +
                    shown(pipeline, "why") + '\n';
  if (!rows.empty()) out += '\n' + format_table({{"PARAMETER"}, {"TYPE"}, {"DEFAULT"}, {"MEANING"}}, rows);
  return out;
}

std::string format_conferences(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items_of(answer)) {
    const auto& worker = member(item, "worker");
    rows.push_back({shown(item, "id"), shown(item, "pipeline"), state_of(item), shown(item, "epoch"),
                    std::to_string(member(item, "participants").size()),
                    std::to_string(member(item, "branches").size()),
                    worker.is_object() ? format_bytes(bytes_of(worker, "memoryBytes")) : "-",
                    printable(clock_of(text_of(item, "startedAt", "-")))});
  }
  return format_table({{"CONFERENCE"},
                       {"PIPELINE"},
                       {"STATE"},
                       {"EPOCH", Align::right},
                       {"PEOPLE", Align::right},
                       {"BRANCHES", Align::right},
                       {"MEMORY", Align::right},
                       {"STARTED"}},
                      rows);
}

std::string format_conference(const json::Value& conference) {
  const auto& worker = member(conference, "worker");
  std::string process;
  if (worker.is_object())
    process = "pid " + shown(worker, "pid") + ", " + format_bytes(bytes_of(worker, "memoryBytes")) + ", " +
              format_duration(number_of(worker, "cpuSeconds")) + " of CPU";
  const auto& parameters = member(conference, "parameters");
  std::string out = fields(
      {{"conference", shown(conference, "id")},
       {"pipeline", shown(conference, "pipeline") + " version " + shown(conference, "pipelineVersion")},
       {"parameters", parameters.is_object() && !parameters.empty() ? printable(parameters.dump()) : ""},
       {"state", state_of(conference)},
       {"reason", shown(conference, "reason", "")},
       {"epoch", shown(conference, "epoch")},
       {"created", shown(conference, "createdAt", "")},
       {"started", shown(conference, "startedAt", "")},
       {"ended", shown(conference, "endedAt", "")},
       {"worker", process},
       {"participants", participants_of(conference)}});
  if (!member(conference, "branches").empty()) out += '\n' + format_branches(member(conference, "branches"));
  return out;
}

std::string format_branches(const json::Value& answer) {
  // The list is an array, a conference's member an object by name.
  const auto& list = member(answer, "items");
  std::vector<std::vector<std::string>> rows;
  for (const auto& branch : list.is_array() ? list : answer) {
    std::string state = shown(branch, "state");
    if (member(branch, "stalled") == true) state += ", stalled";
    if (member(branch, "paused") == true) state += ", paused";
    if (const auto& trunk = member(branch, "trunk"); trunk.is_object())
      state += ", saves " + shown(trunk, "savedPercent") + " %";
    rows.push_back({shown(branch, "name"), shown(branch, "kind"), shown(branch, "container"), state,
                    format_bytes(bytes_of(branch, "bytes")),
                    format_duration(number_of(branch, "mediaSeconds")), shown(branch, "dropped", "0"),
                    shown(branch, "recording"), shown(branch, "error", "")});
  }
  return format_table({{"BRANCH"},
                       {"KIND"},
                       {"CONTAINER"},
                       {"STATE"},
                       {"BYTES", Align::right},
                       {"MEDIA", Align::right},
                       {"DROPPED", Align::right},
                       {"RECORDING"},
                       {"ERROR"}},
                      rows);
}

std::string format_recordings(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items_of(answer))
    rows.push_back({shown(item, "id"), shown(item, "conference"), recording_state(item),
                    format_bytes(bytes_of(item, "bytes")),
                    format_duration(number_of(item, "durationSeconds")), shown(item, "path"),
                    shown(item, "error", "")});
  return format_table({{"RECORDING"},
                       {"CONFERENCE"},
                       {"STATE"},
                       {"BYTES", Align::right},
                       {"DURATION", Align::right},
                       {"PATH"},
                       {"ERROR"}},
                      rows);
}

std::string format_recording(const json::Value& recording) {
  std::string files, gaps;
  for (const auto& artifact : member(recording, "artifacts"))
    files += (files.empty() ? "" : ", ") + shown(artifact, "kind") + " " + shown(artifact, "path");
  for (const auto& gap : member(recording, "gaps"))
    gaps += (gaps.empty() ? "" : ", ") + format_duration(number_of(gap, "missingSeconds")) + " after " +
            format_duration(number_of(gap, "atSeconds")) + " (" + shown(gap, "reason") + ")";
  const auto bitrate = bytes_of(recording, "bitrate");
  const auto tracks = text_of(recording, "tracks");
  return fields({{"recording", shown(recording, "id")},
                 {"conference", shown(recording, "conference")},
                 {"branch", shown(recording, "branch")},
                 {"container", shown(recording, "container")},
                 {"participant", shown(recording, "participant", "")},
                 {"tracks", tracks == "both" ? "" : printable(tracks)},
                 {"metadata", metadata_of(recording)},
                 {"state", recording_state(recording)},
                 {"error", shown(recording, "error", "")},
                 {"processing", shown(member(recording, "processing"), "error", "")},
                 {"path", shown(recording, "path", "")},
                 {"size", format_bytes(bytes_of(recording, "bytes"))},
                 {"duration", format_duration(number_of(recording, "durationSeconds"))},
                 {"bitrate", bitrate == 0 ? "" : std::to_string((bitrate + 500) / 1000) + " kbit/s"},
                 {"gaps", gaps},
                 {"files", files},
                 {"sha256", shown(recording, "sha256", "")},
                 {"created", shown(recording, "createdAt", "")},
                 {"started", shown(recording, "startedAt", "")},
                 {"ended", shown(recording, "endedAt", "")}});
}

std::string format_event(const json::Value& event) {
  const auto& data = member(event, "data");
  std::string out = shown(event, "seq") + " " + printable(clock_of(text_of(event, "at", "-"))) + " " +
                    shown(event, "conference") + " " + shown(event, "type");
  if (const auto& recording = member(data, "recording"); recording.is_object()) {
    out += " " + shown(recording, "id") + " " + format_bytes(bytes_of(recording, "bytes")) + " " +
           format_duration(number_of(recording, "durationSeconds"));
    if (const auto error = text_of(recording, "error"); !error.empty()) out += ": " + printable(error);
  } else if (const auto& branch = member(data, "branch"); branch.is_object()) {
    out += " " + shown(branch, "name");
    if (const auto error = text_of(branch, "error"); !error.empty()) out += ": " + printable(error);
  } else if (const auto& participant = member(data, "participant"); participant.is_object()) {
    out += " " + shown(participant, "name");
  } else if (const auto& conference = member(data, "conference"); conference.is_object()) {
    if (const auto exit = text_of(conference, "exit"); !exit.empty()) out += " " + printable(exit);
    if (const auto reason = text_of(conference, "reason"); !reason.empty()) out += ": " + printable(reason);
  }
  return out;
}

}  // namespace auralink::ctl
