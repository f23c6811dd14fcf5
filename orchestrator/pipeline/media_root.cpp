// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/media_root.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace auralink::pipeline {
namespace {

namespace fs = std::filesystem;

tl::expected<std::string, std::string> resolve(const std::string& file, const fs::path& root) {
  const fs::path given{file};
  if (root.empty()) {
    if (given.is_absolute()) return file;
    return tl::unexpected("\"" + file + "\": expected an absolute path, because no media root is configured");
  }
  std::error_code error;
  const fs::path real =
      fs::canonical(root / given, error);  // an absolute `given` replaces the root, and is checked below
  if (error) return tl::unexpected("\"" + file + "\": " + error.message());
  const auto [end, unused] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  if (end != root.end()) return tl::unexpected("\"" + file + "\": lies outside the media root");
  return real.string();
}

}  // namespace

tl::expected<void, std::string> resolve_media(Description& description, const std::string& root) {
  auto* source = std::get_if<FileSource>(&description.source);
  if (source == nullptr || description.custom) return {};
  std::error_code error;
  const fs::path real_root = root.empty() ? fs::path{} : fs::canonical(root, error);
  if (error) return tl::unexpected("media root: " + error.message());
  for (auto& participant : source->participants) {
    for (auto& file : participant.files) {
      auto resolved = resolve(file, real_root);
      if (!resolved) return tl::unexpected("participant " + participant.name + ": " + resolved.error());
      file = *resolved;
    }
  }
  return {};
}

}  // namespace auralink::pipeline
