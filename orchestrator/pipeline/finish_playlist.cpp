// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_playlist.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace auralink::pipeline::finish {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::string_view kDuration = "#EXTINF:", kTime = "#EXT-X-PROGRAM-DATE-TIME:";

std::string escaped(std::string_view path) {
  constexpr std::string_view kPlain = "-._~/+@=,";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out.push_back(c);
    else
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

std::string wall_time(std::int64_t ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{ms}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()}, static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

/// Digits at a place of a fixed form; -1 when they are none.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = -1;
  if (at + count > text.size()) return -1;
  const auto part = text.substr(at, count);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  return error == std::errc{} && end == part.data() + part.size() && value >= 0 ? value : -1;
}

/// "2026-01-31T23:59:59.123Z", as our worker writes it; 0: something else.
std::int64_t wall_ms(std::string_view text) {
  using namespace std::chrono;
  const std::array<int, 7> part{digits(text, 0, 4),  digits(text, 5, 2),  digits(text, 8, 2),
                                digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2),
                                digits(text, 20, 3)};
  if (std::any_of(part.begin(), part.end(), [](int p) { return p < 0; }) || !text.ends_with('Z')) return 0;
  const year_month_day date{year{part[0]}, month{static_cast<unsigned>(part[1])},
                            day{static_cast<unsigned>(part[2])}};
  if (!date.ok()) return 0;
  const auto at =
      sys_days{date} + hours{part[3]} + minutes{part[4]} + seconds{part[5]} + milliseconds{part[6]};
  return duration_cast<milliseconds>(at.time_since_epoch()).count();
}

std::int64_t seconds_ns(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double kLongest = 86'400;
  if (error != std::errc{} || !(seconds > 0) || seconds > kLongest) return 0;
  return static_cast<std::int64_t>(seconds * 1e9 + 0.5);
}

}  // namespace

std::string render_playlist(const std::vector<PlaylistEntry>& entries) {
  std::int64_t longest = kSecond;
  for (const auto& entry : entries) longest = std::max(longest, entry.duration_ns);
  std::string out = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:" +
                    std::to_string((longest + kSecond / 2) / kSecond) +
                    "\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n";
  std::string map;
  for (const auto& entry : entries) {
    if (entry.discontinuity) out += "#EXT-X-DISCONTINUITY\n";
    if (entry.map != map || (entry.discontinuity && !entry.map.empty()))
      out += "#EXT-X-MAP:URI=\"" + escaped(map = entry.map) + "\"\n";
    if (entry.wall_ms > 0) out += std::string{kTime} + wall_time(entry.wall_ms) + "\n";
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.6f,\n", static_cast<double>(entry.duration_ns) / 1e9);
    out += std::string{kDuration} + text.data() + escaped(entry.uri) + "\n";
  }
  return out + "#EXT-X-ENDLIST\n";
}

std::map<std::string, PlaylistEntry> parse_playlist(std::string_view text) {
  std::map<std::string, PlaylistEntry> out;
  PlaylistEntry next;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(kDuration)) next.duration_ns = seconds_ns(line.substr(kDuration.size()));
    if (line.starts_with(kTime)) next.wall_ms = wall_ms(line.substr(kTime.size()));
    if (line.empty() || line.starts_with('#')) continue;
    next.uri = line;
    if (next.duration_ns > 0 && line.find('/') == std::string_view::npos) out[next.uri] = next;
    next = {};
  }
  return out;
}

}  // namespace auralink::pipeline::finish
