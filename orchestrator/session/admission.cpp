// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/session/admission.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace auralink::session {
namespace {

std::string cpus_text(double cpus) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.2f", cpus);
  return {text.data(), static_cast<std::size_t>(std::max(0, length))};
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

Problem refusal(const char* reason, std::string detail, Millis retry) {
  return {.kind = Problem::Kind::unavailable,
          .detail = std::move(detail),
          .reason = reason,
          .retry_after_s = static_cast<unsigned>(std::max<std::int64_t>(1, (retry.count() + 999) / 1000))};
}

std::optional<Problem> refuse_cpu(const MachineLoad& machine, const std::vector<Cost>& running,
                                  const Cost& wanted, const AdmissionRules& rules) {
  if (rules.cpu_ceiling <= 0 || running.empty()) return std::nullopt;
  double ours = 0, measured = 0;
  for (const auto& cost : running) {
    ours += cpus_of(cost);
    measured += cost.cpus.value_or(0);
  }
  const double others = std::max(0.0, machine.busy_cpus - measured);
  const double limit = rules.cpu_ceiling * machine.cpus;
  if (ours + others + wanted.expected_cpus <= limit) return std::nullopt;
  return refusal("cpu",
                 "this conference needs about " + cpus_text(wanted.expected_cpus) + " CPUs; " +
                     cpus_text(ours) + " are promised to others or used by them and " + cpus_text(others) +
                     " by the rest of the machine, of " + cpus_text(limit) + " that may be",
                 rules.reservation);
}

std::optional<Problem> refuse_memory(const MachineLoad& machine, const std::vector<Cost>& running,
                                     const Cost& wanted, const AdmissionRules& rules) {
  if (rules.memory_headroom == 0) return std::nullopt;
  std::uint64_t promised = 0;  // and not taken yet: what is taken is missing in `available` already
  for (const auto& cost : running)
    if (cost.reserved && cost.expected_memory > cost.memory) promised += cost.expected_memory - cost.memory;
  const auto needed = rules.memory_headroom + promised + wanted.expected_memory;
  if (needed <= machine.available_bytes) return std::nullopt;
  return refusal("memory",
                 "this conference needs about " + mebibytes(wanted.expected_memory) + "; " +
                     mebibytes(machine.available_bytes) + " are available, " + mebibytes(promised) +
                     " of them promised, and " + mebibytes(rules.memory_headroom) + " stay free",
                 rules.reservation);
}

}  // namespace

double cpus_of(const Cost& cost) noexcept {
  const double expected = cost.reserved || !cost.cpus ? cost.expected_cpus : 0;
  return std::max(expected, cost.cpus.value_or(0));
}

std::optional<Problem> refuse_admission(const MachineLoad& machine, const std::vector<Cost>& running,
                                        const Cost& wanted, const AdmissionRules& rules) {
  if (auto problem = refuse_cpu(machine, running, wanted, rules)) return problem;
  return refuse_memory(machine, running, wanted, rules);
}

}  // namespace auralink::session
