// SPDX-License-Identifier: LGPL-2.1-or-later
// Slice headers: a field is mostly what it was in the last slice, or has gone one step on.
#pragma once

#include <cstdint>

#include "gst/aic/core/h264/slice_header.hpp"
#include "gst/aic/core/model/model.hpp"
#include "gst/aic/core/model/numbers.hpp"

namespace auralink::aic::model {

/// An Io of h264::walk().
template <Direction D>
class HeaderCoder final {
 public:
  HeaderCoder(Model& model, const h264::SliceHeader& header) noexcept
      : numbers_{model.coder}, memory_{model.headers}, header_{header} {}

  bool ue(h264::Field field, std::uint32_t& value, std::uint32_t max) {
    const std::int64_t coded = code(field, value, 0);
    value = static_cast<std::uint32_t>(coded);
    return coded >= 0 && coded <= max;
  }
  bool se(h264::Field field, std::int32_t& value, std::int32_t min, std::int32_t max) {
    const std::int64_t coded = code(field, value, 0);
    value = static_cast<std::int32_t>(coded);
    return coded >= min && coded <= max;
  }
  bool u(h264::Field field, std::uint32_t& value, unsigned bits) {
    const std::int64_t coded = code(field, value, bits);
    value = static_cast<std::uint32_t>(coded);
    return coded >= 0 && coded < std::int64_t{1} << bits;
  }
  bool flag(h264::Field field, bool& value) {
    const std::int64_t coded = code(field, value ? 1 : 0, 0);
    value = coded != 0;
    return coded == 0 || coded == 1;
  }

 private:
  std::int64_t code(h264::Field field, std::int64_t value, unsigned bits) {
    const auto index = static_cast<std::size_t>(field);
    std::int64_t& last = memory_.last[index];
    std::int64_t expected = last;
    const bool first = header_.first_mb == 0;  // of a picture
    const std::int64_t mask = (std::int64_t{1} << bits) - 1;
    if (field == h264::Field::kFrameNum && first)
      expected = header_.nal_type == 5 ? 0 : (last + (memory_.last_was_reference ? 1 : 0)) & mask;
    if (field == h264::Field::kPocLsb && first)
      expected = header_.nal_type == 5 ? 0 : (last + memory_.poc_step) & mask;
    const std::int64_t coded = numbers_.expected(static_cast<int>(index), value, expected);
    if (field == h264::Field::kPocLsb && first && header_.nal_type != 5)
      memory_.poc_step = (coded - last) & mask;
    last = coded;
    return coded;
  }

  NumberCoder<D> numbers_;
  HeaderMemory& memory_;
  const h264::SliceHeader& header_;
};

}  // namespace auralink::aic::model
