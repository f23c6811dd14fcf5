// SPDX-License-Identifier: LGPL-2.1-or-later
// A line that plain gst-launch-1.0 runs. Two readers take it apart, the shell and gst_parse_launchv(), and
// each has its own quoting:
//  - gst_parse_launchv() escapes blanks outside double quotes, then unescapes: \x -> x. Its lexer prefers the
//  longest
//    match, so a backslash before a blank or a closing quote swallows what follows. Quotes are therefore used
//    only when the value neither ends in a backslash nor holds control characters.
//  - Everything else is written in GStreamer's own string form ("a\040b", octal), itself escaped, without
//  blanks.
#include <algorithm>
#include <cstdio>

#include "orchestrator/pipeline/render_parts.hpp"

namespace auralink::pipeline {
namespace {

bool only(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

std::string shell_quoted(const std::string& word) {
  if (word == "!" || only(word, "_-+=./:,%@")) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

std::string parse_quoted(const std::string& value) {
  if (only(value, "_-+=./:,;%@()")) return value;
  const bool control =
      std::any_of(value.begin(), value.end(), [](char c) { return c >= 0 && (c < ' ' || c == 127); });
  if (!value.empty() && !control && value.front() != '"' && value.back() != '\\') {
    std::string out = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  std::string out = "\\\"";
  for (const char c : value) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += only(std::string_view{&c, 1}, "_-./") ? std::string{c} : std::string{octal};
  }
  return out + "\\\"";
}

std::string text_of(const PropertyValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* s = std::get_if<std::string>(&value)) return parse_quoted(*s);
  if (const auto* i = std::get_if<std::int64_t>(&value)) return std::to_string(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return std::to_string(*u);
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", std::get<double>(value));
  return text;
}

/// A muxer has at most one stream of each kind, so the first pad of a request template is the one.
std::string numbered(std::string pad) {
  if (const auto at = pad.find("%u"); at != std::string::npos) pad.replace(at, 2, "0");
  return pad;
}

class Printer {
 public:
  explicit Printer(const parts::FlatGraph& graph) : graph_{graph}, printed_(graph.nodes.size(), false) {}

  std::string line() {
    std::vector<bool> done(graph_.links.size(), false);
    // Chains start where nothing flows in; later ones start at an element that is already there.
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const bool fed =
          std::any_of(graph_.links.begin(), graph_.links.end(), [&](const auto& l) { return l.to == n; });
      if (!fed) chain(n, done);
    }
    for (std::size_t i = 0; i < graph_.links.size(); ++i)
      if (!done[i]) chain(graph_.links[i].from, done);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (!printed_[n]) element(n);
    std::string out = "gst-launch-1.0 -e";
    for (const auto& word : words_) out += ' ' + word;
    return out;
  }

 private:
  void word(const std::string& text) { words_.push_back(shell_quoted(text)); }

  void element(std::size_t n) {
    printed_[n] = true;
    const auto& node = graph_.nodes[n];
    word(node.node.factory);
    word("name=" + node.name);
    for (const auto& [key, value] : node.node.properties) word(key + "=" + text_of(value));
  }

  void reference(std::size_t n, const std::string& pad) { word(graph_.nodes[n].name + "." + pad); }

  /// Follows links from `start` until there is none left or a known element is met; repeats while links leave
  /// it.
  void chain(std::size_t start, std::vector<bool>& done) {
    std::size_t at = start;
    bool open = false;  // the last word printed is the element `at`
    for (;;) {
      std::size_t i = 0;
      while (i < graph_.links.size() && (done[i] || graph_.links[i].from != at)) ++i;
      if (i == graph_.links.size()) return;
      const auto& l = graph_.links[i];
      done[i] = true;
      if (!open && !printed_[at])
        element(at);
      else if (!open)
        reference(at, l.from_pad);
      word("!");
      if (!l.caps.empty()) {
        word(l.caps);
        word("!");
      }
      // A named pad can only be asked of an element by reference.
      if (printed_[l.to] || !l.to_pad.empty()) {
        reference(l.to, numbered(l.to_pad));
        if (printed_[l.to]) return;
        element(l.to);
        at = l.to, open = false;
        continue;
      }
      element(l.to);
      at = l.to, open = true;
    }
  }

  const parts::FlatGraph& graph_;
  std::vector<bool> printed_;
  std::vector<std::string> words_;
};

}  // namespace

std::string render_launch(const Plan& plan) { return Printer{parts::flatten(plan)}.line(); }

}  // namespace auralink::pipeline
