// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/files.hpp"

#include <array>
#include <cstdio>
#include <memory>

#include "orchestrator/ctl/handles.hpp"
#include "orchestrator/ctl/parameters.hpp"

namespace auralink::ctl {
namespace {

struct Close {
  void operator()(std::FILE* file) const noexcept {
    if (file != stdin) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
  const File file{path == "-" ? stdin : std::fopen(path.c_str(), "rbe")};
  if (file == nullptr) return std::nullopt;
  std::string text;
  std::array<char, 16384> chunk{};
  while (const auto count = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    text.append(chunk.data(), count);
    if (text.size() > limit) return std::nullopt;
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return text;
}

Exit deliver(const Invocation& invocation, Terminal& terminal, std::string_view text) {
  const auto path = invocation.value("output");
  if (!path || *path == "-") {
    terminal.out(text);
    return Exit::ok;
  }
  File file{std::fopen(path->c_str(), "wbe")};
  const bool written = file != nullptr &&
                       std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                       std::fclose(file.release()) == 0;
  if (written) return Exit::ok;
  terminal.complain("cannot write " + *path);
  return Exit::failed;
}

tl::expected<json::Value, std::string> parameters_of(const Invocation& invocation) {
  std::optional<std::string> text;
  if (const auto path = invocation.value("params")) {
    text = read_file(*path);
    if (!text) return tl::make_unexpected("cannot read " + *path);
  }
  return read_parameters(text, invocation.values("param"));
}

tl::expected<std::string, std::string> draw_svg(const std::string& dot) {
  ErrorSlot error;
  const std::array<const gchar*, 3> argv{"dot", "-Tsvg", nullptr};
  const Owned<GSubprocess> process{g_subprocess_newv(
      argv.data(), GSubprocessFlags(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE), error)};
  if (process == nullptr)
    return tl::make_unexpected("svg needs graphviz (apt-get install graphviz): " + std::string{error.text()});
  const Owned<GBytes> in{g_bytes_new(dot.data(), dot.size())};
  GBytes* raw = nullptr;
  const bool talked =
      g_subprocess_communicate(process.get(), in.get(), nullptr, &raw, nullptr, error) != FALSE;
  const Owned<GBytes> out{raw};
  if (!talked) return tl::make_unexpected("graphviz: " + std::string{error.text()});
  if (g_subprocess_get_if_exited(process.get()) == FALSE || g_subprocess_get_exit_status(process.get()) != 0)
    return tl::make_unexpected("graphviz could not draw this graph");
  gsize size = 0;
  const auto* data = static_cast<const char*>(g_bytes_get_data(out.get(), &size));
  return std::string{data, size};
}

}  // namespace auralink::ctl
