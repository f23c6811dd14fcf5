// SPDX-License-Identifier: LGPL-2.1-or-later
// Server-sent events (WHATWG HTML section 9.2) out of bytes as they arrive. Pure, bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace auralink::ctl {

struct SseEvent {
  std::string id;    ///< the last id seen, also when this event carried none
  std::string type;  ///< "message" when not named
  std::string data;
  bool operator==(const SseEvent&) const = default;
};

class SseParser {
 public:
  /// `limit`: the longest line and the longest data of one event; a stream that exceeds it is broken().
  explicit SseParser(std::size_t limit = std::size_t{4} << 20U) : limit_{limit} {}

  /// Events completed by these bytes. Comments (keepalives) and unknown fields are skipped.
  [[nodiscard]] std::vector<SseEvent> push(std::string_view bytes);
  [[nodiscard]] bool broken() const noexcept { return broken_; }

 private:
  void line(std::string_view text, std::vector<SseEvent>& out);

  std::size_t limit_;
  std::string pending_, id_, type_, data_;
  bool has_data_ = false, after_cr_ = false, first_ = true, broken_ = false;
};

}  // namespace auralink::ctl
