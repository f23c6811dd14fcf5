// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/outcome.hpp"

#include <algorithm>

#include "orchestrator/ctl/format.hpp"

namespace auralink::ctl {
namespace {

Outcome judged_by_exit(const json::Value& conference) {
  const std::string exit = text_of(conference, "exit");
  return exit == "completed" || exit == "stopped" || exit == "limit" ? Outcome::good : Outcome::bad;
}

std::string amount(const json::Value& object, std::string_view seconds) {
  const double bytes = number_of(object, "bytes");
  return format_bytes(bytes > 0 && bytes < 1e18 ? static_cast<std::uint64_t>(bytes) : 0) + " " +
         format_duration(number_of(object, seconds));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

Outcome conference_running(const json::Value& conference) {
  const std::string state = text_of(conference, "state");
  if (state == "running") return Outcome::good;
  return state == "ended" ? judged_by_exit(conference) : Outcome::going_on;
}

Outcome conference_ended(const json::Value& conference) {
  return text_of(conference, "state") == "ended" ? judged_by_exit(conference) : Outcome::going_on;
}

Outcome recording_complete(const json::Value& recording) {
  const std::string state = text_of(recording, "state");
  if (state == "complete") return Outcome::good;
  return state == "interrupted" || state == "failed" ? Outcome::bad : Outcome::going_on;
}

Outcome recording_final(const json::Value& recording) {
  return recording_complete(recording) == Outcome::going_on ? Outcome::going_on : Outcome::good;
}

Outcome branch_active(const json::Value& branch) {
  const std::string state = text_of(branch, "state");
  if (state == "active") return Outcome::good;
  return state == "adding" ? Outcome::going_on : Outcome::bad;
}

Outcome branch_gone(const json::Value& branch) {
  const std::string state = text_of(branch, "state");
  if (state == "removed") return Outcome::good;
  return state == "failed" ? Outcome::bad : Outcome::going_on;
}

std::string conference_progress(const json::Value& conference) {
  std::string line = printable(text_of(conference, "id")) + " " + printable(text_of(conference, "state"));
  for (const auto& branch : member(conference, "branches")) line += ", " + branch_progress(branch);
  return line;
}

std::string recording_progress(const json::Value& recording) {
  return printable(text_of(recording, "id")) + " " + printable(text_of(recording, "state")) + " " +
         amount(recording, "durationSeconds");
}

std::string branch_progress(const json::Value& branch) {
  std::string line = printable(text_of(branch, "name")) + " " + printable(text_of(branch, "state")) + " " +
                     amount(branch, "mediaSeconds");
  if (member(branch, "stalled") == true) line += " stalled";
  return line;
}

std::string clipped(std::string_view line, std::size_t width) {
  if (columns(line) <= width) return std::string{line};
  if (width == 0) return {};
  std::size_t end = 0;
  for (std::size_t shown = 0; end < line.size(); ++end) {
    if ((static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) continue;
    if (++shown == width) break;
  }
  return std::string{line.substr(0, end)} + "…";
}

std::string format_screen(const Screen& screen, std::size_t lines, std::size_t width) {
  std::vector<std::string> all;
  const auto block = [&all](const std::string& text) {
    for (auto& line : lines_of(text)) all.push_back(std::move(line));
    all.emplace_back();
  };
  block("auralinkd " + printable(text_of(screen.status, "version")) + "  up " +
        format_duration(number_of(screen.status, "uptimeSeconds")));
  block(format_conferences(screen.conferences));
  for (const auto& conference : member(screen.conferences, "items"))
    if (text_of(conference, "state") != "ended" && !member(conference, "branches").empty())
      block(printable(text_of(conference, "id")) + ":\n" + format_branches(member(conference, "branches")));
  block(format_recordings(screen.recordings));
  // What is left of the screen tells what happened last.
  const std::size_t room = lines > all.size() ? lines - all.size() : 0;
  const std::size_t count = std::min(room, screen.events.size());
  all.insert(all.end(), screen.events.end() - static_cast<std::ptrdiff_t>(count), screen.events.end());
  std::string out;
  for (std::size_t i = 0; i < std::min(lines, all.size()); ++i) out += clipped(all[i], width) + '\n';
  return out;
}

}  // namespace auralink::ctl
