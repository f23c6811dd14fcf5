// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/times.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace auralink::session {

CivilTime civil(Millis since_epoch) noexcept {
  using namespace std::chrono;
  // The calendar ends long before year 32767, std::chrono's largest; beyond 9999 RFC 3339 cannot write it
  // anyway.
  constexpr Millis kLast{253'402'300'799'999};
  const sys_time<milliseconds> at{std::clamp(since_epoch, Millis{0}, kLast)};
  const auto midnight = floor<days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss clock{at - midnight};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<unsigned>(clock.hours().count()),
          .minute = static_cast<unsigned>(clock.minutes().count()),
          .second = static_cast<unsigned>(clock.seconds().count()),
          .millisecond = static_cast<unsigned>(clock.subseconds().count())};
}

std::string rfc3339(Millis since_epoch) {
  const CivilTime at = civil(since_epoch);
  std::array<char, 96> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", at.year,
                                   at.month, at.day, at.hour, at.minute, at.second, at.millisecond);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace auralink::session
