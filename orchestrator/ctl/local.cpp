// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/local.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "orchestrator/ctl/files.hpp"
#include "orchestrator/ctl/format.hpp"
#include "orchestrator/pipeline/catalog.hpp"
#include "orchestrator/pipeline/lint.hpp"
#include "orchestrator/pipeline/parameters.hpp"
#include "orchestrator/pipeline/plan.hpp"

namespace auralink::ctl {
namespace {

namespace fs = std::filesystem;
constexpr unsigned kTestParticipants = 3;

struct Complaint {
  Exit exit = Exit::failed;
  std::string text;
};
template <class T>
using Step = tl::expected<T, Complaint>;

Complaint complaint(const std::string& about, const json::Violations& violations) {
  return {Exit::failed, about + ":\n" + format_violations(violations)};
}

/// --pipelines, else the daemon's own default: $AURALINK_PIPELINES_DIR (folders with ':' between), else the
/// installed folder.
std::vector<fs::path> pipelines_folders(const Invocation& invocation) {
  if (const auto folder = invocation.value("pipelines")) return {*folder};
  std::vector<fs::path> folders;
  if (const char* listed = std::getenv("AURALINK_PIPELINES_DIR"); listed != nullptr) {
    std::istringstream in{listed};
    for (std::string folder; std::getline(in, folder, ':');)
      if (!folder.empty()) folders.emplace_back(folder);
  }
  if (folders.empty()) folders.emplace_back(AURALINK_PIPELINES_DIR);
  return folders;
}

/// A name is looked up in the folders; whatever has a slash or ends in .json is a file.
Step<fs::path> file_of(const Invocation& invocation, const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".json")) return name;
  std::vector<std::string> known;
  std::string searched;
  for (const auto& folder : pipelines_folders(invocation)) {
    std::error_code error;
    fs::path file = folder / (name + ".json");
    if (fs::exists(file, error)) return file;
    searched += (searched.empty() ? "" : ", ") + folder.string();
    for (const auto& entry : fs::directory_iterator{folder, error})
      if (entry.path().extension() == ".json") known.push_back(entry.path().stem().string());
  }
  const auto close = json::closest(name, std::vector<std::string_view>{known.begin(), known.end()});
  return tl::make_unexpected(Complaint{Exit::usage, "no description " + name + " in " + searched +
                                                        (close ? "; did you mean " + *close + "?" : "")});
}

/// {"a":{"b":1}} answers "a.b".
Step<pipeline::ConfigLookup> config_of(const Invocation& invocation) {
  const auto path = invocation.value("config");
  if (!path) return pipeline::ConfigLookup{[](std::string_view) { return std::nullopt; }};
  const auto text = read_file(*path);
  if (!text) return tl::make_unexpected(Complaint{Exit::usage, "cannot read " + *path});
  auto parsed = json::parse(*text);
  if (!parsed) return tl::make_unexpected(complaint(*path, parsed.error()));
  return pipeline::ConfigLookup{
      [config = std::move(*parsed)](std::string_view key) -> std::optional<json::Value> {
        const json::Value* at = &config;
        while (true) {
          const auto dot = key.find('.');
          at = &member(*at, key.substr(0, dot));
          if (dot == std::string_view::npos) break;
          key.remove_prefix(dot + 1);
        }
        return at->is_null() ? std::nullopt : std::optional{*at};
      }};
}

struct Resolved {
  json::Value document;
  pipeline::Description description;
};

/// What is given on the command line, over the examples of what is required and not given: enough to look at
/// a description that cannot run without its parameters. `examples` false: only what is given.
Step<Resolved> resolved(const Invocation& invocation, const fs::path& file, bool examples,
                        Terminal& terminal) {
  const auto loaded = pipeline::load_template(file);
  if (!loaded) return tl::make_unexpected(complaint(file.string(), loaded.error()));
  auto given = parameters_of(invocation);
  if (!given) return tl::make_unexpected(Complaint{Exit::usage, given.error()});
  json::Value parameters = std::move(*given);
  if (const auto example = examples ? pipeline::example_parameters(*loaded) : std::nullopt)
    for (const auto& [name, value] : example->items())
      if (!parameters.contains(name)) {
        parameters[name] = value;
        terminal.note("auralinkctl: " + name + " is not given, the example " + printable(value.dump()) +
                      " is used");
      }
  const auto config = config_of(invocation);
  if (!config) return tl::make_unexpected(config.error());
  auto document = pipeline::resolve(*loaded, parameters, *config);
  if (!document)
    return tl::make_unexpected(
        complaint(document.error().in_parameters ? "parameters" : file.string(), document.error().errors));
  auto description = pipeline::parse_description(*document);
  if (description && invocation.value("source") == "test" && !description->custom) {
    const bool passes_through = description->video.mode == pipeline::VideoMode::passthrough ||
                                description->audio.mode == pipeline::AudioMode::passthrough;
    auto people = json::Value::array();  // a branch may ask for one of them by name
    const auto played = pipeline::with_test_source(*description, passes_through ? 1U : kTestParticipants);
    for (const auto& person : std::get<pipeline::TestSource>(played.source).participants)
      people.push_back({{"name", person.name},
                        {"pattern", std::string{pipeline::to_string(person.pattern)}},
                        {"frequency", person.frequency}});
    (*document)["source"] = {{"kind", "test"}, {"participants", std::move(people)}};
    // Choosing among participants has a meaning only where they come and go over the network.
    if (auto& mix = (*document)["mix"]; mix.is_object()) mix.erase("select");
    description = pipeline::parse_description(*document);
  }
  if (!description) return tl::make_unexpected(complaint(file.string(), description.error()));
  return Resolved{std::move(*document), std::move(*description)};
}

