// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace auralink::worker {
namespace {

constexpr const char* kDaemonGroup = "/daemon";
constexpr const char* kFinishGroup = "/finish";
constexpr unsigned kDaemonWeight = 1000;  // ten workers
constexpr unsigned kFinishWeight = 10;    // a tenth of one
constexpr std::string_view kWorkerPrefix = "worker-";

template <class Number>
[[nodiscard]] std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

/// Calls `line` for each line until it returns false.
template <class Each>
void each_line(std::string_view text, const Each& line) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (!line(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// The kernel refuses or takes a write as a whole.
bool tell(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto wrote = ::write(fd, text.data(), text.size());
  ::close(fd);
  return wrote == static_cast<ssize_t>(text.size());
}

/// systemd marks what it gave away; without the mark a group belongs to whoever manages it, even when root
/// could write.
[[nodiscard]] bool delegated(const std::string& folder) {
  char value = 0;
  for (const char* name : {"user.delegate", "trusted.delegate"})
    if (::getxattr(folder.c_str(), name, &value, 1) == 1 && value == '1') return true;
  return false;
}

[[nodiscard]] bool lists(const std::string& text, std::string_view word) {
  std::istringstream in{text};
  return std::find(std::istream_iterator<std::string>{in}, {}, word) != std::istream_iterator<std::string>{};
}

}  // namespace

std::optional<std::string> cgroup_path(std::string_view text) {
  std::optional<std::string> found;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with("0::/")) return true;
    found = line.substr(3);
    return false;
  });
  return found;
}

std::optional<double> cgroup_cpus(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = number<double>(text.substr(0, space));
  const auto period = number<double>(text.substr(space + 1));
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

std::optional<std::uint64_t> cgroup_bytes(std::string_view text) { return number<std::uint64_t>(text); }

std::optional<std::uint64_t> flat_key(std::string_view text, std::string_view key) {
  std::optional<std::uint64_t> found;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') return true;
    found = number<std::uint64_t>(line.substr(key.size() + 1));
    return false;
  });
  return found;
}

std::optional<std::uint64_t> meminfo_bytes(std::string_view text, std::string_view key) {
  constexpr std::uint64_t kKilo = 1024;
  std::optional<std::uint64_t> found;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') return true;
    const auto digits = line.find_first_of("0123456789", key.size());
    if (digits != std::string_view::npos) found = number<std::uint64_t>(line.substr(digits));
    return false;
  });
  return found ? std::optional{*found * kKilo} : std::nullopt;
}

double busy_seconds(std::string_view text, std::span<const unsigned> cpus, double ticks_per_second) {
  // user nice system idle iowait irq softirq steal; what follows is contained in the first two.
  constexpr std::size_t kIdle = 3;
  constexpr std::size_t kWaiting = 4;
  constexpr std::size_t kColumns = 8;
  double ticks = 0;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with("cpu") || line.size() < 5 || line[3] == ' ') return line.starts_with("cpu");
    const auto id = number<unsigned>(line.substr(3));
    if (!id || std::find(cpus.begin(), cpus.end(), *id) == cpus.end()) return true;
    std::istringstream columns{std::string{line.substr(line.find(' '))}};
    double value = 0;
    for (std::size_t column = 0; column < kColumns && columns >> value; ++column)
      if (column != kIdle && column != kWaiting) ticks += value;
    return true;
  });
  return ticks / ticks_per_second;
}

