// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/telemetry/log.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace auralink::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 5> kLevels{"error", "warning", "info", "debug", "trace"};
constexpr std::size_t kLongestMessage = 8192;
constexpr std::size_t kDistinctLines = 512;  ///< bound of the limiter's memory
constexpr milliseconds kWindow{1000};

[[nodiscard]] milliseconds wall_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

std::string_view to_string(Level level) noexcept { return kLevels.at(static_cast<std::size_t>(level)); }

std::optional<Level> level_from_string(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    if (kLevels.at(i) == name) return static_cast<Level>(i);
  return std::nullopt;
}

std::string timestamp(milliseconds since_epoch) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t time = seconds.count();
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>((since_epoch - seconds).count()));
  return std::string{text.data(), length} + fraction.data();
}

/// How often each distinct line was said in its current second.
struct Logger::Limiter {
  struct Window {
    milliseconds begin{};
    unsigned written = 0;
    std::uint64_t suppressed = 0;
    Level level = Level::info;
    std::string message, conference;
  };
  struct Verdict {
    bool write = true;
    std::uint64_t suppressed = 0;
    std::vector<Window> ended;  ///< windows that fell silent with something left to say
  };

  Verdict judge(milliseconds now, Level level, const std::string& message, const std::string& conference) {
    const std::scoped_lock lock{mutex};
    Verdict verdict;
    if (now - swept >= kWindow || now < swept || windows.size() >= kDistinctLines) sweep(now, verdict);
    std::string key{static_cast<char>('0' + static_cast<int>(level))};
    key.append(conference).append(1, '\0').append(message);
    auto& window = windows[std::move(key)];
    if (now - window.begin >= kWindow || now < window.begin) {
      verdict.suppressed = window.suppressed;
      window = {.begin = now, .level = level, .message = message, .conference = conference};
    }
    verdict.write = ++window.written <= kBurst;
    if (!verdict.write) ++window.suppressed;
    return verdict;
  }

  void sweep(milliseconds now, Verdict& verdict) {
    swept = now;
    const bool full = windows.size() >= kDistinctLines;
    for (auto it = windows.begin(); it != windows.end();) {
      if (!full && now - it->second.begin < 2 * kWindow && now >= it->second.begin) {
        ++it;
        continue;
      }
      if (it->second.suppressed > 0) verdict.ended.push_back(std::move(it->second));
      it = windows.erase(it);
    }
  }

  std::mutex mutex;
  milliseconds swept{0};
  std::unordered_map<std::string, Window> windows;
};

Logger::Logger(std::string service, Level threshold, Sink sink, Now now)
    : service_{std::move(service)},
      threshold_{threshold},
      sink_{std::move(sink)},
      now_{now ? std::move(now) : Now{wall_now}},
      limiter_{std::make_shared<Limiter>()} {}

void Logger::log(Level level, std::string_view message, Fields fields) const {
  if (!writes(level)) return;
  auto redacted = json::Value::object();
  for (const auto& [key, value] : fields) redacted[std::string{key}] = value;
  redacted = redact_value(redacted);
  const auto text = redact(message.substr(0, kLongestMessage));
  const auto found = redacted.find("conference");
  const auto conference =
      found != redacted.end() && found->is_string() ? found->get<std::string>() : std::string{};
  const auto now = now_();
  const auto verdict = limiter_->judge(now, level, text, conference);
  for (const auto& window : verdict.ended)
    write(now, window.level, window.message, window.conference, json::Value::object(), window.suppressed);
  if (verdict.write) write(now, level, text, conference, redacted, verdict.suppressed);
}

void Logger::write(milliseconds at, Level level, std::string_view message, std::string_view conference,
                   const json::Value& fields, std::uint64_t suppressed) const {
  // Written by hand around the values so that ts, level and msg come first in every line.
  const auto text = [](const json::Value& value) {
    return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
  };
  std::string line = "{\"ts\":\"" + timestamp(at) + "\",\"level\":\"";
  line.append(to_string(level)).append("\",\"msg\":").append(text(std::string{message}));
  line.append(",\"service\":").append(text(service_)).append(",\"version\":\"" AURALINK_VERSION "\"");
  if (!conference.empty()) line.append(",\"conference\":").append(text(std::string{conference}));
  for (const auto& [key, value] : fields.items()) {
    if (key == "conference" && !conference.empty()) continue;
    line.append(",").append(text(key)).append(":").append(text(value));
  }
  if (suppressed > 0) line.append(",\"suppressed\":").append(std::to_string(suppressed));
  line.append("}\n");
  sink_(line);
}

Logger::Sink stderr_sink() {
  return [](std::string_view line) {
    // A log that cannot be written must not stop the program: partial and failed writes are let go.
    while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
    }
  };
}

}  // namespace auralink::telemetry
