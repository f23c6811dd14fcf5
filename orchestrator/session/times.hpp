// SPDX-License-Identifier: LGPL-2.1-or-later
// Wall time as people read it. UTC only, no time zone database, no locale.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

struct CivilTime {
  int year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
};

/// Proleptic Gregorian calendar; times before 1970 are taken as 1970.
[[nodiscard]] CivilTime civil(Millis since_epoch) noexcept;

/// RFC 3339 with milliseconds: "2026-01-31T23:59:59.042Z".
[[nodiscard]] std::string rfc3339(Millis since_epoch);

}  // namespace auralink::session
