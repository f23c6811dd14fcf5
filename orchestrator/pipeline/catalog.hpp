// SPDX-License-Identifier: LGPL-2.1-or-later
// The descriptions on disk, checked once when the daemon starts: session::Catalog over folders of
// <name>.json.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "orchestrator/pipeline/description.hpp"
#include "orchestrator/session/ports.hpp"

namespace auralink::pipeline {

/// A file that could not be used, and why. The others are not affected.
struct BrokenFile {
  std::filesystem::path file;
  json::Violations errors;
};

class Catalog final : public session::Catalog {
 public:
  /// Reads every <name>.json of the folders (schema.json and hidden files aside). Of two with the same name,
  /// the one in the earlier folder is used, so an operator's folder goes before the shipped one. A folder
  /// that does not exist is empty. `config` is kept and asked at every compile().
  Catalog(const std::vector<std::filesystem::path>& folders, ConfigLookup config);

  [[nodiscard]] std::vector<session::PipelineSummary> list() const override;
  [[nodiscard]] session::Outcome<session::CompiledPipeline> compile(
      std::string_view name, const json::Value& parameters) const override;
  [[nodiscard]] session::Outcome<session::BranchSpec> compile_branch(
      const session::CompiledPipeline& pipeline, std::string_view name,
      const json::Value& branch) const override;

  /// nullptr when there is none of that name.
  [[nodiscard]] const Template* find(std::string_view name) const;
  [[nodiscard]] const std::vector<BrokenFile>& broken() const noexcept { return broken_; }

 private:
  void load(const std::filesystem::path& file);

  std::map<std::string, Template, std::less<>> templates_;
  std::vector<BrokenFile> broken_;
  ConfigLookup config_;
};

/// Reads and checks one description file; also what `auralinkctl pipeline lint FILE` starts with.
[[nodiscard]] json::Checked<Template> load_template(const std::filesystem::path& file);

/// Template + parameters -> what the session supervises. Violations point into the parameters.
[[nodiscard]] session::Outcome<session::CompiledPipeline> compile_template(const Template&,
                                                                           const json::Value& parameters,
                                                                           const ConfigLookup&);

}  // namespace auralink::pipeline
