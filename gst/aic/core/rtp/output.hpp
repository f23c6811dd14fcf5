// SPDX-License-Identifier: LGPL-2.1-or-later
// What an end of the tunnel tells its shell to do with packets, in order. Plain data.
#pragma once

#include <cstdint>
#include <vector>

namespace auralink::aic::rtp {

/// The shell's name for a packet that it handed in; each is forwarded or dropped once, in any order.
using Handle = std::uint64_t;

struct Output {
  enum class Kind : std::uint8_t {
    kForward,  ///< the packet `handle` goes on, with `sequence` when `renumber`
    kDrop,     ///< the packet `handle` is not needed any more
    kMade,  ///< `bytes` is a packet; its buffer takes timestamps from the packet `handle`, which is still to
            ///< be dropped
  };
  Kind kind = Kind::kDrop;
  Handle handle = 0;
  bool renumber = false;
  std::uint16_t sequence = 0;
  bool discontinuity = false;  ///< something before this packet is missing
  bool first = false;          ///< first packet of an access unit
  bool last = false;           ///< last packet of an access unit
  bool key = false;            ///< of an access unit with an IDR picture
  std::vector<std::uint8_t> bytes{};
};
using Outputs = std::vector<Output>;

}  // namespace auralink::aic::rtp
