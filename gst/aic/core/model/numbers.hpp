// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers outside of macroblocks: few, mostly as expected.
#pragma once

#include <bit>
#include <cstdint>

#include "gst/aic/core/model/coder.hpp"

namespace auralink::aic::model {

template <Direction D>
class NumberCoder final {
 public:
  explicit NumberCoder(Coder& coder) noexcept : coder_{coder} {}

  /// `count` bits (1..8), most significant first; `id` tells numbers of different meaning apart.
  [[nodiscard]] unsigned bits(int id, unsigned value, int count) {
    unsigned out = 1;
    for (int i = count - 1; i >= 0; --i) {
      coder_.begin(Class::kHeader, id);
      coder_.add(pack(id, i));
      coder_.add(pack(id, i, static_cast<int>(out & 127U)));
      out = out * 2 + (coder_.template code<D>((value >> static_cast<unsigned>(i) & 1U) != 0, id) ? 1 : 0);
    }
    return out - (1U << static_cast<unsigned>(count));
  }
  /// 0 .. 2^40 - 2 by length and mantissa.
  [[nodiscard]] std::uint64_t number(int id, std::uint64_t value) {
    const std::uint64_t code = value + 1;
    const int want = static_cast<int>(std::bit_width(code)) - 1;
    int length = 0;
    for (; length < 40; ++length) {
      coder_.begin(Class::kHeader, id);
      coder_.add(pack(id, length, 1));
      coder_.add(pack(id, length, 2));
      if (!coder_.template code<D>(length < want, id)) break;
    }
    std::uint64_t out = 1;
    for (int i = length - 1; i >= 0; --i) {
      coder_.begin(Class::kHeader, id);
      coder_.add(pack(id, length, 3, i));
      coder_.add(pack(id, length, i, 4, static_cast<int>(out & 127U)));
      out = out * 2 + (coder_.template code<D>((code >> static_cast<unsigned>(i) & 1U) != 0, id) ? 1 : 0);
    }
    return out - 1;
  }
  /// |value| and |expected| below 2^38.
  [[nodiscard]] std::int64_t expected(int id, std::int64_t value, std::int64_t expected) {
    coder_.begin(Class::kHeader, id);
    coder_.add(pack(id, 9, 9));
    coder_.add(pack(id, 9, 10));
    if (coder_.template code<D>(value == expected, id)) return expected;
    const std::uint64_t folded = number(id, value >= 0 ? static_cast<std::uint64_t>(value) * 2
                                                       : static_cast<std::uint64_t>(-(value + 1)) * 2 + 1);
    const auto half = static_cast<std::int64_t>(folded / 2);
    return (folded & 1U) != 0 ? -half - 1 : half;
  }

 private:
  Coder& coder_;
};

}  // namespace auralink::aic::model
