// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/commands.hpp"

#include <algorithm>
#include <sstream>

#include "orchestrator/json/json.hpp"

namespace auralink::ctl {
namespace {

constexpr std::size_t kHelpColumn = 30;

std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto close = json::closest(word, candidates);
  return close ? "; did you mean " + *close + "?" : std::string{};
}

std::string left_column(const Option& option) {
  std::string text = option.letter != 0 ? std::string{"  -"} + option.letter + ", " : std::string{"      "};
  text += "--" + std::string{option.name};
  if (!option.value.empty()) text += " " + std::string{option.value};
  return text;
}

void row(std::ostringstream& out, const std::string& left, std::string_view right) {
  out << left;
  if (left.size() + 2 > kHelpColumn)
    out << '\n' << std::string(kHelpColumn, ' ');
  else
    out << std::string(kHelpColumn - left.size(), ' ');
  out << right << '\n';
}

std::string synopsis(const Command& command) {
  std::string text = "auralinkctl " + command.path();
  for (const auto& positional : command.positionals) {
    std::string word{positional.name};
    if (positional.repeated) word += "...";
    text += positional.required ? " " + word : " [" + word + "]";
  }
  if (!command.options.empty()) text += " [options]";
  return text;
}

void global_help(std::ostringstream& out) {
  out << "\nOptions for every command:\n";
  for (const auto& option : global_options()) row(out, left_column(option), option.help);
}

std::string command_help(const Command& command) {
  std::ostringstream out;
  out << "usage: " << synopsis(command) << "\n\n" << command.help << ".\n";
  for (const auto& positional : command.positionals)
    if (!positional.choices.empty()) {
      out << "\n" << positional.name << " is one of:";
      for (const auto choice : positional.choices) out << ' ' << choice;
      out << '\n';
    }
  if (!command.options.empty()) out << "\nOptions:\n";
  for (const auto& option : command.options) row(out, left_column(option), option.help);
  global_help(out);
  return out.str();
}

std::string overview(std::string_view group) {
  std::ostringstream out;
  out << "usage: auralinkctl " << (group.empty() ? "COMMAND" : group) << (group.empty() ? "" : " COMMAND")
      << " [arguments] [options]\n\n"
      << (group.empty() ? "Control of an auralinkd" : group_help(group)) << ".\n\nCommands:\n";
  for (const auto& command : commands())
    if (!command.hidden && (group.empty() || command.group == group))
      row(out, "  " + command.path(), command.help);
  global_help(out);
  if (group.empty())
    out << "\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 the daemon cannot be reached.\n"
        << "`auralinkctl COMMAND --help` tells the options of a command.\n";
  return out.str();
}

const Command* find(std::string_view group, std::string_view name) {
  for (const auto& command : commands())
    if (command.group == group && command.name == name) return &command;
  return nullptr;
}

bool is_group(std::string_view word) { return !group_help(word).empty(); }

std::vector<std::string_view> names_in(std::string_view group) {
  std::vector<std::string_view> names;
  for (const auto& command : commands())
    if (command.group == group) names.push_back(command.name);
  return names;
}

/// Walks argv: options may stand anywhere, `--` ends them.
class Parser {
 public:
  explicit Parser(std::span<const std::string> words) : words_{words} {}

  tl::expected<Invocation, std::string> run() {
    for (; position_ < words_.size() && error_.empty(); ++position_) {
      const std::string& word = words_[position_];
      if (literal_ || word == "-" || !word.starts_with('-'))
        take_word(word);
      else if (word == "--")
        literal_ = true;
      else if (word.starts_with("--"))
        take_long(word.substr(2));
      else
        take_short(word);
    }
    if (!error_.empty()) return tl::make_unexpected(error_);
    if (result_.help || result_.version) {
      result_.help_for = result_.command != nullptr ? result_.command->path() : group_;
      return result_;
    }
    finish();
    if (!error_.empty()) return tl::make_unexpected(error_);
    return result_;
  }

 private:
  void take_word(const std::string& word) {
    if (result_.command != nullptr) {
      result_.arguments.push_back(word);
      return;
    }
    if (group_.empty() && word == "help") {
      result_.help = true;
      return;
    }
    if (group_.empty() && is_group(word)) {
      group_ = word;
      return;
    }
    result_.command = find(group_, word);
    if (result_.command != nullptr) return;
    if (group_.empty())
      error_ = "unknown command " + word + suggest(word, first_words());
    else
      error_ = "unknown command " + group_ + " " + word + suggest(word, names_in(group_));
  }

