// SPDX-License-Identifier: LGPL-2.1-or-later
// print_launch DESCRIPTION FOLDER [PARAMETERS]: the launch line of a description with two test participants,
// writing into FOLDER. Run by launch_line.py.
#include <cstdio>
#include <filesystem>

#include "orchestrator/pipeline/catalog.hpp"
#include "orchestrator/pipeline/parameters.hpp"
#include "orchestrator/pipeline/plan.hpp"

using namespace auralink;

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: print_launch DESCRIPTION FOLDER [PARAMETERS]\n", stderr), 2;
  const auto t = pipeline::load_template(argv[1]);
  auto parameters = t ? pipeline::example_parameters(*t) : std::nullopt;
  if (!parameters) return std::fputs("the description cannot be used without parameters\n", stderr), 1;
  if (argc > 3) parameters->update(*json::parse(argv[3]));
  const auto resolved = pipeline::resolve(*t, *parameters, {});
  const auto typed =
      resolved ? pipeline::parse_description(*resolved) : tl::unexpected(resolved.error().errors);
  if (!typed) return std::fprintf(stderr, "%s\n", typed.error().front().detail.c_str()), 1;
  std::map<std::string, std::string> paths;
  for (const auto& [name, branch] : typed->branches) {
    const auto* file = pipeline::as_file(branch);
    if (file == nullptr) continue;
    paths[name] = (std::filesystem::path{argv[2]} / name).string() + std::string{suffix_of(file->container)};
    if (is_folder(file->container)) std::filesystem::create_directories(paths[name]);
  }
  std::puts(render_launch(pipeline::make_plan(pipeline::with_test_source(*typed, 2), paths)).c_str());
  return 0;
}
