// SPDX-License-Identifier: LGPL-2.1-or-later
// Where counters live: a hash table of fixed size, four lines to a bucket of one cache line, four counters to
// a line. A line that is not found takes the place of the one that was used least.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace auralink::aic::model {

/// Four counters, one per node of a group.
struct Line {
  std::array<std::uint16_t, 4> probability{0x8000, 0x8000, 0x8000, 0x8000};  ///< of a one, in 1/65536
  std::array<std::uint8_t, 4> state{};                                       ///< Counter's
};

class ContextTable final {
 public:
  static constexpr int kMinBits = 5;  // groups are 0..15
  static constexpr int kMaxBits = 22;

  /// 2^bits * 32 bytes: as many buckets of 64 bytes as half of 2^bits.
  explicit ContextTable(int bits);
  void reset() noexcept;
  [[nodiscard]] std::size_t memory() const noexcept { return buckets_.size() * sizeof(Bucket); }

  /// Asks the processor for the bucket of a context before it is needed.
  void prefetch(std::uint32_t hash, unsigned group) const noexcept {
    __builtin_prefetch(static_cast<const char*>(static_cast<const void*>(buckets_.data())) +
                       place(hash, group));
  }
  /// The line of a context (32 well-mixed bits) and a group of nodes (0..15): a new one if there is none.
  [[nodiscard]] Line* find(std::uint32_t hash, unsigned group) noexcept {
    void* const at = static_cast<char*>(static_cast<void*>(buckets_.data())) + place(hash, group);
    Bucket& b = *static_cast<Bucket*>(at);
    const std::uint64_t check = check_of(hash, group);
    // The lanes that equal `check`, by the classic search for a zero; the lowest one found is exact.
    const std::uint64_t difference = b.checks ^ (check * kLanes);
    const std::uint64_t equal = (difference - kLanes) & ~difference & (kLanes << 15U);
    if (equal == 0) return replace(b, check);
    const auto way = static_cast<std::size_t>(__builtin_ctzll(equal)) / 16;
    b.use[way] = static_cast<std::uint8_t>(b.use[way] + (b.use[way] < kMaxUse ? 1 : 0));
    return &b.line[way];
  }

  bool operator==(const ContextTable&) const noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::uint64_t kLanes = 0x0001000100010001;
  static constexpr std::uint8_t kMaxUse = 250;
  struct alignas(64) Bucket {
    std::uint64_t checks = 0;  ///< 16 bits for each line, the lowest for the first
    std::array<std::uint8_t, kWays> use{};
    std::uint32_t unused = 0;
    std::array<Line, kWays> line{};
  };
  static_assert(sizeof(Bucket) == 64);

  /// Groups of a context are near to each other, in the same page. Bytes, since these need no shift.
  [[nodiscard]] std::size_t place(std::uint32_t hash, unsigned group) const noexcept {
    return (hash & mask_) ^ (group * sizeof(Bucket));
  }
  /// Bits that chose no bucket, as far as there are.
  [[nodiscard]] static std::uint64_t check_of(std::uint32_t hash, unsigned group) noexcept {
    return (std::rotl(hash, 11) + group * 0x9E37U) & 0xFFFFU;
  }
  static Line* replace(Bucket& b, std::uint64_t check) noexcept;

  std::uint32_t mask_ = 0;  // of where a bucket begins, in bytes
  std::vector<Bucket> buckets_;
};

}  // namespace auralink::aic::model
