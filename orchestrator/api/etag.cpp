// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/api/etag.hpp"

#include <algorithm>
#include <initializer_list>

#include "orchestrator/api/digest.hpp"
#include "orchestrator/session/serial.hpp"

namespace auralink::api {
namespace {

constexpr std::size_t kVersionDigits = 12;
constexpr std::size_t kDigestDigits = 16;
constexpr std::size_t kMostTags = 64;

[[nodiscard]] std::string short_digest(std::string_view bytes, std::size_t digits) {
  return sha256(bytes).substr(0, digits);
}

[[nodiscard]] std::string text_of(const json::Value& value) {
  return value.dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

/// The version is what is left without what is only measured.
[[nodiscard]] Tag tag_without(json::Value value, std::initializer_list<const char*> measured) {
  Tag tag{.version = {}, .digest = short_digest(text_of(value), kDigestDigits)};
  for (const char* name : measured) value.erase(name);
  tag.version = short_digest(text_of(value), kVersionDigits);
  return tag;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

}  // namespace

std::string Tag::text() const { return "\"" + version + "." + digest + "\""; }

Tag tag_of(const session::Conference& conference) {
  return {.version = std::to_string(conference.generation),
          .digest = short_digest(text_of(session::to_json(conference)), kDigestDigits)};
}

Tag tag_of(const session::Branch& branch) {
  return tag_without(session::to_json(branch), {"bytes", "dropped", "mediaSeconds", "stalled", "trunk"});
}

Tag tag_of(const session::Recording& recording) {
  return tag_without(session::to_json(recording), {"bytes", "durationSeconds", "bitrate", "pieces"});
}

Tag tag_of(std::string_view representation) {
  auto digest = short_digest(representation, kDigestDigits);
  return {.version = digest.substr(0, kVersionDigits), .digest = digest};
}

std::optional<TagList> TagList::parse(std::string_view header) {
  TagList list;
  skip_blanks(header);
  if (header.starts_with('*')) {
    header.remove_prefix(1);
    skip_blanks(header);
    list.any_ = true;
    return header.empty() ? std::optional{std::move(list)} : std::nullopt;
  }
  for (;;) {
    One one;
    if (header.starts_with("W/")) {
      one.weak = true;
      header.remove_prefix(2);
    }
    if (!header.starts_with('"') || list.tags_.size() == kMostTags) return std::nullopt;
    const auto close = header.find('"', 1);
    if (close == std::string_view::npos) return std::nullopt;
    one.opaque = header.substr(1, close - 1);
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
    if (std::any_of(one.opaque.begin(), one.opaque.end(), bad)) return std::nullopt;
    list.tags_.push_back(std::move(one));
    header.remove_prefix(close + 1);
    skip_blanks(header);
    if (header.empty()) return list;
    if (!header.starts_with(',')) return std::nullopt;
    header.remove_prefix(1);
    skip_blanks(header);
  }
}

bool TagList::has_answer(const Tag& tag) const {
  const auto wanted = tag.version + "." + tag.digest;
  return any_ ||
         std::any_of(tags_.begin(), tags_.end(), [&](const One& one) { return one.opaque == wanted; });
}

bool TagList::knows_version(const Tag& tag) const {
  return any_ || std::any_of(tags_.begin(), tags_.end(), [&](const One& one) {
           return !one.weak && one.opaque.substr(0, one.opaque.find('.')) == tag.version;
         });
}

}  // namespace auralink::api
