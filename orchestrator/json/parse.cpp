// SPDX-License-Identifier: LGPL-2.1-or-later
// Strict parsing: nlohmann's SAX parser drives a builder that enforces our limits while the document is read,
// so a hostile document is refused before it has been stored.
#include <algorithm>
#include <limits>
#include <utility>

#include "orchestrator/json/json.hpp"

namespace auralink::json {
namespace {

std::string place(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, std::min(byte, text.size()));
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<std::size_t>(column, 1));
}

/// nlohmann's message without its prefix, its position and the token it quotes (which can be a secret).
std::string reason(std::string_view what) {
  if (const auto start = what.find(": "); start != std::string_view::npos) what.remove_prefix(start + 2);
  if (const auto quoted = what.find("; last read: '"); quoted != std::string_view::npos)
    what = what.substr(0, quoted);
  std::string plain;
  for (const char c : what.substr(0, 160))
    if (c >= ' ' && c <= '~') plain += c;
  return plain;
}

/// Builds the document; every callback returns false to stop at the first violation.
class Builder final : public nlohmann::json_sax<Value> {
 public:
  Builder(std::string_view text, const Limits& limits) : text_{text}, limits_{limits} {}

  bool null() override { return add(nullptr); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(number_integer_t v) override { return add(v); }
  bool number_unsigned(number_unsigned_t v) override {
    if (v > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return refuse(here(), "the integer does not fit 64 bits with sign");
    return add(static_cast<std::int64_t>(v));
  }
  bool number_float(number_float_t v, const string_t& written) override {
    // An integer too large for nlohmann arrives here, silently rounded.
    if (written.find_first_of(".eE") == string_t::npos)
      return refuse(here(), "the integer does not fit 64 bits with sign");
    return add(v);
  }
  bool string(string_t& v) override { return text_fits(v, here()) && add(std::move(v)); }
  bool binary(binary_t&) override { return refuse(here(), "binary data is not JSON"); }

  bool start_object(std::size_t) override { return open(Value::object()); }
  bool start_array(std::size_t) override { return open(Value::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& v) override {
    Open& top = stack_.back();
    if (!text_fits(v, top.pointer)) return false;
    if (top.value.contains(v)) return refuse(child(top.pointer, v), "duplicate key");
    top.key = std::move(v);
    return true;
  }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& e) override {
    return refuse(stack_.empty() ? "" : stack_.back().pointer,
                  reason(e.what()) + " (" + place(text_, byte) + ")");
  }

  Value root;
  Violations violations;

 private:
  struct Open {
    Value value;
    std::string pointer;
    std::string key;  ///< of the member being read
  };

  [[nodiscard]] std::string here() const {
    if (stack_.empty()) return "";
    const Open& top = stack_.back();
    return top.value.is_array() ? child(top.pointer, top.value.size()) : child(top.pointer, top.key);
  }
  bool refuse(std::string pointer, std::string detail) {
    violations.push_back({std::move(pointer), std::move(detail)});
    return false;
  }
  bool text_fits(const std::string& text, const std::string& pointer) {
    if (text.size() > limits_.string_bytes)
      return refuse(pointer, "text longer than " + std::to_string(limits_.string_bytes) + " bytes");
    // Nothing behind us (C strings, SQL text) can carry it, and what is cut off could be the part that was
    // checked.
    if (text.find('\0') != std::string::npos) return refuse(pointer, "text holds the character U+0000");
    return true;
  }
  bool add(Value v) {
    if (stack_.empty()) {
      root = std::move(v);
    } else if (Open& top = stack_.back(); top.value.is_array()) {
      top.value.push_back(std::move(v));
    } else {
      top.value[top.key] = std::move(v);
    }
    return true;
  }
  bool open(Value empty) {
    if (stack_.size() >= limits_.depth)
      return refuse(here(), "nested deeper than " + std::to_string(limits_.depth) + " levels");
    stack_.push_back({std::move(empty), here(), {}});
    return true;
  }
  bool close() {
    Value done = std::move(stack_.back().value);
    stack_.pop_back();
    return add(std::move(done));
  }

  std::string_view text_;
  const Limits& limits_;
  std::vector<Open> stack_;
};

}  // namespace

Checked<Value> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return tl::unexpected(
        Violations{{"", "the document is longer than " + std::to_string(limits.bytes) + " bytes"}});
  // nlohmann takes a NUL byte for the end of input and skips a byte order mark; both hide what follows or
  // precedes.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return tl::unexpected(Violations{{"", "unexpected NUL byte (" + place(text, nul + 1) + ")"}});
  if (text.substr(0, 3) == "\xEF\xBB\xBF")
    return tl::unexpected(Violations{{"", "unexpected byte order mark (line 1, column 1)"}});
  Builder builder{text, limits};
  if (!Value::sax_parse(text.begin(), text.end(), &builder)) {
    if (builder.violations.empty()) builder.violations.push_back({"", "not a JSON document"});
    return tl::unexpected(std::move(builder.violations));
  }
  return std::move(builder.root);
}

}  // namespace auralink::json