std::string slurp(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string unified_root() {
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
    if (::access((std::string{root} + "/cgroup.procs").c_str(), F_OK) == 0) return root;
  return "/sys/fs/cgroup";
}

std::optional<std::uint64_t> WorkerGroup::memory_bytes() const {
  const auto current = cgroup_bytes(slurp(folder_ + "/memory.current"));
  if (!current) return std::nullopt;
  const auto cache = flat_key(slurp(folder_ + "/memory.stat"), "inactive_file").value_or(0);
  return *current - std::min(*current, cache);
}

std::optional<double> WorkerGroup::cpu_seconds() const {
  constexpr double kMicros = 1e6;
  const auto usec = flat_key(slurp(folder_ + "/cpu.stat"), "usage_usec");
  return usec ? std::optional{static_cast<double>(*usec) / kMicros} : std::nullopt;
}

bool WorkerGroup::oom_killed() const {
  return flat_key(slurp(folder_ + "/memory.events"), "oom_kill").value_or(0) > 0;
}

bool WorkerGroup::remove() const { return ::rmdir(folder_.c_str()) == 0; }

std::unique_ptr<Groups> Groups::open(GroupUse use, const std::string& root, const std::string& own) {
  const auto path = cgroup_path(own);
  if (use == GroupUse::off || !path) return nullptr;
  auto folder = root + (*path == "/" ? std::string{} : *path);
  // A daemon that was restarted in place finds itself in the child it made before.
  if (folder.ends_with(kDaemonGroup)) folder.resize(folder.size() - std::string_view{kDaemonGroup}.size());
  if (use == GroupUse::delegated && !delegated(folder)) return nullptr;
  const auto controllers = slurp(folder + "/cgroup.controllers");
  if (!lists(controllers, "memory") || ::access(folder.c_str(), W_OK) != 0) return nullptr;
  // Controllers can only be handed to children by a group that holds no process itself.
  const auto daemon = folder + kDaemonGroup;
  std::error_code failed;
  std::filesystem::create_directory(daemon, failed);
  if (failed || !tell(daemon + "/cgroup.procs", std::to_string(::getpid()))) return nullptr;
  const std::string wanted = lists(controllers, "cpu") ? "+cpu +memory" : "+memory";
  if (!tell(folder + "/cgroup.subtree_control", wanted)) return nullptr;
  // Between groups niceness says nothing: with the workers' weight the daemon would get what one of them
  // gets.
  tell(daemon + "/cpu.weight", std::to_string(kDaemonWeight));
  std::unique_ptr<Groups> groups{new Groups{folder}};
  groups->sweep();
  return groups;
}

bool Groups::set_aside(pid_t pid) const {
  const auto group = folder_ + kFinishGroup;
  std::error_code failed;
  std::filesystem::create_directory(group, failed);
  if (failed) return false;
  tell(group + "/cpu.weight", std::to_string(kFinishWeight));
  return tell(group + "/cgroup.procs", std::to_string(pid));
}

std::string Groups::path_of(std::string_view conference, std::uint32_t epoch) const {
  return folder_ + "/" + std::string{kWorkerPrefix} + std::string{conference} + "." + std::to_string(epoch);
}

std::optional<WorkerGroup> Groups::make(std::string_view conference, std::uint32_t epoch, pid_t pid,
                                        const GroupLimits& limits) const {
  WorkerGroup group{path_of(conference, epoch)};
  std::error_code failed;
  std::filesystem::create_directory(group.folder(), failed);
  if (failed) return std::nullopt;
  if (limits.memory_bytes > 0) tell(group.folder() + "/memory.max", std::to_string(limits.memory_bytes));
  // A worker without one of its threads is of no use, nor is a hook that outlives it.
  tell(group.folder() + "/memory.oom.group", "1");
  tell(group.folder() + "/cpu.weight", std::to_string(limits.cpu_weight));
  if (tell(group.folder() + "/cgroup.procs", std::to_string(pid))) return group;
  static_cast<void>(group.remove());
  return std::nullopt;
}

std::optional<WorkerGroup> Groups::find(std::string_view conference, std::uint32_t epoch) const {
  auto path = path_of(conference, epoch);
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  return WorkerGroup{std::move(path)};
}

void Groups::sweep() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{folder_, ignored})
    if (entry.path().filename().string().starts_with(kWorkerPrefix)) ::rmdir(entry.path().c_str());
}

}  // namespace auralink::worker
