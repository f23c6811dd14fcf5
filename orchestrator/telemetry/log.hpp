// SPDX-License-Identifier: LGPL-2.1-or-later
// Structured logs: one JSON object a line on stderr (ts, level, msg, service, version, plus fields).
// Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "orchestrator/json/json.hpp"

namespace auralink::telemetry {

enum class Level { error, warning, info, debug, trace };
[[nodiscard]] std::string_view to_string(Level) noexcept;
[[nodiscard]] std::optional<Level> level_from_string(std::string_view) noexcept;

/// RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.250Z".
[[nodiscard]] std::string timestamp(std::chrono::milliseconds since_epoch);

/// Masks credentials in free text: userinfo and query of URLs, stream keys of RTMP URLs, Bearer tokens,
/// key=value pairs whose key says password, secret, token or key.
[[nodiscard]] std::string redact(std::string_view text);

/// The same for every string inside a value; members whose name says password, secret, token or key are
/// masked whole.
[[nodiscard]] json::Value redact_value(const json::Value& value);

using Fields = std::initializer_list<std::pair<std::string_view, json::Value>>;

class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;  ///< one complete line with '\n'
  using Now = std::function<std::chrono::milliseconds()>;   ///< wall time since the Unix epoch

  /// Lines below `threshold` are discarded. Values of all fields and the message pass redact(). Of lines that
  /// say the same (level, message and conference) at most kBurst per second are written; the next one
  /// written, or a line of its own when the noise has ended, says in `suppressed` how many were not.
  Logger(std::string service, Level threshold, Sink sink, Now now = {});
  static constexpr unsigned kBurst = 10;
  void log(Level, std::string_view message, Fields fields = {}) const;
  void error(std::string_view m, Fields f = {}) const { log(Level::error, m, f); }
  void warning(std::string_view m, Fields f = {}) const { log(Level::warning, m, f); }
  void info(std::string_view m, Fields f = {}) const { log(Level::info, m, f); }
  void debug(std::string_view m, Fields f = {}) const { log(Level::debug, m, f); }
  [[nodiscard]] bool writes(Level level) const noexcept { return level <= threshold_; }

 private:
  struct Limiter;
  void write(std::chrono::milliseconds at, Level, std::string_view message, std::string_view conference,
             const json::Value& fields, std::uint64_t suppressed) const;

  std::string service_;
  Level threshold_;
  Sink sink_;
  Now now_;
  std::shared_ptr<Limiter> limiter_;
};

/// Writes whole lines to fd 2 with one write(2).
[[nodiscard]] Logger::Sink stderr_sink();

}  // namespace auralink::telemetry
