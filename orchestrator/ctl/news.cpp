// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines of `auralink-worker --standalone`: FromWorker of worker.proto in its JSON form, where 64-bit numbers
// are strings and members at their default are left out.
#include <charconv>

#include "orchestrator/ctl/format.hpp"
#include "orchestrator/ctl/local.hpp"

namespace auralink::ctl {
namespace {

std::uint64_t count_of(const json::Value& object, std::string_view key) {
  const std::string text = text_of(object, key, "0");
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

WorkerNews read_worker_news(std::string_view line) {
  WorkerNews news;
  const auto message = json::parse(line);
  if (!message) return news;
  const auto& stats = member(*message, "stats");
  for (const auto& branch : member(stats, "branches"))
    news.progress += (news.progress.empty() ? "" : ", ") + printable(text_of(branch, "name")) + " " +
                     format_bytes(count_of(branch, "bytes")) + " " +
                     format_duration(static_cast<double>(count_of(branch, "media_ns")) / 1e9);
  const auto& branch = member(*message, "branch");
  if (text_of(branch, "state") == "FAILED")
    news.failed_branch =
        "branch " + printable(text_of(branch, "name")) + ": " + printable(text_of(branch, "error"));
  const auto& ended = member(*message, "ended");
  if (ended.is_object()) {
    const std::string how = text_of(ended, "class");
    news.ended_ok = how == "COMPLETED" || how == "STOPPED";
    news.reason = printable(text_of(ended, "reason"));
  }
  return news;
}

}  // namespace auralink::ctl
