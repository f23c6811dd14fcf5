// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel's text files say about CPUs, memory and control groups, and one control group per worker
// where this process may make them. Parsers are pure; numbers are bytes, seconds and CPUs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace auralink::worker {

/// /proc/self/cgroup: the path in the v2 hierarchy ("/" for the root); nullopt without one.
[[nodiscard]] std::optional<std::string> cgroup_path(std::string_view text);
/// cpu.max: "200000 100000" is 2 CPUs, "max 100000" no limit.
[[nodiscard]] std::optional<double> cgroup_cpus(std::string_view text);
/// memory.max, memory.current and the like: a number, or "max" for nullopt.
[[nodiscard]] std::optional<std::uint64_t> cgroup_bytes(std::string_view text);
/// "key value" lines (cpu.stat, memory.stat, memory.events); nullopt when the key is not there.
[[nodiscard]] std::optional<std::uint64_t> flat_key(std::string_view text, std::string_view key);
/// /proc/meminfo, where lines are "MemTotal:  16384 kB".
[[nodiscard]] std::optional<std::uint64_t> meminfo_bytes(std::string_view text, std::string_view key);
/// /proc/stat: seconds that the given CPUs were not idle since boot (user, nice, system, irq, softirq,
/// steal).
[[nodiscard]] double busy_seconds(std::string_view text, std::span<const unsigned> cpus,
                                  double ticks_per_second);

/// A small text file of the kernel; empty when it is not there.
[[nodiscard]] std::string slurp(const std::string& path);
/// Where cgroup v2 is mounted: alone, or beside v1.
[[nodiscard]] std::string unified_root();

/// Whether worker groups are made: never, only where systemd delegated this group to us, or wherever
/// possible.
enum class GroupUse { off, delegated, always };

struct GroupLimits {
  std::uint64_t memory_bytes = 0;  ///< 0: none
  unsigned cpu_weight = 100;       ///< 1 to 10000
};

/// The group of one worker, while its conference runs.
class WorkerGroup {
 public:
  explicit WorkerGroup(std::string folder) : folder_{std::move(folder)} {}
  [[nodiscard]] std::optional<std::uint64_t> memory_bytes()
      const;  ///< without page cache that can be dropped
  [[nodiscard]] std::optional<double> cpu_seconds() const;
  [[nodiscard]] bool oom_killed() const;  ///< the kernel killed something in it for lack of memory
  /// Only succeeds when no process is left in it.
  bool remove() const;
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// Our own control group, divided: this process in one child, every worker in another, those that finish
/// recordings in a third. nullptr everywhere that cannot be done, which is normal in containers.
class Groups {
 public:
  [[nodiscard]] static std::unique_ptr<Groups> open(GroupUse use, const std::string& root = unified_root(),
                                                    const std::string& own = slurp("/proc/self/cgroup"));
  /// Moves the process into a fresh group. nullopt: not possible, the worker runs without.
  [[nodiscard]] std::optional<WorkerGroup> make(std::string_view conference, std::uint32_t epoch, pid_t pid,
                                                const GroupLimits& limits) const;
  /// Moves a process that finishes recordings to where it gets what workers and daemon leave. False: not
  /// possible.
  bool set_aside(pid_t pid) const;
  /// The group that a previous daemon made for a worker that was taken over.
  [[nodiscard]] std::optional<WorkerGroup> find(std::string_view conference, std::uint32_t epoch) const;
  /// Removes groups whose workers are gone.
  void sweep() const;
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  explicit Groups(std::string folder) : folder_{std::move(folder)} {}
  [[nodiscard]] std::string path_of(std::string_view conference, std::uint32_t epoch) const;
  std::string folder_;
};

}  // namespace auralink::worker
