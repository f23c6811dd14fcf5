// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/completion.hpp"

#include <sstream>

#include "orchestrator/ctl/commands.hpp"

namespace auralink::ctl {
namespace {

/// What a script calls to learn names; each prints one name a line and nothing when the daemon is away.
std::string_view names_of(Complete what) {
  switch (what) {
    case Complete::pipeline:
      return "pipelines";
    case Complete::conference:
      return "conferences";
    case Complete::recording:
      return "recordings";
    case Complete::branch:
      return "branches";
    default:
      return {};
  }
}

std::string joined(std::span<const std::string_view> words) {
  std::string out;
  for (const auto word : words) out += (out.empty() ? "" : " ") + std::string{word};
  return out;
}

std::string option_words(const Option& option) {
  std::string out = "--" + std::string{option.name};
  if (option.letter != 0) out += std::string{" -"} + option.letter;
  return out;
}

/// The bash statement that offers candidates for one word; nothing for free text.
std::string bash_offer(Complete what, std::span<const std::string_view> choices) {
  switch (what) {
    case Complete::file:
      return "_auralinkctl_files";
    case Complete::directory:
      return "_auralinkctl_files -d";
    case Complete::choice:
      return "_auralinkctl_words '" + joined(choices) + "'";
    case Complete::none:
      return ":";
    default:
      return "_auralinkctl_names " + std::string{names_of(what)};
  }
}

void bash_option_cases(std::ostringstream& out, const std::vector<Option>& options, std::string_view prefix) {
  for (const auto& option : options) {
    if (option.value.empty()) continue;
    out << "    '" << prefix << "--" << option.name << '\'';
    if (option.letter != 0) out << " | '" << prefix << '-' << option.letter << '\'';
    out << ") " << bash_offer(option.complete, option.choices) << "; return ;;\n";
  }
}

constexpr std::string_view kBashHead =
    R"bash(# bash completion for auralinkctl; made by `auralinkctl completion bash`

_auralinkctl_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_auralinkctl_files() {
  compopt -o filenames 2>/dev/null
  if [[ ${1-} == -d ]]; then mapfile -t COMPREPLY < <(compgen -d -- "$cur"); else mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
}
_auralinkctl_names() {
  local program=${COMP_WORDS[0]}
  local -a connection=()
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in --url | --state-dir | --token-file) connection+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;; esac
  done
  _auralinkctl_words "$("$program" "${connection[@]}" completion-names "$1" ${operands[0]+"${operands[0]}"} 2>/dev/null)"
}
)bash";

}  // namespace

std::string bash_completion() {
  std::ostringstream out;
  out << kBashHead;
  // Values of options may follow `=` too; bash splits words there, so both spellings end up as separate
  // words.
  out << "_auralinkctl() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' word i\n"
         "  local -a operands=()\n"
         "  [[ $cur == '=' ]] && cur=''\n"
         "  [[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    case $word in\n      ";
  std::string with_value;
  for (const auto& option : global_options())
    if (!option.value.empty()) with_value += (with_value.empty() ? "--" : " | --") + std::string{option.name};
  out << with_value << ") ((++i)); continue ;;\n"
      << "      -*) _auralinkctl_takes_value \"$command\" \"$word\" && ((++i)); continue ;;\n"
         "    esac\n"
         "    case $command in\n"
         "      '') command=$word ;;\n";
  std::string groups;
  for (const auto word : first_words())
    if (!group_help(word).empty()) groups += (groups.empty() ? "" : " | ") + std::string{word};
  out << "      " << groups << ") command+=\" $word\" ;;\n"
      << "      *) operands+=(\"$word\") ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$command $previous\" in\n";
  for (const auto& command : commands()) bash_option_cases(out, command.options, command.path() + " ");
  out << "  esac\n  case $previous in\n";
  bash_option_cases(out, global_options(), "");
  out << "  esac\n  local options='";
  std::string global;
  for (const auto& option : global_options()) global += (global.empty() ? "" : " ") + option_words(option);
  out << global
      << "'\n  case $command in\n    '')\n      if [[ $cur == -* ]]; then _auralinkctl_words \"$options\"\n"
      << "      else _auralinkctl_words '" << joined(first_words()) << " help'; fi ;;\n";
  for (const auto word : first_words()) {
    if (group_help(word).empty()) continue;
    std::string names;
    for (const auto& command : commands())
      if (command.group == word) names += (names.empty() ? "" : " ") + std::string{command.name};
    out << "    '" << word << "') _auralinkctl_words '" << names << "' ;;\n";
  }
  for (const auto& command : commands()) {
    if (command.hidden) continue;
    out << "    '" << command.path() << "')\n      if [[ $cur == -* ]]; then _auralinkctl_words \"$options";
    for (const auto& option : command.options) out << ' ' << option_words(option);
    out << "\"; return; fi\n      case ${#operands[@]} in\n";
    for (std::size_t i = 0; i < command.positionals.size(); ++i) {
      const auto& positional = command.positionals[i];
      out << "        " << (positional.repeated ? "*" : std::to_string(i)) << ") "
          << bash_offer(positional.complete, positional.choices) << " ;;\n";
    }
    out << "      esac ;;\n";
  }
  out << "  esac\n}\n_auralinkctl_takes_value() {\n  case \"$1 $2\" in\n";
  for (const auto& command : commands())
    for (const auto& option : command.options) {
      if (option.value.empty()) continue;
      out << "    '" << command.path() << " --" << option.name << '\'';
      if (option.letter != 0) out << " | '" << command.path() << " -" << option.letter << '\'';
      out << ") return 0 ;;\n";
    }
  out << "  esac\n  return 1\n}\ncomplete -F _auralinkctl auralinkctl\n";
  return out.str();
}

