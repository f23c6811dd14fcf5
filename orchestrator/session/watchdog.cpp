// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/watchdog.hpp"

#include <algorithm>

namespace auralink::session {

bool ProgressWatch::sample(Millis now, std::uint64_t bytes, std::int64_t media_ns) noexcept {
  if (bytes <= bytes_ && media_ns <= media_ns_) return false;
  bytes_ = std::max(bytes_, bytes);
  media_ns_ = std::max(media_ns_, media_ns);
  since_ = now;
  return true;
}

Progress ProgressWatch::verdict(Millis now, Millis warning, Millis timeout) const noexcept {
  const Millis quiet = now - since_;
  if (timeout > Millis{0} && quiet >= timeout) return Progress::failed;
  if (warning > Millis{0} && quiet >= warning) return Progress::stalled;
  return Progress::ok;
}

}  // namespace auralink::session
