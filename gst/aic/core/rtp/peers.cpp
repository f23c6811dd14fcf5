// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/peers.hpp"

#include <algorithm>

namespace auralink::aic::rtp {

Peer& Peers::hear(std::uint32_t reporter, Time now) {
  std::erase_if(peers_, [&](const Peer& p) { return p.reporter != reporter && now - p.heard >= kTimeout; });
  auto at = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& p) { return p.reporter == reporter; });
  if (at == peers_.end()) {
    if (peers_.size() >= kMost)
      peers_.erase(std::min_element(peers_.begin(), peers_.end(),
                                    [](const Peer& a, const Peer& b) { return a.heard < b.heard; }));
    at = peers_.insert(peers_.end(), Peer{.reporter = reporter});
  }
  at->heard = now;
  return *at;
}

bool Peers::any(Time now) const noexcept {
  return std::any_of(peers_.begin(), peers_.end(), [&](const Peer& p) { return now - p.heard < kTimeout; });
}

void Peers::mark() noexcept {
  for (Peer& p : peers_) p.holds_mark = false;
}

bool Peers::all_hold_mark() const noexcept {
  return std::all_of(peers_.begin(), peers_.end(), [](const Peer& p) { return p.holds_mark; });
}

bool Peers::others_hold_mark(std::uint32_t reporter) const noexcept {
  return std::all_of(peers_.begin(), peers_.end(),
                     [&](const Peer& p) { return p.reporter == reporter || p.holds_mark; });
}

}  // namespace auralink::aic::rtp
