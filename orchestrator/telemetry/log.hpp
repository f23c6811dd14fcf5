// SPDX-License-Identifier: LGPL-2.1-or-later
// Structured logs: one JSON object a line on stderr (ts, level, msg, service, version, plus fields). Thread-safe.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "orchestrator/json/json.hpp"

namespace auralink::telemetry {

enum class Level { error, warning, info, debug, trace };

/// Masks credentials in free text: userinfo and query of URLs, stream keys of RTMP URLs, Bearer tokens,
/// key=value pairs whose key says password, secret, token or key.
[[nodiscard]] std::string redact(std::string_view text);

using Fields = std::initializer_list<std::pair<std::string_view, json::Value>>;

class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;  ///< one complete line with '\n'
  /// Lines below `threshold` are discarded. Values of all fields and the message pass redact().
  Logger(std::string service, Level threshold, Sink sink);
  void log(Level, std::string_view message, Fields fields = {}) const;
  void error(std::string_view m, Fields f = {}) const { log(Level::error, m, f); }
  void warning(std::string_view m, Fields f = {}) const { log(Level::warning, m, f); }
  void info(std::string_view m, Fields f = {}) const { log(Level::info, m, f); }
  void debug(std::string_view m, Fields f = {}) const { log(Level::debug, m, f); }

 private:
  std::string service_;
  Level threshold_;
  Sink sink_;
};

/// Writes whole lines to fd 2 with one write(2).
[[nodiscard]] Logger::Sink stderr_sink();

}  // namespace auralink::telemetry
