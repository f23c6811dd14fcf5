// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/one_byte.hpp"

#include <algorithm>

namespace auralink::rtphdrext {
namespace {

constexpr std::size_t kExtensionHead = 4;
constexpr std::size_t kWord = 4;
constexpr std::size_t kMaxWords = 0xFFFF;

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10U;
  return std::nullopt;
}

Bytes extension_of(Bytes head, const Header& header) noexcept {
  return header.extension ? head.subspan(header.extension_offset(), header.extension_bytes) : Bytes{};
}

std::size_t to_words(std::size_t bytes) noexcept { return (bytes + kWord - 1) / kWord; }

/// Calls `emit(id, data)` for each element the new extension carries, in order, and returns whether one was
/// replaced.
template <class Emit>
bool merge(OneByteReader& reader, const Element& element, Emit emit) noexcept {
  bool replaced = false;
  while (const auto item = reader.next()) {
    if (item->id != element.id()) {
      emit(item->id, item->data);
    } else if (!replaced) {
      emit(element.id(), element.data());
      replaced = true;
    }
  }
  if (!replaced) emit(element.id(), element.data());
  return replaced;
}

/// Appends to a buffer whose size was planned.
class Writer final {
 public:
  explicit Writer(std::span<std::uint8_t> out) noexcept : out_{out} {}
  void byte(unsigned value) noexcept { out_[at_++] = static_cast<std::uint8_t>(value); }
  void bytes(Bytes data) noexcept {
    std::copy(data.begin(), data.end(), out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += data.size();
  }
  void zeros() noexcept {
    std::fill(out_.begin() + static_cast<std::ptrdiff_t>(at_), out_.end(), std::uint8_t{0});
  }

 private:
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Element> Element::make(unsigned id, Bytes data) noexcept {
  if (id < 1 || id > kMaxOneByteId || data.empty() || data.size() > kMaxOneByteData) return std::nullopt;
  Element element;
  element.id_ = static_cast<std::uint8_t>(id);
  element.size_ = static_cast<std::uint8_t>(data.size());
  std::copy(data.begin(), data.end(), element.data_.begin());
  return element;
}

std::optional<Element> Element::from_hex(unsigned id, std::string_view hex) noexcept {
  std::array<std::uint8_t, kMaxOneByteData> data{};
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

std::optional<OneByteReader::Item> OneByteReader::next() noexcept {
  while (!rest_.empty() && rest_.front() == 0) rest_ = rest_.subspan(1);
  if (rest_.empty()) return std::nullopt;
  const unsigned id = rest_.front() >> 4U;
  if (id == 0 || id > kMaxOneByteId) return std::nullopt;
  const std::size_t size = (rest_.front() & 0x0FU) + 1U;
  if (size > rest_.size() - 1) {
    broken_ = true;
    return std::nullopt;
  }
  const Item item{static_cast<std::uint8_t>(id), rest_.subspan(1, size)};
  rest_ = rest_.subspan(1 + size);
  return item;
}

Result<Rewrite> plan_rewrite(Bytes head, const Header& header, const Element& element) noexcept {
  if (header.extension && header.profile != kOneByteProfile) return Fault::kOtherForm;
  OneByteReader reader{extension_of(head, header)};
  std::size_t size = 0;
  Rewrite plan;
  plan.replaces = merge(reader, element, [&](std::uint8_t, Bytes data) { size += 1 + data.size(); });
  if (reader.broken()) return Fault::kBrokenElement;
  const std::size_t words = to_words(size + reader.terminated().size());
  if (words > kMaxWords) return Fault::kNoRoom;
  plan.head_size = header.fixed_size + kExtensionHead + words * kWord;
  return plan;
}

void write_head(Bytes head, const Header& header, const Element& element,
                std::span<std::uint8_t> out) noexcept {
  Writer writer{out};
  writer.byte(head[0] | 0x10U);
  writer.bytes(head.subspan(1, header.fixed_size - 1));
  const std::size_t words = (out.size() - header.fixed_size - kExtensionHead) / kWord;
  writer.byte(kOneByteProfile >> 8U);
  writer.byte(kOneByteProfile & 0xFFU);
  writer.byte(static_cast<unsigned>(words >> 8U));
  writer.byte(static_cast<unsigned>(words & 0xFFU));
  OneByteReader reader{extension_of(head, header)};
  merge(reader, element, [&](std::uint8_t id, Bytes data) {
    writer.byte((static_cast<unsigned>(id) << 4U) | static_cast<unsigned>(data.size() - 1));
    writer.bytes(data);
  });
  writer.bytes(reader.terminated());
  writer.zeros();
}

}  // namespace auralink::rtphdrext
