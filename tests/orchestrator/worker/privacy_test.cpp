// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/privacy.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "orchestrator/worker/process_stats.hpp"

namespace auralink::worker {
namespace {

constexpr uid_t kNobody = 65534;

/// What a private process can still learn about itself, as an exit status: bits of what went wrong.
int private_life() {
  // The score belongs to root afterwards, and so would every file of /proc/self; reading has to work
  // nevertheless.
  if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) return 1;
  ::prctl(PR_SET_DUMPABLE, 1);  // as after exec; changing the user took it away
  be_first_to_go();
  keep_memory_private();
  int wrong = 0;
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  if (limit.rlim_cur != 0 || limit.rlim_max != 0) wrong |= 2;
  if (::prctl(PR_GET_DUMPABLE) != 0) wrong |= 4;
  if (own_pss_bytes() == 0) wrong |= 8;
  int score = 0;
  std::ifstream{"/proc/self/oom_score_adj"} >> score;
  if (score != 500) wrong |= 16;
  return wrong;
}

TEST(Privacy, APrivateProcessStillKnowsWhatItCosts) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(private_life());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace auralink::worker
