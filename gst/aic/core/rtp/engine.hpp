// SPDX-License-Identifier: LGPL-2.1-or-later
// What the two ends of the tunnel ask of a codec with a state: a port, so that the state machines can be
// driven by another codec and another clock in tests. Thread-compatible; one per direction.
#pragma once

#include <cstdint>
#include <vector>

#include "gst/aic/core/codec.hpp"

namespace auralink::aic::rtp {

/// Two states can be kept beside the present one.
enum class Slot : std::uint8_t { kFirst, kSecond };
[[nodiscard]] constexpr Slot other(Slot slot) noexcept {
  return slot == Slot::kFirst ? Slot::kSecond : Slot::kFirst;
}

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;
  virtual ~Engine() = default;

  struct Coded {
    h264::Refusal refusal = h264::Refusal::kNone;  ///< anything else: the state is as before
    std::uint32_t micros = 0;                      ///< time spent
  };
  [[nodiscard]] virtual Coded encode(Profile profile, const AccessUnit& unit,
                                     std::vector<std::uint8_t>& out) = 0;
  /// Takes the last encode() back, unless it has been verified; false when this engine cannot.
  [[nodiscard]] virtual bool undo() = 0;
  struct Verified {
    bool ok = true;  ///< false: the state is worthless
    std::uint32_t micros = 0;
  };
  /// Decodes what encode() wrote from the state it had, as the far end will, and compares.
  [[nodiscard]] virtual Verified verify(Profile profile, const AccessUnit& unit, Bytes coded) = 0;
  virtual void note_native(const AccessUnit& unit) = 0;

  struct Restored {
    bool ok = false;  ///< false: the state is worthless
    std::uint32_t micros = 0;
  };
  [[nodiscard]] virtual Restored decode(Profile profile, Bytes coded, AccessUnit& out) = 0;

  virtual void reset() = 0;
  [[nodiscard]] virtual std::uint32_t hash() const = 0;
  virtual void keep(Slot slot) = 0;
  virtual void restore(Slot slot) = 0;  ///< of a slot that was kept
};

}  // namespace auralink::aic::rtp
