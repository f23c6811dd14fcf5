// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/model/context_table.hpp"

#include <algorithm>
#include <cstring>

namespace auralink::aic::model {

ContextTable::ContextTable(int bits)
    : buckets_(std::size_t{1} << static_cast<unsigned>(std::clamp(bits, kMinBits, kMaxBits) - 1)) {
  mask_ = static_cast<std::uint32_t>((buckets_.size() - 1) * sizeof(Bucket));
}

void ContextTable::reset() noexcept { std::fill(buckets_.begin(), buckets_.end(), Bucket{}); }

bool ContextTable::operator==(const ContextTable& other) const noexcept {
  return buckets_.size() == other.buckets_.size() &&
         std::memcmp(buckets_.data(), other.buckets_.data(), memory()) == 0;
}

Line* ContextTable::replace(Bucket& b, std::uint64_t check) noexcept {
  // What stays has shown to be wanted less than it seemed: a quarter off, so that no line lives for ever.
  std::size_t least = b.use[0] * kWays;
  for (std::size_t way = 1; way < kWays; ++way) least = std::min(least, b.use[way] * kWays + way);
  const std::size_t victim = least % kWays;
  for (std::uint8_t& use : b.use) use = static_cast<std::uint8_t>(use - (use + 1) / 4);
  const std::size_t lane = 16 * victim;
  b.checks = (b.checks & ~(std::uint64_t{0xFFFF} << lane)) | check << lane;
  b.use[victim] = 1;
  b.line[victim] = Line{};
  return &b.line[victim];
}

}  // namespace auralink::aic::model
