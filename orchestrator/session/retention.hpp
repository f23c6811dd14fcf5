// SPDX-License-Identifier: LGPL-2.1-or-later
// Which recordings have to go: too old, too many bytes, or no space left. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/session/model.hpp"

namespace auralink::session {

struct RetentionRules {
  Millis keep{0};           ///< longest age after the end; 0: no limit
  std::uint64_t quota = 0;  ///< bytes of all recordings with what was made from them; 0: no limit
  std::uint64_t floor = 0;  ///< bytes that shall be free; 0: no matter
  bool make_room = false;   ///< whether recordings go for the sake of the floor
};

struct Removal {
  std::string recording = {};
  std::string reason = {};  ///< age | quota | space
  bool operator==(const Removal&) const = default;
};

/// Bytes of a recording with its pieces or file and its artifacts.
[[nodiscard]] std::uint64_t bytes_of(const Recording&) noexcept;

/// Oldest first by the end of the recording. One that is in progress, being finished or processed counts for
/// the quota but never goes. `free`: nullopt when unknown, then the floor is not applied. An age in the
/// future is 0.
[[nodiscard]] std::vector<Removal> choose_removals(const std::vector<const Recording*>& recordings,
                                                   Millis now, std::optional<std::uint64_t> free,
                                                   const RetentionRules& rules);

}  // namespace auralink::session
