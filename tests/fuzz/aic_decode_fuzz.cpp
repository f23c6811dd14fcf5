// SPDX-License-Identifier: LGPL-2.1-or-later
// Coded access units from anybody, after a real one or from the beginning: the decoder ends, within its
// bounds, and what it takes for good can be coded again. The first byte chooses the profile; the rest are
// access units, two bytes of length each.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gst/aic/core/codec.hpp"

namespace aic = auralink::aic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const aic::Limits limits{.max_access_unit = 1U << 18U, .max_macroblocks = 400, .table_bits = 8};
  aic::State state{limits};
  const auto profile = static_cast<aic::Profile>(data[0] % 3);
  aic::Bytes rest{data + 1, size - 1};
  while (rest.size() > 2) {
    const std::size_t length =
        std::min<std::size_t>(std::size_t{rest[0]} | std::size_t{rest[1]} << 8U, rest.size() - 2);
    aic::AccessUnit unit;
    if (aic::decode(state, profile, rest.subspan(2, length), unit) == aic::Decoded::kCorrupt) return 0;
    rest = rest.subspan(2 + length);
    if (unit.count() == 0) continue;
    aic::State fresh{limits};
    std::vector<std::uint8_t> coded;
    aic::AccessUnit back;
    if (aic::encode(fresh, profile, unit, coded).refusal != aic::h264::Refusal::kNone) continue;
    fresh.reset();
    if (aic::decode(fresh, profile, coded, back) != aic::Decoded::kOk || !(back == unit)) std::abort();
  }
  return 0;
}
