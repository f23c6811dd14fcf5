// SPDX-License-Identifier: LGPL-2.1-or-later
// Who receives a stream and answers: usually one, several behind a tee or a multicast address. A state may
// only be gone back to when all of them hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gst/aic/core/rtp/packet.hpp"

namespace auralink::aic::rtp {

struct Peer {
  std::uint32_t reporter = 0;  ///< SSRC of its feedback
  Time heard = 0;
  bool holds_mark = false;  ///< the newest one
  unsigned refusals = 0;    ///< chains in a row that it could not follow
  Time rest_us = 0;         ///< how long nothing is coded because of that
};

class Peers final {
 public:
  /// Without a word for so long, it is not there any more.
  static constexpr Time kTimeout = 5'000'000;
  /// Beyond that the one that was silent for longest is forgotten.
  static constexpr std::size_t kMost = 64;

  /// The one that spoke just now. The reference holds until the next call.
  [[nodiscard]] Peer& hear(std::uint32_t reporter, Time now);
  [[nodiscard]] bool any(Time now) const noexcept;
  /// A new state is marked: nobody holds it yet.
  void mark() noexcept;
  /// Of those that were heard lately.
  [[nodiscard]] bool all_hold_mark() const noexcept;
  [[nodiscard]] bool others_hold_mark(std::uint32_t reporter) const noexcept;

 private:
  std::vector<Peer> peers_;
};

}  // namespace auralink::aic::rtp