fs::path recordings_of(const Invocation& invocation) { return invocation.value("recordings").value_or("."); }

Exit fail(Terminal& terminal, const Complaint& complaint) {
  terminal.complain(complaint.text);
  return complaint.exit;
}

Exit list(const Invocation& invocation, Terminal& terminal) {
  const pipeline::Catalog catalog{pipelines_folders(invocation),
                                  [](std::string_view) { return std::nullopt; }};
  json::Value items = json::Value::array();
  for (const auto& summary : catalog.list())
    items.push_back({{"name", summary.name},
                     {"version", summary.version},
                     {"why", summary.why},
                     {"parameters", summary.parameters}});
  const json::Value answer{{"items", std::move(items)}};
  terminal.out(invocation.has("json") ? answer.dump(2) + '\n' : format_pipelines(answer));
  for (const auto& broken : catalog.broken())
    terminal.complain(broken.file.string() + ":\n" + format_violations(broken.errors));
  return catalog.broken().empty() ? Exit::ok : Exit::failed;
}

/// One description: what the file says about itself, then what it becomes with the given parameters.
bool lint_one(const Invocation& invocation, const fs::path& file, json::Value& report, Terminal& terminal) {
  std::vector<pipeline::Finding> findings;
  const auto add = [&findings](const json::Violations& violations) {
    for (const auto& violation : violations)
      findings.push_back({pipeline::Finding::Level::error, violation.pointer, violation.detail});
  };
  const auto text = read_file(file.string());
  const auto document =
      text ? json::parse(*text)
           : json::Checked<json::Value>{tl::unexpected(json::Violations{{"", "the file cannot be read"}})};
  if (!document) {
    add(document.error());
  } else {
    const auto config = config_of(invocation);
    findings = pipeline::lint(*document, config ? *config : pipeline::ConfigLookup{});
    if (const auto loaded = pipeline::load_template(file); !loaded && findings.empty()) add(loaded.error());
  }
  bool good = true;
  for (const auto& finding : findings) {
    const bool error = finding.level == pipeline::Finding::Level::error;
    good = good && !error;
    report.push_back({{"file", file.string()},
                      {"level", error ? "error" : "warning"},
                      {"pointer", finding.pointer},
                      {"detail", finding.detail}});
    if (!invocation.has("json"))
      terminal.out(file.string() + ": " + (error ? "error" : "warning") + ":\n" +
                   format_violations({{finding.pointer, finding.detail}}));
  }
  if (good && (invocation.has("param") || invocation.has("params"))) {
    const auto tried = resolved(invocation, file, true, terminal);
    if (!tried) terminal.complain(tried.error().text);
    good = tried.has_value();
  }
  if (good && !invocation.has("json")) terminal.out(file.string() + ": good\n");
  return good;
}

Exit lint(const Invocation& invocation, Terminal& terminal) {
  json::Value report = json::Value::array();
  bool good = true;
  for (const auto& name : invocation.arguments) {
    const auto file = file_of(invocation, name);
    if (!file) return fail(terminal, file.error());
    good = lint_one(invocation, *file, report, terminal) && good;
  }
  if (invocation.has("json"))
    terminal.out(report.dump(2, ' ', false, json::Value::error_handler_t::replace) + '\n');
  return good ? Exit::ok : Exit::failed;
}

Exit render(const Invocation& invocation, Terminal& terminal) {
  const auto file = file_of(invocation, invocation.argument(0));
  if (!file) return fail(terminal, file.error());
  auto made = resolved(invocation, *file, true, terminal);
  if (!made) return fail(terminal, made.error());
  std::map<std::string, std::string> paths;
  for (const auto& [name, branch] : made->description.branches) {
    const auto* recording = pipeline::as_file(branch);
    if (recording == nullptr) continue;
    const auto container = recording->container;
    paths[name] = (recordings_of(invocation) / (name + std::string{pipeline::suffix_of(container)})).string();
  }
  const auto plan = pipeline::make_plan(made->description, paths);
  const std::string format = invocation.has("json") ? "json" : invocation.value("format").value_or("launch");
  if (format == "launch") return deliver(invocation, terminal, pipeline::render_launch(plan) + '\n');
  if (format == "json") return deliver(invocation, terminal, pipeline::render_json(plan).dump(2) + '\n');
  const std::string dot = pipeline::render_dot(plan);
  if (format == "dot") return deliver(invocation, terminal, dot);
  const auto svg = draw_svg(dot);
  if (!svg) return fail(terminal, {Exit::failed, svg.error()});
  return deliver(invocation, terminal, *svg);
}

Exit run(const Invocation& invocation, Terminal& terminal) {
  const auto file = file_of(invocation, invocation.argument(0));
  if (!file) return fail(terminal, file.error());
  const auto made = resolved(invocation, *file, invocation.value("source") == "test", terminal);
  if (!made) return fail(terminal, made.error());
  return run_worker(made->document, recordings_of(invocation).string(), invocation.has("json"), terminal);
}

}  // namespace

Exit run_local(const Invocation& invocation, Terminal& terminal) {
  const std::string_view name = invocation.command->name;
  if (name == "list") return list(invocation, terminal);
  if (name == "lint") return lint(invocation, terminal);
  if (name == "render") return render(invocation, terminal);
  return run(invocation, terminal);
}

}  // namespace auralink::ctl
