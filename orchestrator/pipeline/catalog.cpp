// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/catalog.hpp"

#include <algorithm>
#include <fstream>

#include "orchestrator/pipeline/description_parts.hpp"
#include "orchestrator/pipeline/estimate.hpp"
#include "orchestrator/pipeline/parameters.hpp"

namespace auralink::pipeline {
namespace {

using session::Problem;

/// A typed branch as JSON that names everything, so that the worker chooses nothing by itself.
session::BranchSpec spec_of(const std::string& name, const Branch& branch, json::Value value) {
  session::BranchSpec spec{.name = name};
  if (const auto* file = as_file(branch)) {
    // Of one who sends coded media nothing may have to be encoded.
    if (!file->inputs.empty()) value["inputs"] = file->inputs;
    spec.kind = "file";
    spec.container = std::string{to_string(file->container)};
    spec.on_error = file->on_error;
    spec.automatic = file->automatic;
    spec.preview_interval = file->preview_interval;
  } else if (const auto* trunk = std::get_if<TrunkBranch>(&branch)) {
    spec.kind = "aic-trunk";
    spec.on_error = trunk->on_error;
  }
  spec.resolved = std::move(value);
  return spec;
}

/// Complaints about the resolved document, told in terms of what the caller wrote.
json::Violations in_parameters(const Resolution& resolution, const json::Violations& errors) {
  json::Violations out;
  for (const auto& error : errors) {
    if (const auto pointer = resolution.parameter_for(error.pointer))
      out.push_back({*pointer, error.detail});
    else
      out.push_back(
          {"", "with these parameters " + error.pointer + " of the pipeline is wrong: " + error.detail});
  }
  return out;
}

}  // namespace

json::Checked<Template> load_template(const std::filesystem::path& file) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  std::ifstream in{file, std::ios::binary};
  std::string text(longest + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (!in.is_open() || in.bad() || (in.fail() && !in.eof()))
    return tl::unexpected(json::Violations{{"", "the file cannot be read"}});
  const auto document = json::parse(text, {.bytes = longest});
  if (!document) return tl::unexpected(document.error());
  auto parsed = parse_template(*document);
  if (parsed && parsed->name != file.stem())
    return tl::unexpected(json::Violations{
        {"/name", "expected the name of the file, " + json::shown(json::Value(file.stem().string()))}});
  return parsed;
}

Catalog::Catalog(const std::vector<std::filesystem::path>& folders, ConfigLookup config)
    : config_{std::move(config)} {
  for (const auto& folder : folders) {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator it{folder, error}, end; !error && it != end;
         it.increment(error)) {
      const auto& path = it->path();
      if (path.extension() == ".json" && path.filename() != "schema.json" &&
          !path.filename().string().starts_with('.'))
        files.push_back(path);
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) load(file);
  }
}

void Catalog::load(const std::filesystem::path& file) {
  if (templates_.contains(file.stem().string())) return;
  auto loaded = load_template(file);
  if (!loaded) return broken_.push_back({file, std::move(loaded.error())});
  // What can only be wrong once parameters are known is tried with examples, so that a broken description is
  // found when the daemon starts and not when somebody needs it.
  if (const auto example = example_parameters(*loaded)) {
    const auto resolution = resolve_traced(*loaded, *example, config_);
    if (!resolution && resolution.error().in_parameters)
      return broken_.push_back({file, resolution.error().errors});
    if (resolution)
      if (auto typed = parse_description(resolution->document); !typed)
        return broken_.push_back({file, std::move(typed.error())});
  }
  templates_.emplace(loaded->name, std::move(*loaded));
}

std::vector<session::PipelineSummary> Catalog::list() const {
  std::vector<session::PipelineSummary> out;
  for (const auto& [name, t] : templates_) out.push_back({name, t.version, t.why, t.parameters});
  return out;
}

const Template* Catalog::find(std::string_view name) const {
  const auto it = templates_.find(name);
  return it == templates_.end() ? nullptr : &it->second;
}

session::Outcome<session::CompiledPipeline> compile_template(const Template& t, const json::Value& parameters,
                                                             const ConfigLookup& config) {
  auto resolution = resolve_traced(t, parameters, config);
  if (!resolution) {
    auto& wrong = resolution.error();
    if (wrong.in_parameters)
      return tl::unexpected(Problem{Problem::Kind::invalid, "the parameters do not fit pipeline " + t.name,
                                    std::move(wrong.errors)});
    return tl::unexpected(Problem{Problem::Kind::unavailable,
                                  "pipeline " + t.name + " is not configured: " + wrong.errors.front().detail,
                                  {},
                                  "configuration"});
  }
  auto typed = parse_description(resolution->document);
  if (!typed)
    return tl::unexpected(Problem{Problem::Kind::invalid, "the parameters do not fit pipeline " + t.name,
                                  in_parameters(*resolution, typed.error())});
  session::CompiledPipeline out;
  out.name = t.name;
  out.version = t.version;
  out.resolved = std::move(resolution->document);
  out.policies = typed->policies;
  out.estimated_cpus = estimated_cpus(*typed);
  for (const auto& [name, branch] : typed->branches) {
    auto& value = out.resolved["branches"][name];
    out.branches.push_back(spec_of(name, branch, value));
    value = out.branches.back().resolved;
  }
  return out;
}

session::Outcome<session::CompiledPipeline> Catalog::compile(std::string_view name,
                                                             const json::Value& parameters) const {
  if (const auto* t = find(name)) return compile_template(*t, parameters, config_);
  std::vector<std::string_view> names;
  for (const auto& [known, unused] : templates_) names.emplace_back(known);
  return tl::unexpected(
      Problem{Problem::Kind::not_found,
              "no pipeline is called " + json::shown(json::Value(name)) + json::did_you_mean(name, names)});
}

session::Outcome<session::BranchSpec> Catalog::compile_branch(const session::CompiledPipeline& pipeline,
                                                              std::string_view name,
                                                              const json::Value& branch) const {
  if (!parts::is_name(name))
    return tl::unexpected(
        Problem{Problem::Kind::invalid, "the branch name is wrong", {{"", std::string{parts::kNameRule}}}});
  const auto conference = parse_description(pipeline.resolved);
  if (!conference)
    return tl::unexpected(
        Problem{Problem::Kind::conflict, "the conference runs a description this version refuses"});
  const auto typed = parse_branch(branch, *conference);
  if (!typed) return tl::unexpected(Problem{Problem::Kind::invalid, "the branch is wrong", typed.error()});
  return spec_of(std::string{name}, *typed, branch);
}

}  // namespace auralink::pipeline
