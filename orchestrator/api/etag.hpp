// SPDX-License-Identifier: LGPL-2.1-or-later
// Versions of resources: ETag, If-Match, If-None-Match (RFC 9110 sections 8.8.3 and 13). Pure.
//
// A tag has two parts, "VERSION.DIGEST". The version changes when somebody or something changes the resource;
// the digest changes with every byte of the answer, so also when only a measurement grew. GET compares both:
// a 304 is never wrong. Mutations compare the version: a recording that is being written can be stopped by
// whoever read it a second ago.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/json/json.hpp"
#include "orchestrator/session/model.hpp"

namespace auralink::api {

struct Tag {
  std::string version, digest;
  [[nodiscard]] std::string text() const;  ///< quoted, as in a header
};

[[nodiscard]] Tag tag_of(const session::Conference&);
[[nodiscard]] Tag tag_of(const session::Branch&);
[[nodiscard]] Tag tag_of(const session::Recording&);
/// Of an answer that is nothing but its bytes.
[[nodiscard]] Tag tag_of(std::string_view representation);

/// The tags of a header.
class TagList {
 public:
  /// nullopt: not "*" and not a list of entity tags.
  [[nodiscard]] static std::optional<TagList> parse(std::string_view header);

  /// "*" was given: anything that exists.
  [[nodiscard]] bool any() const noexcept { return any_; }
  /// If-None-Match of GET: whether the client has exactly this answer.
  [[nodiscard]] bool has_answer(const Tag&) const;
  /// If-Match: whether the client knows this version. Weak tags know nothing.
  [[nodiscard]] bool knows_version(const Tag&) const;

 private:
  struct One {
    std::string opaque;
    bool weak = false;
  };
  bool any_ = false;
  std::vector<One> tags_;
};

}  // namespace auralink::api
