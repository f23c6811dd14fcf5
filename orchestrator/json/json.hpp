// SPDX-License-Identifier: LGPL-2.1-or-later
// Untrusted JSON in, typed values or precise complaints out. Pure: std and nlohmann::json only.
//
// nlohmann::json is used rather than json-glib because these rooms are pure and fuzzed: its parser is strict
// RFC 8259 and iterative, so nesting cannot exhaust the stack (json-glib 1.6 recurses and accepts comments).
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace auralink::json {

using Value = nlohmann::json;

/// One entry of an RFC 9457 `errors` array: where (RFC 6901 JSON Pointer, "" is the whole document) and what
/// was expected. Details never repeat secrets: a value found at a pointer is only quoted when short and
/// printable.
struct Violation {
  std::string pointer;
  std::string detail;
  bool operator==(const Violation&) const = default;
};
using Violations = std::vector<Violation>;

template <class T>
using Checked = tl::expected<T, Violations>;

struct Limits {
  std::size_t bytes = std::size_t{1} << 20U;  ///< longest accepted document
  unsigned depth = 32;                        ///< deepest accepted nesting of arrays and objects
  std::size_t string_bytes = 65536;           ///< longest accepted string or key
};

/// Strict RFC 8259: UTF-8 only, one value, no duplicate keys, no comments, within `limits`.
[[nodiscard]] Checked<Value> parse(std::string_view text, const Limits& limits = {});

/// Appends one escaped reference token (RFC 6901 section 3) to a pointer.
[[nodiscard]] std::string child(std::string_view pointer, std::string_view token);
[[nodiscard]] std::string child(std::string_view pointer, std::size_t index);

/// The candidate within a small edit distance of `name`, for "did you mean"; nullopt when none is close.
[[nodiscard]] std::optional<std::string> closest(std::string_view name,
                                                 std::span<const std::string_view> candidates);

/// Reads one JSON object member by member and collects every complaint instead of stopping at the first.
/// Each getter returns nullopt when the member is absent or wrong; a wrong one, or an absent one that is
/// required, adds a violation. finish() reports members nobody asked for, with "did you mean".
class ObjectReader {
 public:
  enum class Need { optional, required };

  /// `value` must outlive the reader. When it is not an object one violation is added and all getters are
  /// empty.
  ObjectReader(const Value& value, std::string pointer, Violations& violations);

  [[nodiscard]] std::optional<std::string> string(std::string_view key, Need need = Need::optional);
  [[nodiscard]] std::optional<std::string> choice(std::string_view key,
                                                  std::span<const std::string_view> choices,
                                                  Need need = Need::optional);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t minimum,
                                                    std::int64_t maximum, Need need = Need::optional);
  [[nodiscard]] std::optional<double> number(std::string_view key, double minimum, double maximum,
                                             Need need = Need::optional);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key, Need need = Need::optional);
  /// "250ms", "30s", "10m" or "4h" (one unsigned integer, one unit), as nanoseconds within [minimum,
  /// maximum].
  [[nodiscard]] std::optional<std::int64_t> duration_ns(std::string_view key, std::int64_t minimum,
                                                        std::int64_t maximum, Need need = Need::optional);
  /// The raw member, for nested readers; checked to be an object / an array of at most `max_items`.
  [[nodiscard]] const Value* object(std::string_view key, Need need = Need::optional);
  [[nodiscard]] const Value* array(std::string_view key, std::size_t max_items, Need need = Need::optional);
  [[nodiscard]] const Value* any(std::string_view key, Need need = Need::optional);

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] std::string at(std::string_view key) const { return child(pointer_, key); }
  void complain(std::string_view key, std::string detail);
  /// Complains about unknown members; call last.
  void finish();

 private:
  const Value* find(std::string_view key, Need need);
  const Value* value_ = nullptr;
  std::string pointer_;
  Violations& violations_;
  std::vector<std::string> known_;
};

}  // namespace auralink::json
