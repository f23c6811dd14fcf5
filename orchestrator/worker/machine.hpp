// SPDX-License-Identifier: LGPL-2.1-or-later
// What this machine, or this container, can still carry.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/session/ports.hpp"
#include "orchestrator/worker/cgroup.hpp"

namespace auralink::worker {

/// CPUs this process may run on.
[[nodiscard]] std::vector<unsigned> own_cpus();

class Machine final : public session::Machine {
 public:
  struct Sources {
    std::string proc = "/proc";
    std::string cgroup_root = unified_root();
    std::vector<unsigned> cpus = own_cpus();
    double ticks_per_second = 0;  ///< of /proc/stat; 0: as the system says
  };
  Machine() : Machine{Sources{}} {}
  explicit Machine(Sources sources);

  /// Looks at the files; call about once a second. `now` is monotonic.
  void sample(session::Millis now);
  /// As of the last sample; busy_cpus is the mean since about five seconds before.
  [[nodiscard]] session::MachineLoad load() const override { return load_; }

 private:
  void read_memory();
  [[nodiscard]] double used_seconds() const;

  Sources sources_;
  std::vector<std::string> groups_;  ///< our control group and those above it, innermost first
  std::string quota_group_;          ///< the one that limits CPU time most; empty: none does
  std::deque<std::pair<session::Millis, double>> used_;
  session::MachineLoad load_;
};

}  // namespace auralink::worker
