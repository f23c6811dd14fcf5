// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cstdio>

#include "orchestrator/json/json.hpp"
#include "orchestrator/json/text.hpp"

namespace auralink::json {
namespace {

std::string decimal(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", v);
  return text;
}

}  // namespace

ObjectReader::ObjectReader(const Value& value, std::string pointer, Violations& violations)
    : pointer_{std::move(pointer)}, violations_{violations} {
  if (value.is_object())
    value_ = &value;
  else
    violations_.push_back({pointer_, "expected an object, found " + std::string{kind_of(value)}});
}

const Value* ObjectReader::find(std::string_view key, Need need) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  if (value_ == nullptr) return nullptr;
  if (const auto it = value_->find(std::string{key}); it != value_->end()) return &*it;
  if (need == Need::required) complain(key, "required member is missing");
  return nullptr;
}

bool ObjectReader::has(std::string_view key) const {
  return value_ != nullptr && value_->contains(std::string{key});
}

void ObjectReader::complain(std::string_view key, std::string detail) {
  violations_.push_back({at(key), std::move(detail)});
}

std::optional<std::string> ObjectReader::string(std::string_view key, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return std::nullopt;
  if (!v->is_string()) return complain(key, "expected a string, found " + shown(*v)), std::nullopt;
  const auto& text = v->get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos)
    return complain(key, "text holds the character U+0000"), std::nullopt;
  return text;
}

std::optional<std::string> ObjectReader::choice(std::string_view key,
                                                std::span<const std::string_view> choices, Need need) {
  const auto text = string(key, need);
  if (!text) return std::nullopt;
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return text;
  complain(key, "expected " + listed(choices) + ", found " + shown(*text) + did_you_mean(*text, choices));
  return std::nullopt;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key, std::int64_t minimum,
                                                  std::int64_t maximum, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return std::nullopt;
  const auto expected =
      "expected an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  if (!v->is_number_integer()) return complain(key, expected + ", found " + shown(*v)), std::nullopt;
  const bool beyond = v->is_number_unsigned() && v->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  const auto n = v->get<std::int64_t>();
  if (beyond || n < minimum || n > maximum)
    return complain(key, expected + ", found " + shown(*v)), std::nullopt;
  return n;
}

std::optional<double> ObjectReader::number(std::string_view key, double minimum, double maximum, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return std::nullopt;
  const auto expected = "expected a number from " + decimal(minimum) + " to " + decimal(maximum);
  if (!v->is_number()) return complain(key, expected + ", found " + shown(*v)), std::nullopt;
  const auto n = v->get<double>();
  if (!(n >= minimum && n <= maximum))  // also refuses NaN
    return complain(key, expected + ", found " + shown(*v)), std::nullopt;
  return n;
}

std::optional<bool> ObjectReader::boolean(std::string_view key, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return std::nullopt;
  if (!v->is_boolean()) return complain(key, "expected true or false, found " + shown(*v)), std::nullopt;
  return v->get<bool>();
}

std::optional<std::int64_t> ObjectReader::duration_ns(std::string_view key, std::int64_t minimum,
                                                      std::int64_t maximum, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return std::nullopt;
  const auto ns = v->is_string() ? parse_duration(v->get_ref<const std::string&>()) : std::nullopt;
  if (!ns)
    return complain(key,
                    "expected a duration like \"250ms\", \"30s\", \"10m\" or \"4h\", found " + shown(*v)),
           std::nullopt;
  if (*ns < minimum || *ns > maximum)
    return complain(key, "expected a duration from " + print_duration(minimum) + " to " +
                             print_duration(maximum) + ", found " + shown(*v)),
           std::nullopt;
  return ns;
}

const Value* ObjectReader::object(std::string_view key, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr || v->is_object()) return v;
  complain(key, "expected an object, found " + shown(*v));
  return nullptr;
}

const Value* ObjectReader::array(std::string_view key, std::size_t max_items, Need need) {
  const Value* v = find(key, need);
  if (v == nullptr) return nullptr;
  if (!v->is_array()) return complain(key, "expected an array, found " + shown(*v)), nullptr;
  if (v->size() > max_items)
    return complain(key, "expected at most " + std::to_string(max_items) + " items, found " +
                             std::to_string(v->size())),
           nullptr;
  return v;
}

const Value* ObjectReader::any(std::string_view key, Need need) { return find(key, need); }

void ObjectReader::finish() {
  if (value_ == nullptr) return;
  constexpr std::size_t most = 16;  // a document of nothing but unknown members is one mistake, not a million
  std::size_t unknown = 0;
  const std::vector<std::string_view> candidates{known_.begin(), known_.end()};
  for (const auto& [key, unused] : value_->items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (++unknown > most) return;
    violations_.push_back({child(pointer_, key), "unknown member" + did_you_mean(key, candidates)});
  }
}

}  // namespace auralink::json
