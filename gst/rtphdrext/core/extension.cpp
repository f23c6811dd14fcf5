// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/extension.hpp"

#include <algorithm>

namespace auralink::rtphdrext {
namespace {

constexpr std::uint16_t kTwoByteMask = 0xFFF0;

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10U;
  return std::nullopt;
}

}  // namespace

std::optional<Form> form_of(std::uint16_t profile) noexcept {
  if (profile == kOneByteProfile) return Form::kOneByte;
  if ((profile & kTwoByteMask) == kTwoByteProfile) return Form::kTwoByte;
  return std::nullopt;
}

std::optional<Element> Element::make(unsigned id, Bytes data) noexcept {
  if (id < 1 || id > kMaxId || data.empty() || data.size() > kMaxData) return std::nullopt;
  Element element;
  element.id_ = static_cast<std::uint8_t>(id);
  element.size_ = static_cast<std::uint8_t>(data.size());
  std::copy(data.begin(), data.end(), element.data_.begin());
  return element;
}

std::optional<Element> Element::from_hex(unsigned id, std::string_view hex) noexcept {
  std::array<std::uint8_t, kMaxData> data{};
  std::size_t size = 0;
  while (!hex.empty()) {
    if (size > 0 && (hex.front() == ' ' || hex.front() == ':')) hex.remove_prefix(1);
    if (hex.size() < 2 || size == data.size()) return std::nullopt;
    const auto high = hex_digit(hex[0]);
    const auto low = hex_digit(hex[1]);
    if (!high || !low) return std::nullopt;
    data.at(size++) = static_cast<std::uint8_t>((*high << 4U) | *low);
    hex.remove_prefix(2);
  }
  return make(id, Bytes{data}.first(size));
}

std::optional<ElementReader::Item> ElementReader::next() noexcept {
  while (!rest_.empty() && rest_.front() == 0) rest_ = rest_.subspan(1);
  if (rest_.empty() || broken_) return std::nullopt;
  if (form_ == Form::kTwoByte) {
    if (rest_.size() < 2) {
      broken_ = true;
      return std::nullopt;
    }
    return take(rest_[0], 2, rest_[1]);
  }
  const unsigned id = rest_.front() >> 4U;
  if (id == 0 || id > kMaxOneByteId) return std::nullopt;
  return take(id, 1, (rest_.front() & 0x0FU) + 1U);
}

std::optional<ElementReader::Item> ElementReader::take(unsigned id, std::size_t head,
                                                       std::size_t size) noexcept {
  if (size > rest_.size() - head) {
    broken_ = true;
    return std::nullopt;
  }
  const Item item{static_cast<std::uint8_t>(id), rest_.subspan(head, size)};
  rest_ = rest_.subspan(head + size);
  return item;
}

}  // namespace auralink::rtphdrext