namespace {

/// Inside '…' of an _arguments specification: quotes, and the characters that structure it.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    if (byte == '\'')
      out += "'\\''";
    else if (byte == ':' || byte == '[' || byte == ']' || byte == '\\')
      out += std::string{'\\'} + byte;
    else
      out += byte;
  }
  return out;
}

std::string zsh_action(Complete what, std::span<const std::string_view> choices) {
  switch (what) {
    case Complete::file:
      return "_files";
    case Complete::directory:
      return "_files -/";
    case Complete::choice:
      return "(" + joined(choices) + ")";
    case Complete::none:
      return " ";
    default:
      // The blank keeps _arguments from putting options of its own before the kind.
      return " _auralinkctl_names " + std::string{names_of(what)};
  }
}

void zsh_options(std::ostringstream& out, const std::vector<Option>& options) {
  for (const auto& option : options) {
    const std::string name = "--" + std::string{option.name};
    out << " \\\n    ";
    const std::string rest = "[" + zsh_text(option.help) + "]" +
                             (option.value.empty() ? std::string{}
                                                   : ":" + zsh_text(option.value) + ":" +
                                                         zsh_action(option.complete, option.choices));
    const std::string star = option.repeated ? "*" : "";
    const std::string equals = option.value.empty() ? "" : "=";
    out << "'" << star << name << equals << rest << "'";
    if (option.letter != 0)
      out << " \\\n    '" << star << '-' << option.letter << (option.value.empty() ? "" : "+") << rest << "'";
  }
}

void zsh_positionals(std::ostringstream& out, const std::vector<Positional>& positionals) {
  std::size_t index = 0;
  for (const auto& positional : positionals) {
    out << " \\\n    '" << (positional.repeated ? "*" : std::to_string(++index)) << ':'
        << zsh_text(positional.name) << ':' << zsh_action(positional.complete, positional.choices) << "'";
  }
}

void zsh_menu(std::ostringstream& out, std::string_view label,
              const std::vector<std::pair<std::string_view, std::string_view>>& rows) {
  out << "      local -a rows=(";
  for (const auto& [name, help] : rows) out << "\n        '" << name << ":" << zsh_text(help) << "'";
  out << ")\n      _describe '" << label << "' rows ;;\n";
}

constexpr std::string_view kZshHead = R"zsh(#compdef auralinkctl
# zsh completion for auralinkctl; made by `auralinkctl completion zsh`

_auralinkctl_names() {
  local -a connection names
  local option
  for option in --url --state-dir --token-file; do
    (( ${+opt_args[$option]} )) && connection+=($option "${opt_args[$option]}")
  done
  names=("${(@f)$(auralinkctl $connection completion-names $1 ${line[1]} 2>/dev/null)}")
  compadd -a names
}
)zsh";

}  // namespace

std::string zsh_completion() {
  std::ostringstream out;
  out << kZshHead
      << "_auralinkctl() {\n  local curcontext=$curcontext context state state_descr\n  local -a line\n"
      << "  typeset -A opt_args\n  local -a global=(";
  std::ostringstream global;
  zsh_options(global, global_options());
  std::string options = global.str();
  for (std::size_t at = 0; (at = options.find(" \\\n", at)) != std::string::npos;)
    options.replace(at, 3, "\n");
  out << options << ")\n  _arguments -C $global '1:command:->first' '*::argument:->rest'\n"
      << "  case $state in\n    first)\n";
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  for (const auto word : first_words()) {
    std::string_view help = group_help(word);
    for (const auto& command : commands())
      if (command.group.empty() && command.name == word) help = command.help;
    rows.emplace_back(word, help);
  }
  zsh_menu(out, "command", rows);
  out << "    rest) _auralinkctl_rest ;;\n  esac\n}\n_auralinkctl_rest() {\n  case $words[1] in\n";
  for (const auto word : first_words()) {
    const bool group = !group_help(word).empty();
    out << "    " << word << ")\n";
    if (!group) {
      for (const auto& command : commands()) {
        if (!command.group.empty() || command.name != word) continue;
        out << "      _arguments $global";
        zsh_options(out, command.options);
        zsh_positionals(out, command.positionals);
        out << " ;;\n";
      }
      continue;
    }
    out << "      _arguments -C $global '1:command:->second' '*::argument:->third'\n      case $state in\n   "
           "   second)\n";
    rows.clear();
    for (const auto& command : commands())
      if (command.group == word) rows.emplace_back(command.name, command.help);
    zsh_menu(out, std::string{word} + " command", rows);
    out << "      third)\n      case $words[1] in\n";
    for (const auto& command : commands()) {
      if (command.group != word) continue;
      out << "      " << command.name << ")\n    _arguments $global";
      zsh_options(out, command.options);
      zsh_positionals(out, command.positionals);
      out << " ;;\n";
    }
    out << "      esac ;;\n      esac ;;\n";
  }
  out << "  esac\n}\n"
         "# Autoloaded from $fpath, or sourced after compinit.\n"
         "if [[ $funcstack[1] == _auralinkctl ]]; then _auralinkctl \"$@\"; else compdef _auralinkctl "
         "auralinkctl; fi\n";
  return out.str();
}

}  // namespace auralink::ctl
