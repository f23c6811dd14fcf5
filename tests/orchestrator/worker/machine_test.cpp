// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts as Debian 12's kernel writes them, and a folder in place of /proc and /sys/fs/cgroup.
#include "orchestrator/worker/machine.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace auralink::worker {
namespace {

namespace fs = std::filesystem;
using session::Millis;

constexpr const char* kStat =
    "cpu  1000 20 300 9000 50 6 7 8 100 0\n"
    "cpu0 600 10 200 4000 25 3 4 5 60 0\n"
    "cpu1 400 10 100 5000 25 3 3 3 40 0\n"
    "cpu10 7 7 7 7 7 7 7 7 7 7\n"
    "intr 12345 0 9\nctxt 99\nbtime 1700000000\nprocesses 4242\n";
constexpr const char* kMeminfo =
    "MemTotal:        8127904 kB\nMemFree:          204800 kB\nMemAvailable:    4096000 kB\n"
    "Buffers:           10000 kB\n";
constexpr const char* kCpuStat =
    "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 1\n";

TEST(KernelText, OfControlGroups) {
  EXPECT_EQ(cgroup_path("0::/system.slice/auralinkd.service\n"), "/system.slice/auralinkd.service");
  EXPECT_EQ(cgroup_path("4:memory:/x\n1:name=systemd:/y\n0::/\n"), "/");
  EXPECT_EQ(cgroup_path("4:memory:/x\n"), std::nullopt);
  EXPECT_EQ(cgroup_path(""), std::nullopt);
  EXPECT_DOUBLE_EQ(*cgroup_cpus("150000 100000\n"), 1.5);
  for (const char* none : {"max 100000\n", "", "1", "0 100000", "100000 0"})
    EXPECT_EQ(cgroup_cpus(none), std::nullopt) << none;
  EXPECT_EQ(cgroup_bytes("1073741824\n"), 1073741824U);
  EXPECT_EQ(cgroup_bytes("max\n"), std::nullopt);
  EXPECT_EQ(flat_key(kCpuStat, "usage_usec"), 2'500'000U);
  EXPECT_EQ(flat_key("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n", "oom_kill"), 1U);
  EXPECT_EQ(flat_key("oom_kill_other 3\n", "oom_kill"), std::nullopt);
}

TEST(KernelText, OfMemoryAndCpus) {
  EXPECT_EQ(meminfo_bytes(kMeminfo, "MemTotal"), 8127904ULL * 1024);
  EXPECT_EQ(meminfo_bytes(kMeminfo, "MemAvailable"), 4096000ULL * 1024);
  EXPECT_EQ(meminfo_bytes(kMeminfo, "Mem"), std::nullopt);
  const std::array<unsigned, 1> first{0};
  const std::array<unsigned, 2> both{0, 1};
  EXPECT_DOUBLE_EQ(busy_seconds(kStat, first, 100), (600 + 10 + 200 + 3 + 4 + 5) / 100.0);
  EXPECT_DOUBLE_EQ(busy_seconds(kStat, both, 100), (822 + 519) / 100.0);
  EXPECT_DOUBLE_EQ(busy_seconds("", both, 100), 0);
}

class FakeSystem : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "auralink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    write("proc/meminfo", kMeminfo);
    write("proc/stat", kStat);
    write("proc/self/cgroup", "0::/system.slice/auralinkd.service\n");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream{folder_ / name} << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const { return slurp(folder_ / name); }
  [[nodiscard]] Machine::Sources sources() const {
    return {.proc = folder_ / "proc", .cgroup_root = folder_ / "cg", .cpus = {0, 1}, .ticks_per_second = 100};
  }
  [[nodiscard]] std::unique_ptr<Groups> groups() const {
    return Groups::open(GroupUse::always, folder_ / "cg", "0::/own\n");
  }
  void own_group(const std::string& controllers) const {
    write("cg/own/cgroup.controllers", controllers);
    write("cg/own/cgroup.subtree_control", "");
    write("cg/own/daemon/cgroup.procs", "");
    write("cg/own/daemon/cpu.weight", "");
  }
  /// The kernel makes these files with the folder; here they have to be there before.
  void worker_files(const std::string& name) const {
    for (const char* file : {"cgroup.procs", "memory.max", "memory.oom.group", "cpu.weight"})
      write("cg/own/" + name + "/" + file, "");
  }

  fs::path folder_;
};

