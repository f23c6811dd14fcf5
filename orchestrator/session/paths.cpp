// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/paths.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "orchestrator/session/times.hpp"

namespace auralink::session {
namespace {

constexpr std::array<std::string_view, 9> kVariables{"conference", "recording", "branch", "pipeline", "epoch",
                                                     "utc",        "date",      "time",   "seq"};
constexpr std::size_t kMaxValueBytes = 140;  // a generated recording id: two names of 64 and a number

tl::unexpected<json::Violations> refuse(std::string detail) {
  return tl::unexpected(json::Violations{{"/path", std::move(detail)}});
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

/// Where ".part<number>" begins in a name; npos when it does not. Names end with it or go on with '.' or '-'.
std::size_t find_part(std::string_view name) noexcept {
  constexpr std::string_view kMark = ".part";
  for (auto at = name.find(kMark); at != std::string_view::npos; at = name.find(kMark, at + 1)) {
    const auto digit = at + kMark.size();
    if (digit < name.size() && name[digit] >= '0' && name[digit] <= '9') return at;
  }
  return std::string_view::npos;
}

/// A value never brings structure of its own: no separators, no hidden or parent names, no endless names.
std::string sanitised(std::string_view value) {
  std::string out{value.substr(0, kMaxValueBytes)};
  for (char& c : out)
    if (!is_plain(c)) c = '_';
  if (out.empty() || out.front() == '.') out.insert(out.begin(), '_');
  for (auto at = find_part(out); at != std::string::npos; at = find_part(out)) out[at] = '_';
  return out;
}

std::optional<std::string> value_of(std::string_view name, const PathValues& values) {
  if (name == "conference") return sanitised(values.conference);
  if (name == "recording") return sanitised(values.recording);
  if (name == "branch") return sanitised(values.branch);
  if (name == "pipeline") return sanitised(values.pipeline);
  if (name == "epoch") return std::to_string(values.epoch);
  if (name == "seq") return std::to_string(values.seq);
  const CivilTime at = civil(values.wall);
  std::array<char, 64> text{};
  int length = 0;
  if (name == "utc")
    length = std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02u%02u%02uZ", at.year, at.month, at.day,
                           at.hour, at.minute, at.second);
  else if (name == "date")
    length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", at.year, at.month, at.day);
  else if (name == "time")
    length = std::snprintf(text.data(), text.size(), "%02u-%02u-%02u", at.hour, at.minute, at.second);
  else
    return std::nullopt;
  return std::string{text.data(), static_cast<std::size_t>(length)};
}

std::string unknown_variable(std::string_view name) {
  std::string detail = "unknown variable";
  const bool quotable = name.size() <= 32 && std::all_of(name.begin(), name.end(), is_plain);
  if (quotable) {
    detail += " {" + std::string{name} + "}";
    if (const auto close = json::closest(name, kVariables))
      return detail + "; did you mean {" + *close + "}?";
  }
  detail += "; known are";
  for (const auto variable : kVariables) detail += " {" + std::string{variable} + "}";
  return detail;
}

json::Checked<std::string> substitute(std::string_view text, const PathValues& values) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '}') return refuse("'}' without '{'");
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    const auto close = text.find('}', i);
    if (close == std::string_view::npos) return refuse("'{' without '}'");
    const auto name = text.substr(i + 1, close - i - 1);
    const auto value = value_of(name, values);
    if (!value) return refuse(unknown_variable(name));
    out += *value;
    i = close;
  }
  return out;
}

std::optional<std::string> wrong_character(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return "control characters are not allowed";
    if (c == '\\') return "'\\' is not allowed; folders are separated by '/'";
  }
  return std::nullopt;
}

std::optional<std::string> wrong_component(std::string_view name) {
  if (name.empty()) return "empty path component (leading, trailing or doubled '/')";
  if (name == "..") return "'..' would leave the recordings folder";
  if (name.front() == '.') return "a path component must not begin with '.'";
  if (find_part(name) != std::string_view::npos)
    return "'.part' with a number is kept for the pieces of recordings";
  if (name.size() > kMaxComponentBytes)
    return "a path component is longer than " + std::to_string(kMaxComponentBytes) + " bytes";
  return std::nullopt;
}

std::optional<std::string> wrong_structure(std::string_view path) {
  if (path.size() > kMaxPathBytes) return "longer than " + std::to_string(kMaxPathBytes) + " bytes";
  std::size_t components = 0;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    if (auto complaint = wrong_component(path.substr(begin, end - begin))) return complaint;
    if (++components > kMaxComponents) return "more than " + std::to_string(kMaxComponents) + " folders deep";
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

bool is_folder(std::string_view container) noexcept { return container == "segments" || container == "hls"; }

std::string suffix_for(std::string_view container) {
  return is_folder(container) || container.empty() ? std::string{} : "." + std::string{container};
}

json::Checked<std::string> expand_path(std::string_view text, const PathValues& values,
                                       std::string_view suffix) {
  if (text.empty()) return refuse("must not be empty");
  if (text.size() > kMaxTemplateBytes)
    return refuse("longer than " + std::to_string(kMaxTemplateBytes) + " bytes");
  if (auto complaint = wrong_character(text)) return refuse(std::move(*complaint));
  if (text.front() == '/') return refuse("must be relative to the recordings folder");
  auto path = substitute(text, values);
  if (!path) return path;
  if (auto complaint = wrong_structure(*path)) return refuse(std::move(*complaint));
  const std::string_view have = *path;
  if (!suffix.empty() && (have.size() <= suffix.size() || have.substr(have.size() - suffix.size()) != suffix))
    path->append(suffix);
  return path;
}

json::Violations check_path(std::string_view text) {
  const PathValues sample{.conference = "conference",
                          .recording = "recording",
                          .branch = "branch",
                          .pipeline = "pipeline",
                          .epoch = 1,
                          .seq = 1,
                          .wall = Millis{0}};
  const auto path = expand_path(text, sample, {});
  return path ? json::Violations{} : path.error();
}

std::string stem_of(std::string_view path, std::string_view suffix) {
  if (!suffix.empty() && path.ends_with(suffix)) path.remove_suffix(suffix.size());
  return std::string{path};
}

namespace {
/// `mark` between the name and its suffix.
std::string with_mark(std::string_view path, const std::string& mark, std::string_view suffix) {
  const auto stem = stem_of(path, suffix);
  return stem + mark + std::string{path.substr(stem.size())};
}
}  // namespace

std::string numbered_path(std::string_view path, unsigned number, std::string_view suffix) {
  return with_mark(path, "-" + std::to_string(number), suffix);
}

std::string part_path(std::string_view path, unsigned number, std::string_view suffix) {
  return with_mark(path, ".part" + std::to_string(number), suffix);
}

}  // namespace auralink::session
