// SPDX-License-Identifier: LGPL-2.1-or-later
// The one table of what auralinkctl understands. Parsing, --help, shell completion and the dispatcher all
// read it, so none of them can know a command or an option that another does not. Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace auralink::ctl {

/// What a shell offers for a word: nothing, files, a fixed list, or names asked from the daemon or the
/// catalogue.
enum class Complete { none, file, directory, choice, pipeline, conference, recording, branch };

struct Option {
  std::string_view name;        ///< long name without dashes
  char letter = 0;              ///< short name, 0: none
  std::string_view value = {};  ///< metavar; empty: a switch
  std::string_view help;
  bool repeated = false;
  Complete complete = Complete::none;
  std::span<const std::string_view> choices = {};  ///< Complete::choice: the only accepted values
};

struct Positional {
  std::string_view name;
  bool required = true;
  bool repeated = false;  ///< takes all that is left; only the last one can be
  Complete complete = Complete::none;
  std::span<const std::string_view> choices = {};
};

struct Command {
  std::string_view group;  ///< "conference"; empty for commands of one word
  std::string_view name;
  std::string_view help;
  std::vector<Positional> positionals = {};
  std::vector<Option> options = {};
  bool hidden = false;  ///< for completion scripts; not in help

  [[nodiscard]] std::string path() const;  ///< "conference create"
};

[[nodiscard]] const std::vector<Option>& global_options();
[[nodiscard]] const std::vector<Command>& commands();
/// One line about a group of commands, for --help and zsh.
[[nodiscard]] std::string_view group_help(std::string_view group);
/// Groups and one-word commands in table order, each once, without the hidden ones.
[[nodiscard]] std::vector<std::string_view> first_words();

/// A command line that makes sense.
struct Invocation {
  const Command* command = nullptr;  ///< nullptr: help or version was asked for
  std::string help_for;              ///< with --help: "", a group, or a command's path
  bool help = false, version = false;
  std::map<std::string, std::vector<std::string>, std::less<>>
      options;  ///< long name -> values ("" for a switch)
  std::vector<std::string> arguments;

  [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;  ///< the last one given
  [[nodiscard]] std::vector<std::string> values(std::string_view option) const;
  [[nodiscard]] std::string argument(std::size_t index) const;  ///< "" when not given
};

/// `words` are argv without the program. The error is one line for stderr, with "did you mean" where that
/// helps.
[[nodiscard]] tl::expected<Invocation, std::string> parse_command_line(std::span<const std::string> words);

/// Text of --help: everything, one group, or one command.
[[nodiscard]] std::string help_text(std::string_view topic);

}  // namespace auralink::ctl
