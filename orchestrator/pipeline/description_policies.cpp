// SPDX-License-Identifier: LGPL-2.1-or-later
// How a conference is supervised, as its description says it.
#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

constexpr std::array kRestartModes{Word<bool>{"on-failure", true}, Word<bool>{"never", false}};
constexpr std::array kOrphans{Word<session::Orphans>{"stop", session::Orphans::stop},
                              Word<session::Orphans>{"continue", session::Orphans::go_on}};

/// "512Mi", "1Gi": what a whole machine is counted in.
std::optional<std::uint64_t> read_memory(ObjectReader& reader, std::string_view key) {
  constexpr std::string_view kRule = "expected a size such as 512Mi or 1Gi, 16Mi to 1024Gi";
  const auto text = reader.string(key);
  if (!text) return std::nullopt;
  std::size_t digits = 0;
  std::uint64_t number = 0;
  for (; digits < text->size() && digits < 7 && (*text)[digits] >= '0' && (*text)[digits] <= '9'; ++digits)
    number = number * 10 + static_cast<unsigned>((*text)[digits] - '0');
  const auto unit = std::string_view{*text}.substr(digits);
  const std::uint64_t bytes = number << (unit == "Gi" ? 30U : 20U);
  const bool known = digits > 0 && (unit == "Mi" || unit == "Gi");
  if (known && bytes >= (16ULL << 20U) && bytes <= (1024ULL << 30U)) return bytes;
  return reader.complain(key, std::string{kRule} + ", found " + json::shown(*text)), std::nullopt;
}

}  // namespace

session::Policies read_policies(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  session::Policies p;
  if (const auto* restart = reader.object("restart")) {
    ObjectReader r{*restart, reader.at("restart"), violations};
    p.restart.on_failure = read_word(r, "mode", kRestartModes, Need::required).value_or(false);
    p.restart.max = static_cast<unsigned>(r.integer("max", 0, 100).value_or(p.restart.max));
    if (const auto ns = r.duration_ns("window", kSecond, 24 * kHour))
      p.restart.window = session::Millis{*ns / 1'000'000};
    r.finish();
  }
  const auto time = [&](std::string_view key, std::int64_t minimum, std::int64_t maximum,
                        session::Millis& into) {
    if (const auto ns = reader.duration_ns(key, minimum, maximum)) into = session::Millis{*ns / 1'000'000};
  };
  time("startTimeout", kSecond, kHour / 6, p.start_timeout);
  time("stallTimeout", kSecond, kHour, p.stall_timeout);
  time("eosTimeout", kSecond, kHour / 6, p.eos_timeout);
  time("idleTimeout", 0, 24 * kHour, p.idle_timeout);
  time("maxDuration", 0, 168 * kHour, p.max_duration);
  p.orphans = read_word(reader, "orphans", kOrphans).value_or(p.orphans);
  if (const auto* resources = reader.object("resources")) {
    ObjectReader r{*resources, reader.at("resources"), violations};
    p.cpus = r.number("cpu", 0.01, 1024);
    p.memory_bytes = read_memory(r, "memory");
    r.finish();
  }
  reader.finish();
  return p;
}

}  // namespace auralink::pipeline::parts
