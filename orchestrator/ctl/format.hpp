// SPDX-License-Identifier: LGPL-2.1-or-later
// What the API answers, as people read it. Pure. Text from the daemon is printed without control characters:
// a name or an error must not be able to steer a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/json/json.hpp"

namespace auralink::ctl {

/// "0 B", "999 B", "1.5 kB", "12.3 MB": decimal units, at most three digits.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
/// "4.2 s", "1:05", "2:00:03".
[[nodiscard]] std::string format_duration(double seconds);
/// Control characters and broken UTF-8 become '?'.
[[nodiscard]] std::string printable(std::string_view text);
/// Columns a terminal needs; every code point counts one.
[[nodiscard]] std::size_t columns(std::string_view text);

enum class Align { left, right };
struct Column {
  std::string title;
  Align align = Align::left;
};
/// Titles and rows, padded; no trailing blanks. Only the titles when there are no rows.
[[nodiscard]] std::string format_table(const std::vector<Column>&,
                                       const std::vector<std::vector<std::string>>& rows);

/// One indented line each: "  /parameters/width: expected a multiple of 2".
[[nodiscard]] std::string format_violations(const json::Violations&);
/// An RFC 9457 problem; `status` is used when the body is not one.
[[nodiscard]] std::string format_problem(unsigned status, std::string_view body);

[[nodiscard]] std::string format_status(const json::Value& status);
[[nodiscard]] std::string format_pipelines(const json::Value& items);
[[nodiscard]] std::string format_pipeline(const json::Value& pipeline);
[[nodiscard]] std::string format_conferences(const json::Value& items);
[[nodiscard]] std::string format_conference(const json::Value& conference);
[[nodiscard]] std::string format_branches(const json::Value& items);
[[nodiscard]] std::string format_recordings(const json::Value& items);
[[nodiscard]] std::string format_recording(const json::Value& recording);
/// One line: "17 12:00:01.250 demo recording.complete demo-record-1 3.4 MB 10.0 s".
[[nodiscard]] std::string format_event(const json::Value& event);

/// Members of untrusted answers; the fallback when absent or of another type.
[[nodiscard]] std::string text_of(const json::Value& object, std::string_view key,
                                  std::string_view fallback = "");
[[nodiscard]] double number_of(const json::Value& object, std::string_view key, double fallback = 0);
[[nodiscard]] const json::Value& member(const json::Value& object, std::string_view key);

}  // namespace auralink::ctl
