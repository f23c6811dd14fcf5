// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams on a media port: header, header extension, level.
#include <array>
#include <cstdlib>

#include "orchestrator/pipeline/rtp_ingress.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace auralink::pipeline;
  const std::span<const std::uint8_t> datagram{data, size};
  const auto arrival = read_rtp_arrival(datagram);
  if (arrival.what == Ingress::rtp && arrival.payload_bytes + 12 > size) std::abort();
  for (const auto id : std::array<std::uint8_t, 3>{1, 14, 255}) {
    const auto level = read_audio_level(datagram, id);
    if (level && (*level > 127 || arrival.what == Ingress::rtcp)) std::abort();
  }
  return 0;
}
