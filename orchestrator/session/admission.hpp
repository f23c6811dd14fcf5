// SPDX-License-Identifier: LGPL-2.1-or-later
// Is there room for another conference? Pure: the machine's figures and everybody's cost in, an answer out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "orchestrator/session/ports.hpp"

namespace auralink::session {

/// What one conference is expected to need, or was measured to.
struct Cost {
  double expected_cpus = 0;         ///< what it was admitted with
  std::optional<double> cpus = {};  ///< measured; nullopt: not yet
  std::uint64_t expected_memory = 0;
  std::uint64_t memory = 0;  ///< measured; 0: not yet
  bool reserved = true;      ///< so young that its expectation still counts
};

struct AdmissionRules {
  double cpu_ceiling = 0.8;           ///< share of the CPUs that may be promised or used; 0: no matter
  std::uint64_t memory_headroom = 0;  ///< bytes that stay free; 0: memory is no matter
  Millis reservation{15'000};         ///< told as Retry-After
};

/// What a conference takes when nothing better is known.
inline constexpr std::uint64_t kUsualMemory = std::uint64_t{150} << 20U;

/// Expected while reserved, then measured; never less than measured.
[[nodiscard]] double cpus_of(const Cost&) noexcept;

/// Why a conference of that cost is not admitted: `unavailable`, reason "cpu" or "memory", with the figures.
/// nullopt: it is. CPU is never refused on a machine where no conference runs: it would be refused for ever.
[[nodiscard]] std::optional<Problem> refuse_admission(const MachineLoad& machine,
                                                      const std::vector<Cost>& running, const Cost& wanted,
                                                      const AdmissionRules& rules);

}  // namespace auralink::session
