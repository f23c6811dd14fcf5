// SPDX-License-Identifier: LGPL-2.1-or-later
// What this process costs, from /proc and getrusage.
#pragma once

#include <cstdint>

namespace auralink::worker {

/// Proportional set size in bytes (/proc/self/smaps_rollup); 0 when the kernel does not tell.
[[nodiscard]] std::uint64_t own_pss_bytes();
/// User plus system time since the process started.
[[nodiscard]] double own_cpu_seconds();

}  // namespace auralink::worker
