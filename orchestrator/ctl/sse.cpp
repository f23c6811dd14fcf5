// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/sse.hpp"

namespace auralink::ctl {

std::vector<SseEvent> SseParser::push(std::string_view bytes) {
  std::vector<SseEvent> out;
  for (const char byte : bytes) {
    if (broken_) break;
    // A line ends with LF, CR, or both; a CR at the end of one read may have its LF in the next.
    if (byte == '\n' && after_cr_) {
      after_cr_ = false;
      continue;
    }
    after_cr_ = byte == '\r';
    if (byte != '\n' && byte != '\r') {
      pending_ += byte;
      broken_ = pending_.size() > limit_;
      continue;
    }
    std::string_view text = pending_;
    if (first_ && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    first_ = false;
    line(text, out);
    pending_.clear();
  }
  return out;
}

void SseParser::line(std::string_view text, std::vector<SseEvent>& out) {
  if (text.empty()) {
    if (has_data_) out.push_back({id_, type_.empty() ? "message" : type_, data_});
    type_.clear(), data_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
    broken_ = data_.size() > limit_;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
}

}  // namespace auralink::ctl
