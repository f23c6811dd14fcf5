// SPDX-License-Identifier: LGPL-2.1-or-later
// What both programs do first. Their memory holds media and secrets: it is nobody's debugging aid after a
// crash.
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>

#include <fstream>

namespace auralink::worker {

/// No core dump, and no other process of this user may look into this one. Reading our own /proc/self still
/// works; for writing there it is too late afterwards: those files belong to root from then on.
inline void keep_memory_private() {
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::prctl(PR_SET_DUMPABLE, 0);
}

/// When memory runs out a conference goes before the daemon that can start it again. Anybody may raise their
/// own score.
inline void be_first_to_go() {
  constexpr int kScore = 500;
  std::ofstream{"/proc/self/oom_score_adj"} << kScore;
}

}  // namespace auralink::worker