TEST_F(FakeSystem, WithoutLimitsTheWholeMachineCounts) {
  Machine machine{sources()};
  EXPECT_DOUBLE_EQ(machine.load().cpus, 2);
  EXPECT_EQ(machine.load().memory_bytes, 8127904ULL * 1024);
  EXPECT_EQ(machine.load().available_bytes, 4096000ULL * 1024);
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 0) << "nothing is known before the second sample";
  machine.sample(Millis{1'000});
  write("proc/stat", "cpu0 750 10 200 4000 25 3 4 5 60 0\ncpu1 400 10 100 5150 25 3 3 3 40 0\n");
  machine.sample(Millis{2'500});
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 1) << "150 ticks in 1.5 s";
}

TEST_F(FakeSystem, BusyCpusAreAMeanOfTheLastSeconds) {
  Machine machine{sources()};
  const auto at = [&](int second, int busy) {
    write("proc/stat", "cpu0 " + std::to_string(busy) + " 0 0 0 0 0 0 0 0 0\n");
    machine.sample(Millis{second * 1'000});
  };
  at(0, 0);
  at(1, 100);  // a whole CPU for a second
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 1);
  for (int second = 2; second <= 5; ++second) at(second, 100);
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 0.2);
  at(6, 100);
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 0) << "that second is out of the window";
}

TEST_F(FakeSystem, TheTightestLimitOfAnyGroupCounts) {
  write("cg/system.slice/auralinkd.service/cpu.max", "max 100000\n");
  write("cg/system.slice/auralinkd.service/memory.max", "max\n");
  write("cg/system.slice/cpu.max", "150000 100000\n");
  write("cg/system.slice/cpu.stat", kCpuStat);
  write("cg/system.slice/memory.max", "1073741824\n");
  write("cg/system.slice/memory.current", "536870912\n");
  write("cg/system.slice/memory.stat", "anon 1\ninactive_file 268435456\n");
  Machine machine{sources()};
  EXPECT_DOUBLE_EQ(machine.load().cpus, 1.5);
  EXPECT_EQ(machine.load().memory_bytes, 1073741824U);
  EXPECT_EQ(machine.load().available_bytes, 1073741824U - 268435456U) << "cache can be dropped";
  machine.sample(Millis{0});
  write("cg/system.slice/cpu.stat", "usage_usec 3500000\n");
  machine.sample(Millis{2'000});
  EXPECT_DOUBLE_EQ(machine.load().busy_cpus, 0.5) << "of those who share the quota, not of the machine";
}

TEST_F(FakeSystem, OfTheRealOneSomethingIsKnown) {
  Machine machine;
  EXPECT_GT(machine.load().cpus, 0);
  EXPECT_GT(machine.load().memory_bytes, 0U);
  EXPECT_GT(machine.load().available_bytes, 0U);
  EXPECT_LE(machine.load().available_bytes, machine.load().memory_bytes);
}

TEST_F(FakeSystem, GroupsAreOnlyMadeWhereTheyMayBe) {
  EXPECT_EQ(groups(), nullptr) << "no such group";
  own_group("cpuset cpu io\n");
  EXPECT_EQ(groups(), nullptr) << "without memory there is no point";
  own_group("cpuset cpu io memory pids\n");
  EXPECT_EQ(Groups::open(GroupUse::off, folder_ / "cg", "0::/own\n"), nullptr);
  EXPECT_EQ(Groups::open(GroupUse::delegated, folder_ / "cg", "0::/own\n"), nullptr)
      << "nobody gave it to us";
  EXPECT_EQ(Groups::open(GroupUse::always, folder_ / "cg", "1:cpu:/\n"), nullptr) << "no v2";
  const auto made = groups();
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(read("cg/own/daemon/cgroup.procs"), std::to_string(::getpid()));
  EXPECT_EQ(read("cg/own/cgroup.subtree_control"), "+cpu +memory");
  EXPECT_EQ(read("cg/own/daemon/cpu.weight"), "1000") << "not one among many";
  const auto again = Groups::open(GroupUse::always, folder_ / "cg", "0::/own/daemon\n");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->folder(), made->folder()) << "restarted in place";
}

TEST_F(FakeSystem, AWorkerGetsItsLimits) {
  own_group("cpu memory\n");
  const auto made = groups();
  ASSERT_NE(made, nullptr);
  worker_files("worker-room.1");
  const auto group = made->make("room", 1, 4711, {.memory_bytes = 1 << 20, .cpu_weight = 50});
  ASSERT_TRUE(group);
  EXPECT_EQ(read("cg/own/worker-room.1/cgroup.procs"), "4711");
  EXPECT_EQ(read("cg/own/worker-room.1/memory.max"), "1048576");
  EXPECT_EQ(read("cg/own/worker-room.1/memory.oom.group"), "1");
  EXPECT_EQ(read("cg/own/worker-room.1/cpu.weight"), "50");
  EXPECT_EQ(group->memory_bytes(), std::nullopt);
  write("cg/own/worker-room.1/memory.current", "5000\n");
  write("cg/own/worker-room.1/memory.stat", "inactive_file 2000\n");
  write("cg/own/worker-room.1/cpu.stat", kCpuStat);
  write("cg/own/worker-room.1/memory.events", "oom_kill 0\n");
  EXPECT_EQ(group->memory_bytes(), 3000U);
  EXPECT_DOUBLE_EQ(*group->cpu_seconds(), 2.5);
  EXPECT_FALSE(group->oom_killed());
  write("cg/own/worker-room.1/memory.events", "oom 1\noom_kill 1\n");
  EXPECT_TRUE(group->oom_killed());
  EXPECT_TRUE(made->find("room", 1));
  EXPECT_FALSE(made->find("room", 2));
}

TEST_F(FakeSystem, WhatFinishesRecordingsIsNotInTheDaemonsGroup) {
  own_group("cpu memory\n");
  const auto made = groups();
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(made->set_aside(4711)) << "no cgroup.procs to write to";
  for (const char* file : {"cgroup.procs", "cpu.weight"}) write(std::string{"cg/own/finish/"} + file, "");
  EXPECT_TRUE(made->set_aside(4711));
  EXPECT_EQ(read("cg/own/finish/cgroup.procs"), "4711");
  EXPECT_EQ(read("cg/own/finish/cpu.weight"), "10");
}

TEST_F(FakeSystem, WhatCannotBeMovedRunsWithoutAGroup) {
  own_group("cpu memory\n");
  const auto made = groups();
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(made->make("room", 1, 4711, {})) << "no cgroup.procs to write to";
  EXPECT_FALSE(fs::exists(folder_ / "cg/own/worker-room.1"));
  fs::create_directory(folder_ / "cg/own/worker-gone.3");
  made->sweep();
  EXPECT_FALSE(fs::exists(folder_ / "cg/own/worker-gone.3"));
  EXPECT_TRUE(fs::exists(folder_ / "cg/own/daemon"));
}

}  // namespace
}  // namespace auralink::worker
