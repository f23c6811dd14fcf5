// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/rewrite.hpp"

#include <algorithm>

namespace auralink::rtphdrext {
namespace {

constexpr std::size_t kExtensionHead = 4;
constexpr std::size_t kWord = 4;
constexpr std::size_t kMaxWords = 0xFFFF;
constexpr unsigned kExtensionBit = 0x10;

std::size_t to_words(std::size_t bytes) noexcept { return (bytes + kWord - 1) / kWord; }

std::size_t head_of_element(Form form) noexcept { return form == Form::kOneByte ? 1 : 2; }

ElementReader reader_of(Bytes head, const Header& header, Form form) noexcept {
  return {form, header.extension ? head.subspan(header.extension_offset(), header.extension_bytes) : Bytes{}};
}

/// Walks the old elements and calls `emit(id, data)` for each that the new extension carries, in order.
/// Counts in `plan` what happened.
template <class Emit>
void merge(ElementReader& reader, const Edits& edits, Rewrite& plan, Emit emit) noexcept {
  std::bitset<kMaxSet> done;
  while (const auto item = reader.next()) {
    const auto found = std::find_if(edits.set.begin(), edits.set.end(),
                                    [&](const ElementView& e) { return e.id == item->id; });
    if (found == edits.set.end()) {
      if (edits.remove[item->id])
        ++plan.removed;
      else
        emit(item->id, item->data);
      continue;
    }
    const auto index = static_cast<std::size_t>(found - edits.set.begin());
    if (done[index]) continue;
    done[index] = true;
    emit(found->id, found->data);
    ++plan.placed;
  }
  for (std::size_t i = 0; i < edits.set.size(); ++i) {
    if (done[i]) continue;
    emit(edits.set[i].id, edits.set[i].data);
    ++plan.added;
  }
}

/// Appends to a buffer whose size was planned.
class Writer final {
 public:
  explicit Writer(std::span<std::uint8_t> out) noexcept : out_{out} {}
  void byte(std::size_t value) noexcept { out_[at_++] = static_cast<std::uint8_t>(value); }
  void pair(std::size_t value) noexcept {
    byte(value >> 8U);
    byte(value & 0xFFU);
  }
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

Result<Rewrite> plan_rewrite(Bytes head, const Header& header, const Edits& edits) noexcept {
  const auto old_form = header.extension ? form_of(header.profile) : Form::kOneByte;
  if (!old_form) return Fault::kOtherForm;
  const bool fits = std::all_of(edits.set.begin(), edits.set.end(),
                                [](const ElementView& e) { return fits_one_byte(e.id, e.data.size()); });

  Rewrite plan;
  plan.form = fits ? *old_form : Form::kTwoByte;
  plan.converted = header.extension && plan.form != *old_form;
  auto reader = reader_of(head, header, *old_form);
  std::size_t size = 0;
  std::size_t count = 0;
  merge(reader, edits, plan, [&](std::uint8_t, Bytes data) {
    size += head_of_element(plan.form) + data.size();
    ++count;
  });
  if (reader.broken()) return Fault::kBrokenElement;
  const Bytes tail = reader.terminated();
  if (plan.converted && !tail.empty()) return Fault::kTerminated;
  const std::size_t words = to_words(size + tail.size());
  if (words > kMaxWords) return Fault::kNoRoom;
  plan.extension = count > 0 || !tail.empty() || (header.extension && plan.removed == 0);
  plan.head_size = header.fixed_size + (plan.extension ? kExtensionHead + words * kWord : 0);
  return plan;
}

void write_head(Bytes head, const Header& header, const Edits& edits, const Rewrite& plan,
                std::span<std::uint8_t> out) noexcept {
  Writer writer{out};
  writer.byte((head[0] & ~kExtensionBit) | (plan.extension ? kExtensionBit : 0U));
  writer.bytes(head.subspan(1, header.fixed_size - 1));
  if (!plan.extension) return;
  const auto old_form = header.extension ? form_of(header.profile).value_or(plan.form) : plan.form;
  const std::uint16_t fresh = plan.form == Form::kOneByte ? kOneByteProfile : kTwoByteProfile;
  writer.pair(header.extension && !plan.converted ? header.profile : fresh);
  writer.pair((out.size() - header.fixed_size - kExtensionHead) / kWord);
  auto reader = reader_of(head, header, old_form);
  Rewrite again;
  merge(reader, edits, again, [&](std::uint8_t id, Bytes data) {
    if (plan.form == Form::kOneByte) {
      writer.byte((static_cast<std::size_t>(id) << 4U) | (data.size() - 1));
    } else {
      writer.byte(id);
      writer.byte(data.size());
    }
    writer.bytes(data);
  });
  writer.bytes(reader.terminated());
  writer.zeros();
}

}  // namespace auralink::rtphdrext
