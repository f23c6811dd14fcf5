// SPDX-License-Identifier: LGPL-2.1-or-later
// The lossless engine behind the port of the tunnel: the present State, the mirror that verifies, and two
// kept ones.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "gst/aic/core/codec.hpp"
#include "gst/aic/core/rtp/engine.hpp"
#include "gst/aic/core/rtp/packet.hpp"

namespace auralink::aic::rtp {

class LosslessEngine final : public Engine {
 public:
  using Clock = Time (*)() noexcept;
  LosslessEngine(const Limits& limits, Clock clock) : clock_{clock}, state_{limits} {}

  /// With a mirror each access unit is decoded before it is sent, and encode() can be undone. Between access
  /// units only.
  void set_mirror(bool wanted);
  /// Bytes of all states.
  [[nodiscard]] std::size_t memory() const noexcept;

  [[nodiscard]] Coded encode(Profile profile, const AccessUnit& unit,
                             std::vector<std::uint8_t>& out) override;
  [[nodiscard]] bool undo() override;
  [[nodiscard]] Verified verify(Profile profile, const AccessUnit& unit, Bytes coded) override;
  void note_native(const AccessUnit& unit) override;
  [[nodiscard]] Restored decode(Profile profile, Bytes coded, AccessUnit& out) override;
  void reset() override;
  [[nodiscard]] std::uint32_t hash() const override;
  void keep(Slot slot) override;
  void restore(Slot slot) override;

 private:
  [[nodiscard]] std::uint32_t since(Time begin) const noexcept;
  Clock clock_;
  State state_;
  std::optional<State> mirror_;  ///< as the far end's: it has only seen what was sent
  std::array<std::optional<State>, 2> kept_;
  AccessUnit scratch_;
};

}  // namespace auralink::aic::rtp