  [[nodiscard]] const Option* option_named(std::string_view name) const {
    const auto matches = [name](const Option& option) { return option.name == name; };
    return option_if(matches);
  }
  template <class Predicate>
  [[nodiscard]] const Option* option_if(Predicate matches) const {
    if (result_.command != nullptr) {
      const auto& own = result_.command->options;
      if (const auto found = std::find_if(own.begin(), own.end(), matches); found != own.end())
        return &*found;
    }
    const auto& global = global_options();
    const auto found = std::find_if(global.begin(), global.end(), matches);
    return found != global.end() ? &*found : nullptr;
  }

  void take_long(const std::string& text) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const Option* option = option_named(name);
    if (option == nullptr) {
      std::vector<std::string_view> known;
      if (result_.command != nullptr)
        for (const auto& own : result_.command->options) known.push_back(own.name);
      for (const auto& global : global_options()) known.push_back(global.name);
      error_ = "unknown option --" + name + suggest(name, known);
      if (result_.command == nullptr) error_ += " (options of a command stand behind it)";
      return;
    }
    if (equals != std::string::npos)
      store(*option, text.substr(equals + 1), true);
    else
      take_value(*option);
  }

  void take_short(const std::string& word) {
    const char letter = word[1];
    const Option* option =
        option_if([letter](const Option& candidate) { return candidate.letter == letter; });
    if (option == nullptr) {
      error_ = "unknown option " + word;
    } else if (word.size() == 2) {
      take_value(*option);
    } else if (option->value.empty()) {
      error_ = "option -" + std::string{letter} + " takes no value";
    } else {
      store(*option, word.substr(2), true);
    }
  }

  void take_value(const Option& option) {
    if (option.value.empty()) {
      store(option, {}, false);
    } else if (position_ + 1 < words_.size()) {
      store(option, words_[++position_], true);
    } else {
      error_ = "option --" + std::string{option.name} + " needs " + std::string{option.value};
    }
  }

  void store(const Option& option, std::string value, bool given) {
    if (option.value.empty() && given) {
      error_ = "option --" + std::string{option.name} + " takes no value";
      return;
    }
    if (!option.choices.empty() && std::ranges::find(option.choices, value) == option.choices.end()) {
      error_ = "--" + std::string{option.name} + ": " + wrong_choice(value, option.choices);
      return;
    }
    auto& values = result_.options[std::string{option.name}];
    if (!values.empty() && !option.repeated && !option.value.empty()) {
      error_ = "option --" + std::string{option.name} + " is given twice";
      return;
    }
    values.push_back(std::move(value));
    result_.help = result_.help || option.name == "help";
    result_.version = result_.version || option.name == "version";
  }

  static std::string wrong_choice(std::string_view value, std::span<const std::string_view> choices) {
    std::string text = "expected one of";
    for (const auto choice : choices) text += " " + std::string{choice};
    return text + suggest(value, {choices.begin(), choices.end()});
  }

  void finish() {
    if (result_.command == nullptr) {
      error_ = group_.empty() ? "no command given" : "which " + group_ + " command?";
      return;
    }
    const auto& wanted = result_.command->positionals;
    const auto& given = result_.arguments;
    const bool open_ended = !wanted.empty() && wanted.back().repeated;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (i >= given.size()) {
        if (wanted[i].required) error_ = "missing " + std::string{wanted[i].name};
        return;
      }
      if (given[i].empty()) error_ = std::string{wanted[i].name} + " must not be empty";
      if (!wanted[i].choices.empty() &&
          std::ranges::find(wanted[i].choices, given[i]) == wanted[i].choices.end())
        error_ = std::string{wanted[i].name} + ": " + wrong_choice(given[i], wanted[i].choices);
    }
    if (given.size() > wanted.size() && !open_ended) error_ = "unexpected argument " + given[wanted.size()];
  }

  std::span<const std::string> words_;
  std::size_t position_ = 0;
  bool literal_ = false;
  std::string group_, error_;
  Invocation result_;
};

}  // namespace

std::string Command::path() const {
  return group.empty() ? std::string{name} : std::string{group} + " " + std::string{name};
}

std::vector<std::string_view> first_words() {
  std::vector<std::string_view> words;
  for (const auto& command : commands()) {
    if (command.hidden) continue;
    const auto word = command.group.empty() ? command.name : command.group;
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

std::optional<std::string> Invocation::value(std::string_view option) const {
  const auto found = options.find(option);
  return found == options.end() ? std::nullopt : std::optional{found->second.back()};
}

std::vector<std::string> Invocation::values(std::string_view option) const {
  const auto found = options.find(option);
  return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::string Invocation::argument(std::size_t index) const {
  return index < arguments.size() ? arguments[index] : std::string{};
}

tl::expected<Invocation, std::string> parse_command_line(std::span<const std::string> words) {
  return Parser{words}.run();
}

std::string help_text(std::string_view topic) {
  for (const auto& command : commands())
    if (command.path() == topic) return command_help(command);
  return overview(topic);
}

}  // namespace auralink::ctl
