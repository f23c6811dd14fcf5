// SPDX-License-Identifier: LGPL-2.1-or-later
// Branches of a description: what takes which streams, and where to.
#include <algorithm>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/session/paths.hpp"

namespace auralink::pipeline {
namespace parts {
namespace {

constexpr std::array kOnError{Word<session::OnError>{"detach", session::OnError::detach},
                              Word<session::OnError>{"fail-pipeline", session::OnError::fail_pipeline}};

/// A recording that starts and stops by itself.
std::optional<session::AutoRule> read_automatic(ObjectReader& reader, Violations& violations) {
  const auto* rule = reader.object("auto");
  if (rule == nullptr) return std::nullopt;
  ObjectReader r{*rule, reader.at("auto"), violations};
  session::AutoRule out;
  out.min_participants =
      static_cast<unsigned>(r.integer("minParticipants", 1, 10'000).value_or(out.min_participants));
  if (const auto ns = r.duration_ns("emptyFor", 0, 24 * kHour))
    out.empty_for = session::Millis{*ns / 1'000'000};
  r.finish();
  return out;
}

/// `false`: none; `{"interval":"10s"}`: one picture so often.
std::optional<session::Millis> read_previews(ObjectReader& reader, Violations& violations) {
  const auto* value = reader.any("previews");
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean() && !value->get<bool>()) return session::Millis{0};
  if (!value->is_object()) {
    reader.complain("previews",
                    "expected false or an object with \"interval\", found " + json::shown(*value));
    return std::nullopt;
  }
  ObjectReader r{*value, reader.at("previews"), violations};
  const auto ns = r.duration_ns("interval", kSecond, kHour, Need::required);
  r.finish();
  return ns ? std::optional{session::Millis{*ns / 1'000'000}} : std::nullopt;
}

Branch read_file_branch(ObjectReader& reader, const Description& d, Violations& violations) {
  FileBranch branch;
  const auto container = read_word(reader, "container", kContainers, Need::required);
  branch.container = container.value_or(Container::mp4);
  if (branch.container == Container::hls) branch.segment = std::chrono::seconds{6};
  read_choice(reader, d, container, branch, violations);
  if (const auto path = reader.string("path")) {
    branch.path = *path;
    if (auto fault = path_fault(*path, false); !fault.empty())
      reader.complain("path", std::move(fault));
    else
      for (auto& wrong : session::check_path(*path)) reader.complain("path", std::move(wrong.detail));
  }
  const auto segment = read_duration(reader, "segment", kSecond, kHour);
  if (segment && container && !is_folder(*container))
    reader.complain("segment", "only has a meaning for the containers segments and hls");
  branch.segment = segment.value_or(branch.segment);
  branch.on_error = read_on_error(reader).value_or(branch.on_error);
  branch.automatic = read_automatic(reader, violations);
  branch.preview_interval = read_previews(reader, violations);
  return branch;
}

using BranchReader = Branch (*)(ObjectReader&, const Description&, Violations&);
constexpr std::array kBranchKinds{Word<BranchReader>{"file", read_file_branch},
                                  Word<BranchReader>{"aic-trunk", read_trunk_branch}};

}  // namespace

std::optional<session::OnError> read_on_error(ObjectReader& reader) {
  return read_word(reader, "onError", kOnError);
}

std::optional<Branch> read_branch(const Value& value, const std::string& pointer,
                                  const Description& conference, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  const auto read = read_word(reader, "kind", kBranchKinds, Need::required);
  if (!read) return std::nullopt;
  auto branch = (*read)(reader, conference, violations);
  reader.finish();
  return branch;
}

}  // namespace parts

json::Checked<Branch> parse_branch(const json::Value& branch, const Description& conference) {
  parts::Violations violations;
  if (conference.custom)
    return tl::unexpected(parts::Violations{{"", "a conference of kind Custom takes no branches"}});
  auto typed = parts::read_branch(branch, "", conference, violations);
  if (!violations.empty() || !typed) return tl::unexpected(std::move(violations));
  return std::move(*typed);
}

}  // namespace auralink::pipeline
