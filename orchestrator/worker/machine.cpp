// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/machine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace auralink::worker {
namespace {

constexpr session::Millis kWindow{5'000};
constexpr double kMicros = 1e6;
constexpr double kMillis = 1e3;

}  // namespace

std::vector<unsigned> own_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    for (unsigned id = 0; id < CPU_SETSIZE; ++id)
      if (CPU_ISSET(id, &set)) cpus.push_back(id);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

Machine::Machine(Sources sources) : sources_{std::move(sources)} {
  if (sources_.ticks_per_second <= 0)
    sources_.ticks_per_second = static_cast<double>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  auto path = cgroup_path(slurp(sources_.proc + "/self/cgroup")).value_or("/");
  // Inside a container "/" is the container's own group, and its files are there; on a host the root group
  // has none.
  for (;;) {
    groups_.push_back(sources_.cgroup_root + (path == "/" ? std::string{} : path));
    if (path == "/") break;
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
  load_.cpus = static_cast<double>(sources_.cpus.size());
  for (const auto& group : groups_) {
    const auto quota = cgroup_cpus(slurp(group + "/cpu.max"));
    if (!quota || *quota >= load_.cpus) continue;
    load_.cpus = *quota;
    quota_group_ = group;
  }
  read_memory();
}

double Machine::used_seconds() const {
  // Under a quota only those count who share it; else everybody on the CPUs we may use.
  if (!quota_group_.empty())
    if (const auto usec = flat_key(slurp(quota_group_ + "/cpu.stat"), "usage_usec"))
      return static_cast<double>(*usec) / kMicros;
  return busy_seconds(slurp(sources_.proc + "/stat"), sources_.cpus, sources_.ticks_per_second);
}

void Machine::read_memory() {
  const auto meminfo = slurp(sources_.proc + "/meminfo");
  load_.memory_bytes = meminfo_bytes(meminfo, "MemTotal").value_or(0);
  load_.available_bytes = meminfo_bytes(meminfo, "MemAvailable").value_or(load_.memory_bytes);
  for (const auto& group : groups_) {
    const auto limit = cgroup_bytes(slurp(group + "/memory.max"));
    const auto current = cgroup_bytes(slurp(group + "/memory.current"));
    if (!limit || !current) continue;
    const auto cache = flat_key(slurp(group + "/memory.stat"), "inactive_file").value_or(0);
    const auto used = *current - std::min(*current, cache);
    load_.memory_bytes = std::min(load_.memory_bytes, *limit);
    load_.available_bytes = std::min(load_.available_bytes, *limit - std::min(*limit, used));
  }
}

void Machine::sample(session::Millis now) {
  read_memory();
  used_.emplace_back(now, used_seconds());
  while (used_.size() > 2 && now - used_[1].first >= kWindow) used_.pop_front();
  const auto span = static_cast<double>((used_.back().first - used_.front().first).count()) / kMillis;
  if (span <= 0) return;
  const auto busy = (used_.back().second - used_.front().second) / span;
  load_.busy_cpus = std::clamp(busy, 0.0, load_.cpus);
}

}  // namespace auralink::worker
